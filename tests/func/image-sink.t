#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen-image writes images out as archives and layouts that it and others read again
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/image.sh"
# shellcheck disable=SC2154 # err and status are run_as_is's
image_need
cd "$T" || exit 99

# send KIND FILE IMAGES: from the store; IMAGES is the request's list.
send() { run_as_is "$image_driver" "$image_helper" sink "{\"kind\":\"$1\",\"images\":[$3]}" "$images" "$images/tmp/t" "$2"; }

# ---- two images in the store: a shared layer, one layer compressed ----

mkdir -p one/bin two/etc
echo program >one/bin/prog
echo text >two/etc/text
tar -C one -cf one.tar --owner=0 --group=0 --mtime=@1 bin
tar -C two -cf two.tar --owner=0 --group=0 --mtime=@1 etc
one=$(hex_of one.tar)
two=$(hex_of two.tar)
gzip -n -k two.tar
mkdir saved
cp one.tar two.tar.gz saved
make_config saved/a.json "$one" "$two"
make_config saved/b.json "$one"
echo '[{"Config":"a.json","RepoTags":["app:1"],"Layers":["one.tar","two.tar.gz"]},{"Config":"b.json","RepoTags":["base:1"],"Layers":["one.tar"]}]' >saved/manifest.json
tar -C saved -cf saved.tar .
bring '{"kind":"docker-archive","all":true,"platform":"linux/amd64"}' saved.tar
is "$status" 0 'two images are there'
keep_records
a=sha256:$(hex_of saved/a.json)
b=sha256:$(hex_of saved/b.json)
a_manifest=$(field manifest 1)
cp -r images store
# back: the store as it was brought first
back() { rm -rf images && cp -r store images; }
both="{\"id\":\"$a\",\"name\":\"docker.io/library/app:1\"},{\"id\":\"$b\",\"name\":\"localhost/base:1\"},{\"id\":\"$a\",\"name\":\"reg.example:5000/app:1\"}"

# ---- what is written ----

