#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian's docker-registry: pull, push and login; open, with a password, with tokens, over TLS
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

need cmd:docker-registry cmd:skopeo cmd:umoci cmd:htpasswd cmd:openssl
[ -x "$top_builddir/helpers/lichen-registry" ] || skip_all no-lichen-image

# serve NAME TEXT: a registry of its own storage, with TEXT in its configuration. It takes the port that it finds
# free: its log says which. Sets $port and $server.
servers=
serve() {
	cat >"$T/$1.yml" <<-END
	version: 0.1
	log: {level: info, formatter: json}
	storage: {filesystem: {rootdirectory: $T/$1-store}}
	$2
	END
	server_log=$T/$1.log
	docker-registry serve "$T/$1.yml" >"$server_log" 2>&1 &
	server=$!
	servers="$servers $server"
	wait_for 'grep -q "listening on" "$server_log" || ! kill -0 "$server" 2>/dev/null' 20
	port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$server_log" | head -n 1)
	[ -n "$port" ] || bail_out "docker-registry does not start: $(tail -n 3 "$server_log")"
}
end_servers() {
	for s in $servers; do
		kill "$s" 2>/dev/null
		wait "$s" 2>/dev/null
	done
	servers=
}
at_exit end_servers

printf '{}' >"$T/auth.json"
# With passwords of its own, in place of a file that may not be for us. Not exported: the registry takes
# REGISTRY_... for its configuration.
skopeo_copy() {
	REGISTRY_AUTH_FILE=$T/auth.json skopeo --insecure-policy --tmpdir "$TMPDIR" copy -q "$@"
}

# ---- an image of two layers, and one for two machines
mkdir "$T/root"
head -c 3000000 /dev/urandom >"$T/root/big"
tar -C "$T/root" -cf "$T/one.tar" .
echo two >"$T/root/two"
tar -C "$T/root" -cf "$T/two.tar" two
umoci init --layout "$T/img" >/dev/null
umoci new --image "$T/img:a" >/dev/null
umoci raw add-layer --image "$T/img:a" "$T/one.tar" 2>/dev/null
umoci raw add-layer --image "$T/img:a" "$T/two.tar" 2>/dev/null
umoci config --image "$T/img:a" --config.cmd /bin/true --config.env A=b
skopeo_copy "oci:$T/img:a" "dir:$T/dir"
manifest=$(sha256sum <"$T/dir/manifest.json" | cut -c1-64)

# same STORE DESC: it has the manifest and everything of it, as skopeo has
same() {
	missing=
	for blob in "$T"/dir/????????????????????????????????????????????????????????????????; do
		cmp -s "$blob" "$1/images/blobs/sha256/${blob##*/}" || missing="$missing ${blob##*/}"
	done
	cmp -s "$T/dir/manifest.json" "$1/images/blobs/sha256/$manifest" || missing="$missing manifest"
	is "$missing" '' "$2"
}

# ---- open
serve open 'http: {addr: "127.0.0.1:0"}'
at=127.0.0.1:$port
skopeo_copy --dest-tls-verify=false "dir:$T/dir" "docker://$at/some/image:1"
task source registry="$at" repository=some/image tag=1
is "$status" 0 'an image comes from an open registry'
same "$S" 'with the same bytes'
from=$S
task source registry="localhost:$port" repository=some/image digest="sha256:$manifest"
is "$status" 0 'by digest, and from localhost by name'
task source registry="$at" repository=some/image tag=none
is "$status" 1 'a tag that is not there'
like "$out" '^lichen: .*404 Not Found.*manifest unknown' 'the error has the status, and the registry own words'
like "$out" 'hint: .*such a tag' 'and what may be wrong'
task source registry="$at" repository=some/image tag=1 cacert=/nonexistent
like "$out" '^lichen: reading the certificates of --cacert' 'certificates that are not there'

