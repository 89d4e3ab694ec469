#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# --no-userns --landlock: no namespaces at all, where they are forbidden; the promises of a run stay.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user
deny=$top_builddir/tests/tools/deny
[ -x "$deny" ] || skip_all no-deny
mkdir "$T/work" "$T/closed"
echo secret >"$T/closed/file"
# What every run has: the programs, and one directory.
run() {
	run_lichen run --no-userns --landlock rx:/usr --landlock rx:/bin --landlock ro:/etc --landlock rw:/dev \
		--landlock ro:/proc --landlock "rw:$T/work" "$@"
}
run host true
case $err in *'not offer Landlock'*) skip_all no-landlock ;; esac

is "$status" 0 'it runs'
like "$err" 'warning: --no-userns: there are no namespaces; not isolated are: .*processes.*network.*ipc' 'and says what is not isolated'
run --json host true
like "$err" '^\{"warning":\{.*"not_isolated":\[".*"network' 'in JSON too'
run host id -u
is "$out" "$(id -u)" 'as the caller'
run host sh -c "readlink /proc/self/ns/* | sort -u"
is "$out" "$(readlink /proc/self/ns/* | sort -u)" 'in no namespace of its own'
run host sh -c "echo x >$T/work/f; cat $T/work/f; cat $T/closed/file"
is "$out" x 'what is named is written'
like "$err" 'closed/file.*denied' 'what is not is not read'
is "$(cat "$T/work/f")" x 'on the machine itself: there is no layer'
run host grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
is "$(printf '%s' "$out" | tr -d '\t\n')" 'NoNewPrivs:1Seccomp:2' 'with no_new_privs and the filter'
run -w "$T/work" host pwd
is "$out" "$T/work" '-w'
run -w "$T/work/none" host pwd
is "$status" 125 '-w of a directory that is missing: 125'
ok '[ ! -e "$T/work/none" ]' 'which is not made'

run --ulimit nofile=10 host sh -c 'ulimit -n'
is "$out" 10 'a low limit of open files does not hit the rules'
(umask 027 && "$LICHEN" run --no-userns --landlock rwx:/ host sh -c umask >"$T/umask" 2>/dev/null)
is "$(cat "$T/umask")" 0027 'the mask of modes is my own'

# ---- exit statuses and signals ----
run host sh -c 'exit 7'
is "$status" 7 'exit status'
run host sh -c 'kill -TERM $$'
is "$status" 143 'of a signal'
run host /nope
is "$status" 127 'not found'
run host /etc/passwd
is "$status" 126 'not executable'
$LICHEN run --no-userns --landlock rwx:/ -w "$T/work" host sh -c 'trap "echo got >trapped; exit 3" TERM; echo >ready; sleep 300 & wait' \
	</dev/null >/dev/null 2>&1 &
pid=$!
wait_for '[ -e "$T/work/ready" ]'
kill -TERM "$pid"
wait "$pid"
is $? 3 'signals are passed on'
is "$(cat "$T/work/trapped")" got 'to the command'

# ---- what the kernel scopes ----
run host sh -c "kill -0 $$ 2>&1"
if printf '%s' "$err" | grep -q 'can be signalled'; then
	skip no-landlock-scopes 'processes outside cannot be signalled'
else
	isnt "$status" 0 'processes outside cannot be signalled'
fi

# ---- a terminal ----
run -t host sh -c 'tty; test -t 0 && test -t 1 && echo is one'
like "$out" '^/dev/pts/' '-t gives a pty'
like "$out" '^is one' 'on all descriptors'

# ---- nothing is left ----
alive() { grep -lsF "LICHEN_NOUSERNS_TEST=$mark" /proc/[0-9]*/environ; }
run -e "LICHEN_NOUSERNS_TEST=$mark" host sh -c 'setsid sleep 300 & (setsid sh -c "sleep 300 & sleep 300" &) ; exit 0'
is "$status" 0 'a command that leaves processes behind'
is "$(alive)" '' 'which end with it, though they left its session'
# The launcher's own are two: the command and the keeper.
run host sh -c 'for i in 1 2 3 4 5 6 7 8; do (: &); done; i=0
	until [ "$(grep -l "^PPid:.$PPID$" /proc/[0-9]*/status 2>/dev/null | wc -l)" -eq 2 ]; do i=$((i + 1)); [ "$i" -lt 500 ] || exit 1; done'
is "$status" 0 'what it orphans and what ends is reaped'
rm -f "$T/work/ready"
$LICHEN run --no-userns --landlock rwx:/ -w "$T/work" -e "LICHEN_NOUSERNS_TEST=$mark" host \
	sh -c 'setsid sleep 300 & (setsid sleep 300 &); echo >ready; sleep 300' </dev/null >/dev/null 2>&1 &
pid=$!
wait_for '[ -e "$T/work/ready" ]'
isnt "$(alive)" '' 'they run'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for '[ -z "$(alive)" ]'
ok $? 'a SIGKILL of lichen ends them all'
run host true

# ---- where user namespaces are forbidden ----
run_as_is "$deny" newuser "$LICHEN" run host true
is "$status" 125 'where user namespaces are denied run fails'
run_as_is "$deny" newuser "$LICHEN" run --no-userns --landlock rwx:/ host echo here
is "$status" 0 'and with --no-userns it works'
is "$out" here 'all the way'

# ---- what cannot be had ----
for options in '-v /tmp:/x' '--tmpfs /x' '-u 0' '-h name' '--ids=single' '--read-only' '--privileged' '--cap-add kill' '--network none'; do
	# shellcheck disable=SC2086 # words
	run $options host true
	is "$status" 125 "$options is refused"
	like "$err" "^lichen: ${options%%[ =]*} needs namespaces" 'by name'
done
for option in mask=/etc/passwd unmask=ALL nested systempaths=unconfined; do
	run --security-opt "$option" host true
	is "$status" 125 "$option is refused"
	like "$err" "^lichen: --security-opt ${option%%=*} needs namespaces" 'by name'
done
run_lichen run --no-userns host true
is "$status" 125 'without --landlock it is refused'
like "$err" 'nothing would be isolated' 'and why'
run /tmp true
is "$status" 125 'a directory is refused'
like "$err" "only 'host'" 'and what can be run'

done_testing
