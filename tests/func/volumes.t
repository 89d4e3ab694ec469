#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub seam
# What -v and --tmpfs show inside, with which rights, and that they never lead outside.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" srv
mkdir -p "$T/dir/sub" "$T/with space" "$T/canary"
chmod 0755 "$T/dir" "$T/canary"
echo content >"$T/dir/file"
echo spaced >"$T/with space/a file"
echo untouched >"$T/canary/file"
canary_is_untouched() {
	is "$(find "$T/canary" -mindepth 1 -printf '%P ')$(cat "$T/canary/file")" 'file untouched' "$1"
}

# ---- directories and files ----

run_lichen run -v "$T/dir:/srv" "$root" sh -c 'cat /srv/file && echo new >/srv/new'
is "$status" 0 'a directory is shown, writable'
is "$out" content 'with what is in it'
is "$(cat "$T/dir/new" 2>/dev/null)" new 'what is written is there outside'
is "$(stat -c %u "$T/dir/new")" "$(id -u)" 'and belongs to the caller'
run_lichen run -v "$T/dir:/srv:ro" "$root" sh -c 'cat /srv/file; echo x >/srv/file'
isnt "$status" 0 'ro: cannot be written'
like "$out" content 'but read'
is "$(cat "$T/dir/file")" content 'the file is as it was'
run_lichen run -v "$T/dir:/srv:ro" "$root" sh -c 'mount -o remount,rw,bind /srv; touch /srv/x'
isnt "$status" 0 'ro cannot be undone from inside'
run_lichen run -v "$T/dir:/srv:rw,noexec" "$root" sh -c 'cp /bin/busybox /srv/true && /srv/true'
is "$status" 126 'noexec: what lies there is not executed'
rm -f "$T/dir/true"
run_lichen run -v "$T/dir/file:/etc/one-file" "$root" sh -c 'cat /etc/one-file; echo changed >/etc/one-file'
is "$out" content 'a single file'
is "$(cat "$T/dir/file")" changed 'can be written'
run_lichen run -v "$T/dir:/made/for/it" -v "$T/dir/file:/made/too/name" "$root" cat /made/for/it/file /made/too/name
is "$out" 'changed
changed' 'destinations that are missing are made'
ok '[ ! -e "$root/made" ]' 'not in the tree'
run_lichen run -v "$T/with space:/a place" "$root" cat '/a place/a file'
is "$out" spaced 'spaces in names'
run_lichen run -v "$T/dir:/srv/a/b" --tmpfs /srv -v "$T/with space:/srv/a/b/sub" "$root" sh -c 'cat /srv/a/b/file "/srv/a/b/sub/a file"'
is "$out" 'changed
spaced' 'one on the other, in any order'
ln -s dir "$T/link"
run_lichen run -v "$T/link:/srv" "$root" cat /srv/file
is "$out" changed 'a source that is a link is followed, as everywhere on the host'
absolute=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
(
	cd "$T/dir" || exit
	LICHEN=$absolute
	run_lichen run -v .:/srv -v ./sub:/tmp/sub -v ../canary:/canary:ro "$root" cat /srv/file /canary/file
	printf '%s\n' "$out" >"$T/relative"
)
is "$(cat "$T/relative")" 'changed
untouched' 'relative sources'
# shellcheck disable=SC2088 # lichen expands it, not the shell
run_lichen run -v '~/x:/x' "$root" true
is "$status" 125 'a tilde is the home directory: what is missing there is an error'
# shellcheck disable=SC2088 # a pattern
unlike "$err" "'~" 'and was looked for under its full name'

# ---- tmpfs ----

