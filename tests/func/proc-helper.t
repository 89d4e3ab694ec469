#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen-proc: what it serves from a cgroup's numbers, how it is confined, how it ends. The cgroup is made of plain files.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
# shellcheck disable=SC2154 # out, err and status are run_as_is's

proc=$top_builddir/helpers/lichen-proc
tools=$top_builddir/tests/tools
need userns fuse-device
[ -x "$proc" ] || skip_all no-lichen-proc
[ -x "$tools/fuse-mount" ] || skip_all no-test-tools
if [ -z "${PROC_HELPER_INSIDE:-}" ]; then
	# all of it in namespaces where this user may mount
	unshare -rm --propagation private true 2>/dev/null || skip_all no-nested-mounts
	PROC_HELPER_INSIDE=yes unshare -rm --propagation private sh "$0"
	status=$?
	tap_done=1
	exit "$status"
fi

mnt=$T/mnt
box=$T/top/mid/box
mkdir -p "$mnt" "$box"
ticks=$(getconf CLK_TCK)

# put FILE TEXT: one of the cgroup's files.
put() { printf '%b\n' "$2" >"$box/$1"; }

# A box of 512 MiB, of which 200 are used, and 1.5 processors.
make_box() {
	rm -rf "$T/top"
	mkdir -p "$box"
	put memory.max $((512 << 20))
	put memory.current $((200 << 20))
	put memory.swap.max 0
	put memory.swap.current 0
	put memory.stat "anon 104857600\nfile 52428800\nactive_file 10485760\ninactive_file 31457280\nslab_reclaimable 1048576"
	put cpu.max '150000 100000'
	put cpu.stat 'usage_usec 0\nuser_usec 0\nsystem_usec 0'
	put cpuset.cpus.effective 0-3,8
	put pids.current 4
	put cpu.pressure 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0'
	put cgroup.threads '1\n2\n3'
}

# serve OPTIONS...: mounts, and sets $server, who answers by then.
serve() {
	"$tools/fuse-mount" "$mnt" "$proc" --cgroup-fd 9 "$@" 9<"$box" 2>"$T/said" &
	server=$!
	# shellcheck disable=SC2016 # for wait_for
	wait_for '[ -e "$mnt/meminfo" ]' || diag "$(cat "$T/said")"
}

# unserve DESC: it ends by itself when unmounted.
unserve() {
	umount "$mnt"
	wait "$server"
	is $? 0 "$1"
}

# value FILE KEY: the number behind it.
value() { awk -v key="$2" '$1 == key { print $2 }' "$mnt/$1"; }

first() { cut -d' ' -f1 "$mnt/$1"; }
whole() { first "$1" | cut -d. -f1; }

# ---- the directory ----

make_box
serve
is "$(cd "$mnt" && echo .* ./* | tr -d ./)" '  cpuinfo loadavg meminfo online stat swaps uptime' 'the files'
is "$(stat -c %a:%u:%g "$mnt"/* | sort -u)" 444:0:0 'are read-only and belong to root'
# shellcheck disable=SC2016 # for the inner shell
for what in ': >"$1/meminfo"' 'echo x 1<>"$1/stat"' ': >"$1/new"' 'rm "$1/online"' 'mv "$1/stat" "$1/s"' 'chmod 0777 "$1/stat"' \
	'mkdir "$1/d"' 'ln -s x "$1/l"' 'cat "$1/none"' 'cat "$1"'; do
	run_as_is sh -c "$what" sh "$mnt"
	isnt "$status" 0 "refused: $what"
done
is "$(cd "$mnt" && echo ./* | tr -d ./)" 'cpuinfo loadavg meminfo online stat swaps uptime' 'nothing has changed'

# ---- memory ----

is "$(value meminfo MemTotal:)" $((512 << 10)) 'the memory is the limit'
is "$(value meminfo MemFree:)" $((312 << 10)) 'what is free'
is "$(value meminfo MemAvailable:)" $((353 << 10)) 'and what could be'
is "$(value meminfo Cached:)" $((50 << 10)) 'what is cached'
is "$(cut -d: -f1 "$mnt/meminfo")" "$(cut -d: -f1 /proc/meminfo)" "all lines of the machine's, in their order"
put memory.current $((300 << 20))
is "$(value meminfo MemFree:)" $((212 << 10)) 'another read has what is free by then'
put memory.max $((256 << 20))
is "$(value meminfo MemTotal:) $(value meminfo MemFree:)" "$((256 << 10)) 0" 'and the limit by then, also below the use'
is "$(value meminfo SwapTotal:)" 0 'no swap'
is "$(wc -l <"$mnt/swaps")" 1 'anywhere'

# ---- processors ----

