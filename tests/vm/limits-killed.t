#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: linger
# Whoever is killed, and with several at once: no process and no cgroup is left. In a service of a
# lingering user's systemd, which is not delegated to it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

# shellcheck disable=SC2034 # in the condition
slice=/sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/lichen.slice
# shellcheck disable=SC2016 # evaluated by wait_for
none='[ -z "$(find "$slice" -mindepth 1 -type d 2>/dev/null)" ]'

# ---- a dozen at once, one after the other for systemd ----

i=0
while [ $i -lt 12 ]; do
	"$LICHEN" run -m 32m --pids-limit 20 host cat /sys/fs/cgroup/memory.max >"$T/out.$i" 2>"$T/err.$i" &
	i=$((i + 1))
done
wait
is "$(cat "$T"/out.* | sort | uniq -c | tr -s ' ')" ' 12 33554432' 'a dozen at once have their limits' ||
	diag "$(cat "$T"/err.* | sort | uniq -c | sort -rn | head -n 5)"
wait_for "$none" 20
ok "$none" 'and afterwards no scope is left'

# ---- SIGKILL: the launcher; the launcher and its keeper ----

start() {
	mkfifo "$T/ready"
	"$LICHEN" run --name "$1" -m 32m -v "$T:/t" host sh -c 'sleep 1000 & echo up >/t/ready; exec sleep 1001' 2>/dev/null &
	pid=$!
	read -r _ <"$T/ready"
	rm "$T/ready"
}
start one
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for "$none" 20
ok "$none" 'a killed launcher: the keeper ends the sandbox, systemd collects the scope'
start two
keeper=$(pgrep -P "$pid" -x keeper)
kill -KILL "$keeper" "$pid"
wait "$pid" 2>/dev/null
run_lichen run host true
is "$status" 0 'the next command runs'
wait_for "$none" 20
ok "$none" 'a killed launcher and keeper: the next command sweeps the cgroup, with what was still in it'

# ---- what a service is in ----

run_lichen run --verbose -m 32m --name here host true
like "$err" 'cgroup lichen-[0-9a-f]* memory: systemd' 'a service that is not delegated gets a scope'
run_lichen run -m 32m host sh -c 'kill -KILL $$'
is "$status" 137 'a command that kills itself'
unlike "$err" 'memory limit' 'was not ended by its memory'
done_testing
