#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --init: lichen-init is process 1, reaps and passes signals on, and gives nothing away.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
mkdir "$T/out"
chmod 0777 "$T/out"

# ---- who is who ----

run_lichen run --init "$root" sh -c 'echo $$ $PPID; cat /proc/1/comm; cut -d" " -f5,6 /proc/self/stat'
is "$status" 0 'a command below init'
is "$out" '2 1
lichen-init
2 2' 'it is process 2, process 1 is lichen-init, and it leads its session and group'
run_lichen run "$root" sh -c 'echo $$'
is "$out" 1 'without it a directory has none'
run_lichen run --init=false "$root" sh -c 'echo $$'
is "$out" 1 'nor with --init=false'
run_lichen run host sh -c 'echo $$'
is "$out" 2 'host has it'
run_lichen run --init=false host sh -c 'echo $$'
is "$out" 1 'unless it is turned off'

# ---- what binds the command binds init, and nothing leaks from either ----

fields='^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):'
run_lichen run --init "$root" grep -E "$fields" /proc/self/status
like "$out" '^Seccomp:.2' 'the command has its filter'
like "$out" '^NoNewPrivs:.1' 'and no new privileges'
expected=$out
run_lichen run --init "$root" grep -E "$fields" /proc/1/status
is "$out" "$expected" 'ids, capabilities and filter of init are those of the command'
ids=single	# root's range has that id; an ordinary user's single one is called so
[ "$(id -u)" -ne 0 ] || ids=auto
run_lichen run --init -u 1000:1000 "--ids=$ids" "$root" grep -E '^(Uid|CapEff|CapPrm):' /proc/1/status
like "$out" '^Uid:.1000.1000.1000.1000' 'of another user, too'
run_lichen run --init "$root" sh -c 'ls /proc/self/fd | wc -l; cat /proc/self/status | grep SigBlk; ls -l /proc/1/fd | wc -l; cat /proc/1/environ; readlink /proc/1/exe; cat /proc/1/maps; echo end'
like "$out" '^SigBlk:.0*$' 'the command starts with no signal blocked'
is "$(printf '%s\n' "$out" | sed -n 1p)" 4 'and with no descriptor but 0 to 2 (and the one that lists them)'
is "$(printf '%s\n' "$out" | sed -n '3,$p')" '1
end' 'process 1 cannot be looked into'
run_lichen run --init --cap-add SYS_PTRACE "$root" sh -c 'readlink /proc/1/exe; ls /proc/1/fd | wc -l; tr "\0" "\n" </proc/1/environ; (echo x >/proc/1/exe) 2>&1; exec 3</proc/1/exe; (echo x >/proc/self/fd/3) 2>&1'
like "$out" '^/memfd:lichen-init' 'who may trace it finds a memfd as its program'
is "$(printf '%s\n' "$out" | sed -n 2p)" 0 'no descriptors'
is "$(printf '%s\n' "$out" | sed -n '3,$p' | grep -vc 'can.t create')" 0 'no environment, and a program that cannot be written'
is "$(printf '%s\n' "$out" | grep -c "can't create")" 2 'neither by its name nor by a descriptor'
run_lichen run --init --privileged "$root" sh -c '(echo x >/proc/1/exe) 2>&1; exec 3</proc/1/exe; (echo x >/proc/self/fd/3) 2>&1'
is "$(printf '%s\n' "$out" | grep -c "can't create")" 2 'nor with --privileged'

# Where memfds cannot be executed it is a mount of the file (the setting is that of a pid namespace).
if [ "$(id -u)" -eq 0 ] && [ -w /proc/sys/vm/memfd_noexec ]; then
	run_as_is unshare -p -f --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh "$LICHEN" run --verbose --init \
		--cap-add SYS_PTRACE "$root" sh -c 'cat /proc/1/comm; (echo x >/proc/1/exe) 2>&1; exec 3</proc/1/exe; (echo x >/proc/self/fd/3) 2>&1'
	is "$status" 1 'without memfds it runs all the same'
	like "$err" 'init-load .*: mount' 'from a mount'
	is "$(printf '%s\n' "$out" | grep -c 'Read-only')" 2 'that is read-only'
	ok '[ "$(cat /proc/sys/vm/memfd_noexec)" -ne 2 ]' 'the machine keeps its setting'
fi

# ---- the end ----

run_lichen run --init "$root" sh -c 'exit 7'
is "$status" 7 "the command's status is lichen's"
run_lichen run --init "$root" sh -c 'kill -KILL $$'
is "$status" 137 'a signal: 128+n'
run_lichen run --init "$root" sh -c 'kill -TERM $$'
is "$status" 143 'the default action of a signal works on the command itself'
run_lichen run --init "$root" sh -c '(setsid sleep 300 &) ; sleep 300 & echo over'
is "$status" 0 'a command that leaves processes behind'
is "$out" over 'ends at once, they with it'
run_lichen run --init "$root" sh -c 'kill -KILL 1; kill -TERM 1; exec sleep 300'
is "$status" 143 'process 1 passes on what comes from inside, and is not killed by it'

# An orphan becomes a child of process 1: sleep never waits for it, lichen-init does.
orphan='(sleep 0.2 &); (sleep 0.6; grep -ls "^State:.Z" /proc/[0-9]*/status | wc -l) & exec sleep 1'
run_lichen run "$root" sh -c "$orphan"
isnt "$out" 0 'without init an orphan stays as a zombie'
run_lichen run --init "$root" sh -c "$orphan"
is "$out" 0 'with it none does'

