#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --mount shows what docker's and podman's words ask for: types, read-only with what is below, sources by descriptor.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" srv
mkdir -p "$T/dir/sub" "$T/a,b"
chmod 0755 "$T/dir" "$T/a,b"
echo content >"$T/dir/file"
echo comma >"$T/a,b/file"

# ---- bind ----

run_lichen run --mount "type=bind,source=$T/dir,target=/srv" "$root" sh -c 'cat /srv/file && echo new >/srv/new'
is "$status" 0 'bind: writable'
is "$out" content 'with what is in it'
is "$(cat "$T/dir/new")" new 'what is written is there outside'
rm -f "$T/dir/new"
for word in readonly ro readonly=true ro=1; do
	run_lichen run --mount "src=$T/dir,dst=/srv,$word" "$root" sh -c 'cat /srv/file; echo x >/srv/file'
	isnt "$status" 0 "$word: cannot be written"
	is "$out" content "$word: but read"
done
is "$(cat "$T/dir/file")" content 'the file is as it was'
run_lichen run --mount "\"src=$T/a,b\",dst=/srv" "$root" cat /srv/file
is "$out" comma 'a comma in a value, the field in quotes'
run_lichen run --mount "src=\"$T/a,b\",dst=\"/a \"\"name\"\", quoted\"" "$root" cat '/a "name", quoted/file'
is "$out" comma 'a comma in a value, the value in quotes'
odd=$(printf 'x\ny\\z:')
mkdir "$T/$odd"
echo odd >"$T/$odd/file"
run_lichen run --mount "src=$T/$odd,dst=/$odd" "$root" cat "/$odd/file"
is "$out" odd 'newline, backslash and colon in names'
run_lichen run --mount "type=bind,src=$T/dir/file,dst=/etc" "$root" true
is "$status" 125 'a file on a directory: 125'
like "$err" 'hint:.*/etc/NAME' 'and what to write'
run_lichen run --mount "type=bind,src=$T/dir/file,dst=/etc/none" host true
is "$status" 125 'a place that is missing in host: 125'
like "$err" 'hint:.*read-only' 'and why'
unlike "$err" 'XDG_DATA_HOME' 'which is not where our files lie'
ln -s srv "$root/link"
run_lichen run --mount "src=$T/dir,dst=/link/deep/er" "$root" cat /srv/deep/er/file
is "$out" content 'a destination through a link of the root'
ok '[ ! -e "$root/srv/deep" ]' 'not made in the tree'

# ---- what is mounted below the source ----

cat >"$T/below" <<END
mount -t tmpfs none $T/dir/sub && echo deep >$T/dir/sub/file || exit 99
unset LICHEN_TEST_MARK
exec "\$@"
END
in_outer() {
	run_as_is unshare --user --map-root-user --mount sh "$T/below" unshare --user --map-user="$(id -u)" --map-group="$(id -g)" \
		"$LICHEN" run --ids=single "$@"
}
if [ "$(id -u)" -ne 0 ] && unshare --user --map-root-user --mount mount -t tmpfs none "$T/dir" 2>/dev/null; then
	script='cat /srv/sub/file; echo x >/srv/file && echo top; echo x >/srv/sub/x && echo below'
	in_outer --mount "src=$T/dir,dst=/srv" "$root" sh -c "$script"
	is "$out" 'deep
top
below' 'bind shows what is mounted below, writable' || diag "$err"
	in_outer --mount "src=$T/dir,dst=/srv,readonly" "$root" sh -c "$script"
	is "$out" deep 'readonly holds for it, too'
	in_outer -v "$T/dir:/srv:ro" "$root" sh -c "$script"
	is "$out" deep 'so does -v with ro'
	in_outer --mount "src=$T/dir,dst=/srv,readonly,bind-recursive=writable" "$root" sh -c "$script"
	is "$out" 'deep
