#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen pause stops all of a sandbox until lichen unpause, and lichen itself stays alive meanwhile.

# The file system that is frozen below is mounted where sandboxes of others do not inherit it.
if [ "$(id -u)" -eq 0 ] && [ -z "${OWN_MOUNTS:-}" ]; then
	OWN_MOUNTS=yes exec unshare --mount sh "$0"
fi
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
name=pause-$$

wrong 'no sandbox' 'CONTAINER\.\.\. is missing' -- pause
wrong 'no such sandbox' 'cannot pause nosuch' 'no running sandbox has the name or id "nosuch"' -- pause nosuch
start --name "$name" --cgroup-manager none "$root" sh -c 'echo ready; exec sleep 300'
wrong 'no cgroup of its own' 'no cgroup of its own' '--memory, or with --cgroup-manager=systemd' -- pause "$name"
wrong 'unpause without one' 'cannot unpause' 'no cgroup of its own' -- unpause "$name"
kill -TERM "$pid"
finish

# Real root may make a cgroup anywhere; for others the virtual machine has the test (tests/vm/pause.t).
if ! have root; then
	skip not-root 'pause in a cgroup'
	done_testing
fi
if [ ! -e /sys/fs/cgroup/cgroup.controllers ] && [ ! -e /sys/fs/cgroup/unified/cgroup.controllers ]; then
	skip no-cgroup2 'pause in a cgroup'
	done_testing
fi

# A file of the core: such a limit needs no controller.
limit=cgroup.max.depth=5
mkdir "$T/out"
chmod 0777 "$T/out"
: >"$T/out/clock"
# Counts by the length of a file of /out, so fast that a process that goes on is seen at once.
# shellcheck disable=SC2016 # for the shell inside
count='while :; do printf . >>/out/$0; usleep 2000; done'
at() { stat -c %s "$T/out/$1"; }

# The clock of these tests: another sandbox, that is not paused.
"$probe" plain "$LICHEN" run -v "$T/out:/out" "$root" sh -c "$count" clock </dev/null >"$T/clock.log" 2>&1 &
clock=$!
at_exit "kill -TERM $clock 2>/dev/null; wait $clock"
wait_for '[ -s "$T/out/clock" ]' || bail_out "the clock does not start: $(cat "$T/clock.log")"
# ticks: until the clock has counted on.
ticks() {
	# shellcheck disable=SC2034 # for wait_for
	now=$(at clock)
	wait_for '[ "$(at clock)" -gt $((now + 20)) ] 2>/dev/null'
}
# stands FILE: whether nothing is counted there while the clock counts.
stands() {
	counter=$1
	was=$(at "$counter")
	ticks && [ "$(at "$counter")" = "$was" ]
}
# goes FILE
goes() {
	counter=$1
	was=$(at "$counter")
	wait_for '[ "$(at "$counter")" -gt "$was" ] 2>/dev/null'
}
# begin FILE OPTIONS... -- ARGS...: start() with a directory to count in and a cgroup, as $name.
begin() {
	start --name "$name" --cgroup-conf "$limit" -v "$T/out:/out" "$@"
	box=$(readlink "/run/lichen/$(readlink "/run/lichen/names/$name")/cgroup")/box
}
paused() {
	run_lichen pause "$name"
	is "$status,$out" "0,$name" "paused: $1" || diag "$err"
}
unpaused() {
	run_lichen unpause "$name"
	is "$status,$out" "0,$name" "goes on: $1" || diag "$err"
}

# ---- stopped, and let go on ----

for how in --init=false --init; do
	begin $how "$root" sh -c "sh -c '$count' one & sh -c '$count' two & echo ready; wait"
	wait_for '[ -s "$T/out/one" ] && [ -s "$T/out/two" ]'
	paused "$how"
	is "$(cat "$box/cgroup.freeze")" 1 'the cgroup is frozen'
	ok 'stands one && stands two' "$how: nobody counts while it is paused"
	wrong 'paused twice' "cannot pause $name: it is already paused" "lichen unpause $name" -- pause "$name"
	unpaused "$how"
	ok 'goes one && goes two' "$how: they count on"
	wrong 'unpaused twice' "cannot unpause $name: it is not paused" -- unpause "$name"
	kill -KILL "$pid"
	finish
	rm "$T/out/one" "$T/out/two"
