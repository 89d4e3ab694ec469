#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# A new volume gets what the root file system has where it is mounted, with owners and modes, once.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
v=v-$mark
drop() { run_lichen volume rm -f "$v" "$v-2" "$v-3" >/dev/null; }
at_exit drop
cd "$T" || exit

mkdir -p "$root/srv/app/sub" "$root/srv/empty"
ln -s app "$root/srv/link"
echo image >"$root/srv/app/file"
ln "$root/srv/app/file" "$root/srv/app/other"
ln -s ../file "$root/srv/app/sub/link"
chmod 4750 "$root/srv/app/sub"
chmod 640 "$root/srv/app/file"
chmod 1770 "$root/srv/app"
touch -d @1000000000 "$root/srv/app/file"

data_of() { run_lichen volume inspect --format '{{.Mountpoint}}' "$1"; echo "$out"; }

# ---- what arrives ----

run_lichen run --verbose -v "$v:/srv/link" "$root" sh -c 'cd /srv/app; stat -c "%a %h %Y" file; cat sub/link; readlink sub/link; stat -c %a . sub
	[ file -ef other ] && echo same; grep -c " /srv/app " /proc/mounts'
is "$status:$out" '0:640 2 1000000000
image
../file
1770
4750
same
1' 'content, modes, times, links and names arrive, also by a link in the root'
like "$err" "volume $v: filled with" '--verbose says so'
run_lichen run --verbose -v "$v:/srv/app" "$root" sh -c 'cd /srv/app; rm other; echo own >file; chmod 700 .'
unlike "$err" 'filled with' 'once'
run_lichen run -v "$v:/srv/app" "$root" sh -c 'cd /srv/app; cat file; ls; stat -c %a .'
is "$status:$out" '0:own
file
sub
700' 'and what is changed there stays'
is "$(cat "$root/srv/app/file" "$root/srv/app/other")" 'image
image' 'the root file system is as it was'
run_lichen run -v "$v:/srv/app" "$root" rm -rf /srv/app/file /srv/app/sub
run_lichen run -v "$v:/srv/app" "$root" ls -A /srv/app
is "$status:$out" 0: 'also where all of it is removed'
run_lichen volume rm "$v"

run_lichen run -v "$v:/srv/app:ro" "$root" sh -c 'cat /srv/app/file; echo x >/srv/app/x'
is "$status:$out" 1:image 'a read-only mount is filled'
like "$err" 'Read-only' 'and read-only'
run_lichen volume rm "$v"

run_lichen volume create "$v"
run_lichen run --dry-run -v "$v:/srv/app" "$root" true
like "$out" 'fill  *\/srv\/app' '--dry-run shows it'
run_lichen run --read-only -v "$v:/new" -v "$v-2:/srv/app" "$root" sh -c 'ls -A /new; cat /srv/app/file'
is "$status:$out" 0:image 'a read-only root'
run_lichen run -v "$v:/srv/app" "$root" cat /srv/app/file
is "$status:$out" 0:image 'one that was mounted where there is nothing is filled later'
run_lichen run --dry-run -v "$v:/srv/app" "$root" true
unlike "$out" 'fill  *\/srv\/app' 'then no longer'
run_lichen volume rm "$v" "$v-2"

PATH=$PATH:/usr/sbin:/sbin
if command -v setcap >/dev/null && "$LICHEN" unshare setcap cap_net_raw=ep "$root/srv/app/file" 2>/dev/null; then
	run_lichen run -v "$v:/srv/app" "$root" true
	like "$(getcap "$(data_of "$v")/file")" 'cap_net_raw[+=]ep' 'a file keeps its capabilities'
	run_lichen volume rm "$v"
	start --overlay=copy "$root" sh -c 'echo up; exec sleep 300'
	data=$XDG_DATA_HOME/lichen
	[ "$(id -u)" -ne 0 ] || data=/var/lib/lichen
	like "$("$LICHEN" unshare find "$data" -path '*/srv/app/file' -exec getcap {} +)" 'cap_net_raw[+=]ep' 'in a copied tree, too'
	kill "$pid"
	finish
	unlike "$(cat "$T/said.err")" capabilities "without a word"
	setcap -r "$root/srv/app/file" 2>/dev/null || "$LICHEN" unshare setcap -r "$root/srv/app/file"
else
	skip no-setcap 'capabilities of a file'
fi

run_lichen run --read-only -v /srv/app "$root" sh -c 'cd /srv/app; cat file sub/link; stat -c %a . sub; [ file -ef other ] && echo same; echo x >x'
is "$status:$out" '0:image
image
1770
4750
same' 'a place without a name has it in a read-only root, too'
run_lichen run --tmpfs /srv/app:tmpcopyup,ro "$root" sh -c 'cat /srv/app/file; echo x >/srv/app/x'
is "$status:$out" 1:image 'so has a tmpfs with tmpcopyup, also a read-only one'
run_lichen run --tmpfs /srv/app:tmpcopyup,size=64k "$root" true
is "$status:$err" 0: 'with a size'
dd if=/dev/zero of="$root/srv/app/sub/large" bs=64k count=4 2>/dev/null
run_lichen run --tmpfs /srv/app:tmpcopyup,size=64k "$root" true
is "$status" 125 'that is too small'
like "$err" 'ENOSPC.*|No space' 'is an error'
like "$err" 'give a volume' 'which says what to do'
rm "$root/srv/app/sub/large"
wrong 'tmpcopyup elsewhere' 'tmpcopyup' -- run -v "$root/srv:/x:tmpcopyup" "$root" true