below' 'bind-recursive=writable: not for what is below'
	in_outer --mount "src=$T/dir,dst=/srv,readonly,bind-recursive=readonly,bind-propagation=rprivate" "$root" sh -c "$script"
	is "$out" deep 'bind-recursive=readonly'
	in_outer --mount "src=$T/dir,dst=/srv,noexec" "$root" awk '$5 ~ "^/srv" && $6 !~ "noexec" { print }' /proc/self/mountinfo
	is "$out" '' 'noexec holds for what is below'
	echo content >"$T/dir/file"
elif [ "$(id -u)" -ne 0 ]; then
	skip no-nested-mounts 'what is mounted below a source'
fi
if [ "$(id -u)" -eq 0 ]; then
	# A shared mount of the machine, in a mount table of our own.
	cat >"$T/shared" <<END
mount -t tmpfs none $T/dir && mkdir $T/dir/place && chmod 0777 $T/dir/place && mount --make-shared $T/dir || exit 99
unset LICHEN_TEST_MARK
"\$@"
awk '\$5 ~ "$T/dir/place" { print "outside" }' /proc/self/mountinfo
END
	run_as_is unshare --mount --propagation private sh "$T/shared" "$LICHEN" run --privileged -v "$T/dir:/srv" "$root" sh -c \
		'mount -t tmpfs none /srv/place && awk "\$5 == \"/srv/place\" { print \"inside\" }" /proc/self/mountinfo'
	is "$out" inside 'as root: what is mounted inside, below a shared mount, does not appear on the machine'
fi

# ---- by a descriptor ----

run_lichen run --mount type=bind,source=fd:7,target=/srv,readonly "$root" cat /srv/file 7<"$T/dir"
is "$out" content 'a directory by its descriptor'
run_lichen run --mount type=bind,source=fd:7,target=/etc/one "$root" cat /etc/one 7<"$T/dir/file"
is "$out" content 'a file by its descriptor'
mkdir "$T/moved"
echo first >"$T/moved/which"
exec 7<"$T/moved"
mv "$T/moved" "$T/away"
run_lichen run --mount type=bind,source=fd:7,target=/srv "$root" cat /srv/which
is "$out" first 'a directory that was renamed meanwhile is found'
rm -r "$T/away"
mkdir "$T/away"
run_lichen run --mount type=bind,source=fd:7,target=/srv "$root" ls /srv
is "$status" 125 'one that was replaced by another of its name is not mounted'
exec 7<&-
run_lichen run --mount type=bind,source=fd:7,target=/srv "$root" true
is "$status" 125 'a descriptor that is not open: 125'
like "$err" 'descriptor 7' 'it is named'

# ---- other types ----

run_lichen run --mount type=tmpfs,dst=/work,tmpfs-size=1mb,tmpfs-mode=0700 "$root" sh -c 'stat -c %a /work; dd if=/dev/zero of=/work/x bs=64k count=64 2>/dev/null; wc -c </work/x'
is "$out" '700
1048576' 'tmpfs: mode and size'
run_lichen run --mount type=mqueue,dst=/queues "$root" awk '$5 == "/queues" { print $(NF - 2) }' /proc/self/mountinfo
is "$out" mqueue 'mqueue'
run_lichen run --mount type=devpts,dst=/terminals "$root" sh -c 'ls /terminals; test -c /terminals/ptmx'
is "$status" 0 'devpts: terminals of its own'
is "$out" ptmx 'and nobody else on them'
run_lichen run -t --mount type=devpts,dst=/dev/pts,mode=600 "$root" tty
is "$status" 0 'it may take the place of the default one, also with -t'

# ---- overlay ----

if [ "$(id -u)" -ne 0 ]; then
	mkdir "$T/low:er" "$T/upper" "$T/work"
	echo lower >"$T/low:er/file"
	echo other >"$T/low:er/second"
	run_lichen run --mount "type=overlay,lowerdir=$T/low\\:er:$T/dir,dst=/srv" "$root" sh -c 'cat /srv/file /srv/second; echo changed >/srv/file; cat /srv/file; ls /srv'
	is "$status" 0 'overlay of two directories' || diag "$err"
	is "$out" 'lower
