#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --add-host and --dns... write the sandbox's /etc/hosts and /etc/resolv.conf, and no other's.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"
before=$(cat /etc/hosts /etc/resolv.conf 2>/dev/null | cksum)

run_lichen run --add-host db:10.0.0.5 --add-host six:::1 --add-host 'seven:[2001:db8::7]' --add-host eight=10.0.0.8 "$root" cat /etc/hosts
tab=$(printf '\t')
for line in "10.0.0.5${tab}db" "::1${tab}six" "2001:db8::7${tab}seven" "10.0.0.8${tab}eight"; do
	like "$out" "^$line\$" "a line: $line"
done
like "$out" "^127.0.0.1${tab}localhost" 'and the usual ones'
run_lichen run --dns 9.9.9.9 --dns 2620:fe::fe --dns-search a.example --dns-search b.example --dns-option ndots:2 --dns-option rotate "$root" cat /etc/resolv.conf
is "$(printf '%s\n' "$out" | head -n 4)" 'nameserver 9.9.9.9
nameserver 2620:fe::fe
search a.example b.example
options ndots:2 rotate' 'the lines of resolv.conf'
is "$(printf '%s\n' "$out" | grep -c '^nameserver')" 2 "the machine's own servers are not asked"
run_lichen run --dns-search x.example "$root" cat /etc/resolv.conf
is "$(printf '%s\n' "$out" | grep ^nameserver)" "$(grep ^nameserver /etc/resolv.conf 2>/dev/null)" 'what no option names stays as it is on the machine'
run_lichen run --dns-search . "$root" cat /etc/resolv.conf
unlike "$out" '^search' 'a single dot: no search list'
echo 'nameserver 192.0.2.53' >"$root/etc/resolv.conf"
run_lichen run --dns none "$root" cat /etc/resolv.conf
is "$out" 'nameserver 192.0.2.53' "--dns none: the root's own file"
rm "$root/etc/resolv.conf"

# ---- other kinds of roots ----

run_lichen run --read-only --add-host db:10.0.0.5 --dns 9.9.9.9 "$root" cat /etc/hosts /etc/resolv.conf
like "$out" "^10.0.0.5${tab}db" 'a read-only root that lacks the file: hosts'
like "$out" '^nameserver 9.9.9.9' 'resolv.conf'
ok '[ ! -e "$root/etc/hosts" ] && [ ! -e "$root/etc/resolv.conf" ]' 'the tree itself stays as it was'
ln -s ../run/resolve/stub.conf "$root/etc/resolv.conf"
run_lichen run --dns 9.9.9.9 "$root" cat /etc/resolv.conf
like "$out" '^nameserver 9.9.9.9' 'a link that leads nowhere'
rm "$root/etc/resolv.conf"
run_lichen run --add-host db:10.0.0.5 --dns 9.9.9.9 host cat /etc/hosts /etc/resolv.conf
like "$out" "^10.0.0.5${tab}db" 'host: hosts'
like "$out" '^nameserver 9.9.9.9' 'resolv.conf'
is "$(printf '%s\n' "$out" | grep -cxF "$(head -n 1 /etc/hosts)")" 1 "the machine's own lines stay"
is "$(cat /etc/hosts /etc/resolv.conf 2>/dev/null | cksum)" "$before" "the machine's files are as they were"

# ---- wrong ones ----

wrong_option 'no address' '--add-host db' 'NAME:IP' -- --add-host db
wrong_option 'half an address' '10.0.0' 'NAME:IP' -- --add-host db:10.0.0
wrong_option 'no name' 'NAME:IP' -- --add-host :10.0.0.5
wrong_option 'host-gateway' 'host-gateway' 'no network' -- --add-host gw:host-gateway
wrong_option 'a line end in a name' 'NAME:IP' -- --add-host "a
b:10.0.0.5"
wrong_option 'a name as server' '--dns one.one' 'address' -- --dns one.one
wrong_option 'none and one' 'none' -- --dns none --dns 9.9.9.9
wrong_option 'two domains in one' '--dns-search' 'one domain' -- --dns-search 'a b'
wrong_option 'two options in one' '--dns-option' 'one option' -- --dns-option 'a b'
mkdir "$T/etc"
run_lichen run --read-only "$root" sh -c 'for f in hosts hostname resolv.conf; do echo x >>/etc/$f && echo written; done; :'
unlike "$out" written 'with --read-only the files of /etc are read-only, too'
run_lichen run --tmpfs /dev --add-host db:10.0.0.5 --dns 9.9.9.9 "$root" cat /etc/hosts /etc/resolv.conf
like "$out" '^10.0.0.5.*db' 'with a mount on /dev they are written all the same'
like "$out" '^nameserver 9.9.9.9' 'both'
wrong_option 'where they cannot be' 'a mount covers /dev' -- --read-only --tmpfs /dev --dns 9.9.9.9
wrong_option 'a volume on /etc' '/etc/hosts' -- -v "$T/etc:/etc" --add-host db:10.0.0.5

done_testing
