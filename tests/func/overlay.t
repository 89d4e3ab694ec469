#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub seam vm
# What is written inside never reaches the tree, and is gone at exit.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" dir/sub
printf 'old\n' >"$root/etc/file"
printf 'gone\n' >"$root/etc/removed"
mkdir -p "$root/usr/lib"
ln -s usr/lib "$root/lib"
echo there >"$root/usr/lib/file"
# What belongs to this test of what lichen keeps on disk; root's is shared by all.
data=$XDG_DATA_HOME/lichen/containers
[ "$(id -u)" -ne 0 ] || data=/var/lib/lichen/containers
left() { grep -lsF "$T/" "$data"/*/config.json; }
# All of the tree: names, kinds, modes, owners, times, sizes.
state() { (cd "$root" && find . -printf '%p %y %m %U:%G %s %T@ %l\n' | sort); }
state >"$T/before"

change='set -e
	echo new >/etc/file; rm /etc/removed; echo made >/etc/made; mkdir -p /a/b; mv /dir/sub /dir/moved
	chmod 0700 /tmp; ln -s x /root/link; cat /etc/file /etc/made; [ ! -e /etc/removed ]; [ -d /dir/moved ]'
unchanged() {
	state >"$T/after"
	if cmp -s "$T/before" "$T/after"; then
		pass "$1"
	else
		fail "$1" || diag "$(diff "$T/before" "$T/after")"
	fi
	is "$(left)" '' 'and nothing is kept'
}

modes="auto kernel copy"
! have fuse || modes="$modes fuse"
for mode in $modes; do
	run_lichen run --overlay="$mode" "$root" sh -c "$change"
	is "$status" 0 "--overlay=$mode: writes work inside"
	is "$out" 'new
made' 'what was written can be read'
	unchanged "--overlay=$mode: the tree stays as it was"
done
mkdir "$T/vol"
old_umask=$(umask)
umask 077
run_lichen run -v "$T/vol:/made/for/it" "$root" sh -c 'stat -c %a / /made /made/for; umask'
is "$out" '755
755
755
0022' "the caller's umask says nothing about what is inside"
umask "$old_umask"
run_lichen run "$root" cat /etc/file
is "$out" old 'the next run sees the old state'
run_lichen run --overlay=kernel "$root" awk '$5 == "/" { print $(NF-2) }' /proc/self/mountinfo
is "$out" overlay 'the kernel does it'
run_lichen run --verbose --overlay=copy "$root" awk '$5 == "/" { print $(NF-2) }' /proc/self/mountinfo
isnt "$out" overlay 'unless a copy is asked for'
like "$err" 'overlay .*: copy' 'and --verbose says so'
mkdir "$T/chain"
n=0
while [ $n -lt 22 ]; do # from the inside out, so that no path is too long on the way
	mkdir "$T/outer"
	mv "$T/chain" "$T/outer/$(printf '%0200d' $n)"
	mv "$T/outer" "$T/chain"
	n=$((n + 1))
done
mkdir "$T/deep"
cp -R "$root/." "$T/deep"
mv "$T/chain" "$T/deep/chain"
run_lichen run --overlay=copy "$T/deep" true
is "$status" 0 'a tree deeper than any path is copied as far as paths reach'
like "$err" '1 files and directories .*deeper than a path of 4095 bytes' 'and the rest is told'
unlike "$err" 'may not be read' 'for what it is'
rm -rf "$T/deep"
run_lichen run --overlay=kopy "$root" true
is "$status" 125 'an unknown mode: 125'
like "$err" 'copy' 'with the nearest right word'

# ---- read-only ----

run_lichen run --read-only "$root" sh -c 'echo x >/etc/file'
isnt "$status" 0 '--read-only: a file cannot be written'
like "$err" '[Rr]ead-only' 'because the file system is read-only'
run_lichen run --read-only "$root" sh -c 'touch /new || touch /tmp/new || mkdir /a'
isnt "$status" 0 'nor made anywhere'
run_lichen run --read-only "$root" sh -c 'mount -o remount,rw / || touch /new'
isnt "$status" 0 'and this cannot be undone from inside'
run_lichen run --read-only --tmpfs /tmp "$root" sh -c 'echo x >/tmp/x && cat /tmp/x /etc/file'
is "$out" 'x
old' '--tmpfs stays writable'
# The tree has no /proc, /sys and /dev: they come as a skeleton.
ok '[ ! -e "$root/proc" ] && [ ! -e "$root/dev" ]' 'the tree lacks mount points'
run_lichen run --read-only "$root" sh -c 'ls -d /proc/self /dev/null /dev/shm /sys/class'
is "$status" 0 'which are there inside all the same'
mkdir "$T/volume"
echo v >"$T/volume/v"
mkdir "$T/looped"
cp -a "$root/." "$T/looped"
ln -s / "$T/looped/loop"
run_lichen run --read-only -v "$T/volume:/loop/new" "$T/looped" sh -c 'readlink /loop; cat /new/v /loop/new/v'
is "$(printf '%s\n' "$out" | head -n 1)" / 'a place below a link to the root itself: the link stays'
is "$status" 0 'and both names work'
run_lichen run --read-only -v "$T/volume:/lib/modules" "$root" cat /lib/file /lib/modules/v /usr/lib/modules/v
is "$out" 'there
v
v' 'a mount point below a link of the root is made where the link leads'
run_lichen run --read-only -v "$T/volume:/not/there/yet" "$root" cat /not/there/yet/v
is "$out" v 'a volume too'
unchanged '--read-only: the tree stays as it was'

# ---- what a run leaves ----

run_lichen run "$root" sh -c 'mkdir -m 0 /closed; mkdir -p /d/e; echo x >/d/e/f; chmod 0 /d; chmod 0500 /dir; exit 3'
is "$status" 3 'directories without any permission'
unchanged 'they are removed as well'
run_lichen run "$root" no-such-command
unchanged 'nothing stays when the command is not found'
run_lichen run -u no-such-user "$root" true
unchanged 'nor when the start fails'

# What the kernel refuses is explained, whatever the tree is called.
if [ "$(id -u)" -ne 0 ]; then
	odd=$T/'an odd\name'
	busybox_root "$odd" mnt
	run_as_is unshare -rm sh -c 'mount -t tmpfs none "$1/mnt" || exit 99; [ ! -e /dev/fuse ] || mount --bind /dev/null /dev/fuse || exit 99
		exec "$2" run "$1" true' sh "$odd" "$LICHEN"
	is "$status" 0 'something is mounted below a tree with a space and a backslash in its name: it runs'
	like "$err" 'mounted below .*an odd' 'and the mount is what is named'
fi

# No inode for overlayfs's work directory: it would be read-only without a word.
if [ "$(id -u)" -ne 0 ]; then
	mkdir -p "$T/full"
	for inodes in 10 11 12; do
		run_as_is unshare -rm sh -c 'mount -t tmpfs -o nr_inodes="$4",mode=0700 none "$1" || exit 99
			XDG_DATA_HOME=$1 exec "$2" run --overlay=kernel "$3" sh -c "echo x >/f"' sh "$T/full" "$LICHEN" "$root" $inodes
		is "$status" 125 "a disk with $inodes inodes is an error of lichen's"
		like "$err" 'ENOSPC' 'namely that'
		like "$err" 'df -i' 'with what to look at'
	done
fi

done_testing
