# shellcheck shell=sh disable=SC2034,SC2154 # what the test reads; err, T, top_builddir: of tap.sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/registry.sh - asks lichen-registry for what has to do with registries, as the launcher does

# request KEY=TEXT... KEY:=JSON...: one JSON object; texts have no quotes in them
request() {
	sep='{'
	for word; do
		case ${word%%=*} in
		*:) printf '%s"%s":%s' "$sep" "${word%%:=*}" "${word#*:=}" ;;
		*) printf '%s"%s":"%s"' "$sep" "${word%%=*}" "${word#*=}" ;;
		esac
		sep=,
	done
	printf '}'
}

n=0
# task TASK [KEY=VALUE...]: in a store of its own, $S, or in $STORE where that is set; $out is what it said
task() {
	n=$((n + 1))
	S=${STORE:-$T/store$n}
	mkdir -p "$S/images/tmp/task" "$S/images/records"
	task=$1
	shift
	run_as_is "$top_builddir/tests/tools/source" "$top_builddir/helpers/lichen-registry" "$task" \
		"$(request kind=registry pause_ms:=10 "$@")" "$S/images" "$S/images/tmp/task"
	out=$err
	# what the launcher does with the record
	id=$(printf '%s\n' "$out" | sed -n 's/^image .*"id":"sha256:\([0-9a-f]*\)".*/\1/p')
	[ -z "$id" ] || printf '%s\n' "$out" | sed -n 's/^image //p' >"$S/images/records/$id"
}

# push STORE [KEY=VALUE...]: the image that came last
push() {
	STORE=$1
	shift
	for record in "$STORE"/images/records/*; do
		task sink images:="[{\"id\":\"sha256:${record##*/}\"}]" "$@"
	done
	STORE=
}

# layout_put DIR FILE: into the blobs of DIR; sets $digest (hex) and $size
layout_put() {
	digest=$(sha256sum <"$2" | cut -c1-64)
	size=$(wc -c <"$2")
	cp "$2" "$1/blobs/sha256/$digest"
}

# make_layout DIR: an image of one layer with the tag 1, as an OCI layout; sets $layer, $config and $manifest, digests
# in hex, and $layer_size. What they are of lies in $T/layer.tar, $T/config.json and $T/manifest.
make_layout() {
	mkdir -p "$1/blobs/sha256" "$T/root"
	head -c 400000 /dev/urandom >"$T/root/file"
	tar -C "$T/root" -cf "$T/layer.tar" .
	layout_put "$1" "$T/layer.tar"
	layer=$digest layer_size=$size
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$layer" >"$T/config.json"
	layout_put "$1" "$T/config.json"
	config=$digest
	printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"%s","digest":"sha256:%s","size":%d}]}' \
		application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json "$config" "$size" \
		application/vnd.oci.image.layer.v1.tar "$layer" "$layer_size" >"$T/manifest"
	layout_put "$1" "$T/manifest"
	manifest=$digest
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
		application/vnd.oci.image.manifest.v1+json "$manifest" "$size" >"$1/index.json"
}

# serve_layout DIR: tests/tools/registry, whose faults are the repositories' names; its log is DIR/log. Sets $port and $server.
# shellcheck disable=SC2016 # expanded at exit
serve_layout() {
	mkfifo "$T/says"
	"$top_builddir/tests/tools/registry" "$1" >"$T/says" &
	server=$!
	at_exit 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null'
	read -r port _ <"$T/says"
	rm "$T/says"
}

# make_layers DIR N: an image of N layers of 100 kB and more, with the tag 1, as an OCI layout. Sets $config, and $layers, digests in hex.
make_layers() {
	mkdir -p "$1/blobs/sha256" "$T/root"
	layers='' of='' diff_ids=''
	for i in $(seq "$2"); do
		head -c 100000 /dev/urandom >"$T/root/file$i"
		tar -C "$T/root" -cf "$T/layer.tar" "file$i"
		layout_put "$1" "$T/layer.tar"
		layers="$layers $digest"
		diff_ids="$diff_ids${diff_ids:+,}\"sha256:$digest\""
		of="$of${of:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:$digest\",\"size\":$size}"
	done
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$diff_ids" >"$T/config.json"
	layout_put "$1" "$T/config.json"
	config=$digest
	printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%d},"layers":[%s]}' \
		application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json "$config" "$size" "$of" >"$T/manifest"
	layout_put "$1" "$T/manifest"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
		application/vnd.oci.image.manifest.v1+json "$digest" "$size" >"$1/index.json"
}
