#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# stats shows what running sandboxes use: once, line by line, drawn anew; and where nobody counts it says so.
# shellcheck disable=SC2016 # conditions for wait_for and ok, programs for sh
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox cmd:awk
root=$T/root
busybox_root "$root"
find_probe
LICHEN=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
name=st$$

# sandbox NAME SCRIPT OPTION...: runs in the background, and is up; $pid.
sandbox() {
	sandbox_name=$1 script=$2
	shift 2
	start --init --name "$sandbox_name" "$@" "$root" sh -c "echo up; $script"
	at_exit "kill $pid 2>/dev/null"
}
idle='exec sleep 1000'

# ---- without a cgroup ----

sandbox "$name" "$idle" --cgroup-manager=none
bare=$pid
run_lichen stats --no-stream "$name"
is "$status" 0 'a sandbox without a cgroup is shown'
is "$(printf '%s\n' "$out" | wc -l)" 2 'a line of titles and one of its own'
like "$out" '^NAME +CPU % .*MEMORY.* PIDS .*BOTTLENECK$' 'the titles'
like "$out" "^$name( +-)+\$" 'and nothing is known: -, and no 0'
like "$err" "^lichen: warning: $name has no cgroup.*limit.*--cgroup-manager=systemd.*lichen doctor" 'why, and what to do'
is "$(printf '%s\n' "$err" | wc -l)" 1 'said once'
run_lichen stats --no-stream --json "$name"
is "$status" 0 '--json'
like "$out" "^  \\{\"time\": \"20[0-9-]+T[0-9:.]+Z\", \"id\": \"[0-9a-f]{64}\", \"name\": \"$name\", \"cgroup\": null, \"cpuPercent\": null, .*\"bottleneck\": null\\}\$" \
	'an object'
