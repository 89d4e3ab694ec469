#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is asked by https stays on https: neither a redirect nor a token service leads out of it. Certificates are read
# from the directory that is named.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

need cmd:openssl
[ -x "$top_builddir/helpers/lichen-registry" ] || skip_all no-lichen-image

# ---- the plain registry, whose log shows who was led there
L=$T/plain
mkdir "$L"
mkfifo "$T/says"
"$top_builddir/tests/tools/registry" "$L" >"$T/says" &
plain=$!
read -r plain_port _ <"$T/says"

# ---- the registry with TLS: openssl sends the files below here as they are, headers and all. It takes no name with a
# colon, so there are no blobs: what comes is an index, and that it has no image for us is known then.
W=$T/tls
mkdir "$W"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$T/key" -out "$T/certificate" 2>/dev/null
(cd "$W" && exec openssl s_server -HTTP -accept 127.0.0.1:0 -key "$T/key" -cert "$T/certificate") >"$T/tls.out" 2>/dev/null </dev/null &
tls=$!
at_exit 'kill "$plain" "$tls" 2>/dev/null; wait "$plain" "$tls" 2>/dev/null'
wait_for 'grep -qs "^ACCEPT .*:[0-9]" "$T/tls.out" || ! kill -0 "$tls" 2>/dev/null'
port=$(sed -n 's/^ACCEPT .*:\([0-9][0-9]*\)$/\1/p' "$T/tls.out")
[ -n "$port" ] || bail_out 'openssl s_server says no port'

# page PATH STATUS HEADER [TEXT]: what it answers to /v2/PATH
page() {
	mkdir -p "$W/v2/${1%/*}"
	printf 'HTTP/1.1 %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s' "$2" "$3" "$(printf %s "${4-}" | wc -c)" "${4-}" >"$W/v2/$1"
}
index=application/vnd.oci.image.index.v1+json
page good/manifests/1 '200 OK' "Content-Type: $index" "$(printf '{"schemaVersion":2,"mediaType":"%s","manifests":[{"mediaType":"%s","digest":"sha256:%064d","size":100,"platform":{"os":"linux","architecture":"s390x"}}]}' \
	"$index" application/vnd.oci.image.manifest.v1+json 1)"

# ask REPOSITORY [KEY=VALUE...]
ask() {
	repository=$1
	shift
	: >"$L/log"
	task source registry="127.0.0.1:$port" repository="$repository" tag=1 username=user password=pass platform=linux/amd64 \
		tries:=1 "$@"
}
ask_trusting() { ask "$@" cacert="$T/certificate"; }
# comes DESC
comes() {
	like "$out" 'there is linux/s390x' "$1"
}
# refused WORDS DESC: it does not come, and nobody is asked who listens without TLS
refused() {
	like "$out" "^lichen: .*$1" "$2"
	is "$status,$(cat "$L/log")" 1, 'and nothing was asked there'
}

ask_trusting good
comes 'what lies there comes by https'
ask good
refused certificate 'from an authority that nobody knows it does not'

# ---- out of https
page sent-on/manifests/1 '307 Temporary Redirect' "Location: https://127.0.0.1:$port/v2/good/manifests/1"
ask_trusting sent-on
comes 'what lies elsewhere, by https'
page sent-on/manifests/1 '307 Temporary Redirect' "Location: http://127.0.0.1:$plain_port/v2/ok/manifests/1"
ask_trusting sent-on
refused "sends us from https to http://127.0.0.1:$plain_port/" 'by http it is not asked for'
ask sent-on insecure:=true
refused "sends us from https to http://127.0.0.1:$plain_port/" 'not even where certificates do not matter'
page realm/manifests/1 '401 Unauthorized' "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:$plain_port/token\",service=\"x\""
ask_trusting realm
refused 'names a token service without encryption' 'no password goes to a token service by http'
ask realm insecure:=true
refused 'names a token service without encryption' 'not even where certificates do not matter'

# ---- certificates of a directory
mkdir "$T/certificates"
hash=$(openssl x509 -hash -noout -in "$T/certificate")
SSL_CERT_DIR=$T/certificates
export SSL_CERT_DIR
ask good
refused certificate 'a directory without the certificate'
cp "$T/certificate" "$T/certificates/$hash.0"
ask good
comes 'SSL_CERT_DIR has it'
mkdir "$T/elsewhere"
mv "$T/certificates/$hash.0" "$T/elsewhere/it"
ln -s "$T/elsewhere/it" "$T/certificates/$hash.0"
abi=$("$LICHEN" doctor --json | sed -n 's/.*"id": "landlock", "level": "works".*ABI \([0-9]*\).*/\1/p')
if [ "${abi:-0}" -ge 2 ]; then
	ask good
	refused certificate 'a link in it leads nowhere: Landlock keeps lichen-registry to the directory'
else
	skip no-landlock 'a link in it leads nowhere'
fi
unset SSL_CERT_DIR

kill "$plain" "$tls"
wait "$plain" "$tls" 2>/dev/null
done_testing
