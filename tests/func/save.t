#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What keeps an image from being saved is said once, and leaves nothing half written.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
busybox_image "$T/i.tar" busybox:1
run_lichen load -q "$T/i.tar"
is "$status" 0 'load'

# ---- a window above the cap ----

if command -v zstd >/dev/null; then
	mkdir "$T/wide"
	tar -C "$T/wide" -xf "$T/i.tar"
	# shellcheck disable=SC2002 # of a pipe's length zstd knows nothing, and takes the window that it is told
	cat "$T/wide/layer.tar" | zstd -q -1 --long=28 >"$T/wide/layer.zst"
	sed -i 's/layer\.tar/layer.zst/; s/busybox:1/wide:1/' "$T/wide/manifest.json"
	tar -C "$T/wide" -cf "$T/wide.tar" manifest.json "${image_id#sha256:}.json" layer.zst
	run_lichen rmi busybox:1
	wrong 'load of a layer with a window of 256 MiB' 'needs a window that is larger than the cap of 128 MiB' 'hint: --max-unpack-memory' -- load -q "$T/wide.tar"
	run_lichen load -q --max-unpack-memory 256m "$T/wide.tar"
	is "$status:$out" '0:Loaded image: wide:1' 'which is allowed more'
	run_lichen save -o "$T/out.tar" wide:1
	is "$status" 125 'save as docker-archive, which decompresses it'
	like "$err" 'needs a window that is larger than the cap of 128 MiB' 'has the same cap'
	like "$err" 'hint: --max-unpack-memory' 'and says what allows more'
	is "$(find "$T" -maxdepth 1 -name 'out.tar*')" '' 'nothing half written is left'
	run_lichen save --max-unpack-memory 255m -o "$T/out.tar" wide:1
	is "$status" 125 'a MiB too little'
	run_lichen save --max-unpack-memory 256m -o "$T/out.tar" wide:1
	is "$status:$err" "0:$err" 'as much as it needs'
	is "$(tar -xOf "$T/out.tar" "$(tar -tf "$T/out.tar" | sed -n '/\.tar$/p')" | sha256sum)" "$(sha256sum <"$T/wide/layer.tar")" 'the layer is the same'
	run_lichen save --format oci-archive -o "$T/out.oci" wide:1
	is "$status" 0 'save as oci-archive, which takes it as it is'
	run_lichen rmi wide:1
	run_lichen load -q "$T/i.tar"
	wrong 'a cap that is no size' '--max-unpack-memory much: expected a size' -- save --max-unpack-memory much -o "$T/x" busybox:1
else
	skip no-zstd 'a window above the cap'
fi

# ---- no room for the file ----

mkdir "$T/small"
for format in docker-archive oci-archive oci-dir; do
	run_as_is unshare --user --map-root-user --mount sh -c '
		mount -t tmpfs -o size=300k none "$1/small" || exit 99
		touch "$1/small/before"
		"$2" save --format "$3" -o "$1/small/out" busybox:1
		status=$?
		find "$1/small" -type f ! -name before ! -name oci-layout >"$1/left"
		exit $status' sh "$T" "$LICHEN" "$format"
	is "$status" 125 "save to a full disk, $format"
	like "$err" 'ENOSPC' 'why'
	unlike "$err" 'lichen image prune' 'the store is not what is full'
	is "$(cat "$T/left")" '' 'no half file is left'
done
run_as_is sh -c '"$1" save busybox:1 >/dev/full' sh "$LICHEN"
is "$status" 125 'save to what is always full'
like "$err" 'ENOSPC' 'why'
run_as_is sh -c '{ "$1" save busybox:1; echo "$?" >"$2"; } | head -c 100 >/dev/null' sh "$LICHEN" "$T/status"
is "$(cat "$T/status")" 125 'save to a pipe that closes: it ends'
like "$err" 'EPIPE' 'and says why'
is "$(printf '%s\n' "$err" | grep -c '^lichen: ')" 1 'once'

# ---- no room for the image ----

# filled SIZE FILE: load of FILE into a file system of that size.
filled() {
	run_as_is unshare --user --map-root-user --mount sh -c '
		mount -t tmpfs -o size="$3" none "$1/small" || exit 99
		mkdir -m 700 "$1/small/data"
		XDG_DATA_HOME=$1/small/data "$2" load -q "$4"' sh "$T" "$LICHEN" "$1" "$2"
	is "$status" 125 "load into $1"
	is "$(printf '%s\n' "$err" | grep -o 'the file system that has' | wc -l)" 1 'that it is full is said once'
	is "$(printf '%s\n' "$err" | grep -c 'hint:.*lichen image prune')" 1 'and what to do'
}
filled 2500k "$T/i.tar"
# of this one the size is known before it comes
run_lichen save --format oci-archive -o "$T/i.oci" busybox:1
filled 1m "$T/i.oci"
like "$err" 'the image needs more than [0-9.]+MiB' 'and how much it needs'
done_testing