done

begin --cgroupns-rw "$root" sh -c "mkdir /sys/fs/cgroup/mine && echo \$\$ >/sys/fs/cgroup/mine/cgroup.procs && echo ready; sh -c '$count' nested"
wait_for '[ -s "$T/out/nested" ]'
paused 'a process in a group that the sandbox made'
ok 'stands nested' 'it stands, too'
unpaused 'a process in a group that the sandbox made'
ok 'goes nested' 'it goes on'
id=$(readlink "/run/lichen/names/$name")
run_lichen pause --json nosuch "$name"
is "$status" 125 'several, of which one fails: 125'
is "$out" "{\"container\":\"$name\",\"id\":\"$id\",\"status\":\"paused\"}" 'the other is paused, which JSON says'
like "$err" '^\{"error":.*nosuch' 'and the error'
run_lichen unpause --json "$name"
is "$out" "{\"container\":\"$name\",\"id\":\"$id\",\"status\":\"running\"}" 'unpause --json'
paused 'once more'
run_lichen update --cgroup-conf cgroup.max.depth=4 "$name"
is "$status,$(cat "$box/cgroup.max.depth")" '0,4' 'limits can be changed while it is paused'

# ---- ends of what is paused ----

kill -KILL "$pid"
finish
is "$status" 137 'SIGKILL of lichen while the sandbox is paused'
wait_for '[ ! -e "$box" ]'
ok $? 'ends the sandbox all the same'
run_lichen run "$root" true

begin "$root" sh -c 'echo ready; exec sleep 300'
paused 'without a handler'
kill -TERM "$pid"
finish
is "$status" 143 'SIGTERM, which the command does not handle, ends it at once'
is "$(cat "$T/said.err")" '' 'without a word'

# shellcheck disable=SC2016 # for the shell inside
handler='trap "echo got-term; exit 7" TERM; trap "echo got-usr1" USR1; echo ready; while :; do usleep 2000; done'
for how in --init=false --init; do
	begin $how "$root" sh -c "$handler"
	paused "$how, with a handler"
	kill -TERM "$pid"
	wait_for 'grep -q paused "$T/said.err"'
	is "$(cat "$T/said.err")" "lichen: warning: the sandbox is paused: SIGTERM arrives when it goes on, with 'lichen unpause $name'" \
		"$how: SIGTERM is answered by what to do"
	kill -USR1 "$pid"
	ticks
	is "$(grep -c . "$T/said.err")" 1 'once'
	unlike "$(cat "$T/said")" got 'and has not arrived'
	unpaused "$how, with a handler"
	finish
	is "$status" 7 'it arrives when the sandbox goes on'
	like "$(cat "$T/said")" got-term 'at its handler'
done

# The second stage of --timeout comes ten seconds after the first: looked at below.
"$probe" plain "$LICHEN" run --name "$name-time" --cgroup-conf "$limit" --timeout 2 "$root" sh -c "$handler" </dev/null \
	>"$T/time.said" 2>"$T/time.err" &
timed=$!
wait_for '[ -s "$T/time.said" ]'
run_lichen pause "$name-time"
is "$status" 0 'a sandbox with --timeout is paused'

# ---- lichen as a job ----