# a manifest list of docker, made by hand; skopeo would compress a layer that is not
gzip -nc "$T/two.tar" >"$T/two.gz"
for arch in amd64 arm64; do
	printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$arch" "$(sha256sum <"$T/two.tar" | cut -c1-64)" >"$T/$arch.config"
	mkdir "$T/$arch"
	printf 'Directory Transport Version: 1.1\n' >"$T/$arch/version"
	cp "$T/two.gz" "$T/$arch/$(sha256sum <"$T/two.gz" | cut -c1-64)"
	cp "$T/$arch.config" "$T/$arch/$(sha256sum <"$T/$arch.config" | cut -c1-64)"
	printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"%s","digest":"sha256:%s","size":%d}]}' \
		application/vnd.docker.distribution.manifest.v2+json application/vnd.docker.container.image.v1+json \
		"$(sha256sum <"$T/$arch.config" | cut -c1-64)" "$(wc -c <"$T/$arch.config")" \
		application/vnd.docker.image.rootfs.diff.tar.gzip "$(sha256sum <"$T/two.gz" | cut -c1-64)" "$(wc -c <"$T/two.gz")" \
		>"$T/$arch/manifest.json"
	skopeo_copy --dest-tls-verify=false "dir:$T/$arch" "docker://$at/many:$arch"
done
entry() {
	printf '{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":"sha256:%s","size":%d,"platform":{"os":"linux","architecture":"%s"}}' \
		"$(sha256sum <"$T/$1/manifest.json" | cut -c1-64)" "$(wc -c <"$T/$1/manifest.json")" "$1"
}
printf '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[%s,%s]}' \
	"$(entry amd64)" "$(entry arm64)" >"$T/list"
if have cmd:curl; then
	curl -sf -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.list.v2+json' --data-binary "@$T/list" \
		"http://$at/v2/many/manifests/all" >/dev/null
	task source registry="$at" repository=many tag=all platform=linux/arm64
	like "$out" '^image .*"architecture":"arm64"' 'of a list, the one for the platform that is asked for'
	task source registry="$at" repository=many tag=all platform=linux/s390x
	like "$out" 'hint: .*amd64.*arm64' 'one that is not there: the error says what is'
else
	skip no-curl 'a list of docker'
	skip no-curl 'a platform that is not in it'
fi

# ---- push
push "$from" registry="$at" repository=new/name tag=2
is "$status" 0 'an image goes to a registry'
like "$out" "^done +sha256:$manifest" 'with the same digest'
skopeo_copy --src-tls-verify=false "docker://$at/new/name:2" "dir:$T/back"
ok 'diff -r "$T/dir" "$T/back" >/dev/null' 'skopeo reads the same back'
push "$from" registry="$at" repository=new/name tag=3
is "$(grep -c '"POST /v2/new/name/blobs/uploads/' "$server_log")" 3 'what is there is not sent again'
push "$from" registry="$at" repository=third tag=1 from=some/image
is "$(grep -c '"POST /v2/third/blobs/uploads/?mount=.*HTTP/1.1" 201' "$server_log")" 3 'what another repository has is mounted'

# ---- mirrors
task source registry="$at" repository=some/image tag=1 mirrors:='[{"registry":"127.0.0.1:1"}]'
like "$out" '^warn a mirror is of no use' 'a mirror that is not reached is named'
is "$status" 0 'and the registry itself is asked'
skopeo_copy --dest-tls-verify=false "dir:$T/dir" "docker://$at/cache/some/image:1"
task source registry=registry.invalid repository=some/image tag=1 mirrors:="[{\"registry\":\"$at\",\"repository\":\"cache/some/image\"}]"
is "$status" 0 'a mirror stands for a registry that is not reached'
end_servers

# ---- a password
htpasswd -Bbc "$T/htpasswd" user pass 2>/dev/null
serve basic "http: {addr: \"127.0.0.1:0\"}
auth: {htpasswd: {realm: here, path: $T/htpasswd}}"
at=127.0.0.1:$port
skopeo_copy --dest-tls-verify=false --dest-creds user:pass "dir:$T/dir" "docker://$at/private:1"
task source registry="$at" repository=private tag=1
like "$out" "hint: .*lichen login $at" 'without a password: the error says what to do'
task source registry="$at" repository=private tag=1 username=user password=pass
is "$status" 0 'with it the image comes'
push "$S" registry="$at" repository=private tag=2 username=user password=pass
is "$status" 0 'and goes'
task login registry="$at" username=user password=pass
is "$status" 0 'login says that the password is taken'
task login registry="$at" username=user password=wrong
is "$status" 1 'or that it is not'
unlike "$out" 'wrong' 'and does not show it'
end_servers

