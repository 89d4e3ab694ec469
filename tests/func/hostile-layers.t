#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Layers that were made to do harm: nothing outside of the tree is touched, and what is refused says why.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns
: "${LICHEN_IMAGE:=${top_builddir:?}/helpers/lichen-image}"
[ -x "$LICHEN_IMAGE" ] || skip_all no-image
export LICHEN_IMAGE
C=$T/case
layer=$T/layer

state() {
	(cd "$C" && find . -path ./root -prune -o -printf '%p %y %m %u %s %T@ %n %l\n' | sort && cat canary dir/file)
}

# A new tree beside what must stay as it is.
fresh() {
	remove_tree "$C"
	mkdir -p "$C/root" "$C/dir" && echo precious >"$C/canary" && echo precious >"$C/dir/file"
	before=$(state)
}

unpack() {
	out=$("$top_builddir/tests/tools/unpack" --single "$@" "$C/root" "$layer" 2>&1)
	status=$?
}

untouched() {
	[ "$(state)" = "$before" ] || fail "$1: nothing outside was touched"
}

make_layer() {
	sed "s|CASE|$C|g" | "$top_builddir/tests/tools/tarmaker" >"$layer"
}

# refused NAME REGEX [OPTION...]: the script on standard input, or what $layer is already where that is -
refused() {
	local name=$1 said=$2
	shift 2
	fresh
	if [ "${1-}" = - ]; then shift; else make_layer; fi
	unpack "$@"
	untouched "$name"
	if [ "$status" -eq 1 ] && printf '%s\n' "$out" | grep -Eq "^error .*$said"; then
		pass "$name"
	else
		fail "$name"
		diag "status $status, expected: $said" "$out"
	fi
}

# harmless NAME CONDITION [OPTION...]: it is taken, and in the tree the condition holds.
harmless() {
	local name=$1 condition=$2
	shift 2
	fresh
	if [ "${1-}" = - ]; then shift; else make_layer; fi
	unpack "$@"
	untouched "$name"
	if [ "$status" -eq 0 ] && (cd "$C/root" && eval "$condition"); then
		pass "$name"
	else
		fail "$name"
		diag "status $status" "$out" "$(ls -laR "$C/root")"
	fi
}

# ---- out of the tree by a name ----