run_lichen run --tmpfs /work:size=1m "$root" sh -c 'dd if=/dev/zero of=/work/x bs=64k count=64 2>/dev/null; echo $?; wc -c </work/x'
is "$(printf '%s\n' "$out" | head -n 1)" 1 '--tmpfs with a size is full when it is'
is "$(printf '%s\n' "$out" | tail -n 1)" 1048576 'at that size'
run_lichen run --tmpfs /work:mode=0700,noexec "$root" sh -c 'stat -c %a /work; awk "\$5 == \"/work\" { print \$6 }" /proc/self/mountinfo'
like "$out" '^700$' 'a mode'
like "$out" 'noexec' 'and flags'
run_lichen run --tmpfs /dev/shm:size=2m "$root" sh -c 'df -k /dev/shm | tail -n 1'
like "$out" '2048' "a default mount can be replaced"

# ---- what is wrong ----

wrong() { # VOLUME WORD DESC
	run_lichen run -v "$1" "$root" true
	is "$status" 125 "$3: 125"
	like "$err" "$2" "$3: the message names it"
}
wrong "$T/missing:/srv" "$T/missing" 'a source that is missing'
ok '[ ! -e "$T/missing" ]' 'it is not made'
wrong "$T/dir:srv" 'srv' 'a destination that is relative'
wrong "$T/dir:/" '/' 'a destination that hides all'
wrong "$T/dir:/srv/../.." '\.\.' 'a destination with ..'
wrong "$T/dir:/srv:rw,wr" "wr" 'an option that does not exist'
wrong "$T/dir:/srv:noexc" 'noexec' 'an option with a slip: the right word'
wrong 'my cache:/srv' 'my cache' 'neither a path nor a name'
wrong 'my cache:/srv' '\./my cache' 'and what to write instead'
wrong "$T/a:b:/srv" "$T/a|'b'|\"b\"" 'a colon in a name'
wrong ':/srv' 'SRC|source|empty' 'an empty source'
run_lichen run --tmpfs work "$root" true
is "$status" 125 'a relative --tmpfs'
like "$err" 'work' 'is named'

# ---- a tree that wants to lead outside ----

ln -s "$T/canary" "$root/abs"
ln -s "../../../../../../../..$T/canary" "$root/rel"
ln -s "$T/canary/file" "$root/filelink"
for where in /abs /abs/made /rel/made /filelink; do
	run_lichen run -v "$T/dir:$where" "$root" true
	canary_is_untouched "-v on $where, a link that leads outside"
done
run_lichen run -v "$T/dir/file:/filelink" "$root" sh -c 'echo inside >/filelink'
canary_is_untouched 'a file on a link that leads outside'
run_lichen run --tmpfs /abs/tmp -w /rel/cwd "$root" sh -c 'touch /abs/x; touch /rel/y; touch here'
canary_is_untouched '--tmpfs and -w through such links'
run_lichen run --read-only -v "$T/dir:/abs/made" "$root" true
canary_is_untouched 'also with --read-only'
rm -rf "$root/etc/hosts" "$root/etc/hostname" "$root/etc/resolv.conf"
ln -s "$T/canary/file" "$root/etc/hosts"
ln -s "../../../../../../../..$T/canary/file" "$root/etc/hostname"
ln -s "$T/canary/resolv" "$root/etc/resolv.conf"
run_lichen run "$root" cat /etc/hostname
is "$status" 0 'links in place of /etc/hosts and so on'
canary_is_untouched 'are not followed to the host'
for name in proc sys dev; do
	ln -s "$T/canary" "$root/$name"
done
run_lichen run "$root" sh -c 'echo x >/dev/null'
canary_is_untouched 'links in place of /proc, /sys and /dev'
rm "$root/proc" "$root/sys" "$root/dev"
mkdir "$root/dev"
ln -s "$T/canary/file" "$root/dev/null"
ln -s "$T/canary" "$root/dev/shm"
run_lichen run "$root" sh -c 'echo x >/dev/null; echo y >/dev/shm/z'
is "$status" 0 'links below /dev are covered'
canary_is_untouched 'and lead nowhere'
grep -q "$T/canary" /proc/self/mountinfo
is "$?" 1 'nothing is mounted there either'

done_testing