# ---- what does not ----

run_lichen run -v "$v:/srv/app:nocopy" "$root" ls -A /srv/app
is "$status:$out" 0: 'with nocopy it stays empty'
run_lichen run --mount "type=volume,src=$v,dst=/srv/app,volume-nocopy" "$root" sh -c 'ls -A /srv/app; echo mine >/srv/app/mine'
is "$status:$out" 0: 'with volume-nocopy, too'
run_lichen run -v "$v:/srv/app" "$root" ls -A /srv/app
is "$status:$out" 0:mine 'nothing is copied to what is there'
run_lichen volume rm "$v"
run_lichen run --mount "type=volume,src=$v,dst=/srv/app,volume-nocopy=false" "$root" cat /srv/app/file
is "$status:$out" 0:image 'volume-nocopy=false'
run_lichen volume rm "$v"
run_lichen run --tmpfs /srv -v "$v:/srv/app" "$root" ls -A /srv/app
is "$status:$out" 0: 'what another mount hides is not copied'
run_lichen volume rm "$v"

echo mine >"$root/srv/plain"
run_lichen run -v "$v:/srv/plain" "$root" true
is "$status" 125 'a volume in the place of a file is an error'
like "$err" '/srv/plain' 'that names it'
ok '[ -f "$root/srv/plain" ]' 'the file is as it was'
run_lichen volume rm -f "$v"

# ---- halfway ----

run_lichen volume create "$v"
dir=$(data_of "$v")
printf begun >"${dir%/data}/copy"
echo half >"$dir/file"
mkdir -p "$dir/left/over"
run_lichen run -v "$v:/srv/app" "$root" sh -c 'cat file /srv/app/file; ls /srv/app'
like "$out" '^image
file
other
sub$' 'a copy that was ended halfway is made anew'
run_lichen volume rm "$v"
run_lichen volume create "$v"
dir=$(data_of "$v")
printf begun >"${dir%/data}/copy"
echo half >"$dir/file"
run_lichen run -v "$v:/srv/app:nocopy" "$root" sh -c 'ls -A /srv/app; echo mine >/srv/app/mine'
is "$out" '' 'with nocopy its half is removed'
run_lichen run -v "$v:/srv/app" "$root" ls -A /srv/app
is "$out" mine 'and what is written then stays'
run_lichen volume rm "$v"

# killed when so many of the files are there
mkdir "$root/srv/many"
n=0
while [ "$n" -lt 3000 ]; do
	echo "$n" >"$root/srv/many/$n"
	n=$((n + 1))
done
for few in 1 300 1500 2900; do
	run_lichen volume create "$v"
	dir=$(data_of "$v")
	"$LICHEN" run -v "$v:/srv/many" "$root" true >/dev/null 2>&1 &
	pid=$!
	wait_for '[ "$(find "$dir" -type f | wc -l)" -ge "$few" ]' 60
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	run_lichen run -v "$v:/srv/many" "$root" sh -c 'ls /srv/many | wc -l; cat /srv/many/* | sort -n | uniq | wc -l'
	is "$status:$out" '0:3000
3000' "killed when $few of its files are there: the next one has all of them"
	run_lichen volume rm "$v"
done
rm -rf "$root/srv/many"

n=0
pids=
while [ "$n" -lt 4 ]; do
	"$LICHEN" run -v "$v:/srv/app" "$root" sh -c 'cat /srv/app/file /srv/app/sub/link' >"$T/out.$n" 2>&1 &
	pids="$pids $!"
	n=$((n + 1))
done
for pid in $pids; do
	wait "$pid"
done
is "$(cat "$T"/out.?)" "$(for n in 1 2 3 4 5 6 7 8; do echo image; done)" 'of several that start at once each sees all of it'

# ---- another user's ----

if [ "$(id -u)" -eq 0 ] || have subids; then
	run_lichen run --overlay-keep "$T/layer" "$root" sh -c 'echo his >/home/user/file && chown -R 1000:1000 /home/user && chmod 700 /home/user'
	run_lichen run --overlay-keep "$T/layer" -u 1000:1000 -v "$v-3:/home/user" "$root" sh -c 'stat -c %u:%g:%a /home/user; cat /home/user/file; echo x >/home/user/x'
	is "$status:$out" '0:1000:1000:700
his' 'a user of the root file system can write what is copied for it'
	run_lichen run -u 1000:1000 -v "$v-3:/data" "$root" sh -c 'cat /data/x; stat -c %u:%g /data/file'
	is "$status:$out" '0:x
1000:1000' 'also elsewhere'
else
	skip no-subids "a user of the root file system"
fi

done_testing
