#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Standard streams carry bytes and nothing else: what they lead to outside cannot be opened anew inside.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"

printf 'one\ntwo\nthree\n' >"$T/in"
cp "$T/in" "$T/in.before"
LICHEN_STDIN=$T/in run_lichen run -i "$root" sh -c 'cat; echo overwritten >/proc/self/fd/0; :'
is "$out" 'one
two
three' 'a file as stdin is read'
ok 'cmp -s "$T/in" "$T/in.before"' 'and cannot be opened for writing'

echo kept >"$T/log"
"$LICHEN" run "$root" sh -c 'echo new; : >/proc/self/fd/1; : >/dev/stdout' >>"$T/log" 2>&1
is "$(cat "$T/log")" 'kept
new' 'a log opened for appending cannot be emptied'

"$LICHEN" run "$root" sh -c 'for i in 1 2 3 4 5; do echo o; echo e >&2; done' >"$T/both" 2>&1
is "$(tr -d '\n' <"$T/both")" oeoeoeoeoe 'stdout and stderr to one file: in their order'

(
	"$LICHEN" run -i "$root" sh -c 'read x; echo "$x"'
	cat
) <"$T/in" >"$T/said" 2>&1
is "$(cat "$T/said")" 'one
two
three' 'what the command does not read of a file is there for the next one'

dd if=/dev/urandom of="$T/big" bs=65536 count=160 2>/dev/null
"$LICHEN" run -i "$root" cat <"$T/big" >"$T/big.out"
ok 'cmp -s "$T/big" "$T/big.out"' '10 MB through, file to file'
"$LICHEN" run -i "$root" cat <"$T/big" | cat >"$T/big.out"
ok 'cmp -s "$T/big" "$T/big.out"' 'file to pipe'
dd if="$T/big" bs=65536 2>/dev/null | "$LICHEN" run -i "$root" cat >"$T/big.out"
ok 'cmp -s "$T/big" "$T/big.out"' 'pipe to file'

"$LICHEN" run "$root" echo lost >/dev/full 2>"$T/err"
is $? 125 'output that cannot be written is no success'
like "$(cat "$T/err")" 'cannot be written' 'and is said'
"$LICHEN" run "$root" sh -c 'readlink /proc/self/fd/1' >/dev/null 2>&1
is $? 0 'with /dev/null'

if [ "$(id -u)" -eq 0 ] || have subids; then
	run_lichen run -u user "$root" sh -c 'echo by-name >/dev/stdout; echo err >/dev/stderr'
	is "$out" by-name '-u: /dev/stdout can be opened'
	is "$("$LICHEN" run -u user "$root" sh -c 'echo by-name >/dev/stdout' 2>&1 | cat)" by-name 'where it is a pipe, too'
	is "$(echo typed | "$LICHEN" run -i -u user "$root" sh -c 'cat /dev/stdin' 2>&1 | cat)" typed 'and /dev/stdin'
else
	skip no-subids '-u: /dev/stdout can be opened'
	skip no-subids 'where it is a pipe, too'
	skip no-subids 'and /dev/stdin'
fi

# ---- a script that is the standard input ----

cat >"$T/script" <<-EOF
	echo line >>"\$T/ran"
	"$LICHEN" run -i host sh -c 'head -c 100 /dev/zero >/proc/self/fd/0; head -c 65536 </dev/zero >/proc/self/fd/0' &
	wait
	echo after >>"\$T/ran"
EOF
dd if=/dev/zero bs=1 count=3000 2>/dev/null | tr '\0' '#' >>"$T/script"
timeout 20 bash <"$T/script" >/dev/null 2>&1
is "$(cat "$T/ran")" 'line
after' 'what the command writes into its own input does not set the script back'

done_testing
