#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A registry that does everything wrong: nothing that is wrong gets into the store, each failure says what it was,
# nobody else gets the password, and what passes by does not matter.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

[ -x "$top_builddir/helpers/lichen-registry" ] || skip_all no-lichen-image

L=$T/layout
make_layout "$L"

mkfifo "$T/says"
"$top_builddir/tests/tools/registry" "$L" >"$T/says" &
server=$!
at_exit 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null'
read -r port _ <"$T/says"

tag=1 password=pass tries=5
# ask FAULT [KEY=VALUE...]: pulls $tag from it as user, with $password, in at most $tries tries
# A busy machine is no registry that stands still, but where that is what is tried.
ask() {
	fault=$1
	stall=10000
	[ "$fault" != stall ] || stall=1000
	shift
	: >"$L/log"
	task source registry="127.0.0.1:$port" repository="$fault" tag="$tag" username=user password="$password" stall_ms:="$stall" tries:="$tries" \
		platform=linux/amd64 "$@"
	log=$(cat "$L/log")
}

# comes FAULT DESC: the image comes, and is what it should be
comes() {
	ask "$1"
	if [ "$status" -eq 0 ] && cmp -s "$S/images/blobs/sha256/$layer" "$T/layer.tar" &&
		[ "$(find "$S/images/blobs" -type f | wc -l)" -eq 3 ] && printf '%s\n' "$out" | grep -q '^brought 0 .*counter whole'; then
		pass "$2"
	else
		fail "$2" || told "$out" || told "$log"
	fi
}

# fails FAULT REGEX DESC: it does not, says why, and no layer is in the store
fails() {
	ask "$1"
	if [ "$status" -eq 1 ] && [ ! -e "$S/images/blobs/sha256/$layer" ] && [ -z "$(find "$S/images/tmp" -type f)" ] &&
		printf '%s\n' "$out" | grep -Eq "^(lichen|  hint): .*($2)"; then
		pass "$3"
	else
		fail "$3" || told "$out" || told "$(find "$S/images" -type f)"
	fi
}

comes ok 'a registry that behaves'

# ---- what passes by
comes cut 'a layer that is cut off twice comes all the same'
like "$log" "GET /v2/cut/blobs/sha256:$layer .*range=bytes=[1-9]" 'what was there already was not asked for again'
comes cut-norange 'also where the server knows no Range'
comes cut-elsewhere 'also where it answers another range than was asked for'
comes trickle 'slow is not wrong'
comes 503 'a registry that is down for a moment'
comes 429 'one that wants to be asked later'


# ---- a mirror that has the manifest, and not the layer as it should be
for fault in no-layer cut-always too-short too-long wrong-digest; do
	ask ok mirrors:="[{\"registry\":\"127.0.0.1:$port\",\"repository\":\"$fault\"}]"
	is "$status,$(cmp "$S/images/blobs/sha256/$layer" "$T/layer.tar" 2>&1)" 0, "a mirror with $fault: the layer comes from elsewhere"
	is "$(find "$S/images/tmp" -type f)" '' 'nothing else of it stays'
done
ask ok mirrors:="[{\"registry\":\"127.0.0.1:$port\",\"repository\":\"wrong-digest\"}]"
like "$out" '^warn the mirror 127.0.0.1:[0-9]* does not give layer 1: .*not what its digest says' 'which is said'
ask ok mirrors:="[{\"registry\":\"127.0.0.1:$port\",\"repository\":\"no-layer\"},{\"registry\":\"127.0.0.1:1\"},{\"registry\":\"127.0.0.1:$port\",\"repository\":\"redirect\"}]"
is "$status" 0 'the next mirror is asked, where it answers'
like "$log" "GET /v2/redirect/blobs/sha256:$layer" 'and gives it'
unlike "$log" "GET /v2/ok/blobs/sha256:$layer" 'so that the registry need not'
unlike "$log" 'no-layer.*auth=B' 'a mirror does not get the password'
ask wrong-digest mirrors:="[{\"registry\":\"127.0.0.1:$port\",\"repository\":\"no-layer\"}]"
is "$status" 1 'where the registry is no better, it fails'

# ---- what does not
fails cut-always 'remaining|ends after' 'a layer that is cut off each time'
tries=2
fails stall 'ends after|no answer' 'a layer that stops in the middle'
tries=5
fails too-short "ends after .* of $layer_size bytes" 'a layer that is shorter than the manifest says'
fails lying-length 'more than|longer|ends after|remaining' 'a layer whose length is a lie'
fails too-long "more than the $layer_size bytes" 'a layer that is longer is not read to its end'
fails wrong-digest 'not what its digest says' 'a layer of other bytes'
fails wrong-config 'config .* is not what its digest says' 'a config of other bytes'
fails lying-digest 'came with the digest sha256:0000' 'a manifest that is not what the registry says it is'
fails empty 'is empty' 'an empty manifest'
fails huge-json 'larger than 4 MiB' 'a huge manifest'
fails huge-headers 'KiB of headers' 'huge headers'
fails duplicate 'duplicate' 'a manifest that says something twice'
fails 500 '500 Internal Server Error.*broken' 'a registry that is broken; its own words are shown'
fails 429-long '429 Too Many Requests' 'one that wants to be left alone for a day is left alone'
fails redirect-loop 'more than 10 times' 'endless redirects end'

ask changed digest="sha256:$manifest"
is "$status" 1 'a manifest that is asked for by digest has to have it'
like "$out" '^lichen: .*not what its digest says' 'and the error says that it has not'
tag=none
ask escapes
tag=1
unlike "$out" "$(printf '\033')" 'no escape of a terminal comes out of a registry'
like "$out" '^lichen: .*404 Not Found.*bad .x1b.31mred' 'its message is shown without'