# ---- tokens: those of the service are signed, by a certificate that the registry knows
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=issuer -keyout "$T/issuer.key" -out "$T/issuer.crt" 2>/dev/null
b64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
# sign ACTIONS: a token for the repository "private"
sign() {
	now=$(date +%s)
	head=$(printf '{"typ":"JWT","alg":"RS256","x5c":["%s"]}' "$(openssl x509 -in "$T/issuer.crt" -outform DER | openssl base64 -A)" | b64)
	claims=$(printf '{"iss":"issuer","sub":"user","aud":"here","exp":%d,"nbf":%d,"iat":%d,"jti":"1","access":[{"type":"repository","name":"private","actions":[%s]}]}' \
		$((now + 600)) $((now - 60)) "$now" "$1" | b64)
	printf '%s.%s.%s' "$head" "$claims" "$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$T/issuer.key" -binary | b64)"
}
mkdir "$T/tokens"
sign '"pull","push"' >"$T/tokens/token"
mkfifo "$T/says"
"$top_builddir/tests/tools/registry" "$T/tokens" >"$T/says" &
servers=$!
read -r _ tokens <"$T/says"
serve token "http: {addr: \"127.0.0.1:0\"}
auth: {token: {realm: \"http://localhost:$tokens/token\", service: here, issuer: issuer, rootcertbundle: $T/issuer.crt}}"
at=127.0.0.1:$port
push "$from" registry="$at" repository=private tag=1 username=user password=pass
is "$status" 0 'an image goes to a registry that wants tokens'
like "$(cat "$T/tokens/log")" 'scope=repository%3Aprivate%3Apull%2Cpush.* auth=Basic' 'the service was asked for what is needed'
task source registry="$at" repository=private tag=1 username=user password=pass
is "$status" 0 'and comes from there'
same "$S" 'with the same bytes'
: >"$T/tokens/log"
task source registry="$at" repository=private tag=1 identityToken=long-lived
is "$status" 0 'an identity token in place of the password'
like "$(cat "$T/tokens/log")" 'POST /token auth= ' 'is exchanged for one that lives for minutes'
task login registry="$at" username=user password=pass
is "$status" 0 'login with a token service'
like "$out" '^done +long-lived$' 'which gives an identity token to be kept'
head -c 3000 /dev/zero | tr '\0' a >"$T/tokens/identity"
task login registry="$at" username=user password=pass
is "$(printf '%s' "$out" | sed -n 's/^done *//p')" "$(cat "$T/tokens/identity")" 'whole, however long it is'
XDG_RUNTIME_DIR=$T/run
export XDG_RUNTIME_DIR
mkdir -p "$XDG_RUNTIME_DIR"
printf pass >"$T/pass"
LICHEN_STDIN=$T/pass run_lichen login -u user --password-stdin "$at"
is "$status" 0 'lichen login takes it'
like "$(cat "$T/run/containers/auth.json")" "\"identitytoken\": \"$(cat "$T/tokens/identity")\"" 'and keeps it'
unlike "$(cat "$T/run/containers/auth.json")" 'dXNlcjpwYXNz' 'in place of the password'
unlike "$err" aaaaaaa 'and does not show it'
rm -r "$T/run" "$T/tokens/identity"
unset XDG_RUNTIME_DIR
task login registry="$at" username=user password=wrong
like "$out" '^lichen: .*401 Unauthorized.*wrong password' 'or says that the password is wrong'
sign '"pull"' >"$T/tokens/token"
push "$from" registry="$at" repository=private tag=2 username=user password=pass
is "$status" 1 'who may only pull does not push'
end_servers

# ---- TLS, by an authority of our own
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$T/ca.key" -out "$T/ca.crt" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$T/tls.key" -out "$T/tls.csr" 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$T/ext"
openssl x509 -req -in "$T/tls.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -days 2 -extfile "$T/ext" -out "$T/tls.crt" 2>/dev/null
serve tls "http: {addr: \"127.0.0.1:0\", tls: {certificate: $T/tls.crt, key: $T/tls.key}}"
at=127.0.0.1:$port
skopeo_copy --dest-tls-verify=false "dir:$T/dir" "docker://$at/safe:1"
task source registry="$at" repository=safe tag=1
is "$status" 1 'a certificate that nobody here signed is not believed'
like "$out" 'hint: .*--cacert FILE' 'the error says what to do'
task source registry="$at" repository=safe tag=1 cacert="$T/ca.crt"
is "$status" 0 'with its authority it is'
same "$S" 'and the image comes'
task source registry="$at" repository=safe tag=1 insecure:=true
is "$status" 0 'and where one does not want to know'
SSL_CERT_FILE=$T/ca.crt
export SSL_CERT_FILE
task source registry="$at" repository=safe tag=1
is "$status" 0 'SSL_CERT_FILE counts as well'
unset SSL_CERT_FILE
end_servers

done_testing
