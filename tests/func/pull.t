#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images come from registries and go there; what is fetched is told, and what is there already is not fetched again.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum cmd:docker-registry
start_registry open

busybox_image "$T/i.tar" busybox:1
run_lichen load -q "$T/i.tar"
wrong 'push of an id says not where to' 'says nothing of where it is to go' -- push "$image_id"
run_lichen push busybox:1 "$registry/team/box:1"
is "$status" 0 'push'
like "$out" '^sha256:[0-9a-f]{64}$' 'prints the digest of the manifest there'
digest=$out
run_lichen rmi -f "$image_id"

run_lichen pull "$registry/team/box:1"
run_lichen push "$registry/team/box:1" "$registry/other/box:1"
is "$status:$out" "0:$digest" 'push to another repository of the same registry'
like "$(cat "$T/.registry/log")" 'POST /v2/other/box/blobs/uploads/.mount=sha256%3A[0-9a-f]*&from=team%2Fbox HTTP/1.1. 201' 'mounts what is there'
run_lichen rmi -f "$image_id"

run_lichen pull "$registry/team/box:1"
is "$status:$out" "0:$image_id" 'pull prints the id'
like "$err" '^[0-9a-f]{12}: downloading' 'and tells what goes on'
like "$err" '^[0-9a-f]{12}: done$' 'to its end'
run_lichen pull "$registry/team/box:1"
like "$err" '^[0-9a-f]{12}: already there$' 'what is there is not fetched again'
run_lichen pull -q "$registry/team/box:1"
is "$out:$err" "$image_id:" '-q'
run_lichen pull --json "$registry/team/box:1"
is "$(printf '%s\n' "$out" | tail -n 1)" "{\"event\":\"image\",\"image\":\"$registry/team/box:1\",\"id\":\"$image_id\"}" '--json'
like "$out" '^\{"event":"layer",.*"status":"already there"' 'with each layer'
run_lichen pull -q "$registry/team/box@$digest"
is "$out" "$image_id" 'by its digest'
run_lichen pull -q "$registry/team/none:1" "$registry/team/box:1"
is "$status:$out" "125:$image_id" 'one that is not there keeps no other from coming'
like "$err" "$registry/team/none:1" 'and is named'

run_lichen rmi -f "$image_id"
conf=${XDG_CONFIG_HOME:-$HOME/.config}/lichen
mkdir -p "$conf"
printf 'mirror private.invalid = %s/none\nmirror private.invalid = %s/team\n' "$registry" "$registry" >"$conf/images.conf"
run_lichen pull private.invalid/box:1
is "$status:$out" "0:$image_id" 'by the second of two mirrors'
like "$err" 'a mirror is of no use: .*/none/box has no 1 for us' 'the first is said to have nothing'
rm "$conf/images.conf"
run_lichen rmi -f "$image_id"
run_lichen run -q "$registry/team/box:1" cat /text
is "$status:$out" 0:text 'run brings it'
stop_registry
run_lichen run -q "$registry/team/box:1" cat /text
is "$status:$out" 0:text 'and needs no registry the next time'
run_lichen run -q --pull=always "$registry/team/box:1" cat /text
is "$status:$out" 125: 'but with --pull=always'
wrong 'a path' 'a path is not the name of an image' "lichen load -i ./x" -- pull ./x
wrong 'a wrong platform' '--platform arm: expected OS/ARCH' -- pull --platform arm x
wrong 'a file of certificates that is not there' '--cacert /nosuch.pem' ENOENT -- pull --cacert /nosuch.pem "$registry/x"
done_testing
