#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Between us and a registry: a proxy that is asked to CONNECT, with a password and without; no_proxy; HTTP/2; blobs that would
# leave https; names that lead to this machine.
# shellcheck disable=SC2016,SC2034,SC2086 # expanded and read by others; a list
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

need cmd:openssl cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-registry" ] || skip_all no-lichen-image

L=$T/layout
make_layout "$L"
serve_layout "$L"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=DNS:registry.invalid,IP:127.0.0.1,IP:198.51.100.1 \
	-keyout "$T/key" -out "$T/certificate" 2>/dev/null

# relay ARGS: sets $relay, its port
relays=
at_exit 'kill $relays 2>/dev/null; wait $relays 2>/dev/null'
relay() {
	mkfifo "$T/says"
	"$top_builddir/tests/tools/relay" "$@" >"$T/says" &
	relays="$relays $!"
	read -r relay <"$T/says"
	rm "$T/says"
}
relay tls "$port" "$T/certificate" "$T/key"
tls=$relay
relay proxy "$tls" "$T/asked"
open=$relay
relay proxy "$tls" "$T/asked" name:secret
closed=$relay

tries=2
# ask HOST [REPOSITORY [KEY=VALUE...]]
ask() {
	host=$1 repository=${2:-ok}
	shift
	[ $# -eq 0 ] || shift
	: >"$T/asked"
	: >"$L/log"
	task source registry="$host" repository="$repository" tag=1 platform=linux/amd64 cacert="$T/certificate" username=user password=pass \
		connect_ms:=500 tries:="$tries" "$@"
	asked=$(cat "$T/asked") log=$(cat "$L/log")
}
comes() {
	is "$status,$(cmp "$S/images/blobs/sha256/$layer" "$T/layer.tar" 2>&1)" 0, "$1" || told "$out"
}

# ---- CONNECT
HTTPS_PROXY=http://127.0.0.1:$open
export HTTPS_PROXY
ask registry.invalid
comes 'by a proxy that asks nobody who he is'
like "$asked" '^CONNECT registry.invalid:443 auth=no$' 'which was asked for the host'
HTTPS_PROXY=http://127.0.0.1:$closed
ask registry.invalid
is "$status" 1 'one that wants a password'
like "$out" "^lichen: .*the proxy http://127.0.0.1:$closed/? does not go on to registry.invalid: it answers 407 Proxy Authentication Required" 'the error says so'
like "$out" 'hint: .*https_proxy=http://NAME:PASSWORD@' 'and where to say it'
is "$(printf '%s\n' "$asked" | grep -c CONNECT)" 1 'it is not asked again and again'
HTTPS_PROXY=http://name:wrong@127.0.0.1:$closed
ask registry.invalid
like "$out" '^lichen: .*407 Proxy Authentication Required' 'a wrong one'
unlike "$out" wrong 'is not shown'
HTTPS_PROXY=http://name:secret@127.0.0.1:$closed
ask registry.invalid
comes 'with the right one'
like "$asked" '^CONNECT registry.invalid:443 auth=yes$' 'which the proxy gets'

# ---- no_proxy
HTTPS_PROXY=http://127.0.0.1:$open
for no in registry.invalid invalid .invalid 'a.example, registry.invalid' '*'; do
	NO_PROXY=$no
	export NO_PROXY
	ask registry.invalid
	is "$status,$asked" 1, "NO_PROXY=$no: not by the proxy"
done
NO_PROXY=other.invalid,gistry.invalid,10.0.0.0/8,198.51.100.128/25,2001:db8::/32
ask registry.invalid
comes 'NO_PROXY names others'
ask 198.51.100.1
comes 'and other networks'
like "$asked" '^CONNECT 198.51.100.1:443' 'so that the proxy is asked'
for no in 198.51.100.0/24 198.51.100.1/32 'a.example, 198.51.100.0/31' 198.51.100.1; do
	NO_PROXY=$no
	ask 198.51.100.1
	is "$status,$asked" 1, "NO_PROXY=$no: not by the proxy"
done
NO_PROXY=2001:db8::/32
ask '[2001:db8::1]'
is "$status,$asked" 1, 'NO_PROXY has a network of IPv6'
unset HTTPS_PROXY NO_PROXY

# ---- blobs that would leave https
ask "127.0.0.1:$tls"
comes 'by TLS'
ask "127.0.0.1:$tls" redirect
is "$status" 1 'a layer that lies behind plain HTTP'
like "$out" '^lichen: .*sends us from https to http://127.0.0.1' 'is not fetched'
unlike "$log" '^other' 'nothing is asked there'
ask "127.0.0.1:$tls" redirect insecure:=true
is "$status" 1 'not even where certificates do not matter'
unlike "$log" '^other' 'nor is anything asked there'

# ---- HTTP/2
if have cmd:nghttpx; then
	h2=$((20000 + $$ % 20000))
	nghttpx -f "127.0.0.1,$h2" -b "127.0.0.1,$port" -n 1 --accesslog-file="$T/h2" --errorlog-file="$T/h2-errors" \
		--accesslog-format='$alpn $request' "$T/key" "$T/certificate" >/dev/null 2>&1 &
	proxy=$!
	relays="$relays $proxy"
	hex=$(printf '0100007F:%04X' "$h2")
	wait_for '! kill -0 "$proxy" 2>/dev/null || grep -q " $hex .* 0A " /proc/net/tcp' 20
	ask "127.0.0.1:$h2"
	comes 'by HTTP/2'
	like "$(cat "$T/h2")" "^h2 GET /v2/ok/blobs/sha256:$layer" 'which was spoken'
	tries=5	# how much arrives of what is cut off is not certain
	ask "127.0.0.1:$h2" cut
	tries=2
	comes 'and what is cut off goes on'
	ask "127.0.0.1:$h2" 401-loop
	is "$status" 1 'refused is refused'
	kill "$proxy"
	wait "$proxy" 2>/dev/null
else
	skip "$tap_why" 'by HTTP/2'
fi

# ---- names that lead to this machine: in a network of its own, where the registry has an address
if have userns && have cmd:ip && [ "$(id -u)" -ne 0 ]; then
	printf '10.9.8.7 registry.test\n127.0.0.1 inner.test\n' >"$T/hosts"
	cat >"$T/inside" <<-'END'
	mount --bind "$T/hosts" /etc/hosts || exit 77
	ip link set lo up && ip addr add 10.9.8.7/32 dev lo || exit 77
	"$top_builddir/tests/tools/registry" "$L" 10.9.8.7 >"$T/says" &
	registry=$!
	read -r port _ <"$T/says"
	for repository in ok redirect-name; do
		: >"$L/log"
		mkdir -p "$T/$repository/images/tmp/task" "$T/$repository/images/records"
		"$top_builddir/tests/tools/source" "$top_builddir/helpers/lichen-registry" source \
			"$(request kind=registry registry="registry.test:$port" repository="$repository" tag=1 platform=linux/amd64 insecure:=true tries:=1)" \
			"$T/$repository/images" "$T/$repository/images/tmp/task" 2>&1
		echo "$repository=$?"
		grep '^other' "$L/log"
	done
	kill "$registry"
	END
	mkfifo "$T/says"
	export T L top_builddir top_srcdir
	run_as_is unshare -Urnm sh -c '. "$top_srcdir/tests/lib/registry.sh"; . "$T/inside"'
	if [ "$status" -eq 77 ]; then
		skip no-own-network 'a name of this machine'
	else
		like "$out" '^ok=0$' 'a registry elsewhere, by its name'
		like "$out" '^redirect-name=1$' 'a layer that lies at a name of this machine'
		like "$out" '^lichen: .*the name leads to this machine or its link' 'is not fetched from there'
		unlike "$out" '^other' 'nor is anything asked'
	fi
else
	skip "${tap_why:-is-root}" 'a name of this machine'
fi

kill $relays "$server" 2>/dev/null
wait
done_testing
