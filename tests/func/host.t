#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# With 'host' the machine's own system is there, read-only, and nothing that is private.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns cmd:cc cmd:make
LICHEN=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
sources=$(cd "$top_srcdir" && pwd)
mkdir "$T/src" "$T/other"
cd "$T/src" || exit
cat >hello.c <<'END'
#include <stdio.h>
int main(void) { puts("built inside"); return 0; }
END
printf 'hello: hello.c\n\tcc -o $@ hello.c\n' >Makefile
echo private >"$T/other/canary"

run_lichen run -v .:/src -w /src host make
is "$status" 0 "a program is built with the host's compiler"
is "$(./hello 2>/dev/null)" 'built inside' 'and runs outside'
is "$(stat -c %u hello 2>/dev/null)" "$(id -u)" 'it belongs to the caller'

run_lichen run host sh -c 'touch /usr/x || touch /etc/x || touch /x || touch /bin/x || mkdir /new'
isnt "$status" 0 'the system is read-only'
run_lichen run host sh -c 'for d in /usr /etc; do stat -f -c %T $d >/dev/null && awk -v d=$d "\$5 == d { print \$6 }" /proc/self/mountinfo; done'
is "$(printf '%s\n' "$out" | grep -c '^ro')" "$(printf '%s\n' "$out" | grep -c .)" 'each mount of it is'
# shellcheck disable=SC2016
run_lichen run host sh -c 'ls -A "$HOME"; touch "$HOME/x" && echo "writable $HOME"'
like "$out" '^writable /' '$HOME is there and writable'
is "$(printf '%s\n' "$out" | wc -l)" 1 'and empty'
home=${out#writable }
ok '[ ! -e "$home/x" ] || [ "$home" = "$HOME" ]' "what is written there does not reach the real one"
for place in /root /srv /mnt /media /var/mail /var/spool /boot /lost+found "$T/other" "$sources"; do
	case $home in "$place" | "$place"/*) continue ;; esac
	case $place in /usr/* | /opt/*) continue ;; esac
	run_lichen run host test ! -e "$place"
	is "$status" 0 "$place is absent"
done
run_lichen run host sh -c 'ls -A /home 2>/dev/null | wc -l'
ok '[ "$out" -le 1 ]' "no home of others'"
echo seen >"${tap_base}/lichen-host-$mark"
at_exit 'rm -f "$tap_base/lichen-host-$mark" "/tmp/lichen-inside-$mark"'
# with a home that lies elsewhere: a test's is in /var/tmp
HOME=$tap_real_home run_lichen run host sh -c "ls -A /tmp /var/tmp; echo x >/tmp/lichen-inside-$mark && echo x >/var/tmp/x && echo x >/run/x && echo x >/dev/shm/x && echo all"
unlike "$out" "lichen-host-|lichen-t" '/tmp and /var/tmp are private'
like "$out" '^all$' 'and writable, as /run and /dev/shm'
ok '[ ! -e "/tmp/lichen-inside-$mark" ]' 'what is written there does not reach the real one'
run_lichen run host cat /etc/shadow
is "$out" '' '/etc/shadow has nothing to read'

expected=$(id -u)
run_lichen run host id -u
is "$out" "$expected" "the command has the caller's own id"
run_lichen run -u 0 host id -u
is "$out" 0 '-u 0: root inside'
run_lichen run host grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
like "$out" '^CapEff:.0*$' 'no capabilities'
like "$out" '^CapBnd:.0*$' 'and none to be had'
like "$out" '^NoNewPrivs:.1' 'no new privileges'
like "$out" '^Seccomp:.2' 'a filter'
run_lichen run host cat /proc/self/uid_map
is "$(printf '%s\n' "$out" | awk '$2 == 0' | wc -l)" 0 'root of the host is not in the map'
LANG=C.UTF-8 LC_NUMERIC=C TERM=dumb SECRET=x run_lichen run host env
like "$out" '^LANG=C.UTF-8' 'LANG is passed on'
like "$out" '^TERM=dumb' 'TERM too'
unlike "$out" '^SECRET=' 'nothing else'
run_lichen run host sh -c 'ls -d /proc/[0-9]* | wc -l'
ok '[ "$out" -le 4 ]' 'own processes only'
run_lichen run host sh -c 'ls /sys/class/net'
is "$out" lo 'no network'
run_lichen run host sh -c 'uname -n'
is "$out" "$(uname -n)" "the host's name"
run_lichen run -v "$T/other:$T/other:ro" host cat "$T/other/canary"
is "$out" private 'what is named with -v is there'

cd /
run_lichen run -h newname host sh -c 'cat /etc/hostname; grep -c newname /etc/hosts; hostname'
is "$out" 'newname
1
newname' '-h NAME can be looked up'
done_testing
