#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Words, environment, descriptors and life of the command are as the options say.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
mkdir "$T/out"
chmod 0777 "$T/out"

# ---- --entrypoint, --argv0 ----

run_lichen run --entrypoint /bin/echo "$root" a 'b  c'
is "$out" 'a b  c' '--entrypoint: what follows are its arguments'
run_lichen run --entrypoint echo "$root"
is "$status:$out" 0: 'without arguments it is run alone'
run_lichen run --entrypoint '["sh", "-c", "echo $0 $#"]' "$root" name x
is "$out" 'name 1' 'a JSON array of words'
run_lichen run --entrypoint '[' "$root" 1 -eq 1 ]
is "$status" 0 'a command that is called ['
run_lichen run --entrypoint '' "$root" echo a
is "$out" a '--entrypoint "": as none, there is no image with one'
wrong_option 'an array of no words' '--entrypoint' -- --entrypoint '[]'
wrong_option 'an array of numbers' '--entrypoint' 'string' -- --entrypoint '["a", 5]'
run_lichen run --argv0 -sh "$root" /bin/sh -c 'tr "\0" " " </proc/$$/cmdline; readlink /proc/$$/exe'
like "$out" '^-sh -c ' '--argv0 is its name for itself'
like "$out" '/bin/busybox$' 'the program is the same'
run_lichen run --init --argv0 echo "$root" /bin/busybox shows
is "$out" shows 'below init'

# ---- environment ----

A_VARIABLE='one two' PATH=$PATH run_lichen run --env-host "$root" /bin/env
like "$out" '^A_VARIABLE=one two$' '--env-host'
like "$out" "^HOME=$HOME\$" 'with HOME'
A_VARIABLE=1 B_VARIABLE=2 run_lichen run --env-host --unsetenv A_VARIABLE -e B_VARIABLE=3 "$root" /bin/env
unlike "$out" '^A_VARIABLE' '--unsetenv takes one away'
like "$out" '^B_VARIABLE=3$' '-e wins'
run_lichen run --unsetenv HOME --unsetenv PATH "$root" env
unlike "$out" '^(HOME|PATH)=' 'of the default ones, too'
like "$out" '^HOSTNAME=' 'and the others stay'
run_lichen run --unsetenv HOME -e HOME=/x "$root" env
like "$out" '^HOME=/x$' 'what -e sets stays set'
run_lichen run --unsetenv-all "$root" env
is "$status:$out" 0: '--unsetenv-all: nothing'
run_lichen run --init --env-host --unsetenv-all -e A=1 "$root" env
is "$out" 'A=1' 'but what -e sets'
wrong_option 'a value to --unsetenv' '--unsetenv A=1' 'name' -- --unsetenv A=1

# ---- --preserve-fds ----

echo three >"$T/three"
echo four >"$T/four"
"$LICHEN" run --preserve-fds 2 "$root" sh -c 'cat <&3; cat <&4; probe fds' 3<"$T/three" 4<"$T/four" 5<"$T/four" >"$T/said" 2>&1 </dev/null
is "$(head -n 2 "$T/said")" 'three
four' '--preserve-fds 2: descriptors 3 and 4'
unlike "$(cat "$T/said")" '^5 ' 'and no others'
is "$(grep -c "$T" "$T/said")" 2 'are there'
"$LICHEN" run --init --preserve-fds 1 -e LISTEN_FDS=1 -e LISTEN_PID=2 "$root" sh -c 'cat <&3; echo $LISTEN_FDS $LISTEN_PID; ls /proc/1/fd' 3<"$T/three" >"$T/said" 2>&1 </dev/null
is "$(cat "$T/said")" 'three
1 2' 'below init, which has none; LISTEN_FDS is as given'
"$LICHEN" run "$root" probe fds 3<"$T/three" >"$T/said" 2>&1 </dev/null
is "$(cat "$T/said")" '' 'without the option none'
wrong_option 'a descriptor that is not open' 'descriptor 3 is not open' -- --preserve-fds 2 3<&- 4<&-
wrong_option 'no number' '--preserve-fds two' -- --preserve-fds two
wrong_option 'far too many' '--preserve-fds 5000' '1024' -- --preserve-fds 5000

# ---- config.json ----

# Its own words where OCI has them, and ours for the rest.
"$LICHEN" run --init --umask 027 --oom-score-adj 900 --personality linux32 --ulimit nofile=64 --sysctl net.ipv4.ip_forward=1 \
	--domainname two.example --stop-signal INT --timeout 1h --add-host db:10.0.0.5 -v "$T/out:/out" "$root" \
	sh -c 'echo ready >/out/ready; until [ -e /out/read ]; do sleep 0.05; done' >"$T/said" 2>&1 </dev/null &