is "$(cat "$mnt/online")" 0-1 'one and a half processors are two'
is "$(grep -c '^cpu[0-9]' "$mnt/stat")" 2 'which stand in stat'
put cpu.max '50000 100000'
is "$(cat "$mnt/online")" 0 'half a processor is one'
is "$(grep '^processor' "$mnt/cpuinfo" | tr -d '\t')" 'processor: 0' 'which stands in cpuinfo'
put cpu.max 'max 100000'
is "$(cat "$mnt/online")" 0-4 'without a quota those of the cpuset'
like "$(cat "$mnt/stat")" '^cpu4 ' 'are in stat, numbered without gaps'
put cpuset.cpus.effective 0
before=$(value stat cpu)
put cpu.stat 'usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000'
is "$(($(value stat cpu) - before))" $((2 * ticks)) 'what the tasks ran is in stat'
put cpu.stat 'usage_usec 1\nuser_usec 1\nsystem_usec 0'
is "$(($(value stat cpu) - before))" $((2 * ticks)) 'which never goes back'

# ---- small reads fit together, of what was there at the first ----

text=$(grep ^Mem "$mnt/meminfo")
exec 8<"$mnt/meminfo"
head=$(dd bs=20 count=1 2>/dev/null <&8)
put memory.current 4096
rest=$(dd bs=7 2>/dev/null <&8)
is "$(printf '%s\n' "$head$rest" | grep ^Mem)" "$text" 'the rest of a file is of the same moment as its beginning'
isnt "$(grep ^Mem "$mnt/meminfo")" "$text" 'while another reader has the new one'
exec 8<&-

# ---- time and load ----

before=$(first uptime)
like "$(cat "$mnt/uptime")" '^[0-9]+\.[0-9]{2} [0-9]+\.[0-9]{2}$' 'uptime'
ok '[ "$(whole uptime)" -lt 60 ]' 'begins with the box'
wait_for '[ "$(first uptime)" != "$before" ]'
ok $? 'and goes on'
is "$(cat "$mnt/loadavg")" '0.00 0.00 0.00 1/4 4' 'no load yet'
put cpu.stat 'usage_usec 90000000\nuser_usec 90000000\nsystem_usec 0'
wait_for '[ "$(first loadavg)" != 0.00 ]'
ok $? 'the load rises with what the tasks run'
like "$(cat "$mnt/loadavg")" '^0\.[0-9]+ 0\.[0-9]+ 0\.[0-9]+ [234]/4 4$' 'and is never more than there are tasks'
rm "$box/pids.current"
unserve 'unmounted, it ends'

# ---- when the box started; limits above; what the cgroup does not tell ----

make_box
rm "$box/pids.current"
printf '%s\n' $((64 << 20)) >"$T/top/memory.max"
echo '100000 100000' >"$T/top/mid/cpu.max"
read -r up _ </proc/uptime
serve --pid-start $(((${up%.*} - 100) * ticks))
if [ "${up%.*}" -gt 200 ]; then
	ok '[ "$(whole uptime)" -ge 100 ] && [ "$(whole uptime)" -lt 160 ]' '--pid-start says when'
fi
is "$(value meminfo MemTotal:)" $((64 << 10)) 'a limit of memory above counts'
is "$(cat "$mnt/online")" 0 'a quota above, too'
like "$(cat "$mnt/loadavg")" ' 1/3 3$' 'without pids.current the threads are counted'
unserve 'it ends'
rm "$box"/memory.* "$T/top/memory.max"
serve --init-pid $$
ok '[ "$(whole uptime)" -le 300 ]' '--init-pid: of that process'
is "$(value meminfo MemTotal:)" "$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)" "without a controller the machine's memory"
unserve 'it ends'

# ---- confined ----

make_box
echo secret >"$T/secret"
exec 7<"$T/secret"
serve
of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$server/status"; }
is "$(of Seccomp) $(of NoNewPrivs) $(of Threads) $(of CapPrm) $(of CapEff)" '2 1 1 0000000000000000 0000000000000000' \
	'a filter, no new privileges, one thread, no capabilities'
