#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images come from archives and root file systems, and go into archives that bring them back the same.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum expect

busybox_image "$T/one.tar" busybox:1
run_lichen load -i "$T/one.tar"
is "$status:$out" '0:Loaded image: busybox:1' 'load -i FILE'
like "$err" '^[0-9a-f]{12}: (reading|unpacking)' 'what goes on is told, a line each'
run_lichen load -q "$T/one.tar"
is "$out$err" 'Loaded image: busybox:1' 'load FILE, with -q nothing else'
LICHEN_STDIN=$T/one.tar run_lichen load -q
is "$out" 'Loaded image: busybox:1' 'load <FILE'
# shellcheck disable=SC2002 # it is to be a pipe
is "$(cat "$T/one.tar" | "$LICHEN" load -q)" 'Loaded image: busybox:1' 'load from a pipe'
mkfifo "$T/fifo"
"$LICHEN" load -q "$T/fifo" >"$T/fifo.out" 2>&1 &
fifo_load=$!
cat "$T/one.tar" >"$T/fifo"
wait "$fifo_load"
is "$?:$(cat "$T/fifo.out")" '0:Loaded image: busybox:1' 'load of a FIFO'
timeout -s TERM -k 20 1 "$LICHEN" load -q "$T/fifo" >/dev/null 2>&1
is "$?" 124 'and what waits for a writer is ended by a signal'
is "$(yes | "$LICHEN" load -q 2>&1 | head -n 1)" \
	'lichen: standard input: it is no archive: it begins neither as a tar nor as something compressed' 'what never ends is not kept until it does'
busybox_image "$T/nameless.tar" '' '"Cmd":["/bin/true"]'
run_lichen load -q "$T/nameless.tar"
is "$out" "Loaded image ID: $image_id" 'an image without a name'
busybox_image "$T/named.tar" late:1 '"Cmd":["/bin/true"]'
run_lichen load -q "$T/named.tar"
is "$out" 'Loaded image: late:1' 'the same image again, which has a name now'
run_lichen load --json "$T/one.tar"
like "$out" '^\{"event":"image","image":"busybox:1","id":"sha256:[0-9a-f]{64}"\}$' 'load --json'
wrong 'load of two files' 'one file at a time' -- load -i "$T/one.tar" "$T/nameless.tar"
wrong 'load of a file that is not there' 'nosuch.tar' ENOENT -- load -i "$T/nosuch.tar"
echo 'no archive' >"$T/text"
run_lichen load -i "$T/text"
is "$status:$out" 125: 'what is no archive is an error'
wrong 'a cap' "--max-image-size much: expected a size" -- load --max-image-size much -i "$T/one.tar"

# Each layer that has come is held by a descriptor.
mkdir "$T/many"
layers=''
ids=''
for n in $(seq 70); do
	echo "$n" >"$T/many/file"
	tar -C "$T/many" -cf "$T/many/$n.tar" file
	layers="$layers${layers:+,}\"$n.tar\""
	ids="$ids${ids:+,}\"sha256:$(sha256sum <"$T/many/$n.tar" | cut -d' ' -f1)\""
done
printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$ids" >"$T/many/config.json"
printf '[{"Config":"config.json","RepoTags":["many:1"],"Layers":[%s]}]' "$layers" >"$T/many/manifest.json"
(cd "$T/many" && tar -cf "$T/many.tar" manifest.json config.json [0-9]*.tar)
# shellcheck disable=SC3045 # every sh that we have knows it
is "$(ulimit -S -n 64 && "$LICHEN" load -q "$T/many.tar" 2>&1)" 'Loaded image: many:1' 'more layers than descriptors'
# shellcheck disable=SC3045
(ulimit -n 64 && "$LICHEN" rmi -f many:1 && "$LICHEN" load -q "$T/many.tar") >"$T/few" 2>&1
like "$(cat "$T/few")" 'raise .ulimit -n' 'and where there may be no more, that is said'

# ---- save ----

for format in docker-archive oci-archive; do
	run_lichen save --format "$format" -o "$T/$format" busybox:1
	is "$status:$out" 0: "save --format $format"
done
run_lichen save --format oci-dir -o "$T/layout" busybox:1
ok '[ -e "$T/layout/oci-layout" ] && [ -e "$T/layout/index.json" ]' 'save --format oci-dir'
"$LICHEN" save busybox:1 >"$T/stdout"
is "$(tar -tf "$T/stdout" | grep -c manifest.json)" 1 'save to standard output'
run_lichen inspect --format '{{.Id}}' busybox:1
id=$out
run_lichen rmi -f "$id"
for word in "docker-archive:$T/docker-archive" "oci-archive:$T/oci-archive" "oci:$T/layout"; do
	run_lichen load -q "$word"
	is "$status" 0 "load ${word%%:*}:"
	run_lichen inspect --format '{{.Id}}' "$id"
	is "$out" "$id" 'and it is the same image'
	run_lichen rmi -f "$id"
