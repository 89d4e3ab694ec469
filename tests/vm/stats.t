#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session-all
# stats where the kernel counts everything: memory, processes, disk traffic, throttling, and the word for what is short.
# shellcheck disable=SC2016 # conditions for ok and wait_for, programs for sh
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

find_probe
pids=
# sandbox NAME SCRIPT OPTION...: runs, and has written that it is up.
sandbox() {
	sandbox_name=$1 script=$2
	shift 2
	start --name "$sandbox_name" "$@" host sh -c "$script"
	pids="$pids $pid"
	at_exit "kill $pid 2>/dev/null"
}
# number NAME KEY: of the last sample of $T/json.
number() {
	grep "\"name\": \"$1\"" "$T/json" | tail -n 1 | sed -n "s/.*\"$2\": \([^,}]*\)[,}].*/\1/p"
}
# between LOW KEY HIGH NAME DESC
between() {
	# shellcheck disable=SC2034 # in the condition
	low=$1 high=$3 n=$(number "$4" "$2")
	ok 'awk -v n="$n" -v low="$low" -v high="$high" "BEGIN { exit !(n ~ /^[0-9.]+\$/ && n + 0 >= low && n + 0 <= high) }"' "$5" ||
		diag "$2 of $4 is $n" "$(grep "\"$4\"" "$T/json")"
}
mib=1048576

sandbox small 'dd if=/dev/zero of=/tmp/x bs=1M count=40 2>/dev/null; echo up; exec sleep 1000' -m 100m --memory-swap 100m --pids-limit 20
sandbox full 'dd if=/dev/zero of=/tmp/x bs=512k count=191 2>/dev/null; echo up; exec sleep 1000' -m 100m --memory-swap 100m
sandbox slow 'echo up; while :; do :; done' --cpus 0.2
sandbox many 'sleep 1000 & sleep 1000 & sleep 1000 & echo up; wait' --pids-limit 5
sandbox disk "dd if=/dev/zero of=/w/x bs=1M count=8 conv=fsync 2>/dev/null; echo up; exec sleep 1000" -v "$T:/w" --pids-limit 20

run_lichen stats --no-stream --json --interval 2 small full slow many disk
is "$status" 0 'all are shown'
is "$err" '' 'without a complaint'
printf '%s\n' "$out" >"$T/json"

between $((40 * mib)) memoryBytes $((60 * mib)) small 'memory follows what is allocated'
is "$(number small memoryLimitBytes)" $((100 * mib)) 'and its limit is the one asked for'
between 40 memoryPercent 60 small 'of which it is a share'
between $((40 * mib)) memoryPeakBytes $((100 * mib)) small 'the peak is no lower'
is "$(number small swapBytes)" 0 'nothing is swapped out'
between 2 pids 3 small 'its processes are counted'
is "$(number small pidsLimit)" 20 'and their limit'
is "$(number small bottleneck)" null 'it is short of nothing'
is "$(number full bottleneck)" '"memory"' 'who fills its memory is short of memory'
between 95 memoryPercent 100 full 'near the limit'
between 10 cpuPercent 35 slow 'who has a fifth of a processor uses that much'
between 50 throttledPercent 100 slow 'and is held back most of the time'
between 500 throttledMs 4000 slow 'for how long'
is "$(number slow bottleneck)" '"cpu"' 'so it is short of processor time'
is "$(number many pids)" 5 'who has all the processes that it may have'
is "$(number many bottleneck)" '"pids"' 'is short of them'
is "$(number many memoryLimitBytes)" "$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) * 1024))" 'without a limit of memory there is the machine'
between $((8 * mib)) ioWrittenBytes $((64 * mib)) disk 'what is written to a disk is counted'
between 0 cpuSomePercent 100 slow 'pressure is there'

run_lichen stats --no-stream small slow
like "$out" '^small +[0-9.]+% +4[0-9.]*MiB/100MiB +4[0-9.]+% .* [23]/20 ' 'for people'
like "$out" '^slow .* [0-9]+% [0-9.]+(ms|s) .*cpu$' 'throttling too'

# shellcheck disable=SC2086 # words
kill $pids
done_testing
