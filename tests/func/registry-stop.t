#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A pull that ends in the middle: by a layer that does not come, SIGKILL, Ctrl-C on a terminal. Nothing runs on, whole layers
# stay and are not fetched again, what is half is cleared away; the terminal is as before.
# shellcheck disable=SC2016 # expanded by others
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"

need user userns expect cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-registry" ] || skip_all no-lichen-image
LICHEN=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
export LICHEN

L=$T/layout
make_layers "$L" 10
serve_layout "$L"
images=$XDG_DATA_HOME/lichen/images
last=${layers##* }
printf %s "$last" >"$L/only"

# The layers that lie in the store, and those that were asked for.
there() {
	for digest in $layers; do
		[ -e "$images/blobs/sha256/$digest" ] && echo "$digest"
	done
}
asked() {
	for digest in $layers; do
		grep "GET /v2/[^ ]*/blobs/sha256:$digest " "$L/log"
	done
}
half() {
	find "$images/tmp" -name 'blob-*' 2>/dev/null
}
# What descends from the process in $T/pid, into $T/family; helpers cannot be told by their environment, which nobody may read.
cat >"$T/list" <<'END'
family=$(cat "$T/pid") more=$family
while [ -n "$more" ]; do
	found=
	for stat in /proc/[0-9]*/stat; do
		read -r line <"$stat" || continue
		parent=${line##*) ? } pid=${line%% *}
		case " $more " in *" ${parent%% *} "*) found="$found $pid" ;; esac
	done 2>/dev/null
	family="$family $found" more=${found# }
done
echo $family >"$T/family"
END
nothing_runs() {
	ok '[ "$(wc -w <"$T/family")" -gt 1 ]' "$1: there were helpers"
	wait_for 'for p in $(cat "$T/family"); do [ ! -e "/proc/$p" ] || grep -q "^State:.Z" "/proc/$p/status" 2>/dev/null || break; p=; done; [ -z "$p" ]' 10
	is "$?" 0 "$1: nothing runs on" || diag "$(cat "$T/family")"
}
# again WHAT: comes from a registry that behaves by now, and only what was not there
again() {
	there >"$T/had"
	: >"$L/log"
	run_lichen pull -q "127.0.0.1:$port/ok:1"
	is "$status:$out" "0:sha256:$config" "$1: the next pull brings it"
	is "$(asked | wc -l)" "$((10 - $(wc -l <"$T/had")))" "$1: what was there is not fetched again"
	is "$(half)" '' "$1: nothing half is left"
	run_lichen rmi -f "sha256:$config"
}

# ---- one of ten does not come
run_lichen pull "127.0.0.1:$port/no-layer:1"
is "$status:$out" 125: 'a layer that is not there'
is "$(printf '%s\n' "$err" | grep -c 'lichen: ')" 1 'is one error'
ok '[ "$(there | wc -l)" -ge 7 ]' 'the others stay'
is "$(half)" '' 'nothing half does'
again 'a layer that was not there'
run_lichen pull "127.0.0.1:$port/wrong-digest:1"
is "$status,$(printf '%s\n' "$err" | grep -c 'lichen: ')" 125,1 'a layer that is another: one error'
again 'a layer that was another'

# ---- killed
printf %s "$last" >"$L/only"
"$LICHEN" pull "127.0.0.1:$port/stall:1" >"$T/said" 2>&1 &
pid=$!
wait_for '[ "$(there | wc -l)" -eq 9 ] && [ -n "$(half)" ]' 20
is "$?" 0 'in the middle of the last layer' || diag "$(cat "$T/said")"
echo "$pid" >"$T/pid"
export T
sh "$T/list"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
nothing_runs SIGKILL
ok '[ -n "$(half)" ]' 'SIGKILL: the half layer is still there'
again SIGKILL
is "$(grep -c 'range=bytes' "$L/log")" 0 'SIGKILL: a layer comes whole or not at all'

# ---- Ctrl-C
cat >"$T/script.exp" <<'END'
set timeout 30
proc want {pattern} {
	expect {
		-re $pattern {}
		timeout { puts "TIMEOUT waiting for $pattern"; exit 3 }
		eof { puts "END waiting for $pattern"; exit 4 }
	}
}
spawn -noecho sh -c {trap : INT; stty -g >$T/before; sh -c 'echo $$ >$T/pid; exec "$LICHEN" pull $image'; s=$?; stty -g >$T/after; echo "status=$s."}
want {9 of 10 layers}
exec sh $env(T)/list
send "\003"
want {status=\d+\.}
expect { eof {} timeout { puts "TIMEOUT at the end"; exit 3 } }
END
image=127.0.0.1:$port/stall:1
export image
run_as_is expect -f "$T/script.exp"
is "$status" 0 'the session came to its end' || diag "$out"
like "$out" '^status=130\.' 'Ctrl-C: status 130, at the beginning of a line'
ok '[ -s "$T/before" ] && cmp -s "$T/before" "$T/after"' 'Ctrl-C: the terminal is as before'
is "$(printf '%s' "$out" | grep -c '\[?25l')" "$(printf '%s' "$out" | grep -c '\[?25h')" 'Ctrl-C: the cursor is seen'
nothing_runs Ctrl-C
is "$(half)" '' 'Ctrl-C: nothing half is left'
is "$(there | wc -l)" 9 'Ctrl-C: whole layers stay'
again Ctrl-C

kill "$server"
wait "$server" 2>/dev/null
done_testing
