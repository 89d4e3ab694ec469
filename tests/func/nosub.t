#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# Without subordinate ids one id is mapped, by itself; a range that is asked for is an error that helps.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox nosubids
root=$T/root
busybox_root "$root"

run_lichen run "$root" id -u
is "$status" 0 'it runs'
is "$out" 0 'root inside'
run_lichen run "$root" cat /proc/self/uid_map
is "$(printf '%s\n' "$out" | awk '{ print $1, $2, $3 }')" "0 $(id -u) 1" 'one id is mapped, which is the caller'
run_lichen --verbose run "$root" true
like "$err" 'single' '--verbose says that it is one'
like "$err" '/etc/subuid|subordinate' 'and why'
run_lichen run "$root" sh -c 'echo x >/etc/x && mkdir /d && cat /etc/x'
is "$out" x 'the writable layer works'
run_lichen run "$root" sh -c 'ls -ld /dev/pts/ptmx && stat -c %a /dev/pts/ptmx'
is "$status" 0 'terminals work without the group tty'
run_lichen run --ids=single "$root" true
is "$status" 0 '--ids=single'
run_lichen run --ids=range "$root" true
is "$status" 125 '--ids=range: 125'
like "$err" '/etc/subuid' 'names the file'
like "$err" "$(id -un)|$(id -u)" 'and who is missing there'
first=$(printf '%s\n' "$err" | sed -n 's/.*--add-subuids \([0-9]*\)-[0-9]* --add-subgids \1-.*/\1/p')
isnt "$first" '' 'with ids to be given'
is "$(awk -F: -v first="${first:-0}" '$2 < first + 65536 && $2 + $3 > first' /etc/subuid /etc/subgid)" '' "which are nobody else's"
run_lichen run "$root" sh -c 'touch /f && chown 33 /f'
isnt "$status" 0 'chown to another fails'
run_lichen run -u user "$root" id -u
is "$out" 1000 '-u: the one id is that user'
run_lichen run -u user:tty "$root" id -g
is "$out" 5 'and that group'
run_lichen run host id -u
is "$out" "$(id -u)" 'host needs none'

done_testing