done
wrong 'a directory needs a name' '--format oci-dir needs -o DIR' -- save --format oci-dir busybox:1
wrong 'save of nothing' "no image 'nosuch'" -- save -o "$T/none" nosuch
ok '[ -z "$(find "$T" -maxdepth 1 -name "none*" -o -maxdepth 1 -name "*.part")" ]' 'and no file is made'
run_lichen load -q "$T/docker-archive"
ln -s "$T/behind" "$T/link"
for turn in 'one that is not there' 'one that is there'; do
	run_lichen save -o "$T/link" busybox:1
	is "$status" 0 "save -o through a link, to $turn"
	ok '[ -L "$T/link" ] && cmp -s "$T/behind" "$T/docker-archive"' 'the link stays, and the file behind it is written'
done
rm "$T/behind"
run_lichen save -o "$T/link" nosuch
ok '[ ! -e "$T/behind" ]' 'nothing is made behind it where there is nothing to be saved'
rm "$T/link"
# crane's, kaniko's and jib's archives begin with the config or a layer
mkdir "$T/other"
tar -C "$T/other" -xf "$T/docker-archive"
for file in "$T"/other/*.json "$T"/other/*.tar; do
	file=${file##*/}
	case $file in
		manifest.json) ;;
		*.json)
			mv "$T/other/$file" "$T/other/sha256:${file%.json}"
			sed -i "s/$file/sha256:${file%.json}/" "$T/other/manifest.json"
			config_file=sha256:${file%.json}
			;;
		*)
			gzip -c "$T/other/$file" >"$T/other/$file.gz"
			rm "$T/other/$file"
			sed -i "s/$file/$file.gz/" "$T/other/manifest.json"
			layer_file=$file.gz
			;;
	esac
done
tar -C "$T/other" --force-local -cf "$T/crane.tar" "$config_file" "$layer_file" manifest.json
tar -C "$T/other" --force-local -cf "$T/jib.tar" "$layer_file" "$config_file" manifest.json
for tool in crane jib; do
	run_lichen load -q -i "$T/$tool.tar"
	like "$out" '^Loaded image: busybox:1$' "an archive as $tool writes it"
done
expect -c "log_user 1; spawn $LICHEN save busybox:1; expect eof; lassign [wait] a b c d; puts \"status \$d\"" >"$T/said"
like "$(cat "$T/said")" 'not written to a terminal' 'save: not to a terminal'

# ---- a damaged store ----

busybox_image "$T/hurt.tar" hurt:1 '' hurt
run_lichen load -q "$T/hurt.tar"
tar -xOf "$T/hurt.tar" layer.tar >"$T/hurt.layer"
blob=$XDG_DATA_HOME/lichen/images/blobs/sha256/$(sha256sum <"$T/hurt.layer" | cut -d' ' -f1)
printf XX | dd of="$blob" bs=1 seek=600 conv=notrunc 2>/dev/null
run_lichen save -o "$T/hurt.out" hurt:1
like "$err" 'hint: .*lichen rmi -f.*load it again' 'save of what was damaged says what to do'
ok '[ ! -e "$T/hurt.out" ]' 'and leaves no file'
run_lichen run --rm --ids=single hurt:1 true
like "$err" 'hint: .*lichen rmi -f.*load it again' 'and so does a run that has to unpack it'
run_lichen rmi -f hurt:1
run_lichen load -q "$T/hurt.tar"
run_lichen run --rm --ids=single hurt:1 true
is "$status" 0 'which helps'

# ---- import ----

busybox_root "$T/root"
echo imported >"$T/root/text"
tar -C "$T/root" -czf "$T/root.tar.gz" .
run_lichen import -m 'of a test' --change 'CMD ["/bin/cat","/text"]' -c 'ENV A=1 B="x y"' -c 'LABEL l=m' -c 'EXPOSE 80' "$T/root.tar.gz" mine
is "$status" 0 'import'
like "$out" '^sha256:[0-9a-f]{64}$' 'the id is printed'
run_lichen inspect --format '{{json .Config.Cmd}} {{json .Config.Env}} {{.Config.Labels}} {{.Config.ExposedPorts}} {{.RepoTags}}' mine
is "$out" '["/bin/cat","/text"] ["A=1","B=x y"] map[l:m] map[80/tcp:map[]] [mine:latest]' '--change says what the image says'
run_lichen history --format '{{.Comment}}' mine
is "$out" 'of a test' '-m'
run_lichen import -q "$T/root" dir:1
is "$err" '' 'import -q: no progress'
is "$status" 0 'import of a directory'
is "$("$LICHEN" import - piped <"$T/root.tar.gz" 2>/dev/null | cut -c1-7)" sha256: 'import of standard input'
for change in 'LABEL =x' "LABEL '' x" 'LABEL a=b =x' 'ENV "" x' 'LABEL='; do
	wrong "--change $change: no key" "--change '$change': (expected KEY=VALUE|there is nothing)" -- import -c "$change" "$T/root" x
done
wrong 'an instruction that there is not' "--change 'RUN x': there is no such instruction" 'known are CMD' -- import -c 'RUN x' "$T/root" x
done_testing
