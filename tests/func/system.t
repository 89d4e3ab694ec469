#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# What images, sandboxes and volumes take up is shown; what nobody uses is removed; what is damaged is found.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

# root's store is shared by all: there is nothing to be counted in it
need user userns busybox
find_probe
root=$T/root
busybox_root "$root"
tar -C "$root" -cf "$T/root.tar" .
store=$XDG_DATA_HOME/lichen/images

# of TYPE COLUMN: a number of `system df`
of() { "$LICHEN" system df --json | sed -n "s/.*\"type\": \"$1\".*\"$2\": \([0-9]*\).*/\1/p"; }

# ---- df ----

run_lichen system df
is "$status" 0 'df where there is nothing'
# sandboxes are all that the user runs, those of other tests, too
is "$(printf '%s\n' "$out" | awk 'NR > 1 && $1 != "containers" { print $1, $2, $3, $4, $5 }')" 'images 0 0 0B 0B
volumes 0 0 0B 0B' 'nothing takes up nothing'
run_lichen import "$T/root.tar" one:1
is "$status" 0 'an image'
run_lichen import -c 'LABEL for=test' "$T/root.tar"
is "$status" 0 'one without a tag, with the same layer'
nameless=$(printf '%s\n' "$out" | tail -n 1)
is "$(of images total):$(of images active)" 2:0 'df: two images'
size=$(of images size)
ok '[ "$size" -gt 1000000 ]' 'that have a size'
is "$(of images reclaimable)" "$size" 'all of which can be reclaimed'
run_lichen volume create data
start -v data:/data "$root" sh -c 'dd if=/dev/zero of=/data/x bs=1k count=64 2>/dev/null; dd if=/dev/zero of=/y bs=1k count=64 2>/dev/null; echo up; exec sleep 300'
ok '[ "$(of containers total)" -ge 1 ] && [ "$(of containers active)" -ge 1 ]' 'df: a sandbox'
ok '[ "$(of containers reclaimable)" -lt 65536 ]' 'nothing of which can be reclaimed'
ok '[ "$(of containers size)" -ge 65536 ]' 'its layer is measured'
is "$(of volumes total):$(of volumes active):$(of volumes reclaimable)" 1:1:0 'a volume in use'
run_lichen system df -v
like "$out" '^one:1 .* no ' 'df -v: each image'
like "$out" '^data .* yes ' 'and each volume'

# ---- prune ----

run_lichen system prune </dev/null
is "$status" 125 'prune does not go on where nobody can be asked'
like "$err" 'with -f' 'and says what to do'
run_lichen image prune -f --filter label=other
unlike "$out" Deleted 'image prune: none has this label'
run_lichen image prune -f --filter until=24h
unlike "$out" Deleted 'none is as old'
run_lichen image prune -f
is "$(printf '%s\n' "$out" | sed -n 1p)" "Deleted: $nameless" 'the one without a tag goes'
is "$(of images total)" 1 'the other stays'
run_lichen system verify
is "$status:$out" '0:Nothing is wrong: 3 blobs were read, the files of 1 unpacked layer compared.' 'and is whole'
run_lichen system prune -f --volumes
unlike "$out" data 'a volume in use stays'
kill -TERM "$pid"
finish
run_lichen image prune --filter until=yesterday
like "$err" 'no time' 'a time that is none'

# ---- verify ----

blob=$(find "$store/blobs/sha256" -type f -size +100k)
cp "$blob" "$T/kept"
printf x | dd of="$blob" bs=1 seek=600 conv=notrunc 2>/dev/null
run_lichen system verify
is "$status" 1 'verify: a byte has changed'
like "$out" "^$(echo "${blob##*/}" | cut -c1-12)  one:1  its content is sha256:" 'it is named, with its image'
run_lichen system verify --json one:1
is "$status" 1 'one image alone'
like "$out" "\"object\": \"sha256:${blob##*/}\"" '--json'
printf x >>"$blob"
run_lichen system verify
like "$out" 'has [0-9]* bytes and should have' 'a byte too much'
rm "$blob"
run_lichen system verify
like "$out" "${blob##*/}, is missing" 'a blob that is missing'
cp "$T/kept" "$blob"
run_lichen system verify
is "$status" 0 'put right again'
echo nonsense >"$store/names/x:1"
run_lichen system verify
like "$out" '^x:1 .*no id of an image' 'a name of nothing'
rm "$store/names/x:1"
for class in "$store"/layers/*; do mv "$class" "$T/moved"; done
run_lichen system verify
is "$status" 0 'a layer that is not unpacked will be when it is needed'
mv "$T/moved" "$class"
wrong 'verify of none' 'nosuch' -- system verify nosuch

# ---- an rmi that was killed ----

# between the name and the record: there is an image without a name, as any other
rm "$store/names/docker.io%library%one:1"
run_lichen images -q --filter dangling=true
like "$out" '^[0-9a-f]{12}$' 'it is listed as dangling'
run_lichen system verify
is "$status" 0 'nothing is wrong with it'
run_lichen image prune -f
like "$out" '^Deleted: sha256:' 'prune takes it'
is "$(of images total):$(of images size)" 0:0 'with all that it has'

# ---- all of it ----

run_lichen system prune -a --volumes -f
like "$out" '^Deleted: volume data' 'prune -a --volumes: the volume'
is "$(of images total):$(of images size):$(of volumes total)" 0:0:0 'nothing is left'

done_testing