send docker-archive +out.tar "$both"
is "$status" 0 'docker-archive'
is "$(tar -tf out.tar | sort | tr '\n' ' ')" "$(printf '%s\n' "$one.tar" "$two.tar" "${a#*:}.json" "${b#*:}.json" manifest.json | sort | tr '\n' ' ')" 'each layer once, by its diff id'
is "$(tar -xOf out.tar "$two.tar" | sha256sum | cut -d' ' -f1)" "$two" 'a compressed layer is written as a tar'
like "$(tar -xOf out.tar manifest.json)" '"RepoTags":\["docker.io/library/app:1","reg.example:5000/app:1"\]' 'an image with two names'
send docker-archive +again.tar "$both"
is "$(hex_of again.tar)" "$(hex_of out.tar)" 'the same images give the same bytes'
run_as_is sh -c '"$@" | cat >pipe.tar' sh "$image_driver" "$image_helper" sink "{\"kind\":\"docker-archive\",\"images\":[$both]}" images images/tmp/t =
is "$(hex_of pipe.tar)" "$(hex_of out.tar)" 'through a pipe, too'
run_as_is sh -c '"$@" | head -c 100 >/dev/null' sh "$image_driver" "$image_helper" sink "{\"kind\":\"docker-archive\",\"images\":[$both]}" images images/tmp/t =
unlike "$err" 'without a word' 'a pipe whose reader has gone is no crash'

send oci-archive +oci.tar "$both"
is "$status" 0 'oci-archive'
like "$(tar -xOf oci.tar index.json)" '"org.opencontainers.image.ref.name":"docker.io/library/app:1"' 'names that share a tag are written in full'
send oci-archive +oci-one.tar "{\"id\":\"$a\",\"name\":\"docker.io/library/app:1\"}"
like "$(tar -xOf oci-one.tar index.json)" '"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.ref.name":"1"' 'else the tag'
like "$err" "^done  $a_manifest\$" 'the digest of the manifest is said'
mkdir dir
send oci dir "{\"id\":\"$a\"}"
is "$status" 0 'oci'
is "$(find dir -type f | wc -l)" 6 'its files: two layers, config, manifest, index, oci-layout'
send oci dir "{\"id\":\"$a\"}"
is "$status" 1 'a directory that has a layout'
like "$err" 'has an image layout already' 'is not written into'

# ---- and read again ----

for what in docker-archive:out.tar oci-archive:oci.tar path:out.tar path:oci.tar; do
	bring "{\"kind\":\"${what%:*}\",\"all\":true,\"platform\":\"linux/amd64\"}" "${what#*:}"
	is "$status,$(printf '%s\n' "$err" | sed -n 's/^image .*"id":"\([^"]*\)".*/\1/p' | sort -u | tr '\n' ' ')" \
		"0,$(printf '%s\n' "$a" "$b" | sort | tr '\n' ' ')" "$what: the same images"
	sound 'its blobs'
done
like "$err" '"names":\["reg.example:5000/app:1"\]' 'and names'
bring '{"kind":"oci","platform":"linux/amd64"}' dir
is "$(field manifest)" "$a_manifest" 'oci: the same manifest'

# ---- a store that is damaged ----

back
echo other >"images/blobs/sha256/$one"
for kind in docker-archive oci-archive; do
	send $kind +bad.tar "{\"id\":\"$a\"}"
	is "$status" 1 "$kind: a blob that is not what its name says"
	like "$err" "what lies in the store as sha256:$one is sha256:" 'the error says so'
done
rm -rf bad
mkdir bad
send oci bad "{\"id\":\"$a\"}"
like "$err" "what lies in the store as sha256:$one is sha256:" 'oci: the same'
[ ! -e "bad/blobs/sha256/$one" ] && [ ! -e bad/index.json ]
ok $? 'nothing wrong is left of it'
rm "images/blobs/sha256/$one"
send docker-archive +bad.tar "{\"id\":\"$a\"}"
like "$err" "the store lacks the blob sha256:$one" 'a blob that is gone'
send docker-archive +bad.tar "{\"id\":\"sha256:$(printf '0%.0s' $(seq 64))\"}"
like "$err" 'reading the record of an image' 'an image that is not there'
send docker-archive +bad.tar '{"id":"../../canary"}'
like "$err" 'the request names no image' 'an id that is none'
back
send docker-archive /dev/full "{\"id\":\"$a\"}"
is "$status" 1 'what cannot be written'
if [ -w /dev/full ]; then
	run_as_is sh -c '"$@" >/dev/full' sh "$image_driver" "$image_helper" sink "{\"kind\":\"docker-archive\",\"images\":[{\"id\":\"$a\"}]}" images images/tmp/t =
	like "$err" 'ENOSPC|No space' 'a full disk is named'
else
	skip no-dev-full 'a full disk is named'
fi

# ---- verify ----

# verify DIGEST: of the store
verify() { run_as_is "$image_driver" "$image_helper" verify "{\"blobs\":[\"sha256:$one\",\"$1\"]}" images; }
gz=$(hex_of two.tar.gz)
verify "sha256:$gz"
is "$status" 0 'blobs are verified'
like "$err" "^brought 0 sha256:$one [0-9]* counter none\$" 'one is whole'
like "$err" "^brought 1 sha256:$gz [0-9]* counter none\$" 'and another'
echo more >>"images/blobs/sha256/$gz"
verify "sha256:$gz"
like "$err" "^brought 1 sha256:$gz .* its content is sha256:" 'one that was changed is told'
rm "images/blobs/sha256/$gz"
verify "sha256:$gz"
like "$err" "^brought 1 sha256:$gz .* is missing\$" 'one that is gone'
mkfifo "images/blobs/sha256/$gz"
verify "sha256:$gz"
like "$err" "^brought 1 sha256:$gz .* is no file\$" 'one that is a FIFO'
verify "sha256:../../x"
is "$status" 1 'what is no digest is refused'
back

# ---- what others read ----

if command -v skopeo >/dev/null; then
	for where in docker-archive:out.tar:docker.io/library/app:1 oci-archive:oci-one.tar:1 oci:dir; do
		skopeo inspect --raw --config "$where" >config.out 2>skopeo.err
		is "$(hex_of config.out)" "${a#*:}" "skopeo reads $where" || diag "$(cat skopeo.err)"
		rm -rf copy
		skopeo copy -q --insecure-policy "$where" dir:copy >/dev/null 2>skopeo.err
		ok $? 'and copies its layers' || diag "$(cat skopeo.err)"
	done
else
	skip no-skopeo 'skopeo reads it'
fi
if command -v umoci >/dev/null; then
	mkdir named
	send oci named "{\"id\":\"$a\",\"name\":\"docker.io/library/app:1\"}"
	umoci unpack --rootless --image named:1 bundle >/dev/null 2>&1
	is "$(cat bundle/rootfs/bin/prog bundle/rootfs/etc/text 2>&1)" "$(printf 'program\ntext')" 'umoci unpacks it'
else
	skip no-umoci 'umoci unpacks it'
fi
if have root && command -v podman >/dev/null; then
	printf '[storage]\ndriver="vfs"\nrunroot="%s/run"\ngraphroot="%s/containers"\n' "$T" "$T" >storage.conf
	CONTAINERS_STORAGE_CONF=$T/storage.conf
	export CONTAINERS_STORAGE_CONF
	for file in out.tar oci-one.tar; do
		podman load -q -i "$file" >podman.out 2>&1
		like "$(cat podman.out)" 'docker.io/library/app:1' "podman loads $file"
		like "$(podman images --no-trunc 2>/dev/null)" "docker.io/library/app +1 +$a" 'with its id'
		podman rmi -af >/dev/null 2>&1
	done
else
	skip "${tap_why:-no-podman}" 'podman loads it'
fi
done_testing
