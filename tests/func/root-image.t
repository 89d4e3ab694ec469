#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# As this machine's root: images are loaded, pulled, run, saved and removed as by others, their files are root's, and a volume that
# is filled from an image has the image's owners.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need root busybox cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
# Root has one store for all: names that nobody else has.
name=localhost/test-$$
at_exit '"$LICHEN" rmi -f "$name:1" "$name:2" "$name:3"; "$LICHEN" volume rm -f "test-$$"; rm -f "$T/oci.tar"' >/dev/null 2>&1
store=/var/lib/lichen/images

mkdir -p "$T/layer/data/sub" "$T/layer/bin"
busybox_root "$T/layer"
echo from-image >"$T/layer/data/file"
echo text >"$T/layer/text"
chown -R 0:0 "$T/layer"
chown 7:8 "$T/layer/data/file"
chmod 4755 "$T/layer/bin/busybox"
tar -C "$T/layer" --numeric-owner -cf "$T/root.tar" .
run_lichen import -q -c 'CMD ["cat","/text"]' -c "ENV MARK=$mark" "$T/root.tar" "$name:1"
is "$status" 0 'import'
run_lichen run "$name:1"
is "$status:$out" 0:text 'run, with its own command'
run_lichen run "$name:1" stat -c '%u:%g %a' /text /data/file /bin/busybox
is "$out" '0:0 644
7:8 644
0:0 4755' 'owners and modes inside are the image'"'"'s'
run_lichen run --read-only "$name:1" sh -c 'echo x >/text'
isnt "$status" 0 '--read-only'
run_lichen run "$name:1" sh -c 'echo changed >/text && chown 5:5 /text && stat -c %u /text'
is "$status:$out" 0:5 'a file is changed, and given away'
run_lichen run "$name:1" stat -c %u:%s /text
is "$out" 0:5 'in that run only'

# ---- the class of the layers: those of this map, and of another ----

run_lichen save -o "$T/saved.tar" "$name:1"
is "$status" 0 'save'
diff_id=$(tar -xOf "$T/saved.tar" manifest.json | grep -oE '"Layers":\["[^"]*"' | grep -oE '[0-9a-f]{64}')
# CLASS UID:GID of /data/file for each tree of the layer; a class is named after the first of its ids.
unpacked() {
	find "$store/layers" -mindepth 2 -maxdepth 2 -name "$diff_id" | while read -r tree; do
		printf '%s ' "$(basename "$(dirname "$tree")")"
		find "$tree" -path '*/data/file' -exec stat -c %u:%g {} +
	done
}
trees=$(unpacked)
class=${trees%% *}
first=$(printf '%s' "$class" | sed 's/^subid-//; s/\..*//')
is "$trees" "$class $((first + 7)):$((first + 8))" 'the layer is unpacked once, for the subordinate ids of root: no file of an image belongs to root out here'
ok '[ "$first" -gt 65535 ]' 'nor to anybody else'
run_lichen run --ids=single "$name:1" cat /text
is "$status:$out" 0:text 'a run with one id'

# ---- a volume ----

run_lichen run -v "test-$$:/data" "$name:1" stat -c '%u:%g %a' /data/file
is "$out" '7:8 644' 'a named volume is filled from the image, owners and all'
run_lichen run -v "test-$$:/data" "$name:1" sh -c 'echo more >>/data/file; touch /data/sub/new'
run_lichen run -v "test-$$:/data" "$name:1" sh -c 'cat /data/file; stat -c %u /data/sub/new'
is "$out" 'from-image
more
0' 'and keeps what is written'
run_lichen volume rm "test-$$"
is "$status" 0 'volume rm'

# ---- out and in again ----

run_lichen inspect --format '{{.Id}}' "$name:1"
id=$out
run_lichen rmi -f "$name:1"
is "$status" 0 'rmi'
run_lichen load -q "$T/saved.tar"
is "$out" "Loaded image: $name:1" 'load'
run_lichen inspect --format '{{.Id}}' "$name:1"
is "$out" "$id" 'is the same image'
run_lichen run "$name:1" stat -c %u:%g /data/file
is "$status:$out" 0:7:8 'with the same owners'

# ---- a registry ----

if have cmd:docker-registry && have cmd:skopeo; then
	start_registry open
	# shellcheck disable=SC2154 # start_registry sets it
	skopeo --insecure-policy --tmpdir "$TMPDIR" copy -q --dest-tls-verify=false "docker-archive:$T/saved.tar" "docker://$registry/test-$$:1" >/dev/null
	run_lichen pull -q "$registry/test-$$:1"
	is "$status" 0 'pull'
	run_lichen run "$registry/test-$$:1"
	is "$status:$out" 0:text 'and run'
	run_lichen rmi -f "$registry/test-$$:1"
	stop_registry
else
	skip "$tap_why" 'pull'
fi

# ---- podman reads what save writes, and runs it ----

if have cmd:podman && have cmd:buildah; then
	printf '[storage]\ndriver="vfs"\nrunroot="%s/run"\ngraphroot="%s/store"\n' "$T/podman" "$T/podman" >"$T/storage.conf"
	CONTAINERS_STORAGE_CONF=$T/storage.conf
	export CONTAINERS_STORAGE_CONF
	for format in docker-archive oci-archive; do
		run_lichen save --format "$format" -o "$T/$format.tar" "$name:1"
		run_as_is podman load -q -i "$T/$format.tar"
		like "$out" "$name:1" "podman load of a $format"
		set -- sh -c 'cat /text; stat -c %u:%g /data/file; echo "$MARK"'
		run_as_is podman run --rm --cgroups=disabled --network=none --ulimit nofile=64:64 --ulimit nproc=64:64 "$name:1" "$@"
		case $err in
		*'hybrid mode'*)
			# crun does not start with cgroup v1 beside v2; what of podman's that needs no runtime does
			container=$(buildah from --pull-never "$name:1" 2>"$T/said")
			run_as_is buildah run --isolation chroot "$container" -- "$@"
			buildah rm "$container" >/dev/null 2>&1
			;;
		esac
		is "$status:$out" "0:text
7:8
$mark" "podman runs a $format" || diag "$err" "$(cat "$T/said")"
		podman rmi -af >/dev/null 2>&1
	done
else
	skip "$tap_why" 'podman run'
fi
run_lichen rmi -f "$name:1"
is "$status" 0 'the end'
done_testing
