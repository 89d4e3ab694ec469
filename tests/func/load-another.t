#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A layer of an archive is hashed by who unpacks it, and kept under its name only if that is its digest.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
[ "$(id -u)" -ne 0 ] || skip_all is-root
images=$XDG_DATA_HOME/lichen/images

make_layout "$T/good"
printf '{"imageLayoutVersion":"1.0.0"}' >"$T/good/oci-layout"
cp -r "$T/good" "$T/bad"
# as long, a tar, and another one
head -c 400000 /dev/zero >"$T/root/file"
tar -C "$T/root" -cf "$T/bad/blobs/sha256/$layer" .
is "$(wc -c <"$T/bad/blobs/sha256/$layer")" "$layer_size" 'the other layer has the same size'
other=$(sha256sum <"$T/bad/blobs/sha256/$layer" | cut -c1-64)

run_lichen load -q -i "oci:$T/bad"
is "$status" 125 'a layer that is another one'
like "$err" "layer ${layer%????????????????????????????????????????????????????}: .*sha256:$other.*sha256:$layer" 'is an error that names both'
is "$(find "$images/blobs" "$images/layers" "$images/tmp" -type f 2>/dev/null)" '' 'and nothing of it is kept'

run_lichen load -q -i "oci:$T/good"
is "$status" 0 'the right one'
is "$(sha256sum <"$images/blobs/sha256/$layer" | cut -c1-64)" "$layer" 'lies under its digest'

# ---- archives of docker's do not say the digest of a blob
(cd "$T" && printf '[{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]}]' >manifest.json &&
	gzip -kn layer.tar && mv layer.tar layer.kept && mv layer.tar.gz layer.tar && tar -cf docker.tar manifest.json config.json layer.tar)
packed=$(sha256sum <"$T/layer.tar" | cut -c1-64)
run_lichen load -q -i "$T/docker.tar"
is "$status" 0 'an archive of docker, whose layer has no digest'
is "$(sha256sum <"$images/blobs/sha256/$packed" | cut -c1-64)" "$packed" 'gets it from who unpacks it'
done_testing
