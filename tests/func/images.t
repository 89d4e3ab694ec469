#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What there is of images is listed, named, shown and removed as docker does it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum

run_lichen images
is "$status:$err" 0: 'no image: no failure'
is "$out" 'REPOSITORY  TAG  IMAGE ID  CREATED  SIZE' 'the titles alone'
run_lichen images --json
is "$out" '[]' 'with --json an empty array'
run_lichen inspect busybox
is "$status:$out" '125:[]' 'an image that is not there: docker prints the empty array, too'
like "$err" "no image 'busybox' here" 'and it is named'
like "$err" 'lichen pull busybox' 'with what to do'

busybox_image "$T/one.tar" busybox:1 '"Cmd":["/bin/sh"],"Env":["A=1","B=2"],"Labels":{"kind":"test"}' one
one=$image_id
busybox_image "$T/two.tar" example.org/team/two:2 '"Cmd":["/bin/sh"]' two
two=$image_id
run_lichen load -q -i "$T/one.tar"
run_lichen load -q -i "$T/two.tar"
short=$(printf '%s\n' "${one#sha256:}" | cut -c1-12)

# ---- list ----

run_lichen images
like "$out" "^busybox +1 +$short +[0-9]+ (years|months) ago +[0-9.]+MiB\$" 'images: the name as people say it, id, age, size'
like "$out" '^example\.org/team/two +2 ' 'images: a name with its registry'
run_lichen images -q --no-trunc
is "$(printf '%s\n' "$out" | sort)" "$(printf '%s\n' "$one" "$two" | sort)" 'images -q: ids'
run_lichen images -q busybox
is "$out" "$short" 'images NAME'
run_lichen images -q --filter 'reference=*/team/*'
is "$out" "$(printf '%s\n' "${two#sha256:}" | cut -c1-12)" 'images --filter reference'
run_lichen images -q --filter label=kind=test
is "$out" "$short" 'images --filter label'
run_lichen images --digests
like "$out" '^busybox +1 +sha256:[0-9a-f]{64} ' 'images --digests'
run_lichen images --json busybox
like "$out" "\"repository\": \"busybox\", \"tag\": \"1\", .*\"size\": [0-9]+, \"id\": \"$one\", \"name\": \"busybox:1\"" 'images --json'
run_lichen images --format '{{.Repository}}={{.ID}}' busybox
is "$out" "busybox=$short" 'images --format'
run_lichen images --format 'table {{.Repository}}\t{{.Tag}}' busybox
is "$out" 'REPOSITORY  TAG
busybox     1' 'images --format table'
wrong 'a filter that there is not' '--filter danglign=true: expected reference=PATTERN' 'did you mean dangling= ?' -- images --filter danglign=true
wrong 'a field that there is not' "no field '.Repo'" '.Repository' -- images --format '{{.Repo}}'
wrong 'two forms at once' 'give one of them' -- images -q --format '{{.ID}}'
run_lichen image ls -q busybox
is "$out" "$short" 'image ls is the same'

# ---- names ----

run_lichen tag busybox:1 other:x localhost:5000/third
is "$status:$out" 0: 'tag'
run_lichen inspect --format '{{join .RepoTags " "}}' "$short"
is "$out" 'busybox:1 other:x localhost:5000/third:latest' 'all names are there'
run_lichen tag "$two" other:x
run_lichen inspect --format '{{.Id}}' other:x
is "$out" "$two" 'a name goes to the image that got it last'
wrong 'a name in capitals' "capitals" 'did you mean busybox' -- tag busybox:1 BusyBox
wrong 'a name with a digest' 'a digest is what an image is' -- tag busybox:1 "x@$one"

# ---- what is known of it ----

run_lichen inspect busybox:1 nosuch
is "$status" 125 'inspect: one that is not there fails'
like "$err" "no image 'nosuch' here" 'and is named'
like "$out" "\"Id\": \"$one\"" 'the other is shown all the same'
printf '%s\n' "$out" >"$T/json"
find_probe
ok '"$probe" json "$T/json"' 'as JSON'
run_lichen inspect --format '{{json .Config.Env}} {{json .Config.Cmd}} {{index .Config.Labels "kind"}} {{.Os}} {{.RootFS.Type}}' busybox:1
is "$out" '["A=1","B=2"] ["/bin/sh"] test linux layers' 'with the names of fields that docker has'
wrong 'a type that there is not' '--type container: expected image' -- inspect --type container busybox:1
run_lichen history busybox:1
like "$out" "^$short +.* ago +CMD +0B" 'history: the last step first'
like "$out" '^<missing> +.* ago +ADD busybox +[0-9.]+MiB' 'history: the layer with its size'
run_lichen history -q busybox:1
is "$out" "$short
<missing>" 'history -q'

# ---- filters ----

# made NAME TIME: an image without layers' difference but in its time.
made() {
	busybox_image "$T/made.tar" '' "\"Labels\":{\"of\":\"$1\",\"all\":\"\"}" made
	mkdir "$T/made"
	tar -C "$T/made" -xf "$T/made.tar"
	sed -i "s/\"created\":\"2024-05-01T12:00:00Z\",\"config\"/\"created\":\"$2\",\"config\"/" "$T/made/${image_id#sha256:}.json"
	mv "$T/made/${image_id#sha256:}.json" "$T/made/config.json"
	tag=\"$1\"
	[ "$1" != none ] || tag=
	printf '[{"Config":"config.json","RepoTags":[%s],"Layers":["layer.tar"]}]' "$tag" >"$T/made/manifest.json"
	tar -C "$T/made" -cf "$T/made.tar" manifest.json config.json layer.tar
	rm -r "$T/made"
	run_lichen load -q "$T/made.tar"
}
# shown ARGUMENT...: of those that made() has made, a line each, sorted.
shown() {
	run_lichen images --format '{{.Repository}}' -f label=all "$@"
	printf '%s' "$out" | sort | tr '\n' ' '
}
made old:1 2001-01-01T00:00:00Z
made mid.example/a/mid:1 2011-01-01T00:00:00Z
made new:1 2021-01-01T00:00:00+02:00
made none 2015-01-01T00:00:00Z
is "$(shown)" '<none> mid.example/a/mid new old ' '-f is --filter'
is "$(shown -f before=mid.example/a/mid:1)" 'old ' '-f before'
is "$(shown -f since=mid.example/a/mid:1)" '<none> new ' '-f since'
is "$(shown -f since=old:1 -f before=new:1)" '<none> mid.example/a/mid ' 'both'
is "$(shown -f until=2011-01-01T00:00:00Z)" 'old ' '-f until: before that instant'
is "$(shown -f until=2011-01-01T00:00:01Z)" 'mid.example/a/mid old ' 'and not at it'
is "$(shown -f until=2020-12-31T22:00:00Z)" '<none> mid.example/a/mid old ' 'hours from Greenwich count'
is "$(shown -f until=24h)" '<none> mid.example/a/mid new old ' '-f until, so long ago'
is "$(shown -f dangling=true)" '<none> ' '-f dangling=true'
is "$(shown -f dangling=false)" 'mid.example/a/mid new old ' '-f dangling=false'
is "$(shown -f label=of=new:1)" 'new ' '-f label=KEY=VALUE'
is "$(shown -f label=of)" '<none> mid.example/a/mid new old ' '-f label=KEY'
is "$(shown -f label=of=new)" '' '-f label: a value is a whole one'
is "$(shown -f label=all=)" '<none> mid.example/a/mid new old ' '-f label, of the empty value'
is "$(shown -f 'reference=*w')" 'new ' '-f reference: without the tag'
is "$(shown -f 'reference=*w:1' -f 'reference=old')" 'new old ' 'of several one must fit'
is "$(shown -f 'reference=mid.example/*/mid:*')" 'mid.example/a/mid ' 'with registry and tag'
is "$(shown -f 'reference=mid.example/*')" '' 'an asterisk ends at a slash'
wrong 'before what is not there' "no image 'nosuch' here" -- images -f before=nosuch
wrong 'until no time' '--filter until=soon' -- images -f until=soon
wrong 'dangling of neither' '--filter dangling=perhaps: expected' -- images -f dangling=perhaps
is "$(shown -a)" '<none> mid.example/a/mid new old ' '-a: all, which they are anyway'
none=$("$LICHEN" images -q --no-trunc -f dangling=true)
like "$none" '^sha256:[0-9a-f]{64}$' '-q --no-trunc: one whole id'
run_lichen images -f label=of=new:1 --digests --no-trunc
like "$out" '^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE$' '--digests --no-trunc: the titles'
like "$out" '^new +1 +sha256:[0-9a-f]{64} +sha256:[0-9a-f]{64} +[0-9]+ years ago +[0-9.]+MiB$' 'and the whole of both'
run_lichen images -f label=of=new:1 --format table
like "$out" '^REPOSITORY +TAG +IMAGE ID ' '--format table'
run_lichen images -f label=of=new:1 --format json
like "$out" '^\{.*"ID": ?"[0-9a-f]{12}".*"Repository": ?"new".*"Tag": ?"1"' '--format json: an object a line'
run_lichen images -f label=all --format json
is "$(printf '%s\n' "$out" | grep -c '^{.*}$')" 4 'one an image'
run_lichen images -f label=all --no-trunc --format '{{.ID}} {{.Digest}}'
is "$(printf '%s\n' "$out" | grep -c '^sha256:[0-9a-f]\{64\} sha256:[0-9a-f]\{64\}$')" 4 '--no-trunc holds for --format'
run_lichen rmi old:1 mid.example/a/mid:1 new:1 "$none"
is "$status" 0 'they go'

# ---- removal ----

run_lichen rmi localhost:5000/third
is "$status:$out" '0:Untagged: localhost:5000/third:latest' 'rmi of one name of several takes the name'
run_lichen tag busybox:1 again
wrong 'rmi of an id with several names' 'several names: again:latest, busybox:1' 'with -f' -- rmi "$short"
is "$("$LICHEN" images -q --no-trunc busybox)" "$one" 'and nothing has gone'
mid=$(printf '%s\n' "${one#sha256:}" | cut -c1-4)
wrong 'by four digits the same' "the image '$mid' has several names" -- rmi "$mid"
run_lichen rmi -f again
is "$status:$out" '0:Untagged: again:latest' 'rmi -f of one name of several takes the name, as docker does'
run_lichen tag busybox:1 again
run_lichen rmi -f "$short"
is "$status" 0 'with -f all go'
like "$out" "^Deleted: $one\$" 'and the image'
run_lichen rmi nosuch other:x "$two"
is "$status" 125 'rmi of several, one of which is not there, fails'
like "$err" "no image 'nosuch'" 'it is named'
is "$out" "Untagged: other:x
Untagged: example.org/team/two:2
Deleted: $two" 'the others are gone'
run_lichen rmi -f nosuch
is "$status:$out$err" 0: 'rmi -f of what is not there is no failure'
is "$(find "$XDG_DATA_HOME/lichen/images/blobs" "$XDG_DATA_HOME/lichen/images/layers" -mindepth 2 -type d -path '*/layers/*' -o -type f -path '*/sha256/*')" '' \
	'no layer and no blob is left'
done_testing
