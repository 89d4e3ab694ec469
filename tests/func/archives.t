#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The forms in which archives of images are written: an index in an index, one of several tags, one of several images, compressed.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
busybox_image "$T/a.tar" a.example/first:1 '' a
a=$image_id
busybox_image "$T/b.tar" second:2 '' b
b=$image_id

# loaded WORD WHAT DESC: lichen load WORD says WHAT.
loaded() {
	run_lichen load -q "$1"
	is "$status:$out" "0:$2" "$3"
}
id_of() { "$LICHEN" inspect --format '{{.Id}}' "$1"; }

loaded "$T/a.tar" 'Loaded image: a.example/first:1' 'one image'
loaded "$T/b.tar" 'Loaded image: second:2' 'and another'

# ---- several images in one archive ----

run_lichen save -o "$T/both.tar" a.example/first:1 second:2
is "$status" 0 'save of two'
run_lichen rmi a.example/first:1 second:2
loaded "docker-archive:$T/both.tar:@1" 'Loaded image: second:2' 'docker-archive:FILE:@1 is the second'
is "$("$LICHEN" images -q --no-trunc)" "$b" 'and only that'
run_lichen rmi second:2
loaded "docker-archive:$T/both.tar:@0" 'Loaded image: a.example/first:1' 'docker-archive:FILE:@0 is the first'
is "$("$LICHEN" images -q --no-trunc)" "$a" 'and only that'
run_lichen rmi a.example/first:1
loaded "docker-archive:$T/both.tar:second:2" 'Loaded image: second:2' 'docker-archive:FILE:REF'
is "$("$LICHEN" images -q --no-trunc)" "$b" 'and only that'
run_lichen rmi second:2
loaded "docker-archive:$T/both.tar:a.example/first:1" 'Loaded image: a.example/first:1' 'docker-archive:FILE:REF, with a registry'
run_lichen rmi a.example/first:1
wrong 'docker-archive:FILE:@2 of two' '@2|number 2|2 images' -- load -q "docker-archive:$T/both.tar:@2"
wrong 'docker-archive:FILE:REF that it has not' 'third:3' -- load -q "docker-archive:$T/both.tar:third:3"
run_lichen load -q "$T/both.tar"
is "$(printf '%s\n' "$out" | sort)" 'Loaded image: a.example/first:1
Loaded image: second:2' 'without a word behind it: all'

# ---- a layout with two tags, and an index in its index ----

run_lichen tag a.example/first:1 lay:one
run_lichen tag second:2 lay:two
run_lichen save --format oci-dir -o "$T/lay" lay:one lay:two
is "$status" 0 'save of two as a layout'
cp -R "$T/lay" "$T/nested"
tar -C "$T/lay" -cf "$T/lay.tar" .
run_lichen rmi -f "$a" "$b"
for tag in one two; do
	[ $tag = one ] && want=$a || want=$b
	for word in "oci:$T/lay:$tag" "oci-archive:$T/lay.tar:$tag"; do
		run_lichen load -q "$word"
		is "$status" 0 "${word%%:*}: of the tag $tag"
		is "$("$LICHEN" images -q --no-trunc)" "$want" 'is that image, and only that'
		run_lichen rmi -f "$want"
	done
done
wrong 'oci:DIR:TAG that it has not' 'three' -- load -q "oci:$T/lay:three"
blob() {
	mv "$1" "$T/nested/blobs/sha256/$(sha256sum <"$1" | cut -d' ' -f1)"
}
# the layout's index becomes a blob, in an index, in an index
for turn in 1 2; do
	size=$(wc -c <"$T/nested/index.json")
	hex=$(sha256sum <"$T/nested/index.json" | cut -d' ' -f1)
	if [ $turn = 1 ]; then
		# one manifest, for this machine
		manifest=$(tr -d '\n' <"$T/nested/index.json" | sed 's/.*"manifests": *\[ *\({[^}]*}\).*/\1/; s/,* *"annotations".*//; s/}*$//')
		architecture=$("$LICHEN" images --json >/dev/null; tap_architecture)
		printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,"platform":{"os":"linux","architecture":"%s"}}]}' \
			"$manifest" "$architecture" >"$T/nested/index.json"
		size=$(wc -c <"$T/nested/index.json")
		hex=$(sha256sum <"$T/nested/index.json" | cut -d' ' -f1)
	fi
	blob "$T/nested/index.json"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%d,%s}]}' \
		"$hex" "$size" '"annotations":{"org.opencontainers.image.ref.name":"deep"}' >"$T/nested/index.json"
done
for word in "oci:$T/nested" "oci:$T/nested:deep"; do
	run_lichen load -q "$word"
	is "$status" 0 "an index in an index: load ${word##*/}"
	is "$("$LICHEN" images -q --no-trunc)" "$a" 'brings the image'
	run_lichen rmi -f "$a"
