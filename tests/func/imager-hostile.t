#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# Whatever lichen-image says or does, as one that a stranger has taken over: a clear error, and nothing is left.
# shellcheck disable=SC2016 # expanded by others
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/fake-image.sh"

need user userns
fake_image
make_layer one 'echo one >file'
make_layer two 'echo two >file'
record layers one >"$T/draft"
record complete one >"$T/image"
begin="draft 0 1 $T/draft
await"
comes="blob 0 $(size one) $T/one.tar
whole 0 $(digest one) $(size one)"
parts="put $T/one.config $(config one)
put $T/one.manifest $(manifest one)"
ends="image 0 $T/image
done"

# refused DESC REGEX: the script on standard input fails with these words, and nothing is left.
refused() {
	cat >"$T/bin/helpers/source"
	rm -rf "$XDG_DATA_HOME/lichen"
	imager bring docker-archive:"$T/draft" localhost/victim
	is "$status" 125 "$1" || diag "$out"
	like "$err" "$2" "$1: is said"
	is "$(find "$images/records" "$images/names" "$images/tmp" -mindepth 1 2>/dev/null)" '' "$1: nothing is left"
}

# ---- words ----

{
	i=0
	while [ "$i" -lt 500 ]; do
		echo "warn nonsense $i"
		i=$((i + 1))
	done
	echo 'error 0 enough'
} >"$T/flood"
refused 'a flood of warnings' 'enough' <"$T/flood"
is "$(printf '%s\n' "$err" | grep -c nonsense)" 20 'the first of them are shown'
like "$err" 'and 480 more' 'the others are counted'

refused 'something shorter than a message' 'no message' <<S
garbage 7
hang
S
refused 'something longer' 'no message' <<S
garbage 99999
hang
S
refused 'a kind that there is not' 'no message' <<S
say 4711 0 0
hang
S
refused 'a message of another task' 'out of turn' <<S
say 12 0 0
hang
S
refused 'a draft without a record' 'out of turn' <<S
say 4 0 1
hang
S
refused 'a draft whose record is a device' 'cannot be read' <<S
sayfd 4 0 1
hang
S
echo '{"version":1,"layers":[{"digest":"sha256:../../etc/passwd"}],"history":[]}' >"$T/wrong"
refused 'a record that is wrong' 'wrong record.*layers.0..digest' <<S
draft 0 1 $T/wrong
hang
S
refused 'a million drafts' 'more than 1024 images' <<S
draft 0 1000000 $T/draft
hang
S
refused 'the file of a blob is a device' 'something else in place of a blob' <<S
$begin
sayfd 7 0 10
hang
S
refused 'the file of a blob is one that it cannot read itself' 'something else in place of a blob' <<S
$begin
sayfd 7 0 10 $T/one.tar
hang
S
refused 'a layer that there is not' 'out of turn' <<S
$begin
force
blob 1 0 $T/one.tar
hang
S
refused 'done at once' 'out of turn' <<S
$begin
done
hang
S
refused 'done without a blob of the config' 'without having brought sha256' <<S
$begin
$comes
$ends
hang
S
refused 'texts with escapes' 'broken .x1b.2J here' <<S
step \\e[2J
error 2 broken \\e[2J here
S
unlike "$(cat "$T/.err")" "$(printf '\033')" 'which never reach the terminal'
record complete two >"$T/other"
refused 'another image in the end' 'it is another one' <<S
$begin
$comes
$parts
image 0 $T/other
hang
S
refused 'a blob that is not what it is said to be' 'what came is not what was asked for|not what its digest says' <<S
$begin
blob 0 $(size one) $T/two.tar
whole 0 $(digest one) $(size one)
$parts
$ends
S

# ---- deeds ----

refused 'it exits' 'ended with status 3 before it was done: out of words' <<S
$begin
print out of words
exit 3
S
refused 'it is killed' 'killed by signal 9' <<S
$begin
kill 9
S
head -c 700 "$T/one.tar" >"$T/part"
refused 'it ends in the middle of a blob' 'before it was done|before its end|has given up' <<S
$begin
blob 0 $(size one) $T/part
exit 0
S

script source <<S
$begin
$comes
$parts
$ends
hang
S
imager bring docker-archive:"$T/draft" localhost/victim
is "$status" 0 'one that hangs after its work is ended' || diag "$err"
is "$(ls "$images/tmp")" '' 'and leaves nothing'

# ---- the one that unpacks ----

unpacker() {
	cat >"$T/bin/helpers/unpack"
	refused "$1" "$2" <<S
$begin
$comes
$parts
$ends
S
	is "$(find "$images/layers" -name layer.json)" '' "$1: there is no such layer"
}

unpacker 'unpack says another diff id' 'its content should be' <<S
layer $(digest one) $(digest two) 1 1 0
done
S
unpacker 'unpack says another digest' 'not what its digest says' <<S
layer $(digest two) $(digest one) 1 1 0
done
S
unpacker 'unpack says no digest' 'without its digests' <<S
layer sha256:1 $(digest one) 1 1 0
S
unpacker 'unpack says sizes that cannot be' 'without its digests' <<S
layer $(digest one) $(digest one) 18446744073709551615 1 0
S
unpacker 'unpack is done without a word' 'before it has said with what' <<S
done
S
unpacker 'unpack says what the source says' 'a message of another task' <<S
say 6 0 0
S
unpacker 'unpack sends a descriptor' 'nobody asked for' <<S
sayfd 8 0 0
S
unpacker 'unpack dies' 'layer.*killed by signal 15' <<S
made half 5000000
kill 15
S
unpacker 'unpack exits' 'layer.*ended with status 0 before it was done' <<S
made half 1
exit 0
S
unpacker 'unpack fails' 'layer.*a layer of stone' <<S
made half 1
error 71 a layer of stone
S

# ---- it is not there ----

rm "$T/bin/helpers/lichen-image"
if [ ! -e "$(strings -a "$T/bin/imager" 2>/dev/null | grep -m1 '/libexec/lichen$')/lichen-image" ]; then
	imager bring docker-archive:"$T/draft"
	is "$status" 125 'without lichen-image'
	like "$err" 'lichen-image, which reads and writes images, is not installed' 'is said'
	like "$err" 'hint: .*libarchive' 'with what it needs'
else
	skip lichen-is-installed 'without lichen-image'
fi

done_testing
