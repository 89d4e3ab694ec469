#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# fuse-overlayfs as a rung: by name and by itself, its end, its crash, and what it is when it cannot be had.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox fuse
root=$T/root
busybox_root "$root" mnt
echo old >"$root/etc/file"

run_lichen run --verbose --overlay=fuse "$root" sh -c 'awk "\$5 == \"/\" { print \$(NF-2) }" /proc/self/mountinfo
	echo new >/etc/file; rm /bin/ls; mkdir /made; cat /etc/file; ls /made 2>&1 || true'
is "$status" 0 '--overlay=fuse runs'
like "$out" '^fuse' 'the root is its mount'
like "$out" '^new' 'and can be written'
is "$(cat "$root/etc/file")" old 'the tree stays as it was'
ok '[ -e "$root/bin/ls" ]' 'also what was removed inside'
like "$err" 'overlay .*: fuse' '--verbose says which rung'
run_lichen run --read-only --overlay=fuse --tmpfs /tmp "$root" sh -c 'echo x >/etc/file'
isnt "$status" 0 'with --read-only nothing is written'

# ---- a layer that is kept: what it leaves for a replaced directory means nothing to the kernel ----

mkdir "$root/old"
echo x >"$root/old/file"
run_lichen run --overlay=fuse --overlay-keep "$T/keep" "$root" sh -c 'rm -r /old; mkdir /old; echo n >/old/new'
is "$status" 0 '--overlay-keep'
echo h >"$root/h1"
ln "$root/h1" "$root/h2"
run_lichen run --overlay=fuse --overlay-keep "$T/keep-links" "$root" sh -c 'echo z >>/h1'
name=$(cd "$T/keep-links/upper" && echo h*)
run_lichen run --overlay=fuse --overlay-keep "$T/keep-links" "$root" sh -c 'for n in 1 2; do tr "\n\000" ,0 </h$n; echo " h$n"; done'
like "$out" "^h,z, $name\$" 'of a file with two names the changed one has the change in the next run'
like "$out" '^h, h[12]$' 'and the other what it had'
like "$err" "/$name has several names .*only this name has the change" 'which is said'
rm "$root/h1" "$root/h2"
run_lichen run --overlay-keep "$T/keep" "$root" ls /old
is "$out" new 'the next run has no file back, by whatever it is done'
run_lichen run --overlay=kernel --overlay-keep "$T/keep" "$root" true
is "$status" 125 'the kernel is refused'
like "$err" 'fuse-overlayfs has written in this layer' 'and why'
run_lichen run --overlay=fuse --overlay-keep "$T/keep" "$root" ls /old
is "$out" new 'and fuse-overlayfs goes on'
if "$LICHEN" run --overlay=kernel "$root" true 2>/dev/null; then
	run_lichen run --overlay=kernel --overlay-keep "$T/keep2" "$root" sh -c 'rm -r /old; mkdir /old; echo n >/old/new; rm /bin/ls'
	run_lichen run --overlay=fuse --overlay-keep "$T/keep2" "$root" sh -c 'echo /old/*; [ -e /bin/ls ] || echo gone'
	is "$out" '/old/new
gone' "the kernel's is read"
else
	skip no-kernel-overlay "the kernel's is read"
fi
run_lichen run --overlay=fuse host true
is "$status" 125 'host without --cow has no layer'
like "$err" 'hint:.*--cow' 'and what to do'

# ---- outside the pid namespace, and gone in the end ----

run_lichen run --overlay=fuse "$root" sh -c 'cat /proc/[0-9]*/comm'
unlike "$out" fuse 'the payload does not see the server'
serving() {
	tr ' ' '\n' <"/proc/$1/task/$1/children" | while read -r child; do
		[ "$(cat "/proc/$child/comm")" != fuse-overlayfs ] || echo "$child"
	done
}
mkfifo "$T/in"
"$LICHEN" run -i --overlay=fuse "$root" sh -c 'echo here >&2; read line; exit 3' <"$T/in" 2>"$T/said" &
launcher=$!
exec 9>"$T/in"
wait_for 'grep -qs here "$T/said"'
server=$(serving $launcher)
ok '[ -n "$server" ]' 'there is one while it runs'
is "$(find "/proc/$server/fd" -lname '*/lock')" '' 'it does not hold the lock of the run'
exec 9>&-
wait $launcher
is $? 3 "the command's status comes through"
ok '[ ! -e "/proc/$server" ]' 'the server has ended'

# ---- a killed launcher, a killed server ----

mkfifo "$T/in2"
"$LICHEN" run -i --overlay=fuse "$root" sh -c 'echo here >&2; read line' <"$T/in2" 2>"$T/said2" &
launcher=$!
exec 9>"$T/in2"
wait_for 'grep -qs here "$T/said2"'
server=$(serving $launcher)
kill -KILL $launcher
wait $launcher 2>/dev/null
wait_for '[ ! -e "/proc/$server" ]'
ok $? 'it ends with a launcher that is killed'
exec 9>&-
"$LICHEN" run --overlay=fuse "$root" sh -c 'echo here >&2; while /bin/true; do sleep 0.05; done; exit 7' 2>"$T/said3" &
launcher=$!
wait_for 'grep -qs here "$T/said3"'
kill -KILL "$(serving $launcher)"
wait $launcher
is $? 7 'when it is killed, the command goes on and fails to read its files'
like "$(cat "$T/said3")" 'fuse-overlayfs.*killed by signal 9' 'the crash is reported'