pid=$!
wait_for '[ -s "$T/out/ready" ]' 30
ok $? 'a command with all of it runs' || diag "$(cat "$T/said")"
config=$(configs)
cat "$config" >"$T/config.json"
: >"$T/out/read"
wait "$pid"
is $? 0 'and ends'
for word in '"umask": 23' '"oomScoreAdj": 900' '"domain": "LINUX32"' '"type": "RLIMIT_NOFILE"' '"net.ipv4.ip_forward": "1"' \
	'"domainname": "two.example"' '"org.lichen.init": "true"' '"org.lichen.stop-signal": "SIGINT"' \
	'"org.lichen.timeout-ms": "3600000"' '"org.lichen.hosts": "db:10.0.0.5\n"'; do
	ok "grep -qF '$word' \"\$T/config.json\"" "config.json: $word"
done

# ---- --stop-signal ----

handler='trap "echo got-usr1; exit 3" USR1; trap "echo got-term; exit 4" TERM; echo ready; while :; do sleep 300 & wait; done'
for init in --init=false --init; do
	start "$init" --stop-signal USR1 "$root" sh -c "$handler"
	kill -TERM "$pid"
	finish
	is "$status" 3 "$init --stop-signal: SIGTERM of lichen becomes that signal"
	start "$init" --stop-signal SIGRTMIN+3 "$root" sh -c 'echo ready; exec sleep 300'
	kill -TERM "$pid"
	finish
	isnt "$status" 0 "$init: one that nobody handles ends the command"
	unlike "$(cat "$T/said.err")" 'lichen:' 'without an error'
done
start --stop-signal 9 "$root" sh -c "$handler"
kill -TERM "$pid"
finish
is "$status" 137 'SIGKILL, by number'
wrong_option 'no signal' 'SIGTREM' 'SIGTERM' -- --stop-signal SIGTREM

# ---- --timeout ----

run_lichen run --timeout 0.3 "$root" sleep 300
is "$status" 124 '--timeout: 124'
like "$err" 'time limit.*SIGTERM' 'and it is said'
run_lichen run --timeout 0.3s --init "$root" sh -c 'trap "echo got-term; exit 0" TERM; sleep 300 & wait'
is "$status" 124 '124 also where the command ends well then'
is "$out" got-term 'it was asked to end'
run_lichen run --timeout 0.3 --stop-signal INT --init "$root" sh -c 'trap "echo got-int; exit 0" INT; sleep 300 & wait'
is "$out" got-int 'with the stop signal'
run_lichen run --timeout 1h "$root" sh -c 'exit 5'
is "$status" 5 'what ends before ends as ever'
run_lichen run --timeout 0.2 --init "$root" sh -c 'trap "" TERM; while :; do sleep 1; done'
is "$status" 124 'one that ignores the signal is killed ten seconds later'
wrong_option 'a unit that there is not' '--timeout 5w' 's, m, h or d' -- --timeout 5w
wrong_option 'a negative time' '--timeout=?.?-5' -- --timeout=-5
wrong_option 'a word' '--timeout soon' '1.5h' -- --timeout soon
wrong_option 'a very long time' 'ten years' -- --timeout 99999d

# ---- --die-with-parent ----

for init in --init=false --init; do
	rm -f "$T/out/held"
	LICHEN_RUN=$LICHEN sh -c '"$LICHEN_RUN" run "$@" >"$T/said" 2>&1 </dev/null & echo $! >"$T/launcher"; wait' sh \
		--die-with-parent "$init" -v "$T/out:/out" "$root" probe hold /out/held "$mark" &
	parent=$!
	wait_for '[ -s "$T/out/held" ]' 30
	ok $? "$init --die-with-parent: the command runs" || diag "$(cat "$T/said")"
	is_running() { kill -0 "$(cat "$T/launcher")" 2>/dev/null; }
	kill -KILL "$parent"
	wait "$parent" 2>/dev/null
	wait_for '! is_running' 10
	ok $? 'lichen ends when its parent is killed'
	wait_for '[ -z "$(alive)" ]' 10
	ok $? 'the command with it, whatever it ignores'
	is "$(configs)" '' 'and nothing is left to be swept'
done
run_lichen run --die-with-parent "$root" sh -c 'exit 4'
is "$status" 4 'while the parent lives nothing is different'

done_testing