start_as=group
begin "$root" sh -c "echo ready; sh -c '$count' job"
start_as=
wait_for '[ -s "$T/out/job" ]'
state() { sed 's/.*) //; s/ .*//' "/proc/$pid/stat"; }
paused 'a job'
kill -TSTP "$pid"
wait_for '[ "$(state)" = T ]'
ok $? 'Ctrl-Z stops lichen while the sandbox is paused'
kill -CONT "$pid"
wait_for '[ "$(state)" != T ]'
ok $? 'and fg continues it'
ok 'stands job' 'the sandbox is still paused'
unpaused 'a job'
ok 'goes job' 'it counts on'
kill -TSTP "$pid"
wait_for '[ "$(state)" = T ]'
paused 'a sandbox whose lichen is stopped'
unpaused 'a sandbox whose lichen is stopped'
ok 'stands job' 'it is still stopped, by Ctrl-Z'
kill -CONT "$pid"
ok 'goes job' 'fg lets it go on'
paused 'a job'
kill -INT "$pid"
wait_for 'grep -q paused "$T/said.err"'
like "$(cat "$T/said.err")" 'paused: SIGINT arrives' 'SIGINT, which a shell handles, is answered'
unpaused 'a job'
finish
is "$status" 130 'and ends it then'

# ---- a terminal ----

if have expect; then
	export LICHEN root name limit
	cat >"$T/script.exp" <<'END'
set timeout 20
proc want {pattern} { expect { -re $pattern {} timeout { puts "TIMEOUT at $pattern"; exit 3 } eof { puts "END at $pattern"; exit 4 } } }
spawn -noecho $env(LICHEN) run -it --name $env(name) --cgroup-conf $env(limit) $env(root) sh -c {trap "echo got-it; exit 5" INT; echo ready; while :; do usleep 2000; done}
want ready
exec $env(LICHEN) pause $env(name)
send "\003"
exec $env(LICHEN) unpause $env(name)
want got-it
catch { expect eof }
set result [wait]
exit [lindex $result 3]
END
	run_as_is expect -f "$T/script.exp"
	is "$status" 5 'with a terminal: Ctrl-C arrives when the sandbox goes on' || diag "$out"
else
	skip no-expect 'with a terminal: Ctrl-C arrives when the sandbox goes on'
fi

# ---- who does not stop ----

# A process that writes to a frozen file system cannot be stopped until that thaws.
disk=$T/disk
mkdir "$disk"
at_exit 'fsfreeze -u "$disk" 2>/dev/null; umount "$disk" 2>/dev/null'
if have cmd:mkfs.ext4 && have cmd:fsfreeze && truncate -s 8M "$T/image" && mkfs.ext4 -q "$T/image" && mount -o loop "$T/image" "$disk" 2>/dev/null; then
	chmod 0777 "$disk"
	begin -v "$disk:/disk" "$root" sh -c "echo ready; while [ ! -e /out/go ]; do usleep 2000; done; sh -c '$count' spared & exec touch /disk/file"
	fsfreeze -f "$disk"
	: >"$T/out/go"
	wait_for '[ -s "$T/out/spared" ] && grep -qs "^State:.D" $(sed "s,.*,/proc/&/status," "$box/cgroup.procs")'
	wrong 'a process that cannot be stopped' "cannot pause $name" 'touch \([0-9]+\)' 'file server' -- pause "$name"
	is "$(cat "$box/cgroup.freeze")" 0 'nothing stays frozen'
	ok 'goes spared' 'the others go on'
	fsfreeze -u "$disk"
	kill -KILL "$pid"
	finish
	wait_for '[ ! -e "$box" ]'
	run_lichen run "$root" true
	umount "$disk"
else
	skip no-loop-device 'a process that cannot be stopped'
fi

# ---- the second stage of --timeout ----

wait_for '! kill -0 "$timed" 2>/dev/null || [ "$(sed "s/.*) //; s/ .*//" "/proc/$timed/stat" 2>/dev/null)" = Z ]' 20
wait "$timed"
is $? 124 '--timeout ends what is paused'
like "$(cat "$T/time.err")" "is paused: SIGTERM arrives when it goes on, with 'lichen unpause $name-time'" 'and its first stage says that it is paused'

kill -TERM "$clock"
wait "$clock"
done_testing
