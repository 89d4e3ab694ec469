#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A registry that wants to hurt: answers without end, a manifest of ten thousand layers, lists in lists, names that lead out of
# the store, escapes for the terminal. Each ends soon, with one error, and leaves nothing.
# shellcheck disable=SC2016 # expanded by others
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

need cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-registry" ] || skip_all no-lichen-image

L=$T/layout
make_layout "$L"
serve_layout "$L"

tag=1
# ends FAULT REGEX DESC: in seconds, with an error that says why, and nothing in the store
ends() {
	: >"$L/log"
	began=$(date +%s)
	task source registry="127.0.0.1:$port" repository="$1" tag="$tag" username=user password=pass stall_ms:=1000 tries:=3 platform=linux/amd64
	took=$(($(date +%s) - began))
	if [ "$status" -eq 1 ] && [ "$took" -lt 30 ] && [ -z "$(find "$S/images/tmp" -type f)" ] && [ ! -e "$S/images/blobs/sha256/$layer" ] &&
		printf '%s\n' "$out" | grep -aEq "^(lichen|  hint): .*($2)"; then
		pass "$3"
	else
		fail "$3" || told "status $status after $took s" || told "$out" || told "$(find "$S/images" -type f)"
	fi
	unlike "$out" "$(printf '[\033\007]')" 'without escapes'
}

# ---- without end
ends endless-chunks "more than the $layer_size bytes" 'a layer without length or end'
ends endless-headers 'KiB of headers' 'headers without end'
ends endless-100 'KiB of headers' 'interim answers without end'
ends endless-trailers 'KiB of headers|ends after|too|larg' 'trailers without end'
ends endless-token 'larger than 4 MiB|control' 'a token without end'
ends slow-headers 'in time|ends after' 'headers by the byte'
ends slow-body 'ends after' 'a layer by the byte'
ends 429-year '429 Too Many Requests' 'one that wants to be asked in the next millennium'

# ---- who gets the password
: >"$L/away"
: >"$L/log"
task source registry="127.0.0.1:$port" repository=ok tag=1 username=user password=pass platform=linux/amd64
rm "$L/away"
is "$status" 0 'a registry whose first page lies elsewhere'
like "$(cat "$L/log")" '^other GET /v2/ ' 'which is looked at'
unlike "$(cat "$L/log")" '^other .*auth=[^ ]|/token' 'and has no say in where the password goes'

# ---- words for the terminal
ends escape-scheme '401 Unauthorized|wants to be asked' 'escapes in a scheme'
ends escape-realm '401 Unauthorized|is no address' 'escapes in the address of a token service'
ends escape-location 'neither https nor http|is no address' 'escapes in a redirect'

# serve_manifest TYPE: $T/manifest becomes what the tag "hostile" is
tag=hostile
serve_manifest() {
	layout_put "$L" "$T/manifest"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"hostile"}}]}' \
		"$1" "$digest" "$size" >"$L/index.json"
}
M=application/vnd.oci.image.manifest.v1+json I=application/vnd.oci.image.index.v1+json
# of_layers LAYERS: a manifest of these, with the config that there is
of_layers() {
	printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%d},"layers":[%s]}' \
		"$M" application/vnd.oci.image.config.v1+json "$config" "$(wc -c <"$T/config.json")" "$1" >"$T/manifest"
	serve_manifest "$M"
}

# ---- too much
one="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:$layer\",\"size\":$layer_size}"
of_layers "$(seq 10000 | sed "s|.*|$one|" | paste -sd,)"
ends ok 'layers' 'ten thousand layers'
of_layers '{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:'"$layer"'","size":99999999999999}'
ends ok 'more than the' 'a layer of a hundred terabytes'
of_layers '{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:'"$layer"'","size":-1}'
ends ok 'size' 'a layer of less than nothing'
printf '%0100000d' 0 | tr 0 '[' >"$T/manifest"
serve_manifest "$M"
ends ok 'JSON|nest|deep|depth' 'JSON of a hundred thousand brackets'
of_layers "$one"
for i in 1 2 3 4 5 6; do
	printf '{"schemaVersion":2,"mediaType":"%s","level":%d,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"platform":{"os":"linux","architecture":"amd64"}}]}' \
		"$I" "$i" "$([ "$i" -eq 1 ] && echo "$M" || echo "$I")" "$digest" "$size" >"$T/manifest"
	serve_manifest "$I"
done
ends ok 'indexes in indexes' 'lists in lists in lists'
ok '[ "$(grep -c manifests/ "$L/log")" -le 4 ]' 'are not followed for long'

# ---- out of the store
for bad in 'sha256:../../../../names/x' 'sha256:..' '../x' "sha256:$(printf '%063d' 0)/" "md5:$(printf '%032d' 0)" 'sha256:'; do
	of_layers '{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"'"$bad"'","size":5}'
	ends ok 'digest' "a layer called $bad"
	is "$(find "$S" -type f)" '' 'nothing is written'
done

kill "$server"
wait "$server" 2>/dev/null
done_testing