is "$(awk '/^Max (core|open)/ { print $(NF - 1) }' "/proc/$server/limits" | tr '\n' ' ')" '0 2 ' 'no core, no new descriptor'
is "$(cut -d' ' -f6 "/proc/$server/stat")" "$server" 'a session of its own'
is "$(find "/proc/$server/fd" -lname "$T/*" ! -lname "$T/top/*")" '' "none of the caller's descriptors"
isnt "$(find "/proc/$server/fd" -lname "$box/*")" '' '(those that it reads can be seen)'
is "$(readlink "/proc/$server/cwd")" / 'nor its directory'
ok '[ ! -e "/proc/$server/fd/2" ]' 'standard error has ended'
exec 7<&-

# ---- many opens ----

anon() { of RssAnon | cut -d' ' -f1; }
cat "$mnt"/* >/dev/null
before=$(anon)
i=0
while [ $i -lt 1000 ]; do
	read -r _ <"$mnt/stat" || break
	i=$((i + 1))
done
is "$i" 1000 'a thousand opens and reads'
if grep -q 'fsanitize' "$top_builddir/Makefile" && ldd "$proc" | grep -Eq 'lib(a|ub)san'; then
	skip sanitizer-build 'leave nothing' # which keeps what is freed
	before=$((before + 100000))
else
	ok '[ "$(anon)" -le $((before + 16)) ]' "leave nothing ($before kB, then $(anon) kB)"
fi
run_as_is "$tools/open-many" 5000 "$mnt/meminfo"
is "$out" '256 Too many open files in system' 'five thousand at once are refused from the 257th on'
is "$(value meminfo MemTotal:)" $((512 << 10)) 'and then it goes on'
ok '[ "$(anon)" -le $((before + 2000)) ]' "with little more memory ($(anon) kB)"

# ---- programs that read these files ----

for file in meminfo stat uptime loadavg cpuinfo swaps; do
	mount --bind "$mnt/$file" "/proc/$file"
done
mount --bind "$mnt/online" /sys/devices/system/cpu/online
is "$(getconf _NPROCESSORS_ONLN)" 2 'getconf counts the processors'
if free --version >/dev/null 2>&1; then
	like "$(free -k)" "^Mem: +$((512 << 10)) " 'free'
	like "$(top -bn1)" "^(MiB|KiB) Mem : +(512.0|$((512 << 10)))" 'top has the memory'
	like "$(top -bn1)" '^%?Cpu.*100\.0 id' 'and idle processors'
	like "$(uptime)" 'up 0 min,.*load average: 0\.00, 0\.00' 'uptime'
	like "$(vmstat | tail -n 1)" " $((312 << 10)) +0 +$((51 << 10)) " 'vmstat'
else
	skip no-procps 'free, top, uptime, vmstat'
fi
umount /sys/devices/system/cpu/online
for file in meminfo stat uptime loadavg cpuinfo swaps; do
	umount "/proc/$file"
done

# ---- its end ----

exec 8<"$mnt/meminfo"
kill -KILL "$server"
wait "$server" 2>/dev/null
run_as_is timeout 5 cat "$mnt/meminfo"
is "$status" 1 'killed: a read fails, and does not hang'
like "$err" 'not connected' 'by ENOTCONN'
run_as_is timeout 5 sh -c 'cat <&8'
is "$status" 1 'also of a file that was open'
exec 8<&-
umount "$mnt"
serve
kill -TERM "$server"
wait "$server" 2>/dev/null
is $? 143 'SIGTERM ends it'
umount "$mnt"
if setpriv --pdeathsig KILL true 2>/dev/null; then
	# shellcheck disable=SC2016 # for the inner shell
	run_as_is sh -c 'setpriv --pdeathsig KILL "$@" >/dev/null 2>&1 & echo $!; until [ -e "$2/meminfo" ]; do sleep 0.05; done' sh \
		"$tools/fuse-mount" "$mnt" "$proc" --cgroup-fd 9 9<"$box"
	server=$out
	wait_for '! kill -0 "$server" 2>/dev/null'
	ok $? "it ends with its parent, when the parent's death was to be told"
	umount "$mnt"
else
	skip no-pdeathsig 'it ends with its parent'
fi

# ---- wrong calls ----

# refused DESC REGEX ARGS...
refused() {
	refused_desc=$1
	refused_regex=$2
	shift 2
	run_as_is "$proc" "$@" 6<"$box" 7</dev/null 8<>/dev/fuse
	is "$status" 1 "$refused_desc: 1"
	like "$err" "^lichen-proc: .*$refused_regex" "$refused_desc: says so"
}
refused 'no options' '--fuse-fd and --cgroup-fd are needed'
refused 'an unknown one' "'--other'" --other
refused 'a closed descriptor' '--fuse-fd: 99 is no open descriptor' --fuse-fd 99 --cgroup-fd 6
refused 'another device' '7 is not /dev/fuse' --fuse-fd 7 --cgroup-fd 6
refused 'no directory' '--cgroup-fd: 7 is no directory' --fuse-fd 8 --cgroup-fd 7
refused 'no number' "--pid-start: '-5'" --fuse-fd 8 --cgroup-fd 6 --pid-start -5
refused 'no such process' '/proc/1073741824/stat: No such file' --fuse-fd 8 --cgroup-fd 6 --init-pid 1073741824

done_testing