# ---- who gets the password
comes basic 'basic authentication'
comes token 'a token of a service on another host'
like "$out" '^step .* sends us to localhost for a token' 'the other host is named'
like "$log" "^other GET /token.scope=repository%3Atoken%3Apull|^other GET /token.*scope=repository%3Atoken%3Apull" 'it is asked for what is needed'
is "$(printf '%s\n' "$log" | grep -c "GET /token?")" 1 'once, for all that is asked'
fails 401-loop '401 Unauthorized' 'a registry that is never content'
ok '[ "$(printf "%s\n" "$log" | grep -c manifests)" -le 2 ]' 'is asked twice'
fails negotiate 'wants to be asked by "Negotiate"' 'a scheme that lichen has not is named'
fails plain-realm 'plain HTTP' 'a token service without encryption gets nothing'
comes redirect 'a layer that lies elsewhere'
like "$log" '^other GET /v2/redirect/blobs/.*auth= ' 'nobody else gets the password, nor one that a Location has (CVE-2020-15157)'
comes token-dies 'a token that is withdrawn in the middle of a layer'
like "$log" "GET /v2/token-dies/blobs/sha256:$layer auth=Bearer range=bytes=[1-9]" 'the rest is asked for with a new one'
is "$(printf '%s\n' "$log" | grep -c "GET /v2/token-dies/blobs/sha256:$layer auth=Bearer")" 3 'after the first was refused'
ok '[ "$(printf "%s\n" "$log" | grep -c "GET /token?")" -ge 2 ]' 'the service was asked again'
fails redirect-401 '401 Unauthorized' 'a stranger who asks for it does not get it'
unlike "$log" '^other .*auth=Basic' 'not even when he says 401'
unlike "$out" 'signature=secret|user:pass' 'an error does not show what is secret in an address'
password=wrong
ask basic
password=pass
like "$out" 'hint: .*does not take the name and password' 'a wrong password'
unlike "$out" wrong 'is not shown'

# ---- push: the store of a pull goes back
ask ok
rm -f "$L/blobs/sha256/$layer" "$L/blobs/sha256/$config"
: >"$L/log"
kept=$S
push "$kept" registry="127.0.0.1:$port" repository=push-cut tag=new
is "$status" 0 'an upload that is cut off twice arrives'
ok 'cmp -s "$L/blobs/sha256/$layer" "$T/layer.tar"' 'whole'
like "$(cat "$L/log")" 'GET /v2/push-cut/blobs/uploads' 'the registry was asked how much it had'
ok 'cmp -s "$L/pushed" "$T/manifest"' 'and the manifest came last, as it is'
rm -f "$L/pushed" "$L/blobs/sha256/$layer" "$L/blobs/sha256/$config"
: >"$L/log"
push "$kept" registry="127.0.0.1:$port" repository=push-away tag=new username=user password=pass
log=$(cat "$L/log")
is "$status,$(cmp "$L/blobs/sha256/$layer" "$T/layer.tar" 2>&1)" 0, 'an upload that goes on at another host arrives'
like "$log" '^other PATCH /v2/push-away/blobs/uploads/' 'there'
unlike "$log" '^other .*auth=[^ ]' 'who does not get the password'
like "$log" '^first PUT /v2/push-away/manifests/new auth=Basic' 'which the registry does'

# ---- proxies, and hosts that are not there
https_proxy=http://name:secret@127.0.0.1:1 http_proxy=http://127.0.0.1:1
export https_proxy http_proxy
ask ok
is "$status" 0 'this machine is not asked through a proxy'
task source registry=registry.invalid repository=x
like "$out" '^lichen: .*the proxy 127.0.0.1:1/? cannot be reached' 'an error of a proxy names the proxy'
unlike "$out" secret 'without its password'
http_proxy=http://127.0.0.1:$port
: >"$L/log"
task source registry=registry.invalid insecure:=true repository=ok tag=1 platform=linux/amd64
is "$status,$(cmp "$S/images/blobs/sha256/$layer" "$T/layer.tar" 2>&1)" 0, 'an image by way of a proxy'
like "$(cat "$L/log")" "^first GET /v2/ok/blobs/sha256:$layer .*proxy=registry.invalid$" 'which was asked for all of it'
unlike "$(cat "$L/log")" 'proxy=$' 'in place of the registry'
for fault in redirect token; do
	: >"$L/log"
	task source registry=registry.invalid insecure:=true repository="$fault" tag=1 platform=linux/amd64 username=user password=pass tries:=1
	is "$status" 1 "$fault: a registry elsewhere does not lead us to this machine"
	like "$out" 'this machine' "$fault: which is said"
	unlike "$(cat "$L/log")" '^other' "$fault: nothing is asked there"
done
rm -f "$L/blobs/sha256/$layer"
: >"$L/log"
push "$kept" registry=registry.invalid insecure:=true repository=push-away tag=new username=user password=pass
is "$status" 1 'nor an upload'
like "$out" 'on this machine' 'which is said'
unlike "$(cat "$L/log")" '^other' 'nothing is sent there'
no_proxy=registry.invalid
export no_proxy
: >"$L/log"
task source registry=registry.invalid insecure:=true repository=ok tag=1 platform=linux/amd64 tries:=1
is "$status,$(cat "$L/log")" 1, 'no_proxy: not by way of it'
unset https_proxy http_proxy no_proxy
task source registry=127.0.0.1:1 repository=x
like "$out" 'Connection refused' 'nobody listens'
like "$out" 'hint: Nothing listens there' 'and what that means'

kill "$server"
wait "$server" 2>/dev/null
done_testing