is "$(printf '%s\n' "$out" | sed -n '1p;$p')" '[
]' 'in an array'
unlike "$out" ': 0[,}.]' 'without a 0'
id=$(printf '%s\n' "$out" | sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p')
run_lichen stats --no-stream "$(printf '%.20s' "$id")"
like "$out" "^$name +-" 'by the beginning of its id'
run_lichen stats --no-stream
like "$out" "^$name +-" 'among all'

# ---- what is wrong ----

wrong 'no such sandbox' "\"${name}x\"" "$name" -- stats --no-stream "${name}x"
wrong 'no such sandbox, live' "\"${name}x\"" -- stats "${name}x"
run_lichen stats --no-stream "${name}x" "$name" "$name"
is "$status" 125 'one of several is not there: 125'
like "$err" "\"${name}x\".*did you mean $name" 'it is named, and the nearest one'
is "$(printf '%s\n' "$out" | grep -c "^$name ")" 1 'the other one is shown, once'
wrong 'none of several' "\"${name}x\"" "\"${name}y\"" 'none of the 2' -- stats "${name}x" "${name}y"
for interval in 0 0.05 3601 -1 1s nan 1e3 .; do
	wrong "--interval '$interval'" '--interval' 'from 0.1 to 3600' -- stats --no-stream --interval "$interval"
done
wrong '--format' "option '--format'" '--json' -- stats --format '{{.Name}}'

# ---- line after line ----

: >"$T/lines"
: >"$T/objects"
"$LICHEN" stats -i 0.1 "$name" >"$T/lines" 2>"$T/lines.err" &
lines=$!
"$LICHEN" stats -i 0.1 --json "$name" >"$T/objects" 2>/dev/null &
objects=$!
wait_for '[ "$(wc -l <"$T/lines")" -ge 5 ] && [ "$(wc -l <"$T/objects")" -ge 5 ]'
ok $? 'in a pipe one line follows another'
kill "$bare"
wait "$lines"
is "$?" 0 'and ends when the sandboxes that were named have ended'
wait "$objects"
is "$?" 0 'as JSON, too'
is "$(grep -c NAME "$T/lines")" 1 'one line of titles'
is "$(grep -c "^$name " "$T/lines")" "$(($(wc -l <"$T/lines") - 1))" 'and the others are of the sandbox'
is "$(grep -c '^{.*}$' "$T/objects")" "$(wc -l <"$T/objects")" 'one object a line'
is "$(grep -c . "$T/lines.err")" 1 'the reason for - is said once'

# ---- drawn anew ----

# screen LOCALE: the expect script on standard input, in a terminal of 100 columns that has $sandbox.
screen() {
	{
		cat <<'END'
set timeout 20
set stty_init {rows 30 columns 110}
proc want {pattern} {
	expect {
		-re $pattern {}
		timeout { puts "TIMEOUT waiting for $pattern"; exit 3 }
		eof { puts "END waiting for $pattern"; exit 4 }
	}
}
spawn -noecho sh -c {stty -g >$T/before; trap : INT; "$LICHEN" stats -i 0.2; s=$?; stty -g >$T/after; echo "status=$s."}
END
		cat
		echo 'want {status=\d+\.}'
	} >"$T/script.exp"
	run_as_is env LC_ALL="$1" TERM=xterm LICHEN="$LICHEN" expect -f "$T/script.exp"
	# all but the last of what was drawn says nothing new
	out=$(printf '%s\n' "$out" | tr -d '\r' | tail -n 12)
}
if have expect; then
	rm -f "$T/go"
	sandbox "$name" "$idle" --cgroup-manager=none
	# the second one comes when it is asked for
	{ wait_for '[ -e "$T/go" ]' 30 && exec "$LICHEN" run --init --cgroup-manager=none --name "${name}b" "$root" sleep 1000; } </dev/null >/dev/null 2>&1 &
	second=$!
	at_exit "kill $second 2>/dev/null"
	export name second
	screen C <<'END'
want "NAME.*HISTORY.*$env(name) .*without a cgroup"
close [open $env(T)/go w]
want "\n$env(name)b "
exec sh -c {kill $second}
want "NAME(?:(?!$env(name)b).)*\n$env(name) (?:(?!$env(name)b).)*\x1b\\\[J"
stty columns 50 < $spawn_out(slave,name)
want "NAME(?:(?!HISTORY)\[^\n])*BOTTLENECK"
send q
END
	is "$status" 0 'live: sandboxes come and go, the window gets narrow, q ends it' || diag "$out"
	like "$out" '^status=0\.$' 'with 0, on a line of its own'
	ok '[ -s "$T/before" ] && cmp -s "$T/before" "$T/after"' 'the terminal is as before'
	# it has ended, but where the screen was not what it should be
	kill "$second" 2>/dev/null
	wait "$second"
	screen C.UTF-8 <<'END'
want "NAME.*$env(name) "
send "\003"
END
	like "$out" '^status=130\.$' 'Ctrl-C ends it, too' || diag "$out"
	ok '[ -s "$T/before" ] && cmp -s "$T/before" "$T/after"' 'the terminal is as before'
	kill "$pid"
	finish
else
	skip no-expect 'live'
fi

# ---- with a cgroup: a kernel without cpu, memory and pids in v2 has usage and pressure all the same ----

run_lichen run --cgroup-conf hugetlb.2MB.max=2m "$root" true
if [ "$status" -eq 0 ]; then
	sandbox "${name}busy" 'while :; do :; done' --cgroup-conf hugetlb.2MB.max=2m
	busy=$pid
	sandbox "${name}idle" "$idle" --cgroup-conf hugetlb.2MB.max=2m
	run_lichen stats --no-stream "${name}busy" "${name}idle"
	is "$err" '' 'nothing to complain of'
	ok '[ "$(printf "%s\n" "$out" | awk "/^${name}busy / { print int(\$2) }")" -ge 10 ]' 'who is busy uses the processor' || diag "$out"
	like "$out" "^${name}idle +0\\.[0-9]+% " 'who sleeps does not'
	run_lichen stats --no-stream --json "${name}idle"
	like "$out" '"cgroup": "/sys/fs/cgroup/.*/box", "cpuPercent": 0(\.[0-9]+)?,' 'where the numbers come from'
	if have expect; then
		kill "$pid"
		finish
		screen C.UTF-8 <<'END'
want "${env(name)}busy +\[0-9.]+% +\[▁▂▃▄▅▆▇█]{3}"
send q
END
		like "$out" '^status=0\.$' 'its history in little columns' || diag "$out"
		screen C <<'END'
want "${env(name)}busy +\[0-9.]+% +\[_.:=+*#-]{3}"
send q
END
		like "$out" '^status=0\.$' 'and in ASCII' || diag "$out"
	fi
	# ten times a second, ten sandboxes: as much work as a hundred each second, which took 0.4 % of a processor
	pids=$busy
	for i in 1 2 3 4 5 6 7 8 9; do
		sandbox "${name}n$i" "$idle" --cgroup-conf hugetlb.2MB.max=2m
		pids="$pids $pid"
	done
	"$LICHEN" stats -i 0.1 >"$T/lines" 2>/dev/null &
	lines=$!
	ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$lines/stat"; }
	shown() { grep -c "^${name}busy " "$T/lines"; }
	wait_for '[ "$(shown)" -ge 1 ]'
	# shellcheck disable=SC2034 # in the condition
	before=$(ticks) first=$(shown)
	wait_for '[ "$(shown)" -ge $((first + 30)) ]' 30
	ok $? 'thirty more times'
	used=$(($(ticks) - before))
	kill "$lines"
	ok '[ "$used" -le 24 ]' "took $used ticks of 1/100 s, of 300; 24 are far too many"
	# shellcheck disable=SC2086 # words
	kill $pids
else
	skip no-group-of-ours 'who is busy uses the processor'
fi

# ---- the manual ----

while read -r word value; do
	ok 'grep -q "$value %" "$top_srcdir/doc/man/lichen-stats.1.scd.in"' "the manual has $word, $value %"
done <<END
$(sed -n 's/^	\(STAT_[A-Z_]*\) = \([0-9]*\),.*/\1 \2/p' "$top_srcdir/src/run/stats.h")
END
done_testing
