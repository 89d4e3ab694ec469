#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# A layer becomes the tree that was packed: owners, bits, times, links, attributes; however it is compressed.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns
: "${LICHEN_IMAGE:=${top_builddir:?}/helpers/lichen-image}"
[ -x "$LICHEN_IMAGE" ] || skip_all no-image
export LICHEN_IMAGE
tools=${top_builddir:?}/tests/tools
cd "$T" || exit 1

# unpack DIR BLOB [OPTION...]: makes DIR anew.
unpack() {
	local dir=$1 blob=$2
	shift 2
	remove_tree "$dir"
	mkdir "$dir"
	out=$("$tools/unpack" "$@" "$dir" "$blob" 2>&1)
	status=$?
}

# all of it, as it is seen in the map
list() {
	in_own_map "$tools/tree-list" "$1"
}

"$tools/tarmaker" >layer.tar <<'END'
dir . mode=751 mtime=7123456701
dir usr mode=755
pax mtime=1234567890.123456789
dir usr/bin mode=2775 uid=3 gid=4
pax mtime=1234567891.5
pax SCHILY.xattr.user.note=hello
pax SCHILY.xattr.security.capability=\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
file usr/bin/ping mode=755 data=ping\n
file usr/bin/su mode=4755 data=su\n
file usr/bin/wall mode=2755 gid=5 data=wall\n
file usr/bin/late mode=755 uid=7 gid=8 data=late\n
hard usr/bin/later link=./usr/bin/late
pax mtime=1234567892.25
symlink usr/bin/sh mode=777 link=dash uid=9 gid=9
symlink bin link=usr/bin
dir tmp mode=1777
fifo tmp/pipe mode=640 uid=1
file empty mode=0
dir shut mode=0 uid=42 gid=42
file shut/in mode=400 uid=42 gid=42 data=x
pax path=long/{directory/*20}\xc3\xa9t\xc3\xa9
file short data=utf8
longname gnu/{long/*30}name-{n*100}
file short data=gnu
longlink {target/*40}
symlink gnu/link link=short
file not-\xe4-utf8 data=latin1
pax hdrcharset=BINARY
pax path=not-\xe4-utf8-pax
file short data=binary
pax path=cafe\xcc\x81
file short data=not\snormalized
pax GNU.sparse.major=1
pax GNU.sparse.minor=0
pax GNU.sparse.name=sparse
pax GNU.sparse.realsize=10485760
file short data=2\n1048576\n512\n10485760\n0\n{\x00*487}{x*512}
pax SCHILY.xattr.user.dir=1
dir etc
file etc/passwd data=root\n
end
END

# ---- beside others ----

if have subids; then
	unpack ours layer.tar
	is "$status" 0 'a layer is unpacked in the map'
	like "$out" 'done $' 'and nothing is left out'
	list ours >ours.list
	mkdir theirs
	in_own_map tar -C theirs --xattrs --xattrs-include='*' --same-owner -pxf layer.tar 2>/dev/null
	# directories that the layer does not name have today's time
	list theirs | sed -E '/^(long|gnu)/!b; /^[^ ]* 4 /s/ [0-9.]+$//' >theirs.list
	sed -E '/^(long|gnu)/!b; /^[^ ]* 4 /s/ [0-9.]+$//' ours.list >ours.cut
	is "$(diff <(tail -n +2 ours.cut) <(tail -n +2 theirs.list))" '' 'all is as tar makes it: owners, bits, times, links, attributes'
	like "$(cat ours.list)" "^sparse 10 644 0:0 1 10485760 " 'the sparse file has its size'
	ok '[ "$(stat -c %b ours/sparse)" -lt 100 ]' 'and stays sparse'
	like "$(cat ours.list)" '^usr/bin/ping .* security.capability=01000002' 'file capabilities are there, in the map'
	if command -v umoci >/dev/null; then
		in_own_map sh -c 'umoci init --layout oci && umoci new --image oci:x && umoci raw add-layer --image oci:x layer.tar &&
			umoci unpack --image oci:x bundle' >umoci.log 2>&1 || diag "$(cat umoci.log)"
		list bundle/rootfs | sed -E '/^(long|gnu)/!b; /^[^ ]* 4 /s/ [0-9.]+$//' >umoci.list
		is "$(diff <(tail -n +2 ours.cut) <(tail -n +2 umoci.list))" '' 'and as umoci makes it'
	else
		skip no-umoci 'and as umoci makes it'
	fi
	printf 'file high uid=70000\n' | "$tools/tarmaker" >high.tar
	unpack high high.tar
	is "$status" 1 'an owner that the map does not have is an error'
	like "$out" 'giving it to 70000:0: chown high: Invalid argument' 'that says which'
	like "$out" 'the id map has 65537 ids, and the layer needs at least 70001' 'and how many it takes'
fi

# ---- one id ----

unpack single layer.tar --single
is "$status" 0 'with one id'
is "$(unshare -Ur find single ! -uid 0 -o ! -gid 0)" '' 'all is the user'\''s'
is "$(printf '%s\n' "$out" | sed -n 's/^owner //p' | LC_ALL=C sort)" '0 5 2755 usr/bin/wall
1 0 640 tmp/pipe
3 4 2775 usr/bin
42 42 0 shut
42 42 400 shut/in
7 8 755 usr/bin/late
9 9 777 usr/bin/sh' 'who owned what is recorded'
is "$(stat -c %a single/usr/bin/su single/usr/bin/wall)" '4755
755' 'bits that would be of somebody else are left out'
digests=$(printf '%s\n' "$out" | sed -n 's/^layer [^ ]* //p')

# ---- in any order ----

"$tools/tarmaker" >order.tar <<'END'
dir usr/bin mtime=5
symlink bin link=usr/bin
hard bin/early link=usr/bin/late
file bin/late data=late mtime=6
hard other link=bin/early
dir usr/bin mode=700 mtime=7
dir bits mode=2755
dir bits mode=755
dir once mode=2755 mtime=8
file once data=x mtime=9
char null major=1 minor=3
END
unpack single order.tar --single
is "$status" 0 'a hard link before its target, files behind a link'
is "$(cd single && stat -c '%n %a %h %Y' other usr/bin/early usr/bin/late usr/bin bin/)" 'other 644 3 6
usr/bin/early 644 3 6
usr/bin/late 644 3 6
usr/bin 700 2 7
bin/ 700 2 7' 'and a directory that comes twice has what was said last'
is "$(stat -c '%a %Y' single/once) $(stat -c %a single/bits)" '644 9 755' 'its bits, too, and what is in its place has its own'

like "$out" 'done left out: 1 devices$' 'a device is left out, and counted'

# ---- compressed ----

gzip -c layer.tar >layer.gz
{ head -c 5000 layer.tar | gzip -c && tail -c +5001 layer.tar | gzip -9c; } >layer.gzs
kinds='tar gz gzs'
for tool in zstd xz bzip2; do
	if command -v $tool >/dev/null; then
		$tool -c layer.tar >"layer.$tool"
		{ head -c 5000 layer.tar | $tool -c && tail -c +5001 layer.tar | $tool -c; } >"layer.${tool}s"
		kinds="$kinds $tool ${tool}s"
	else
		skip no-$tool "by $tool"
	fi
done
for kind in $kinds; do
	unpack single "layer.$kind" --single
	is "$status $(printf '%s\n' "$out" | sed -n 's/^layer [^ ]* //p')" "0 $digests" "$kind, told by its content, is the same"
	is "$(printf '%s\n' "$out" | sed -n 's/^layer \([^ ]*\).*/\1/p')" "sha256:$(sha256sum "layer.$kind" | cut -c1-64)" 'and its digest that of the blob'
done
unpack single layer.gz --single --grow 100
is "$status $(printf '%s\n' "$out" | sed -n 's/^layer [^ ]* //p')" "0 $digests" 'a blob that still grows'

# ---- what it may do while it reads a stranger's bytes ----

remove_tree single && mkdir single && mkfifo hold
"$tools/unpack" --single --grow 4096 --stall single layer.gz <hold >said 2>&1 &
waiter=$!
exec 9>hold
wait_for 'grep -qs "^pid" said'
pid=$(sed -n 's/^pid //p' said)
wait_for 'grep -qs "^Seccomp:.2" "/proc/$pid/status"'
is "$(sed -n '/^\(CapEff\|CapPrm\|CapInh\|CapAmb\|NoNewPrivs\|Seccomp\):/p' "/proc/$pid/status")" \
	"$(printf '%s:\t%s\n' CapInh 0000000000000000 CapPrm 000000008000001b CapEff 000000008000001b CapAmb 0000000000000000 NoNewPrivs 1 Seccomp 2)" \
	'only capabilities over files, in its map; a filter, and no new privileges'
is "$(find "/proc/$pid/root/" -mindepth 1 | wc -l) $(readlink "/proc/$pid/ns/net" | grep -cFx "$(readlink /proc/self/ns/net)")" '0 0' \
	'it sees the tree and nothing else, and has no network'
exec 9>&-
wait "$waiter"
is "$? $(grep -c ^done said)" '0 1' 'and with that it does its work'

# ---- whiteouts, as overlays understand them ----

mkdir -p lower/gone lower/hidden lower/kept lower/again mnt
touch lower/gone/x lower/hidden/x lower/kept/x lower/again/x lower/file lower/over
"$tools/tarmaker" >white.tar <<'END'
file .wh.gone
file .wh.file
dir hidden
file hidden/.wh..wh..opq
file hidden/new
file .wh.again
dir again
file again/new
dir kept
file kept/new
file .wh.over
file over data=over
END
seen='./again/new
./hidden/new
./kept/new
./kept/x
./over'
unpack white white.tar --single
is "$status" 0 'a layer with whiteouts'
merged=$(unshare -Urm sh -c 'mount -t overlay -o userxattr,lowerdir=white:lower none mnt && cd mnt && find . -type f' 2>why | sort)
if grep -q . why; then
	skip no-kernel-overlay "the kernel's overlay: $(cat why)"
else
	is "$merged" "$seen" 'the kernel'\''s overlay hides what is gone'
fi
if command -v fuse-overlayfs >/dev/null && [ -w /dev/fuse ]; then
	is "$(unshare -Urm sh -c 'fuse-overlayfs -o lowerdir=white:lower mnt && cd mnt && find . -type f; cd .. && umount mnt' 2>/dev/null | sort)" "$seen" \
		'fuse-overlayfs too'
else
	skip no-fuse 'fuse-overlayfs too'
fi

done_testing