refused 'a name with ..' '"\.\./canary" has "\.\."' <<'END'
file ../canary data=gone
END
refused 'a name with .. in the middle' 'has "\.\."' <<'END'
dir a
file a/../../canary data=gone
END
refused '.. alone' 'has "\.\."' <<'END'
dir .. mode=777
END
harmless 'an absolute name is one of the tree' '[ "$(cat "./$C/canary")" = gone ]' <<'END'
file CASE/canary data=gone
END
refused 'a PAX path with ..' 'has "\.\."' <<'END'
pax path=../canary
file x data=gone
END
refused 'a GNU long name with ..' 'has "\.\."' <<'END'
longname ../{./*200}canary
file x data=gone
END
refused 'a name of a sparse file with ..' 'has "\.\."' <<'END'
pax GNU.sparse.major=1
pax GNU.sparse.minor=0
pax GNU.sparse.name=../canary
pax GNU.sparse.realsize=4
file x data=0\n{\x00*510}
END

# ---- by a link ----

harmless 'through a link to the outside: stays inside' '[ "$(cat "./$C/canary")" = gone ] && [ -L out ]' <<'END'
dir CASE
symlink out link=CASE
file out/canary data=gone
END
harmless 'through a link with ..: the root is the top' '[ "$(cat canary)" = gone ]' <<'END'
symlink out link=../../../..
file out/canary data=gone
END
refused 'through a link that leads nowhere inside' 'link that leads nowhere' <<'END'
symlink out link=CASE/dir
file out/file data=gone
END
harmless 'a file over a link replaces the link' '[ ! -L out ] && [ "$(cat out)" = gone ]' <<'END'
symlink out link=CASE/canary
file out data=gone
END
harmless 'a directory over a link replaces the link' '[ ! -L out ] && [ "$(cat out/file)" = gone ]' <<'END'
symlink out link=CASE/dir
dir out mode=700
file out/file data=gone
END
harmless 'a link, a directory, a link again' '[ -L d ] && [ "$(readlink d)" = / ] && [ -f file ]' <<'END'
symlink d link=CASE/dir
dir d
symlink d link=/
file d/file data=gone
END
harmless 'a link of the proc file system is no way out' '[ ! -e canary ] && [ -e proc/self/root ]' <<'END'
dir proc
dir proc/self
symlink proc/self/root link=/
file proc/self/root/x data=x
END
refused 'a loop of links' 'openat2 a: Too many levels' <<'END'
symlink a link=b
symlink b link=a
file a/x data=x
END
refused 'the target of a link is too long' 'symlinkat l: File name too long' <<'END'
longlink {t*5000}
symlink l link=t
END
harmless 'a long target' '[ "$(readlink l | wc -c)" -eq 4001 ]' <<'END'
longlink {t*4000}
symlink l link=t
END
refused 'a link to nothing' 'symbolic link to nothing' <<'END'
symlink l
END

# ---- the root ----

refused 'the root becomes a link (CVE-2021-29136)' 'its own root' <<'END'
symlink . link=CASE/dir
file file data=gone
END
refused 'the same, as /' 'its own root' <<'END'
symlink / link=CASE/dir
END
refused 'the same, as ./.' 'its own root' <<'END'
symlink ./. link=CASE/dir
END
refused 'the root becomes a file' 'its own root' <<'END'
file . data=x
END
refused 'the root becomes a hard link' 'its own root|hard link' <<'END'
file a data=x
hard . link=a
END
harmless 'the root is a directory' '[ "$(stat -c %a .)" = 711 ]' <<'END'
dir . mode=711
END

# ---- hard links ----

refused 'a hard link with ..' '".*" is a hard link: .*has "\.\."' <<'END'
hard h link=../canary
END
refused 'a hard link to the outside, absolute' 'hard link to .*which the layer does not have' <<'END'
hard h link=CASE/canary
END
refused 'a hard link through a link to the outside' 'which the layer does not have' <<'END'
symlink out link=CASE
hard h link=out/canary
END
harmless 'a hard link to a link is that link' '[ -L h ] && [ "$(stat -c %h h)" = 2 ]' <<'END'
symlink out link=CASE/canary
hard h link=out
END
harmless 'a file over a hard link to a link replaces it' '[ ! -L h ] && [ "$(cat h)" = gone ]' <<'END'
symlink out link=CASE/canary
hard h link=out
file h data=gone
END
refused 'a hard link to a directory' 'hard link to .*directory' <<'END'
dir d
hard h link=d
END
refused 'a hard link to the root' 'hard link to the root' <<'END'
hard h link=.
END
refused 'a hard link to itself' 'which the layer does not have' <<'END'
hard h link=h
END
refused 'hard links in a circle' 'which the layer does not have' <<'END'
hard a link=b
hard b link=c
hard c link=a
END
harmless 'a hard link over its own target' '[ "$(cat h)" = x ]' <<'END'
file h data=x
hard h link=h
END
refused 'a hard link over the directory of its target' 'linkat|does not have' <<'END'
dir d
file d/f data=x
hard d link=d/f
END
for order in 'the last one first' 'the first one first'; do
	seq 0 999 | if [ "$order" = 'the last one first' ]; then cat; else tac; fi |
		awk '{ print "hard c" $1 " link=c" $1 + 1 } END { print "file c1000 data=x" }' >"$T/script"
	make_layer <"$T/script"
	harmless "a chain of hard links, $order" '[ "$(stat -c %h c0)" = 1001 ]' -
done
harmless 'a file over a hard link leaves the other name alone' '[ "$(cat f)" = x ] && [ "$(cat h)" = y ]' <<'END'
file f data=x
hard h link=f
file h data=y
END

# ---- whiteouts ----

for name in .wh. .wh.. .wh...; do
	refused "the whiteout $name" 'whiteout of nothing' <<-END
		file d/$name
	END
done
refused 'a whiteout of the outside' 'has "\.\."' <<'END'
file ../.wh.canary
END
harmless 'a whiteout through a link stays inside' '[ "$(stat -c %t:%T "./$C/canary")" = 0:0 ]' <<'END'
dir CASE
symlink out link=CASE
file out/.wh.canary
END
harmless 'an opaque directory through a link stays inside' '[ -d "./$C/dir" ]' <<'END'
dir CASE
dir CASE/dir
symlink out link=CASE/dir
file out/.wh..wh..opq
END
refused 'a directory that is a whiteout' 'whiteout for a directory' <<'END'
file .wh.d/file
END
harmless 'a whiteout of what the layer has hides what is below only' '[ "$(cat f)" = x ] && [ -f d/f ]' <<'END'
file f data=x
file .wh.f
dir d
file d/f data=x
file .wh.d
END
harmless 'what comes behind its whiteout is there' '[ "$(cat f)" = x ] && [ -f d/f ]' <<'END'
file .wh.f
file f data=x
file .wh.d
file d/f data=x
END
harmless 'files of aufs are left out' '[ -z "$(ls -A)" ]' <<'END'
file .wh..wh.aufs
dir .wh..wh.plnk
file .wh..wh.plnk/1.2 data=x
END
refused 'a raw whiteout' 'the device 0:0' <<'END'
char x
END

# ---- attributes, devices, bits ----

harmless 'attributes that overlay believes are left out' '! command -v getfattr || [ -z "$(getfattr -Rd -m - .)" ]' <<'END'
dir d
pax SCHILY.xattr.user.overlay.redirect=/etc
pax SCHILY.xattr.user.overlay.opaque=y
pax SCHILY.xattr.user.overlay.metacopy=
pax SCHILY.xattr.trusted.overlay.redirect=/etc
pax SCHILY.xattr.user.fuseoverlayfs.opaque=y
pax SCHILY.xattr.user.containers.override_stat=0:0:4755
pax SCHILY.xattr.user.lichen.x=y
pax SCHILY.xattr.security.selinux=x
pax SCHILY.xattr.system.posix_acl_access=x
file f data=x
END
like "$out" 'left out: 9 extended attributes' 'and counted'
harmless 'devices are left out' '[ "$(ls)" = f ]' <<'END'
char mem major=1 minor=1
block sda major=10 minor=0
hard mem2 link=mem
file f data=x
END
like "$out" 'left out: 2 devices, 1 links to them' 'and counted'
harmless 'with one id, setuid bits of others are left out' '[ "$(stat -c %a r u g)" = "6755
755
755" ]' <<'END'
file r mode=6755
file u mode=4755 uid=5
file g mode=2755 gid=5
END
like "$out" 'owner 5 0 4755 u' 'and recorded'
refused 'a user that cannot be' 'belongs to the user 4294967295' <<'END'
pax uid=4294967295
file f
END
refused 'a negative user' 'belongs to the user -' <<'END'
file f uid=@-1
END
harmless 'a record is not ended by what is in a name' '[ -f "$(printf "a\nb")" ]' <<'END'
file a\nb uid=7
END
like "$out" 'owner 7 0 644 a\\x0ab' 'nor by a newline'

# ---- bombs ----

printf 'file big data={x*20000000}\n' | make_layer
gzip -c "$layer" >"$T/big" && mv "$T/big" "$layer"
refused 'more than the cap of bytes' 'cap of 1000000 bytes' - --ask '{"max_bytes":1000000}'
make_layer <<'END'
file f data={x*3000}
END
refused 'a larger blob than the cap' 'blob is larger than the cap of 1000' - --ask '{"max_blob":1000}'
refused 'a hole that is larger than the cap' 'makes the layer larger' <<'END'
pax GNU.sparse.major=1
pax GNU.sparse.minor=0
pax GNU.sparse.name=f
pax GNU.sparse.realsize=9000000000000000000
file x data=0\n{\x00*510}
END
refused 'too many names' 'more names than the cap of 100' --ask '{"max_entries":100}' <<'END'
repeat 200 file f#
END
refused 'too deep' 'deeper than the cap of 256' <<'END'
longname {d/*300}f
file x
END
refused 'too long a name' 'longer than the cap of 4095' <<'END'
longname {dddddddddddddddd/*250}f
file x
END
refused 'too long a component' 'more than 255 bytes' <<'END'
longname {x*256}
file x
END
refused 'a name of a gigabyte is announced' 'damaged' <<'END'
longname x size=1000000000
file x
END
refused 'a PAX header of a gigabyte is announced' 'damaged' <<'END'
type x pax size=1000000000
END
refused 'too many attributes' 'more than 256 extended' <<'END'
repeat 300 pax SCHILY.xattr.user.x#=1
file f
END
refused 'headers about headers' 'damaged' <<'END'
repeat 100 longname x
file f
END
refused 'directories that need more memory than the cap' 'need more memory than the cap of 1 MiB' --ask '{"max_memory":1048576}' <<'END'
repeat 5000 dir {d*90}#
repeat 9000 hard {h*90}# link={t*90}
END
if command -v zstd >/dev/null && head -c 1000000 /dev/zero | zstd -q --long=30 --ultra -22 2>/dev/null >"$layer"; then
	refused 'a window of zstd that is larger than the cap' 'zstd stream needs a window that is larger than the cap of 0 MiB' - --ask '{"max_memory":65536}'
else
	skip no-zstd 'a window of zstd that is larger than the cap'
fi
if command -v xz >/dev/null; then
	head -c 100000 /dev/zero | xz -9e >"$layer"
	refused 'a window of xz that is larger than the cap' 'xz stream needs a window that is larger than the cap of 8 MiB' - --ask '{"max_memory":8388608}'
else
	skip no-xz 'a window of xz that is larger than the cap'
fi
head -c 100000000 /dev/zero | gzip -1 >"$T/zeros.gz"
for _ in 1 2 3 4 5 6 7 8 9 10 11; do cat "$T/zeros.gz"; done >"$layer"
refused 'a bomb by its ratio' 'looks like an attack' - --ask '{"max_ratio":50}'

# ---- lies about the blob ----

make_layer <<'END'
file f data=x
end
END
digest=sha256:$(sha256sum "$layer" | cut -c1-64)
size=$(stat -c %s "$layer")
wrong=sha256:$(printf '%064d' 0)
harmless 'digest, diff id and size as they were said to be' '[ -f f ]' - --ask "{\"digest\":\"$digest\",\"diff_id\":\"$digest\",\"size\":$size}"
harmless 'a sha512 digest' '[ -f f ]' - --ask "{\"digest\":\"sha512:$(sha512sum "$layer" | cut -c1-128)\",\"diff_id\":\"$digest\"}"
refused 'another digest' "the digest is $digest, not $wrong" - --ask "{\"digest\":\"$wrong\"}"
refused 'another diff id' "the diff id is $digest, not $wrong" - --ask "{\"digest\":\"$digest\",\"diff_id\":\"$wrong\"}"
refused 'another algorithm' 'neither sha256 nor sha512' - --ask '{"digest":"md5:0"}'
refused 'smaller than it was said to be' 'and was said to have' - --ask "{\"size\":$((size + 1))}"
refused 'larger than it was said to be' 'larger than the .* bytes that it was said to have' - --ask "{\"size\":$((size - 1))}"
refused 'whoever brings it gives up' 'whoever brings it has ended' - --grow 512 --give-up 512

# ---- damaged ----

: >"$layer"
harmless 'nothing at all is an empty layer' '[ -z "$(ls -A)" ]' -
head -c 3000 /dev/urandom >"$layer"
refused 'noise' 'damaged: Unrecognized' -
printf '\037\213\010hello, this is not deflated at all' >"$layer"
refused 'noise that begins as gzip' 'gzip stream' -
make_layer <<'END'
file f data={x*3000}
end
END
gzip -c "$layer" >"$T/whole.gz"
head -c 60 "$T/whole.gz" >"$layer"
refused 'a gzip stream that ends too early' 'gzip stream ends in the middle' -
{ cat "$T/whole.gz" && echo more; } >"$layer"
refused 'something behind the gzip stream' 'behind the gzip stream there is something else' -
{ cat "$T/whole.gz" && head -c 100 /dev/zero; } >"$layer"
harmless 'zeros behind the gzip stream' '[ -f f ]' -
size=$(stat -c %s "$T/whole.gz")
{ head -c $((size - 8)) "$T/whole.gz" && printf '\1\1\1\1' && tail -c 4 "$T/whole.gz"; } >"$layer"
refused 'another checksum of gzip' 'checksum does not match' -
refused 'a tar that ends in the middle of a file' 'damaged: Truncated' <<'END'
file f data=x size=10000
END
refused 'a tar that ends in the middle of a header' 'damaged: Truncated' <<'END'
file f data=x
bytes f
END
harmless 'something behind the end of the tar is not read, but is of the diff id' '[ "$(ls)" = f ]' <<'END'
file f data=x
end
file g data=x
END
like "$out" "^layer sha256:[0-9a-f]* sha256:$(sha256sum "$layer" | cut -c1-64) " 'as docker sees it'
refused 'a wrong sum of a header' 'damaged' <<'END'
file f data=x
file g data=x sum=1
END
refused 'a negative size' 'damaged|larger than the cap' <<'END'
file f data=x size=@-1
END
refused 'a huge size' 'damaged|larger than the cap' <<'END'
file f data=x size=@0x7fffffffffffffff
END
refused 'a PAX size that is more than there is' 'damaged' <<'END'
pax size=100000
file f data=x
END
harmless 'a PAX size that is another than the header'\''s: the former counts' '[ "$(cat f)" = x ] && [ "$(ls)" = f ]' <<'END'
pax size=1
file f data=xyz
END
harmless 'a PAX key twice: the last one counts' '[ "$(cat b)" = x ] && [ "$(ls)" = b ]' <<'END'
pax path=a
pax path=b
file f data=x
END
refused 'a PAX record with a wrong length' 'damaged' <<'END'
type x pax data=99\spath=a\n
file f data=x
END
refused 'a sparse file whose parts overlap' 'holes of|damaged' <<'END'
pax GNU.sparse.major=1
pax GNU.sparse.minor=0
pax GNU.sparse.name=f
pax GNU.sparse.realsize=4096
file x data=2\n0\n512\n256\n512\n{\x00*494}{x*1024}
END
refused 'a sparse file with data behind its end' 'holes of|damaged' <<'END'
pax GNU.sparse.major=1
pax GNU.sparse.minor=0
pax GNU.sparse.name=f
pax GNU.sparse.realsize=100
file x data=1\n1048576\n512\n{\x00*500}{x*512}
END
refused 'a sparse map of negative numbers' 'holes of|damaged' <<'END'
pax GNU.sparse.major=1
pax GNU.sparse.minor=0
pax GNU.sparse.name=f
pax GNU.sparse.realsize=4096
file x data=1\n-512\n512\n{\x00*503}{x*512}
END
refused 'no name' 'without a name|damaged|own root' <<'END'
file \x00 data=x
END

# ---- one path, many things ----

harmless 'a file, a directory, a link, a pipe, a file' '[ -f p ] && [ "$(cat p)" = end ]' <<'END'
file p data=x
dir p
file p/in data=x
symlink p link=CASE/dir
fifo p
file p data=end
END
harmless 'a file over a directory with much in it' '[ -f d ]' <<'END'
dir d mode=0
longname d/{e/*100}f
file x
dir d/e/e mode=0
repeat 100 file d/e/f#
file d data=x
END
refused 'a file in the place of a directory' 'something that is no directory' <<'END'
file p data=x
file p/in data=x
END
printf 'file a\\x1b[31mred data=x\nfile a\\x1b[31mred/in data=x\n' | make_layer
refused 'a name with escapes of terminals' 'a\\x1b\[31mred' -

done_testing
