#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# Started by root: root inside is never root of the machine.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need root busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
mkdir "$T/tools"
cp "$probe" "$T/tools/probe"
chmod 0755 "$T/tools" "$T/tools/probe"
pattern=$(cat /proc/sys/kernel/core_pattern)
shadow=$(sha256sum /etc/shadow 2>/dev/null)
unharmed() {
	is "$(cat /proc/sys/kernel/core_pattern)" "$pattern" "$1: core_pattern is as it was"
	is "$(sha256sum /etc/shadow 2>/dev/null)" "$shadow" "$1: /etc/shadow is as it was"
}
refused='/proc/sys/kernel/core_pattern ok|/etc/shadow ok|/sys/power/state ok|/proc/sysrq-trigger ok|/proc/sys/kernel/modprobe ok|/sys/kernel/uevent_helper ok'
files='/proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/modprobe /sys/power/state /sys/kernel/uevent_helper'

for privileged in '' --privileged; do
	# shellcheck disable=SC2086 # zero or one word; a list
	{
		run_lichen run $privileged "$root" probe open $files
		like "$out" '^/proc/sys/kernel/core_pattern E' "directory ${privileged}: the answer is an error"
		unlike "$out" "$refused" "directory ${privileged}: none of the machine's switches opens for writing"
		run_lichen run $privileged -v /etc:/host-etc "$root" sh -c 'probe open /host-etc/shadow'
		unharmed "directory ${privileged}"
		run_lichen run $privileged -u 0 -v "$T/tools:/run/tools:ro" host /run/tools/probe open $files /etc/shadow
		like "$out" '^/proc/sys/kernel/core_pattern E' "host ${privileged}: the answer is an error"
		unlike "$out" "$refused" "host ${privileged}: nor on host"
		run_lichen run $privileged -u 0 host sh -c 'echo "|/bin/false" >/proc/sys/kernel/core_pattern; echo x >>/etc/shadow'
		isnt "$status" 0 "host ${privileged}: writing fails"
		unharmed "host ${privileged}"
		for where in "$root" host; do
			run_lichen run $privileged -u 0 "$where" cat /proc/self/uid_map /proc/self/gid_map
			is "$status" 0 "map on ${where##*/} ${privileged}"
			is "$(printf '%s\n' "$out" | awk '$2 == 0' | wc -l)" 0 'it does not contain id 0 of the machine'
			ok '[ -n "$out" ]' 'and is not empty'
		done
		run_lichen run $privileged "$root" sh -c 'mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk; mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem'
		isnt "$status" 0 "a device node cannot be used ${privileged}"
	}
done

run_lichen run "$root" stat -c '%u:%g' / /bin/busybox /etc/passwd
is "$out" '0:0
0:0
0:0' "root's tree belongs to root inside: it is mounted with its ids mapped"
run_lichen run "$root" sh -c 'echo x >>/etc/passwd && touch /bin/new && chown 33:33 /bin/new && stat -c %u:%g /bin/new'
is "$out" 33:33 'it can be written, as in any other'
ok '[ ! -e "$root/bin/new" ]' 'and stays as it was'
run_lichen run --overlay=kernel "$root" true
is "$status" 0 'without a copy'
unlike "$err" '[Cc]op(y|ied)' 'and without a word about one'
run_lichen run --read-only "$root" stat -c %u /bin/busybox
is "$out" 0 'with --read-only too'
mkdir "$T/vol"
run_lichen run -v "$T/vol:/vol" "$root" sh -c 'stat -c %u:%g /vol && touch /vol/f && chown 12:13 /vol/f'
is "$out" 0:0 'a volume has the same ids inside'
is "$(stat -c %u:%g "$T/vol/f" 2>/dev/null)" 12:13 'as outside'

# Device nodes of a tree or a volume mean nothing, also where the tree is complete and so is
# mounted as it is, without an overlay.
mkdir -p "$root/proc" "$root/dev" "$root/sys"
touch "$root/etc/hosts" "$root/etc/hostname" "$root/etc/resolv.conf"
if mknod -m 0666 "$root/node" c 1 5 && mknod -m 0666 "$T/vol/node" c 1 5; then
	for options in --read-only '' --overlay=copy; do
		# shellcheck disable=SC2086
		run_lichen run $options -v "$T/vol:/vol" "$root" sh -c 'head -c 1 /node || echo tree; head -c 1 /vol/node || echo volume'
		like "$out" '^volume$' "a device node in a volume cannot be opened ${options}"
		like "$out" '^tree$' "nor one in the tree ${options}"
	done
	rm -f "$root/node" "$T/vol/node"
fi

# Root whom a container took the capability from: its only id would be the machine's 0.
if have cmd:setpriv && [ "$(awk '{ print $3 }' /proc/self/uid_map)" = 4294967295 ]; then
	for what in "$root" host; do
		run_as_is setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$LICHEN" run "$what" true
		is "$status" 125 "root without CAP_SYS_ADMIN: refused (${what##*/})"
		like "$err" 'CAP_SYS_ADMIN' 'with the reason'
		like "$err" 'hint:.*ordinary user' 'and what to do'
	done
fi

done_testing
