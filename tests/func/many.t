#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Twenty at once: all finish, none sees another, nothing is left.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
# Prints the config.json of every run of this test that is on disk; root's are shared by all.
root=$T/root
busybox_root "$root"
mkdir "$T/results"

n=1
while [ $n -le 20 ]; do
	(
		timeout -k 5 120 "$LICHEN" run -h "box$n" "$root" sh -c 'echo "$1" >/etc/who; i=0; while [ $i -lt 200 ]; do i=$((i+1)); done
			echo "$(cat /etc/who) $(hostname) $(ls -d /proc/[0-9]* | wc -l)"; exit "$1"' sh "$n" \
			</dev/null >"$T/results/$n.out" 2>"$T/results/$n.err"
		echo $? >"$T/results/$n.status"
	) &
	n=$((n + 1))
done
wait

n=1
while [ $n -le 20 ]; do
	is "$(cat "$T/results/$n.status" 2>/dev/null)" "$n" "number $n has its own status" || diag "$(cat "$T/results/$n.err")"
	like "$(cat "$T/results/$n.out")" "^$n box$n [1-4]\$" 'its own files, host name and processes'
	is "$(cat "$T/results/$n.err")" '' 'and says nothing'
	n=$((n + 1))
done
is "$(configs)" '' 'nothing is kept of any'
ok '[ ! -e "$root/etc/who" ]' 'the tree is as it was'

# Who shares a pid namespace ends its own processes and no others': the number of its mount
# namespace must not be another's by then.
herd() { # herd [OPTION]: sixty, one after the other
	i=0
	while [ $i -lt 60 ]; do
		timeout -k 5 60 "$LICHEN" run "$@" "$root" sh -c 'true & exit 3' </dev/null 2>>"$T/herd-err"
		[ $? -eq 3 ] || echo "$*: status not 3"
		i=$((i + 1))
	done
}
herd --pid=host >"$T/herd.1" &
one=$!
herd --pid=host >"$T/herd.2" &
two=$!
herd >"$T/herd.3"
wait "$one" "$two"
is "$(cat "$T"/herd.*)" '' 'sixty with --pid=host, twice, and sixty without: each has its own end'

# One name at a time: of two that run at once, one is refused and names the other.
mkfifo "$T/go"
exec 9<>"$T/go"
"$LICHEN" run -i --name "n-$mark" "$root" sh -c 'echo up; read -r line' <&9 >"$T/first" 2>&1 &
pid=$!
wait_for '[ -s "$T/first" ] || ! kill -0 "$pid" 2>/dev/null' 30
run_lichen run --name "n-$mark" "$root" true
is "$status" 125 'a name that is taken: 125'
like "$err" "n-$mark" 'which is named'
echo end >&9
wait "$pid"
is $? 0 'the first one goes on'
exec 9>&-
run_lichen run --name "n-$mark" "$root" true
is "$status" 0 'and then the name is free'

done_testing
