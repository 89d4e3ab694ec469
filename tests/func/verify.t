#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# `system verify` compares each file of an unpacked layer with what the layer says, and finds whatever is done to one.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox
find_probe
command -v python3 >/dev/null || skip_all no-python3
# xattr PATH NAME [VALUE]: sets it, or takes it away; tar alone would not change one.
xattr() { python3 -c 'import os, sys; a = sys.argv; os.setxattr(a[1], a[2], a[3].encode()) if len(a) > 3 else os.removexattr(a[1], a[2])' "$@"; }
root=$T/root
busybox_root "$root"
store=$XDG_DATA_HOME/lichen/images

# ---- a layer with all that there is ----

mkdir -p "$root/d/sub" "$root/usr/lib" "$root/gone"
echo text >"$root/d/file"
echo other >"$root/d/other"
ln "$root/d/file" "$root/d/hard"
ln -s file "$root/d/soft"
ln -s usr/lib "$root/lib"
mkfifo "$root/d/pipe"
chmod 1777 "$root/d/sub"
xattr "$root/d/file" user.color red 2>/dev/null || skip_all no-user-xattrs
truncate -s 1M "$root/d/hole"
touch "$root/.wh.removed" "$root/gone/.wh..wh..opq"
# the same name twice, one in the place of another kind, one behind a link, a link to what comes later
tar -C "$root" --xattrs -cf "$T/layer.tar" .
echo second >"$T/again"
mkdir "$T/more" "$T/more/lib" "$T/more/d"
echo new >"$T/more/lib/behind"
echo again >"$T/more/d/other"
tar -C "$T/more" -rf "$T/layer.tar" lib/behind d/other
rm -r "$T/more"
mkdir -p "$T/more/d/soft"
tar -C "$T/more" -rf "$T/layer.tar" d/soft
# as an archive of docker's, where whiteouts are what they are in layers
hex=$(sha256sum <"$T/layer.tar" | cut -d' ' -f1)
mkdir "$T/archive"
cp "$T/layer.tar" "$T/archive/$hex.tar"
printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$hex" >"$T/archive/config.json"
printf '[{"Config":"config.json","RepoTags":["all:1"],"Layers":["%s.tar"]}]' "$hex" >"$T/archive/manifest.json"
tar -C "$T/archive" -cf "$T/all.tar" "$hex.tar" config.json manifest.json

