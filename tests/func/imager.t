#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# Images come into the store layer by layer, each verified, once, and with nothing left beside.
# shellcheck disable=SC2016 # expanded by others
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/fake-image.sh"

need user userns
fake_image

# ---- two layers of which one comes twice, and one name of the archive's ----

make_layer one 'echo one >file; mkdir -p usr/bin; echo x >usr/bin/x'
make_layer two 'echo two >other'
record layers one two one >"$T/draft"
record complete one two one >"$T/image"
script source <<S
step reading the archive
draft 0 1 $T/draft
await
put $T/one.config $(config one)
put $T/one.manifest $(manifest one)
blob 0 $(size one) $T/one.tar
whole 0 $(digest one) $(size one)
blob 1 $(size two) $T/two.tar
whole 1 $(digest two) $(size two)
image 0 $T/image
done
S
imager bring docker-archive:"$T/draft"
is "$status" 0 'an image of three layers' || diag "$err"
is "$out" "$(config one)" 'its id is said'
like "$err" 'step reading the archive' 'what the helper does is said'
is "$(printf '%s\n' "$err" | grep -c '^layer ')" 2 'the layer that is there twice comes once'
is "$(printf '%s\n' "$err" | grep -c '^done ')" 2 'both layers are done'
is "$(ls "$images/names")" 'docker.io%library%one:latest' 'the archive gives it a name'
is "$(ls "$images/tmp")" '' 'nothing is left in tmp/'
imager use "$out"
is "$status" 0 'it can be used' || diag "$err"
is "$(printf '%s\n' "$out" | wc -l)" 3 'one directory a layer'
top=$(printf '%s\n' "$out" | sed -n 1p) middle=$(printf '%s\n' "$out" | sed -n 2p)
is "$(cat "$top/file")" one 'the topmost first'
is "$(cat "$middle/other")" two 'then the one below'
is "$err" '' 'nothing is unpacked for it'

# ---- the same again: nothing comes ----

record complete one two one >"$T/draft"
script source <<S
draft 0 1 $T/draft
await
image 0 $T/draft
done
S
imager bring docker-archive:"$T/draft" localhost/again:1
is "$status" 0 'the same again' || diag "$err"
is "$(printf '%s\n' "$err" | grep -c 'there$')" 2 'its layers are there'
ok '[ -e "$images/names/localhost%again:1" ]' 'it has a name that was asked for'

# ---- another class of ids ----

if have subids; then
	imager use "$(config one)" single
	is "$status" 0 'for other ids' || diag "$err"
	like "$err" 'step unpacking 3 layers for ids single' 'it is unpacked again, with a word'
	like "$out" '/layers/single/' 'into a class of its own'
	imager use "$(config one)" single
	is "$err" '' 'and once only'
	class=$(find "$images/layers" -name 'caller-*' -printf '%f')
	imager use "$(config one)" subid
	is "$status" 0 'root is the first subordinate id' || diag "$err"
	isnt "$(stat -c %u "$(printf '%s\n' "$out" | sed -n 1p)")" "$(id -u)" 'to whom the tree belongs'
	is "$(cat "$(printf '%s\n' "$out" | sed -n 1p)/file")" one 'it is whole'
else
	class=single
	skip no-subids 'another class'
fi

# ---- a layer that is gone is made again of its blob; without the blob it is an error ----

rm -r "$images/layers/$class/$(diff_hex two)"
imager use "$(config one)"
is "$status" 0 'a layer that is missing is unpacked from its blob' || diag "$err"
like "$err" 'unpacking 1 layer for ids' 'only that one'
rm -r "$images/layers/$class/$(diff_hex two)" "$images/blobs/sha256/$(digest_hex two)"
imager use "$(config one)"
is "$status" 125 'without the blob'
like "$err" 'lichen pull NAME' 'it is said how to get it'

# ---- a plain tar: nobody knows any digest before it is read ----

make_layer plain 'echo plain >plain'
record plain plain >"$T/draft"
record complete plain >"$T/image"
script source <<S
draft 0 1 $T/draft
await
blob 0 0 $T/plain.head
more 0 $T/plain.tail
whole 0 $(digest plain) $(size plain)
diff 1
put $T/plain.config $(config plain)
put $T/plain.manifest $(manifest plain)
image 0 $T/image
done
S
head -c 600 "$T/plain.tar" >"$T/plain.head"
tail -c +601 "$T/plain.tar" >"$T/plain.tail"
imager path "$T/plain.tar"
is "$status" 0 'a tar without any digest' || diag "$err"
is "$out" "$(config plain)" 'becomes an image'

# ---- run ./file.tar: once ----

script source <<S
error 2 it was read again
S
imager path "$T/plain.tar"
is "$status" 0 'the same file is not read again' || diag "$err"
is "$out" "$(config plain)" 'it is the same image'
echo >>"$T/plain.tar"
imager path "$T/plain.tar"
is "$status" 125 'when it has changed, it is'

# ---- the true one, from a pipe ----

rm "$T/bin/helpers/source"
make_layer pipe 'echo pipe >pipe'
# shellcheck disable=SC2002 # it is to be a pipe
out=$(cat "$T/pipe.tar" | "$T/bin/imager" bring - 2>"$T/.err")
is $? 0 'a tar from standard input, which is a pipe' || diag "$(cat "$T/.err")"
imager use "$out"
is "$(cat "$out/pipe")" pipe 'is an image'

# ---- two at once ----

make_layer both 'i=0; while [ $i -lt 300 ]; do echo $i >$i; i=$((i + 1)); done'
record layers both >"$T/draft"
record complete both >"$T/image"
script source <<S
draft 0 1 $T/draft
await
put $T/both.config $(config both)
put $T/both.manifest $(manifest both)
blob 0 $(size both) $T/both.tar
whole 0 $(digest both) $(size both)
image 0 $T/image
done
S
for n in 1 2 3; do
	"$T/bin/imager" bring docker-archive:"$T/draft" >"$T/both.$n" 2>&1 &
	eval "pid$n=\$!"
done
for n in 1 2 3; do
	eval "wait \$pid$n"
	is $? 0 "three lichens bring the same layer: number $n" || diag "$(cat "$T/both.$n")"
done
is "$(find "$images/layers/$class/$(diff_hex both)/root" -type f | wc -l)" 300 'it is whole'
is "$(ls "$images/tmp")" '' 'nothing is left in tmp/'

done_testing