done

# ---- compressed, from standard input ----

for form in gz:gzip zst:zstd xz:xz bz2:bzip2; do
	tool=${form#*:}
	if command -v "$tool" >/dev/null; then
		for file in "$T/a.tar" "$T/lay.tar"; do
			"$tool" -c <"$file" >"$T/packed"
			LICHEN_STDIN=$T/packed run_lichen load -q
			is "$status" 0 "${file##*/}, ${form%%:*}: from a file on standard input"
			is "$(id_of "$a")" "$a" 'the image is there'
			run_lichen rmi -f "$a"
			# shellcheck disable=SC2002 # it is to be a pipe
			cat "$T/packed" | "$LICHEN" load -q >"$T/said" 2>&1
			is "$?" 0 "${file##*/}, ${form%%:*}: from a pipe"
			is "$(id_of "$a")" "$a" 'the image is there'
			run_lichen rmi -f "$a"
		done
	else
		skip "no-$tool" "compressed by $tool"
	fi
done

# ---- what podman, skopeo and umoci do with what was saved ----

loaded "$T/a.tar" 'Loaded image: a.example/first:1' 'once more'
run_lichen save -o "$T/saved.docker" a.example/first:1
run_lichen save --format oci-archive -o "$T/saved.oci" a.example/first:1
run_lichen save --format oci-dir -o "$T/saved.dir" a.example/first:1
if command -v skopeo >/dev/null; then
	for word in "docker-archive:$T/saved.docker" "oci-archive:$T/saved.oci" "oci:$T/saved.dir"; do
		skopeo --insecure-policy copy -q "$word" "docker-archive:$T/copied:a.example/first:1" >"$T/said" 2>&1
		is "$?" 0 "skopeo copies ${word%%:*}" || diag "$(cat "$T/said")"
		run_lichen rmi -f "$a"
		run_lichen load -q "$T/copied"
		is "$(id_of "$a")" "$a" 'and what it wrote is the same image'
		rm "$T/copied"
	done
else
	skip no-skopeo 'skopeo copies it'
fi
if command -v umoci >/dev/null; then
	umoci unpack --rootless --image "$T/saved.dir:1" "$T/bundle" >"$T/said" 2>&1
	is "$(cat "$T/bundle/rootfs/text")" a 'umoci unpacks it' || diag "$(cat "$T/said")"
else
	skip no-umoci 'umoci unpacks it'
fi
# of_podman ARGUMENT...: with a store, a state and processes of its own, and without cgroups: crun refuses a machine that has both versions.
of_podman() {
	env -u XDG_DATA_HOME XDG_RUNTIME_DIR="$T/podman" CONTAINERS_STORAGE_CONF="$T/storage.conf" \
		unshare --user --map-root-user --map-auto --mount --pid --fork --kill-child --mount-proc -- sh -c 'for dir in /sys/fs/cgroup /dev/shm /run; do mount -t tmpfs none "$dir"; done; exec "$@"' sh \
		podman --tmpdir "$T/podman/tmp" --cgroup-manager=cgroupfs --events-backend=none "$@"
}
end_podman() { in_own_map rm -rf "$T/podman" 2>/dev/null; }
mkdir "$T/podman"
printf '[storage]\ndriver="vfs"\nrunroot="%s/run"\ngraphroot="%s/graph"\nrootless_storage_path="%s/graph"\n' "$T/podman" "$T/podman" "$T/podman" >"$T/storage.conf"
if ! have subids; then
	skip "$tap_why" 'podman loads and runs it'
elif ! command -v podman >/dev/null; then
	skip no-podman 'podman loads and runs it'
elif ! of_podman info >"$T/said" 2>&1; then
	diag "$(cat "$T/said")"
	skip podman-cannot-start 'podman loads and runs it'
else
	at_exit end_podman
	for file in saved.docker saved.oci; do
		of_podman load -q -i "$T/$file" >"$T/said" 2>&1
		like "$(cat "$T/said")" '[Ll]oaded image: a\.example/first:1' "podman loads $file"
		is "$(of_podman images -q --no-trunc)" "$a" 'with its id'
		of_podman run --rm --network=none --cgroups=disabled a.example/first:1 cat /text >"$T/said" 2>&1
		# what this machine has not: a runtime, or cgroups that it takes
		if grep -q 'cgroups in hybrid mode\|default OCI runtime .* not found\|executable file not found' "$T/said"; then
			skip podman-cannot-run 'and runs it'
		else
			is "$(cat "$T/said")" a 'and runs it'
		fi
		of_podman rmi -af >/dev/null 2>&1
	done
	end_podman
fi
done_testing
