#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# With --security-opt nested other sandboxes run inside; without it they are refused.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox
root=$T/root
busybox_root "$root" run var/lib
mkdir "$T/bin"
cp "$LICHEN" "$T/bin/lichen"
chmod 0755 "$T/bin" "$T/bin/lichen"

if have static; then
	run_lichen run --security-opt nested -v "$T/bin:/opt/bin" -v "$root:/opt/root" "$root" sh -c '
	mkdir -p /home/user; HOME=/home/user /opt/bin/lichen run --ids=single --read-only /opt/root sh -c "id -u; ls /proc/self/exe; hostname"; hostname'
	is "$status" 0 'lichen inside lichen' || diag "$err"
	is "$(printf '%s\n' "$out" | sed -n 1,2p)" '0
/proc/self/exe' 'with a /proc of its own'
	isnt "$(printf '%s\n' "$out" | sed -n 3p)" "$(printf '%s\n' "$out" | sed -n 4p)" 'and a host name of its own'
else
	skip dynamic-launcher 'lichen inside lichen'
fi
# (the command is process 1, or 2 below the lichen-init of an installed lichen)
run_lichen run --security-opt nested -v "$T/bin:/mnt" host /mnt/lichen run host sh -c 'echo $(($$ <= 2)); ls -d /proc/self/fd'
is "$out" '1
/proc/self/fd' 'host inside host'
run_lichen run --security-opt nested -v "$T/bin:/mnt" host /mnt/lichen run --security-opt nested -v /mnt:/mnt host /mnt/lichen run host sh -c 'echo $(($$ <= 2))'
is "$out" 1 'three deep' || diag "$err"
run_lichen run --security-opt nested -h outer -v "$T/bin:/mnt" host /mnt/lichen run -h inner host cat /etc/hostname
is "$out" inner 'a name of its own again'
is "$err" '' 'without a word'
if [ "$(id -u)" -ne 0 ]; then
	run_lichen run --security-opt nested -u 0 -v "$T/bin:/mnt" host /mnt/lichen run host true
	like "$err" 'hint:.*--cap-add SETFCAP' 'as root without CAP_SETFCAP: it is said what is missing'
	run_lichen run --security-opt nested -u 0 --cap-add SETFCAP -v "$T/bin:/mnt" host /mnt/lichen run host true
	is "$status" 0 'and works with it'
fi
run_lichen run -v "$T/bin:/mnt" host /mnt/lichen run host true
is "$status" 125 'without nested: refused'
like "$err" 'seccomp|namespaces' 'and it is said why'
if command -v bwrap >/dev/null 2>&1; then
	run_lichen run --security-opt nested host bwrap --ro-bind / / --unshare-all --proc /proc --dev /dev sh -c 'echo $$; ls -d /proc/self/fd'
	is "$status" 0 'bubblewrap inside' || diag "$err"
	like "$out" '/proc/self/fd' 'with a /proc of its own'
	run_lichen run host bwrap --ro-bind / / --unshare-all --proc /proc --dev /dev true
	isnt "$status" 0 'not without nested'
else
	skip no-bwrap 'bubblewrap inside'
fi
run_lichen run --security-opt nested host grep -E '^(CapEff|NoNewPrivs):' /proc/self/status
is "$out" 'CapEff:	0000000000000000
NoNewPrivs:	1' 'nested gives no capability and no privilege by itself'

done_testing