run_lichen load -i "$T/all.tar"
is "$status" 0 'a layer with all that a layer can have'
like "$out" 'all:1' 'an archive is one of images though its first file is a layer'
run_lichen run --rm --ids=single all:1 /bin/true
is "$status" 0 'unpacked for one id, too'
set -- "$store"/layers/*
classes=$#
run_lichen system verify
is "$status:$out" "0:Nothing is wrong: 3 blobs were read, the files of $classes unpacked layer$([ $classes = 1 ] || echo s) compared." 'it is whole'

# ---- what is done to it ----

layer=$store/layers/single/$hex
tree=$layer/root

# mends: the layer as it was; the next run unpacks it again.
again() {
	run_lichen system verify --repair
	[ -d "$layer" ] && fail 'repair removes it'
	"$LICHEN" run --rm --ids=single all:1 /bin/true 2>/dev/null
}

# damaged DESC PATTERN COMMAND...: the command, then what verify says.
damaged() {
	damage_desc=$1
	damage_pattern=$2
	shift 2
	"$@" || fail "$damage_desc: $*"
	run_lichen system verify
	is "$status" 1 "$damage_desc: exits with 1"
	like "$out" "$damage_pattern" "$damage_desc: says so"
	again
}

damaged 'content' '^[0-9a-f]{12}  all:1  unpacked for single: bin/busybox: has another content' \
	sh -c "printf x | dd of='$tree/bin/busybox' bs=1 seek=500 conv=notrunc 2>/dev/null"
damaged 'size' 'd/other: has 7 bytes, and should have 6' sh -c "echo longer >'$tree/d/other'"
damaged 'a hole' 'd/hole: has another content' sh -c "printf x | dd of='$tree/d/hole' bs=1 seek=5000 conv=notrunc 2>/dev/null"
damaged 'mode' 'd/file: has the mode 0600, and should have 0644' chmod 600 "$tree/d/file"
damaged 'mode of a directory' 'd/sub: has the mode 0777, and should have 1777' chmod 0777 "$tree/d/sub"
damaged 'time' 'd/file: was changed at 978' touch -d 2001-01-01 "$tree/d/file"
damaged 'missing' 'usr/lib/behind: is missing' rm "$tree/usr/lib/behind"
damaged 'a whole directory missing' 'single: usr: is missing' rm -r "$tree/usr"
damaged 'extra' 'd/more: is not in the layer' touch "$tree/d/more"
damaged 'kind' 'd/other: is a directory, and should be a file' sh -c "rm '$tree/d/other'; mkdir '$tree/d/other'"
damaged 'target' 'single: lib: leads elsewhere: to etc' ln -sfn etc "$tree/lib"
damaged 'a hard link cut' 'd/(file|hard): has 1 names' sh -c "cp -a '$tree/d/hard' '$tree/d/h'; mv '$tree/d/h' '$tree/d/hard'"
damaged 'a hard link more' 'd/other: has 2 names' ln "$tree/d/other" "$tree/d/one-more"
damaged 'attribute changed' 'd/(file|hard): has another value of the attribute user.color' xattr "$tree/d/file" user.color blue
damaged 'attribute gone' 'd/(file|hard): lacks the attribute user.color' xattr "$tree/d/file" user.color
damaged 'attribute too much' 'd/other: has the attribute user.x' xattr "$tree/d/other" user.x 1
damaged 'whiteout gone' 'removed: is missing' rm "$tree/removed"
damaged 'no longer opaque' 'gone: lacks the attribute user.overlay.opaque' xattr "$tree/gone" user.overlay.opaque
damaged 'no files' 'its files are not there' mv "$tree" "$layer/elsewhere"
damaged 'nothing known of it' 'cannot read what is known' rm "$layer/layer.json"
run_lichen system verify
is "$status" 0 'what was unpacked again is whole'

# who owned what is kept beside the tree
tar -C "$root/d" --owner=5 --group=7 -cf "$T/owned.tar" file
run_lichen import "$T/owned.tar" owned:1
"$LICHEN" run --rm --ids=single owned:1 /none 2>/dev/null
is "$?" 127 'a layer of somebody else'
run_lichen system verify owned:1
is "$status" 0 'is whole'
owners=$(grep -l '5 7' "$store"/layers/single/*/owners)
printf 6 | dd of="$owners" bs=1 conv=notrunc 2>/dev/null
run_lichen system verify owned:1
like "$out" 'the list of who owns the files differs' 'the list of owners was changed'
run_lichen rmi owned:1

# ---- what stays, and what it says ----

start --ids=single all:1 sh -c 'echo up; exec sleep 300'
chmod 600 "$tree/d/file"
run_lichen system verify --repair
like "$err" 'stays: it is in use' 'repair leaves what a sandbox uses'
ok '[ -d "$tree/d" ]' 'it is still there'
kill -TERM "$pid"
finish
run_lichen system verify --json
is "$status" 1 'still wrong'
like "$out" '"object": "sha256:'"$hex"'", "images": \["all:1"\], "problem": "unpacked for single: d/(file|hard): has the mode' '--json'
blob=$store/blobs/sha256/$hex
printf x | dd of="$blob" bs=1 seek=600 conv=notrunc 2>/dev/null
run_lichen system verify
like "$out" "^$(echo "$hex" | cut -c1-12)  all:1  its content is" 'a damaged blob, with its image'
unlike "$out" 'd/file' 'whose files are not compared'
like "$out" 'verify --repair' 'it says what to do'
run_lichen system verify --repair
like "$out" "Removed: the blob sha256:$hex" 'repair removes it'
run_lichen load -q -i "$T/all.tar"
is "$status" 0 'it comes again'
run_lichen system verify --repair
run_lichen run --rm --ids=single all:1 /bin/true
run_lichen system verify
is "$status" 0 'and all is whole'

done_testing
