# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Tests in a terminal, by expect(1). Sourced after tests/lib/tap.sh by files that need expect.

LICHEN=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
export LICHEN

# expects: runs the expect script on standard input; $status and $out.
# "begin VERB ARGS" starts a shell that notes the terminal's mode, runs lichen, and notes it again.
expects() {
	{
		cat <<'END'
set timeout 30
proc begin {args} {
	global spawn_id spawn_out env
	file delete $env(T)/before $env(T)/after $env(T)/pid
	spawn -noecho sh -c {stty -g >$T/before; sh -c 'echo $$ >$T/pid; exec "$LICHEN" "$@"' sh "$@"; s=$?; stty -g >$T/after; echo "status=$s."} sh {*}$args
}
proc want {pattern} {
	expect {
		-re $pattern {}
		timeout { puts "TIMEOUT waiting for $pattern"; exit 3 }
		eof { puts "END waiting for $pattern"; exit 4 }
	}
}
proc finish {} { expect { eof {} timeout { puts "TIMEOUT at the end"; exit 3 } } }
proc lichen_pid {} { global env; set f [open $env(T)/pid]; set p [string trim [read $f]]; close $f; return $p }
END
		cat
	} >"$T/script.exp"
	run_as_is expect -f "$T/script.exp"
	out=$(printf '%s\n' "$out" | tr -d '\r')
}

# restored DESC: the terminal's mode is what it was when expects() began.
# shellcheck disable=SC2016 # a condition for ok
restored() {
	ok '[ -s "$T/before" ] && cmp -s "$T/before" "$T/after"' "$1"
}
