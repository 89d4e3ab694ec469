#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# lichen __complete tells the completions of shells what only lichen knows: which sandboxes run.

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"

# offered WORD: among the candidates of the last command
offered() {
	printf '%s\n' "$out" | grep -qxF -e "$1"
}

# ---- what there is without a sandbox ----

run_lichen __complete verbs
is "$status:$err" 0: 'verbs: no failure'
ok 'offered run && offered doctor' 'verbs: the first words of verbs'
ok '! offered __complete' 'verbs: not itself'
run_lichen __complete verbs run
is "$status:$out:$err" 0:: 'verbs: nothing stands behind a verb of one word'
run_lichen __complete nothing
is "$status:$out:$err" 0:: 'an unknown kind: nothing, and no failure'
run_lichen --help
unlike "$out" __complete 'it is not in the help'
run_lichen __complete --help
like "$out" '^Usage: lichen __complete \[OPTIONS\] KIND' 'but has its own'
wrong 'without a kind' 'KIND is missing' -- __complete

# ---- sandboxes ----

start --name "web-$$" "$root" sh -c 'echo up; exec sleep 100'
run_lichen __complete containers
is "$status:$err" 0: 'containers: no failure'
ok 'offered "web-$$"' 'containers: the name'
is "$(printf '%s\n' "$out" | grep -A1 -xF -e "web-$$" | sed 1d | grep -cE '^[0-9a-f]{12}$')" 1 'containers: its short id'
kill -TERM "$pid"
finish
run_lichen __complete containers
ok '! offered "web-$$"' 'containers: gone with its end'
(
	# a file in the place of the directory
	: >"$T/file"
	XDG_DATA_HOME=$T/file HOME=$T/file TMPDIR=/proc/none run_lichen __complete containers
	printf '%s' "$status:$err" >"$T/said"
)
is "$(cat "$T/said")" 0: 'where nothing can be found out it says nothing, and that is no failure'

done_testing