# ---- errors of exec, as without init ----

for args in no-such-command /etc/passwd /bin /bin/empty /bin/script; do
	: >"$root/bin/empty"
	printf '#!/no/such/sh\n' >"$root/bin/script"
	chmod 0755 "$root/bin/empty" "$root/bin/script"
	run_lichen run "$root" "$args"
	without=$status:$(printf '%s\n' "$err" | sed 's/step [0-9]*/step N/')
	run_lichen run --init "$root" "$args"
	is "$status:$(printf '%s\n' "$err" | sed 's/step [0-9]*/step N/')" "$without" "$args: the same status and the same words"
done
run_lichen run --init "$root" no-such-command
is "$status" 127 'not found: 127'
run_lichen run --init "$root" /etc/passwd
is "$status" 126 'not executable: 126'
like "$err" 'chmod' 'with the hint'

# ---- signals ----

start --init "$root" sh -c 'trap "echo got-term; exit 7" TERM; echo ready; sleep 300 & wait'
kill -TERM "$pid"
finish
is "$status" 7 'SIGTERM reaches the handler of the command'
start --init "$root" sh -c 'echo ready; exec sleep 300'
kill -TERM "$pid"
finish
is "$status" 143 'and ends one that has none'
for sig in HUP:129 INT:130 QUIT:131 USR1:138 ALRM:142; do
	start --init "$root" sh -c 'echo ready; exec sleep 300'
	kill -"${sig%:*}" "$pid"
	finish
	is "$status" "${sig#*:}" "SIG${sig%:*}: ${sig#*:}"
done
start --init "$root" sh -c 'echo ready; sleep 300; echo survived'
kill -INT "$pid"
finish
is "$status" 130 'SIGINT reaches the group, as from a keyboard: a shell and what it waits for'
unlike "$(cat "$T/said")" survived 'both are gone'
start --init "$root" sh -c 'trap "" TERM; trap "exit 6" USR2; echo ready; while :; do sleep 300 & wait; done'
kill -TERM "$pid"
kill -USR2 "$pid"
finish
is "$status" 6 'a signal that the command ignores is ignored'

seconds=31$$
start_as=group
start --init "$root" sh -c 'echo ready; exec sleep "$1"' sh "$seconds"
start_as=
wait_for 'inside=$(grep -lsax "sleep.$seconds." /proc/[0-9]*/cmdline); [ -n "$inside" ]'
inside=${inside%/cmdline}
stat_of() { sed 's/.*) //; s/ .*//' "$inside/stat" 2>/dev/null; }
kill -TSTP "$pid"
wait_for '[ "$(stat_of)" = T ]'
ok $? 'SIGTSTP of lichen stops the command'
# a stop that is still to come would take SIGCONT away again
wait_for '[ "$(sed "s/.*) //; s/ .*//" "/proc/$pid/stat")" = T ]'
kill -CONT "$pid"
wait_for '[ "$(stat_of)" != T ]'
ok $? 'SIGCONT continues it'
kill -TERM "$pid"
finish
is "$status" 143 'SIGTERM ends it afterwards'

# ---- the launcher is killed ----

start --init -v "$T/out:/out" "$root" sh -c 'echo ready; exec probe hold /out/held "$1"' sh "$mark"
wait_for '[ -s "$T/out/held" ]'
ok '[ -n "$(alive)" ]' 'a command that does not want to die'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for '[ -z "$(alive)" ]' 10
ok $? 'when lichen is killed, a command that left its session and ignores all signals dies with it'
run_lichen run "$root" true
is "$status" 0 'and the next command removes what was left'

# ---- a terminal ----

if have expect; then
	LICHEN=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
	export LICHEN root
	cat >"$T/script.exp" <<'END'
set timeout 30
proc want {pattern} {
	expect {
		-re $pattern {}
		timeout { puts "TIMEOUT waiting for $pattern"; exit 3 }
		eof { puts "END waiting for $pattern"; exit 4 }
	}
}
spawn -noecho sh -c {"$LICHEN" run -it --init "$root" sh; echo "status=$?."}
want {[#$] }
send "cut -d' ' -f5-8 /proc/self/stat | sed s/^/ids=/; tty\r"
want {ids=\d+ 2 \d+ \d+}
want {/dev/(pts/0|console)}
send "sh -c 'trap \"echo go\$((1+1))\" CONT; echo run\$((1+1)); while :; do sleep 0.1; done'\r"
want {run2}
send "\032"
want {Stopped}
want {[#$] }
send "jobs\r"
want {Stopped\s+sh -c}
send "fg\r"
want {go2}
send "\003"
want {[#$] }
send "echo alive=\$?.\r"
want {alive=130\.}
send "exit 9\r"
want {status=9\.}
expect eof
spawn -noecho sh -c {"$LICHEN" run -it --init "$root" sh -c "echo ready; exec sleep 300"; echo "status=$?."}
want {ready}
send "\032"
send "\003"
want {status=130\.}
expect eof
spawn -noecho sh -c {"$LICHEN" run -it --init "$root" no-such-command; echo "status=$?."}
want {status=127\.}
expect eof
END
	run_as_is expect -f "$T/script.exp"
	is "$status" 0 '-it: job control, Ctrl-Z where nobody could continue it, Ctrl-C, errors'
	[ "$status" -eq 0 ] || diag "$out"
	unlike "$out" "job control turned off|can't access tty" 'the shell has its terminal'
else
	skip no-expect '-it'
fi

done_testing
