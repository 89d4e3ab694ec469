#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# A home directory that cannot be written, or is the system's, is no hindrance.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox
root=$T/root
busybox_root "$root"
pinned=$XDG_DATA_HOME
unset XDG_DATA_HOME
uid=$(id -u)

# ---- where the sandbox's files lie ----

run_lichen run "$root" true
is "$status" 0 'HOME of the environment is where the files lie'
ok '[ -d "$HOME/.local/share/lichen/containers" ]' 'below .local/share'

mkdir -m 0555 "$T/closed"
mkdir -m 0700 "$T/closed-tmp"
for home in "$T/closed" /proc/nowhere /nonexistent/home; do
	HOME=$home TMPDIR=$T/closed-tmp run_lichen run --verbose "$root" sh -c 'echo x >/f && cat /f'
	is "$out" x "HOME=${home#"$T"} cannot be written: a run works"
	like "$err" "files lie in $T/closed-tmp/lichen-$uid: .*(denied|No such|Read-only)" 'and --verbose tells where, and why'
done
ok '[ -z "$(ls "$T/closed-tmp/lichen-$uid/containers")" ]' 'nothing is left there'
is "$(stat -c %a "$T/closed-tmp/lichen-$uid")" 700 'which nobody else may enter'
chmod 0755 "$T/closed-tmp/lichen-$uid"
HOME=$T/closed TMPDIR=$T/closed-tmp run_lichen run --verbose "$root" true
unlike "$err" "files lie in $T/closed-tmp" 'a place that is open to others is passed over'

XDG_DATA_HOME=$T/closed run_lichen run "$root" true
is "$status" 125 'an XDG_DATA_HOME that cannot be written is an error'
like "$err" "XDG_DATA_HOME is $T/closed: .*EACCES|$T/closed/lichen.*EACCES" 'which names the directory and the reason'
unlike "$err" 'warning' 'and nothing that was never made is missed'

# ---- what `host` puts over it ----

for home in /usr/sbin /bin /usr/games /etc /var /proc /tmp /nonexistent /; do
	XDG_DATA_HOME=$pinned HOME=$home run_lichen run host sh -c 'echo "$HOME"; ls -d /usr/bin/env /etc/passwd /proc/self >/dev/null && grep -c " $0 tmpfs" /proc/self/mounts' "$home"
	case $home in
	/tmp | /) like "$out" '^/tmp$' "HOME=$home: HOME is /tmp" ;;
	*) is "$out" '/tmp
0' "HOME=$home: no tmpfs over it, and HOME is /tmp" ;;
	esac
done
XDG_DATA_HOME=$pinned run_lichen run host sh -c 'echo "$HOME"; : >"$HOME/f" && ls "$HOME"'
is "$out" "$HOME
f" 'a home that is one is there, empty and writable'

export XDG_DATA_HOME="$pinned"
done_testing