other
changed
file
second
sub' 'the first covers the second; it can be written'
	is "$(cat "$T/low:er/file")" lower 'and thrown away'
	run_lichen run --mount "type=overlay,lowerdir=$T/dir,upperdir=$T/upper,workdir=$T/work,dst=/srv" "$root" sh -c 'echo kept >/srv/kept; rm /srv/file'
	is "$status" 0 'overlay with an upper directory'
	is "$(cat "$T/upper/kept")" kept 'it stays there'
	is "$(cat "$T/dir/file")" content 'the lower one is as it was'
	run_lichen run --mount "type=overlay,lowerdir=$T/dir,dst=/srv,readonly" "$root" sh -c 'cat /srv/file; echo x >/srv/file'
	isnt "$status" 0 'a read-only overlay'
	is "$out" content 'can be read'
	run_lichen run --read-only --mount "type=overlay,lowerdir=$T/dir,dst=/srv" "$root" sh -c 'echo x >/srv/x && cat /srv/x'
	is "$out" x 'on a read-only root'
	run_lichen run --mount "type=overlay,lowerdir=$T/dir,dst=/srv" host sh -c 'echo x >/srv/x && cat /srv/x'
	is "$out" x 'and with host'
else
	run_lichen run --mount "type=overlay,lowerdir=$T/dir,dst=/srv" "$root" true
	is "$status" 125 'overlay is not for root'
	like "$err" 'as root.*ids' 'who is told why'
fi

# ---- what is kept of it in config.json ----

data=$XDG_DATA_HOME/lichen/containers
[ "$(id -u)" -ne 0 ] || data=/var/lib/lichen/containers
mkfifo "$T/go"
exec 9<>"$T/go"
"$LICHEN" run -i --mount "src=$T/dir,dst=/srv,readonly,bind-propagation=rprivate" --symlink /a:/b --dir /c:mode=0700 --device /dev/null:/dev/nothing \
	--device /dev/zero "$root" sh -c 'echo up; read -r line' <&9 >"$T/said" 2>"$T/said.err" &
pid=$!
wait_for '[ -s "$T/said" ] || ! kill -0 "$pid" 2>/dev/null' 30
text=$(grep -lsF "$T/" "$data"/*/config.json | head -n 1 | xargs cat | tr -d '\n\t' | sed 's/  *//g')
like "$text" "\"destination\":\"/srv\",\"type\":\"bind\",\"source\":\"$T/dir\",\"options\":\\[\"rbind\",\"rro\",\"rprivate\"\\]" "config.json: OCI's words"
like "$text" '"path":"/dev/nothing","type":"c","major":1,"minor":3' 'the devices'
like "$text" 'device-sources.*/dev/nothing.*/dev/null' 'their names on this machine'
like "$text" 'org.lichen.paths.*/b.*target.*/a' 'what is made'
echo end >&9
wait "$pid"
exec 9>&-

# ---- what is wrong ----

wrong() { # TEXT REGEX DESC
	run_lichen run --mount "$1" "$root" true
	is "$status" 125 "$3: 125"
	like "$err" "$2" "$3: says what is expected"
}
wrong "type=bnd,src=$T/dir,dst=/x" 'bind' 'a type with a slip'
wrong "type=image,src=x,dst=/x" 'bind, volume, tmpfs, overlay' 'a type that there is not'
wrong "src=$T/dir,dst=/x,readnoly" 'readonly' 'a key with a slip'
wrong "src=$T/missing,dst=/x" "$T/missing" 'a source that is missing'
wrong "src=$T/dir,dst=/" '/' 'a destination that hides all'
wrong "src=$T/dir,dst=/x/../../y" '\.\.' 'a destination with ..'
wrong "src=$T/dir,dst=/x,bind-propagation=rsalve" 'rslave' 'a propagation with a slip'
wrong "type=tmpfs,dst=/x,tmpfs-size=lots" '64m' 'a size that is none'
[ "$(id -u)" -eq 0 ] || wrong "type=overlay,dst=/x,lowerdir=$T/dir/file" 'ENOTDIR|[Nn]ot a directory' 'a file as layer'
wrong "\"src=$T/dir,dst=/x" 'quote' 'a quote that does not end'
run_lichen run --volumes /x "$root" true
is "$status" 125 'an option that does not exist'

done_testing
