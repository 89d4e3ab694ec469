#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen-image brings images from archives and directories, says what they are, and takes no lie
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/image.sh"
# shellcheck disable=SC2154 # err and status are run_as_is's
image_need
cd "$T" || exit 99

echo canary >canary
platform='"platform":"linux/amd64"'
docker="{\"kind\":\"docker-archive\",$platform}"
path="{\"kind\":\"path\",$platform}"

# ---- an archive by hand: two layers ----

mkdir -p one/bin two/etc
echo program >one/bin/prog
echo text >two/etc/text
tar -C one -cf one.tar --owner=0 --group=0 --sort=name --mtime=@1 bin
tar -C two -cf two.tar --owner=0 --group=0 --sort=name --mtime=@1 etc
one=$(hex_of one.tar)
two=$(hex_of two.tar)

# archive NAME: DIR/NAME with manifest.json last, as tar -cf NAME.tar
archive() { (cd "$1" && tar -cf "../$1.tar" ./*); }

mkdir saved
cp one.tar "saved/$one.tar"
cp two.tar "saved/$two.tar"
make_config config.json "$one" "$two"
config=$(hex_of config.json)
cp config.json "saved/$config.json"
printf '[{"Config":"%s.json","RepoTags":["app:1"],"Layers":["%s.tar","%s.tar"]}]' "$config" "$one" "$two" >saved/manifest.json
archive saved

for request in "$docker" "$path"; do
	bring "$request" saved.tar
	is "$status" 0 "brought: $request"
	is "$(field id)" "sha256:$config" 'its id is the digest of its config'
	like "$err" "\"names\":\\[\"docker.io/library/app:1\"\\]" 'its name is a full reference'
	like "$err" "^blob 0 $(wc -c <one.tar) 2\$" 'the first layer begins to come, with a counter'
	like "$err" "^brought 1 sha256:$two $(wc -c <two.tar) counter whole\$" 'the second has come, and the counter said so'
	is "$(tr ',' '\n' <"$images/blobs/sha256/$(field manifest | cut -d: -f2)" | grep -c "$one\|$two\|$config")" 3 'a manifest was made'
	sound 'every blob is what its name says'
done
first=$(field manifest)
bring "$docker" saved.tar
is "$(field manifest)" "$first" 'the same archive gives the same manifest'
bring "$docker" saved.tar --want-none
is "$status" 0 'nothing is wanted'
unlike "$err" '^blob' 'so no layer is told of'
[ ! -e "$images/blobs/sha256/$one" ]
ok $? 'nor written'

# ---- compressed, and through a pipe ----

gzip -k saved.tar
xz -k saved.tar
bzip2 -k saved.tar
all='gz xz bz2'
if command -v zstd >/dev/null; then zstd -q saved.tar && all="$all zst"; else skip no-zstd 'compressed by zstd'; fi
for end in $all; do
	bring "$path" "saved.tar.$end"
	is "$status,$(field id)" "0,sha256:$config" "compressed: $end"
	sound "$end: the blobs"
done
for end in '' .gz; do
	fresh_store
	# shellcheck disable=SC2016 # for the inner shell
	run_as_is sh -c 'cat "$0" | "$@"' "saved.tar$end" "$image_driver" "$image_helper" source "$path" "$images" "$images/tmp/t" -
	is "$status,$(field id)" "0,sha256:$config" "through a pipe: saved.tar$end"
done

# ---- several ----

make_config other.json "$one"
other=$(hex_of other.json)
cp -r saved pair
cp other.json "pair/$other.json"
printf '[{"Config":"%s.json","RepoTags":["app:1"],"Layers":["%s.tar","%s.tar"]},{"Config":"%s.json","RepoTags":["reg.example/b:2","\\u001b[2J"],"Layers":["%s.tar"]}]' \
	"$config" "$one" "$two" "$other" "$one" >pair/manifest.json
archive pair
bring "$docker" pair.tar
is "$status" 1 'two images, and none is chosen'
like "$err" 'the archive has 2 images' 'the error says so'
like "$err" '@0 \(app:1\), @1 \(reg.example/b:2 ' 'and which there are'
unlike "$err" "$(printf '\033')" 'without what a terminal would obey'
bring "{\"kind\":\"docker-archive\",\"number\":1,$platform}" pair.tar
is "$(field id)" "sha256:$other" 'chosen by number'
like "$err" '^warn the image comes without a name: ' 'a name that is none is said'
for ref in app:1 docker.io/library/app:1; do
	bring "{\"kind\":\"docker-archive\",\"ref\":\"$ref\",$platform}" pair.tar
	is "$(field id)" "sha256:$config" "chosen by name: $ref"
done
bring "{\"kind\":\"docker-archive\",\"ref\":\"none:1\",$platform}" pair.tar
like "$err" 'the archive has no image none:1' 'a name that is not there'
bring "{\"kind\":\"docker-archive\",\"number\":7,$platform}" pair.tar
like "$err" 'the archive has no image @7' 'a number that is not there'
bring "{\"kind\":\"docker-archive\",\"all\":true,$platform}" pair.tar
is "$status,$(printf '%s\n' "$err" | grep -c '^image ')" 0,2 'all of them'
like "$err" '^blob 2 [0-9]* 1$' 'a shared layer comes once, and is handed over whole the second time'
sound 'all: the blobs'

# ---- how docker wrote and writes ----

mkdir -p old/a old/b
cp one.tar old/a/layer.tar
ln -s ../a/layer.tar old/b/layer.tar
make_config old/c.json "$one" "$one"
echo '[{"Config":"c.json","RepoTags":null,"Layers":["a/layer.tar","b/layer.tar"]}]' >old/manifest.json
archive old
bring "$docker" old.tar
is "$status" 0 'a layer that is a link to another'
is "$(find "$images/blobs" -name "$one" | wc -l)" 1 'is one blob'
rm old/b/layer.tar
ln old/a/layer.tar old/b/layer.tar
archive old
bring "$docker" old.tar
is "$status" 0 'a hard link'

mkdir -p new/blobs/sha256
cp one.tar "new/blobs/sha256/$one"
cp other.json "new/blobs/sha256/$other"
printf '[{"Config":"blobs/sha256/%s","RepoTags":["x"],"Layers":["blobs/sha256/%s"]}]' "$other" "$one" >new/manifest.json
echo '{"imageLayoutVersion":"1.0.0"}' >new/oci-layout
echo '{"schemaVersion":2,"manifests":[]}' >new/index.json
archive new
bring "$path" new.tar
is "$status,$(field id)" "0,sha256:$other" 'blobs/sha256, as docker saves since 25'

for end in gz xz; do
	mkdir "in-$end"
	case $end in gz) gzip -c one.tar ;; xz) xz -c one.tar ;; esac >"in-$end/layer.tar"
	make_config "in-$end/c.json" "$one"
	echo '[{"Config":"c.json","Layers":["layer.tar"]}]' >"in-$end/manifest.json"
	archive "in-$end"
	bring "$docker" "in-$end.tar"
	is "$status" 0 "a layer in $end"
	sound "$end: the blobs"
done
like "$err" "\"digest\":\"sha256:$one\",\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\"" 'xz has no media type: it is kept as a tar'
bring "$docker" in-gz.tar
like "$err" "^brought 0 sha256:$(hex_of in-gz/layer.tar) " 'gzip stays as it is'
bring "$docker" in-gz.tar --want-none
is "$status" 0 'a blob whose digest is not known is brought though it is not wanted'
sound 'and lies in the store'

# ---- OCI layouts ----

# oci_image DIR CONFIG LAYER...: blobs and a manifest; sets $manifest
oci_image() {
	oci_dir=$1 oci_config=$2
	shift 2
	mkdir -p "$oci_dir/blobs/sha256"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$oci_dir/oci-layout"
	cp "$oci_config" "$oci_dir/blobs/sha256/$(hex_of "$oci_config")"
	oci_layers=
	for layer; do
		cp "$layer" "$oci_dir/blobs/sha256/$(hex_of "$layer")"
		oci_layers="$oci_layers${oci_layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:$(hex_of "$layer")\",\"size\":$(wc -c <"$layer")}"
	done
	printf '{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[%s]}' \
		"$(hex_of "$oci_config")" "$(wc -c <"$oci_config")" "$oci_layers" >manifest.tmp
	manifest=$(hex_of manifest.tmp)
	cp manifest.tmp "$oci_dir/blobs/sha256/$manifest"
}

# entry TYPE HEX FILE MORE: a descriptor
entry() { printf '{"mediaType":"application/vnd.oci.image.%s.v1+json","digest":"sha256:%s","size":%d%s}' "$1" "$2" "$(wc -c <"$3")" "$4"; }
named() { printf ',"annotations":{"org.opencontainers.image.ref.name":"%s"}' "$1"; }
index() { printf '{"schemaVersion":2,"manifests":[%s]}' "$1"; }

oci_image lay config.json one.tar two.tar
m1=$manifest
oci_image lay other.json one.tar
m2=$manifest
index "$(entry manifest "$m1" "lay/blobs/sha256/$m1" "$(named v1)"),$(entry manifest "$m2" "lay/blobs/sha256/$m2" "$(named docker.io/library/b:2)")" >lay/index.json
archive lay
for request in "{\"kind\":\"oci\",\"tag\":\"v1\",$platform}:lay" "{\"kind\":\"oci-archive\",\"tag\":\"v1\",$platform}:lay.tar" \
	"{\"kind\":\"path\",\"tag\":\"v1\",$platform}:lay" "{\"kind\":\"path\",\"tag\":\"v1\",$platform}:lay.tar"; do
	bring "${request%:*}" "${request##*:}"
	is "$status,$(field id),$(field manifest)" "0,sha256:$config,sha256:$m1" "$request"
	sound 'its blobs'
done
bring "{\"kind\":\"oci\",$platform}" lay
like "$err" 'there are 2 images in it' 'none is chosen'
like "$err" 'v1, docker.io/library/b:2' 'the names are said'
bring "{\"kind\":\"oci\",\"tag\":\"v9\",$platform}" lay
like "$err" 'there is no image v9 in it' 'a name that is not there'
bring "{\"kind\":\"oci\",\"all\":true,$platform}" lay
is "$status,$(printf '%s\n' "$err" | grep -c '^image ')" 0,2 'all of a layout'
like "$err" '"names":\["docker.io/library/b:2"\]' 'a full name is one of the image, a tag is not'

oci_image many config.json one.tar two.tar
index "$(entry manifest "$m1" "lay/blobs/sha256/$m1" ',"platform":{"os":"linux","architecture":"amd64"}'),$(entry manifest "$m2" "lay/blobs/sha256/$m2" ',"platform":{"os":"linux","architecture":"arm","variant":"v6"}')" >inner.json
oci_image many other.json one.tar
cp inner.json "many/blobs/sha256/$(hex_of inner.json)"
index "$(entry index "$(hex_of inner.json)" inner.json '')" >many/index.json
bring "{\"kind\":\"oci\",$platform}" many
is "$(field manifest)" "sha256:$m1" 'an index in the index: this platform'
bring '{"kind":"oci","platform":"linux/arm/v7"}' many
is "$(field manifest)" "sha256:$m2" 'an older variant of another platform'
like "$err" '^warn the image is for linux/amd64, not for linux/arm$' 'a config that says otherwise is said'
bring '{"kind":"oci","platform":"linux/s390x"}' many
like "$err" 'there is no image for linux/s390x' 'no such platform'
like "$err" 'there is linux/amd64, linux/arm/v6' 'what there is'

# ---- roots ----

mkdir -p root/dir
echo hello >root/file
ln root/file root/dir/same
ln -s ../file root/dir/link
: >root/.wh.gone
: >root/secret
chmod 0 root/secret
truncate -s 1M root/holes
echo end >>root/holes
touch -d @1 root/file root/dir root
tar -C root --exclude=secret -cf root.tar .
gzip -k root.tar
xz -k root.tar
bring "$path" root.tar
is "$status" 0 'a root tar'
is "$(field digest)" "sha256:$(hex_of root.tar)" 'is the layer as it is'
bring "$path" root.tar.gz --diff="sha256:$(hex_of root.tar)"
is "$(field digest),$(field diffId)" "sha256:$(hex_of root.tar.gz),sha256:$(hex_of root.tar)" 'compressed by gzip too'
like "$err" 'v1.tar\+gzip' 'and its type says so'
bring "{\"kind\":\"tar\",$platform}" root.tar.xz
is "$(field digest)" "sha256:$(hex_of root.tar)" 'xz is taken off'
fresh_store
# shellcheck disable=SC2016 # for the inner shell
run_as_is sh -c 'cat "$0" | "$@"' root.tar "$image_driver" "$image_helper" source "{\"kind\":\"tar\",$platform}" "$images" "$images/tmp/t" -
is "$(field digest)" "sha256:$(hex_of root.tar)" 'a root tar through a pipe'

bring "$path" root
is "$status" 0 'a root directory'
layer=$images/blobs/sha256/$(field digest | cut -d: -f2)
is "$(tar -tf "$layer" | sort | tr '\n' ' ')" "./ dir/ dir/link dir/same file holes $([ "$(id -u)" -ne 0 ] || echo 'secret ')" 'its files'
like "$err" '^warn left out, as they have names that mean the removal of another file \(.wh.\): 1 \(.wh.gone\)$' 'a name that would be a whiteout is left out, and said'
if [ "$(id -u)" -ne 0 ]; then
	like "$err" '^warn left out, as they cannot be read: 1 \(secret\)$' 'what cannot be read is said'
else
	skip is-root 'what cannot be read is said'
fi
mkdir back
tar -C back -xf "$layer"
is "$(stat -c %h back/file),$(readlink back/dir/link),$(stat -c %Y back/dir)" "2,../file,1" 'links and times'
cmp -s back/holes root/holes
ok $? 'a file with holes has its bytes'
# shellcheck disable=SC2016 # for ok
ok '[ "$(wc -c <"$layer")" -lt 100000 ]' 'and its holes'
digest=$(field digest)
bring "$path" root
is "$(field digest)" "$digest" 'packed again: the same bytes'
bring "{\"kind\":\"tar\",$platform,\"config\":{\"version\":1,\"env\":[\"A=b\"],\"cmd\":[\"/x\"],\"workingDir\":\"/w\",\"layers\":[],\"history\":[]}}" root.tar
is "$status" 0 'an import with wishes'
like "$(cat "$images/blobs/sha256/$(field id | cut -d: -f2)")" '"config":\{"Env":\["A=b"\],"Cmd":\["/x"\],"WorkingDir":"/w"\}' 'has them in its config'

# ---- lies ----

# wrong DESC WORDS REQUEST FILE: it is refused with these words, and the store stays sound
wrong() {
	bring "$3" "$4"
	is "$status" 1 "refused: $1"
	like "$err" "$2" 'with words about it'
	unlike "$err" '^image ' 'it is no image'
	sound 'the store is sound'
}

# variant NAME: a copy of saved to spoil
variant() {
	rm -rf "$1"
	cp -r saved "$1"
}

variant other-layer
cp two.tar "other-layer/$one.tar"
archive other-layer
wrong 'another layer than the config says' "is not what its digest says: sha256:$one was expected" "$docker" other-layer.tar
variant config-lies
cp other.json "config-lies/$config.json"
archive config-lies
wrong 'a config of another digest, with fewer layers' 'config is not what|has 2 layers' "$docker" config-lies.tar
gzip -c saved.tar >tail.tar.gz
echo x >>tail.tar.gz
wrong 'something behind a compressed archive' 'decompressing: behind the gzip stream' "$docker" tail.tar.gz
printf '\050\265\057\375\000\220\001\000\000' >window.tar.zst
wrong 'an archive that needs 256 MiB to be decompressed' 'decompressing: the zstd stream needs a window .* cap of 128 MiB' "$docker" window.tar.zst
bring "{\"kind\":\"docker-archive\",$platform,\"max_memory\":268435456}" window.tar.zst
unlike "$err" 'larger than the cap' 'it may be allowed'
variant no-layer
rm "no-layer/$two.tar"
archive no-layer
wrong 'a layer that is not there' "the archive has no $two.tar" "$docker" no-layer.tar
for name in ../canary /etc/passwd "x/../../canary" "$T/canary" ''; do
	variant names
	printf '[{"Config":"%s.json","Layers":["%s","%s.tar"]}]' "$config" "$name" "$two" >names/manifest.json
	archive names
	wrong "a layer named '$name'" 'leads out of the archive|has no |is no file' "$docker" names.tar
done
for target in /etc/passwd ../canary ../../../../etc/passwd "$one.tar"; do
	variant link
	rm "link/$one.tar"
	ln -s "$target" "link/$one.tar"
	archive link
	wrong "a layer that is a link to $target" 'leads out|leads round|has no ' "$docker" link.tar
done
variant twice
(cd twice && tar -cf ../twice.tar ./* && tar -rf ../twice.tar ./manifest.json)
wrong 'two files with the name manifest.json' 'manifest.json twice' "$docker" twice.tar

# text DESC WORDS TEXT: such a manifest.json
text() {
	variant text
	printf '%s' "$3" >text/manifest.json
	archive text
	wrong "$1" "$2" "$docker" text.tar
}
text 'duplicate keys' 'duplicate' '[{"Config":"a","Config":"b","Layers":[]}]'
text 'no list' 'is no list' '{}'
text 'no JSON' 'manifest.json: line 1' 'x'
text 'no image at all' 'has no image' '[]'
text 'a number for a name' '"Config" is no text' '[{"Config":1}]'
text 'a huge number' 'too big' '[{"Config":99999999999999999999}]'
text 'lists in lists' 'manifest.json: line 1' "$(head -c 100000 /dev/zero | tr '\0' '[')"
text 'no config' 'without "Config"' '[{"Layers":[]}]'
text 'more layers than the config' 'manifest.json has 3 layers' "[{\"Config\":\"$config.json\",\"Layers\":[\"a\",\"b\",\"c\"]}]"
variant large
{ printf '["'; head -c 5000000 /dev/zero | tr '\0' 'x'; printf '"]'; } >large/manifest.json
archive large
wrong 'a manifest.json of 5 MB' 'larger than 4096 KiB' "$docker" large.tar
rm -rf large large.tar

head -c 15000 saved.tar >short.tar
wrong 'a truncated archive' 'archive' "$docker" short.tar
head -c 400 saved.tar.gz >short.gz
wrong 'a truncated stream' 'truncated|decompress' "$docker" short.gz
head -c 20000 /dev/urandom >noise
wrong 'noise' 'neither an archive nor a directory|nrecognized' "$path" noise
: >empty
wrong 'an empty file' 'nrecognized archive format' "$docker" empty
wrong 'no archive but a directory' 'is a directory' "$docker" saved
wrong 'a blob above the cap' 'more than the 1KiB that one may have' "{\"kind\":\"docker-archive\",\"blob_bytes\":1024,$platform}" saved.tar
wrong 'all blobs above the cap' 'than the 12KiB that they may' "{\"kind\":\"docker-archive\",\"total_bytes\":12288,$platform}" saved.tar
head -c 50000000 /dev/zero | gzip >bomb.gz
wrong 'a bomb' 'larger than the 1MiB that it may be' "{\"kind\":\"docker-archive\",\"total_bytes\":1048576,$platform}" bomb.gz

# layout DESC WORDS SED: lay with an index of one, spoiled
layout() {
	rm -rf bad
	cp -r lay bad
	index "$(entry manifest "$m1" "lay/blobs/sha256/$m1" '')" | sed "$3" >bad/index.json
	wrong "$1" "$2" "{\"kind\":\"oci\",$platform}" bad
}
layout 'another size' 'and was said to have 5' 's/"size":[0-9]*/"size":5/'
layout 'another digest' 'has no blobs/sha256/0000' "s/$m1/$(printf '0%.0s' $(seq 64))/"
layout 'a digest that climbs' 'is no digest' "s/$m1/..\\/..\\/canary/"
layout 'an image called an index' 'says|has layers' 's/image.manifest/image.index/'
rm -rf bad
cp -r lay bad
index "$(entry manifest "$m1" "lay/blobs/sha256/$m1" '')" >bad/index.json
cp -r bad changed
tr 2 3 <"bad/blobs/sha256/$m1" >"changed/blobs/sha256/$m1"
wrong 'a changed manifest' 'is not what its digest says' "{\"kind\":\"oci\",$platform}" changed
rm -rf changed
cp -r bad changed
tr p q <two.tar >"changed/blobs/sha256/$one"
wrong 'a changed layer of another size or content' 'is not what its digest says|was said to have' "{\"kind\":\"oci\",$platform}" changed
rm "changed/blobs/sha256/$one"
ln -s "$T/one.tar" "changed/blobs/sha256/$one"
wrong 'a blob that is a link to a file outside' "the directory has no blobs/sha256/$one" "{\"kind\":\"oci\",$platform}" changed
rm "changed/blobs/sha256/$one"
mkfifo "changed/blobs/sha256/$one"
wrong 'a blob that is a FIFO' 'is no file' "{\"kind\":\"oci\",$platform}" changed

# a circle cannot be, as digests are; a long chain can
inner="$(entry manifest "$m1" "lay/blobs/sha256/$m1" '')"
rm -rf bad
cp -r lay bad
for _ in 1 2 3 4 5; do
	index "$inner" >chain.json
	cp chain.json "bad/blobs/sha256/$(hex_of chain.json)"
	inner=$(entry index "$(hex_of chain.json)" chain.json '')
done
index "$inner" >bad/index.json
wrong 'indexes in indexes' 'more than 4 indexes within each other' "{\"kind\":\"oci\",$platform}" bad

is "$(cat canary)" canary 'the canary is untouched'

# ---- what others write ----

if command -v umoci >/dev/null && command -v skopeo >/dev/null; then
	umoci init --layout peer >/dev/null && umoci new --image peer:v >/dev/null 2>&1
	umoci raw add-layer --image peer:v one.tar >/dev/null 2>&1
	umoci config --image peer:v --config.cmd /bin/prog --config.label a=b >/dev/null 2>&1
	bring "{\"kind\":\"path\",$platform}" peer
	is "$status,$(field diffId)" "0,sha256:$one" "umoci's layout"
	like "$(record 1)" '"cmd":\["/bin/prog"\].*"labels":\["a=b"\]' 'what it says about a start'
	id=$(field id)
	skopeo copy -q --insecure-policy oci:peer:v docker-archive:peer.tar:app/x:1 >/dev/null
	bring "$path" peer.tar
	is "$status,$(field id)" "0,$id" "skopeo's docker-archive"
	like "$err" '"names":\["docker.io/app/x:1"\]' 'its name'
	skopeo copy -q --insecure-policy oci:peer:v oci-archive:peer-oci.tar:v >/dev/null
	bring "$path" peer-oci.tar
	is "$status,$(field id)" "0,$id" "skopeo's oci-archive"
	sound 'its blobs'
else
	skip no-skopeo 'what umoci and skopeo write'
fi
if have root && command -v podman >/dev/null && command -v buildah >/dev/null; then
	printf '[storage]\ndriver="vfs"\nrunroot="%s/run"\ngraphroot="%s/store"\n' "$T" "$T" >storage.conf
	CONTAINERS_STORAGE_CONF=$T/storage.conf
	export CONTAINERS_STORAGE_CONF
	container=$(buildah --isolation chroot from scratch 2>/dev/null)
	buildah add -q "$container" one.tar / >/dev/null 2>&1
	buildah config --env A=b --entrypoint '["/bin/prog"]' "$container" 2>/dev/null
	buildah commit -q "$container" localhost/made:1 >/dev/null 2>&1
	buildah rm "$container" >/dev/null 2>&1
	for format in docker-archive oci-archive; do
		podman save -q --format $format -o "podman-$format.tar" localhost/made:1 >/dev/null 2>&1
		bring "$path" "podman-$format.tar"
		is "$status" 0 "podman save --format $format, of what buildah made"
		like "$(record 1)" '"names":\["localhost/made:1"\].*"env":\[.*"A=b".*"entrypoint":\["/bin/prog"\]' 'its name and its start'
		sound 'its blobs'
	done
	podman rmi -af >/dev/null 2>&1
else
	skip "${tap_why:-no-podman}" 'what podman and buildah write'
fi
done_testing
