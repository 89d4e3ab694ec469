#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# What an older kernel lacks is told, or done in another way; what it has is used.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns subids busybox
root=$T/root
busybox_root "$root" data

# since MAJOR.MINOR: this kernel is that one or a later one.
since() {
	[ "$(printf '%s\n' "$1" "$(uname -r | cut -d. -f1,2)" | sort -V | head -n 1)" = "$1" ]
}

# finding ID: its line in what doctor says.
finding() {
	printf '%s\n' "$doctor" | grep -F "\"id\": \"$1\""
}
run_lichen doctor --json
is "$status" 0 'doctor finds that a sandbox runs'
doctor=$out
out=

# ---- the writable layer ----

run_lichen --verbose run "$root" sh -c 'rm -r /home/user && mkdir /home/user && mv /data /renamed && ls /'
is "$status" 0 'directories of the root are removed, made again and renamed'
like "$err" 'overlay .*: kernel' "by the kernel's overlay"

# ---- Landlock ----

run_lichen run --landlock rx:/bin --landlock ro:/data "$root" sh -c 'ls /data && ! cat /etc/passwd'
is "$status" 0 '--landlock restricts files on each kernel'
if since 6.2; then
	unlike "$err" 'truncate' 'truncate(2) as well'
else
	like "$err" 'truncate\(2\) is not restricted.*Linux 6\.2' 'but for truncate(2), which is said'
fi
run_lichen run --landlock tcp-connect:80 "$root" true
if since 6.7; then
	is "$status" 0 'and ports'
else
	is "$status" 125 'what it cannot restrict is not left out in silence: 125'
	like "$err" 'TCP ports.*ABI [12], which needs 4' 'with what is lacking'
	like "$err" '^  hint: Linux 6\.7' 'and since when there is'
fi
run_lichen run --landlock scope "$root" true
if since 6.12; then
	is "$status" 0 'and scopes'
else
	is "$status" 125 'no scopes: 125'
	like "$err" 'which needs 6' 'with what is lacking'
fi
like "$(finding landlock)" '"level": "works".*ABI [1-9]' 'doctor says which Landlock there is'

# ---- what is asked for in two ways ----

like "$(finding memfd)" '"level": "works"' 'before Linux 6.3, which has a flag for it, memory files are executable too'
run_lichen run --init --cap-add sys_ptrace "$root" readlink /proc/1/exe
like "$out" '^/memfd:lichen-init' '--init is run from one'

# The peer is known by SO_PEERPIDFD since 6.5, by its process id before.
find_probe
start --name "n-$mark" "$root" sh -c 'echo started; exec sleep 600'
run_lichen run --network "container:n-$mark" --ipc "container:n-$mark" "$root" true
is "$status" 0 "another's namespaces are joined"
kill -TERM "$pid"
finish

done_testing
