#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What users of docker and podman do with a registry: push again, a platform that is not there, several names; what push
# wrote is read by skopeo and podman.
# shellcheck disable=SC2016 # expanded by others
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

need user userns busybox cmd:sha256sum cmd:docker-registry
start_registry open
at=$registry/team/box

# ---- push
busybox_image "$T/i.tar" busybox:1
run_lichen load -q "$T/i.tar"
run_lichen push busybox:1 "$at:1"
digest=$out
like "$err" '^[0-9a-f]{12}: uploading \(' 'what is not there is sent'
is "$(printf '%s\n' "$err" | grep -c ': uploading')" 1 'once'
run_lichen push busybox:1 "$at:1"
is "$status:$out" "0:$digest" 'to a tag that is there already'
like "$err" '^[0-9a-f]{12}: already there$' 'layers that are there are said to be'
unlike "$err" 'uploading' 'and not sent again'
run_lichen push --json busybox:1 "$at:2"
like "$out" '"event":"layer",.*"status":"already there"' 'with --json, too'
unlike "$out" '"status":"uploading"' 'which says nothing else'
like "$out" "^\{\"event\":\"pushed\",\"image\":\"$at:2\",\"id\":\"$digest\"\}$" 'and the digest last'
run_lichen push -q busybox:1 "$at:3"
is "$status:$out:$err" "0:$digest:" '-q prints the digest, and nothing else'
busybox_image "$T/other.tar" busybox:other '"Cmd":["/bin/true"]' other
run_lichen load -q "$T/other.tar"
run_lichen push -q busybox:other "$at:1"
other=$out
run_lichen pull -q "$at:1"
is "$out" "$image_id" 'a tag that is there goes over to the new image'
run_lichen pull -q "$at@$digest"
like "$status:$out" '^0:sha256:' 'and the old one is there by its digest'
ok '[ "$out" != "$image_id" ]' 'as it was'

# ---- others read it
if have cmd:skopeo; then
	printf '{}' >"$T/auth.json"
	REGISTRY_AUTH_FILE=$T/auth.json
	export REGISTRY_AUTH_FILE
	skopeo --tmpdir "$TMPDIR" inspect --tls-verify=false --format '{{.Digest}}' "docker://$at:1" >"$T/said" 2>&1
	is "$(cat "$T/said")" "$other" 'skopeo reads what push wrote'
	skopeo --insecure-policy --tmpdir "$TMPDIR" copy -q --src-tls-verify=false "docker://$at:1" "dir:$T/dir" >"$T/said" 2>&1
	is "$?" 0 'and all of its blobs' || diag "$(cat "$T/said")"
else
	skip no-skopeo 'skopeo reads what push wrote'
fi
if have cmd:podman; then
	podman_() {
		podman --root "$T/podman/root" --runroot "$T/podman/run" --tmpdir "$T/podman/tmp" --storage-driver vfs --cgroup-manager cgroupfs "$@"
	}
	podman_ pull -q --tls-verify=false "$at:1" >"$T/said" 2>"$T/said.err"
	is "$(cat "$T/said")" "${image_id#sha256:}" 'podman pulls what push wrote' || diag "$(cat "$T/said.err")"
	podman_ unshare rm -rf "$T/podman/root" "$T/podman/run" 2>/dev/null
	# the process that keeps podman's user namespace
	find "$T/podman" -name pause.pid | while read -r file; do kill "$(cat "$file")"; done
	unset REGISTRY_AUTH_FILE
else
	skip no-podman 'podman pulls what push wrote'
fi

# ---- several names
run_lichen pull "$registry/a:1" "$at:1" "$registry/b:1"
is "$status:$out" "125:$image_id" 'two of three are not there: the third comes'
is "$(printf '%s\n' "$err" | grep -c "$registry/a:1: ")" 1 'the first failure is said once'
is "$(printf '%s\n' "$err" | grep -c "$registry/b:1: ")" 1 'and the other once'
run_lichen pull --json "$registry/a:1" "$at:1"
is "$(printf '%s\n' "$err" | grep -c '"error"')" 1 'with --json, an object'
like "$out" "\"event\":\"image\",\"image\":\"$at:1\"" 'beside the image that came'

# ---- all tags
run_lichen rmi -f "$image_id"
run_lichen pull -q -a "$at"
is "$status,$(printf '%s\n' "$out" | sort -u | wc -l),$(printf '%s\n' "$out" | wc -l)" 0,2,3 '-a brings all three tags, which are two images'
run_lichen images --format '{{.Repository}}:{{.Tag}}'
like "$out" "^$at:1$" 'by their names'
like "$out" "^$at:3$" 'to the last'
run_lichen pull --all-tags "$registry/none"
is "$status:$out" 125: 'a repository that is not there'
like "$err" "^lichen: $registry/none: listing the tags: .*404 Not Found" 'is said to be none'
wrong 'a tag beside all tags' '--all-tags .*:1: expected the name of a repository' -- pull -a "$at:1"
stop_registry

# ---- a platform that is not there
L=$T/layout
make_layout "$L"
serve_layout "$L"
entry() {
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%d,"platform":{"os":"linux","architecture":"%s"%s}}' \
		application/vnd.oci.image.manifest.v1+json "$manifest" "$(wc -c <"$T/manifest")" "$1" "${2-}"
}
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s]}' \
	"$(entry amd64)" "$(entry arm ',"variant":"v7"')" >"$T/index"
layout_put "$L" "$T/index"
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"all"}}]}' \
	application/vnd.oci.image.index.v1+json "$digest" "$size" >"$L/index.json"
run_lichen pull --platform linux/s390x "127.0.0.1:$port/ok:all"
is "$status:$out" 125: 'a platform that the image is not made for'
like "$err" 'linux/s390x' 'is named'
like "$err" 'linux/amd64.*linux/arm/v7' 'beside those that there are'
run_lichen pull -q --platform linux/amd64 "127.0.0.1:$port/ok:all"
is "$status:$out" "0:sha256:$config" 'one of them comes'
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
	application/vnd.oci.image.manifest.v1+json "$manifest" "$(wc -c <"$T/manifest")" >"$L/index.json"
run_lichen pull -q -a "127.0.0.1:$port/ok"
is "$status:$out" "125:sha256:$config" 'of a list in two pages, one tag is not there: the other comes'
is "$(printf '%s\n' "$err" | grep -c "lichen: 127.0.0.1:$port/ok:none: ")" 1 'and that is said once'
run_lichen pull -q -a "127.0.0.1:$port/tags-loop"
is "$status:$out" 125: 'a list without end'
like "$err" 'more than 200 pages' 'has one'
run_lichen pull -q -a "127.0.0.1:$port/tags-bad"
is "$status:$out" 125: 'a tag that is none'
like "$err" 'tag 1 is none' 'is not believed'
kill "$server"
wait "$server" 2>/dev/null
done_testing