# ---- by itself, where the kernel's overlay cannot ----

if [ "$(id -u)" -ne 0 ]; then
	mkdir "$T/below"
	echo below >"$T/below/file"
	# shellcheck disable=SC2016 # for the inner shell
	run_as_is unshare -m --map-current-user --keep-caps sh -c 'mount --bind "$1" "$2/mnt" && shift 2 && exec "$@"' sh \
		"$T/below" "$root" "$LICHEN" run --verbose --ids=single "$root" sh -c 'cat /mnt/file; echo x >/etc/x'
	is "$status" 0 'a tree with something mounted below it runs'
	is "$out" below 'and what is mounted there is seen'
	like "$err" 'not kernel .*EINVAL.*trying fuse' '--verbose says why'
	run_as_is unshare -m --map-current-user --keep-caps sh -c 'mount --bind "$1" "$2/mnt" && shift 2 && exec "$@"' sh \
		"$T/below" "$root" "$LICHEN" run --overlay=kernel --ids=single "$root" true
	isnt "$status" 0 'a rung that is named is not left in silence'
fi

# ---- somebody else's tree ----

if [ "$(id -u)" -ne 0 ] && tree=$(debian_root_of_root) && [ "$(stat -c %u "$tree")" -eq 0 ]; then
	run_lichen run --overlay=fuse "$tree" sh -c 'stat -c %u:%g /usr/bin /etc/passwd; echo x >>/etc/passwd && rm -r /usr/share/doc && mkdir /usr/share/new'
	is "$status" 0 "somebody else's tree can be changed inside"
	is "$out" '0:0
0:0' 'all of it belongs to root inside'
	run_lichen run --ids=single "$tree" sh -c 'echo x >>/etc/passwd'
	is "$status" 0 'with one id this is taken by itself'
	like "$err" "$tree belongs to another user" 'with a word'
fi

# ---- not to be had ----

if [ "$(id -u)" -eq 0 ]; then
	run_as_is unshare -m --propagation private sh -c 'mount --bind /dev/null /dev/fuse && exec "$@"' sh \
		"$LICHEN" run --overlay=fuse "$root" true
	is "$status" 125 'without a device: 125'
	like "$err" '/dev/fuse|fuse' 'which is named'
fi
for how in "$root" "--cap-drop=SYS_PTRACE $root" "--userns=keep-id $root" "--ids=single -u 1000 $root" '--cow host'; do
	[ "$(id -u)" -ne 0 ] || [ "${how#--userns}" = "$how" ] || continue
	case $how in *host) overlay='' ;; *) overlay=--overlay=fuse ;; esac
	# shellcheck disable=SC2086 # words
	run_lichen run $overlay --pid=host $how true
	is "$status" 125 "--pid=host ${how%"$root"}: where the payload sees the server it is refused"
	like "$err" 'traced from inside' 'which is said'
done
mkfifo "$T/in3"
exec 7<"$root/etc/file"
"$LICHEN" run -i --name "fuse-${T##*/}" --overlay=fuse "$root" sh -c 'echo here >&2; read line' <"$T/in3" 2>"$T/said4" &
launcher=$!
exec 9>"$T/in3"
wait_for 'grep -qs here "$T/said4"'
server=$(serving $launcher)
is "$(find "/proc/$server/fd" -lname "$root/*")" '' "the server has none of the caller's descriptors"
exec 7<&-
run_lichen run --pid=host --userns=container:"fuse-${T##*/}" --cap-add SYS_PTRACE "$root" true
is "$status" 125 'nor can it be traced by who joins its user namespace'
like "$err" 'traced from inside' 'which is said'
run_lichen run --userns=container:"fuse-${T##*/}" --overlay=kernel "$root" true
is "$status" 0 'who does not see it may' || diag "$err"
run_lichen run --userns=container:"fuse-${T##*/}" --overlay=fuse "$root" true
is "$status" 125 'and has none of its own there'
exec 9>&-
wait $launcher
run_lichen run --overlay=fuse --dry-run "$root" true
like "$out" 'overlay.*fuse' '--dry-run shows it'
# ---- a full disk, of which fuse-overlayfs tells nobody ----

if [ "$(id -u)" -eq 0 ]; then
	skip is-root 'a full disk' # whose data directory is /var/lib/lichen
elif unshare -rm mount -t tmpfs none /mnt 2>/dev/null; then
	mkdir "$T/full"
	run_as_is unshare -rm sh -c 'mount -t tmpfs -o size=256k none "$1" && XDG_DATA_HOME=$1 exec "$2" run --ids=single --overlay=fuse "$3" dd if=/dev/zero of=/big bs=1k count=1000' \
		sh "$T/full" "$LICHEN" "$root"
	like "$err" 'is full: what was written last may be lost' 'a full disk is told at the end'
else
	skip no-nested-mounts 'a full disk'
fi

done_testing
