#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# lichen exec runs a command more in a sandbox: in all of its namespaces, as what binds its own command says.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
mkdir -p "$root/etc" "$root/home/app" "$root/srv"
printf 'root:x:0:0::/root:/bin/sh\napp:x:7:8::/home/app:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\napp:x:8:\nmore:x:9:app\n' >"$root/etc/group"
name=exec-$$

# shellcheck disable=SC2016 # for the shell inside
links='for t in user mnt pid net ipc uts cgroup time; do readlink "/proc/self/ns/$t"; done; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status; ulimit -n; umask'
start --name "$name" -e FROM=run -e GONE=1 -w /srv --ulimit nofile=77:77 --umask 027 "$root" sh -c "$links; exec sleep 300"
wait_for 'grep -q "^0027" "$T/said"'
run_lichen exec "$name" sh -c "$links"
is "$status" 0 'it ends well'
is "$out" "$(cat "$T/said")" 'namespaces, capabilities, filter, limits and umask are those of the command that runs'
# shellcheck disable=SC2016 # for the shell inside
run_lichen exec "$name" sh -c 'echo "$FROM $PWD $HOME"; [ $$ -gt 1 ] && kill -0 1 && echo sees'
is "$out" "run /srv /root
sees" 'environment, working directory, home and processes are its own'
run_lichen exec -e FROM=exec -e GONE -w /home "$name" sh -c 'echo "$FROM ${GONE-none} $PWD"'
is "$out" 'exec none /home' '-e and -w are laid over them'
echo 'FROM=file' >"$T/env"
run_lichen exec --env-file "$T/env" "$name" sh -c 'echo "$FROM"'
is "$out" file '--env-file, too'
run_lichen exec "$name" sh -c 'exit 7'
is "$status" 7 'the exit status is its own'
run_lichen exec "$name" sh -c 'kill -KILL $$'
is "$status" 137 '128+n for a signal'
run_lichen exec "$name" nosuch
is "$status" 127 'not found: 127'
like "$err" 'nosuch: not found in PATH' 'and it is said'
run_lichen exec "$name" /etc/passwd
is "$status" 126 'not executable: 126'
LICHEN_STDIN=$root/etc/group run_lichen exec -i "$name" cat
is "$out" "$(cat "$root/etc/group")" '-i passes standard input on'
LICHEN_STDIN=$root/etc/group run_lichen exec "$name" cat
is "$out" '' 'without -i there is none'
run_lichen exec --privileged "$name" grep -E '^(CapEff|Seccomp):' /proc/self/status
like "$out" 'CapEff:.*ffff' '--privileged: every capability that there is inside'
run_lichen exec -d "$name" sh -c 'echo there >/tmp/detached; exec sleep 300'
is "$status$out" 0 '-d comes back at once'
wait_for '"$LICHEN" exec "$name" grep -q there /tmp/detached'
ok $? '-d: it runs'
if have subids; then
	run_lichen exec -u app "$name" sh -c 'id -u; id -g; id -G; echo "$HOME"'
	is "$out" '7
8
8 9
/home/app' '-u: user, group, groups and home by the files of the root'
	run_lichen exec -u 7:9 "$name" id -g
	is "$out" 9 '-u USER:GROUP'
else
	skip no-subids '-u with other ids'
fi
wrong '-u' 'no user "nosuch"' -- exec -u nosuch "$name" true
wrong '-w that is missing' '/nosuch cannot be opened' 'exec makes none' -- exec -w /nosuch "$name" true
wrong '-w that is no path' 'expected an absolute path' -- exec -w nosuch "$name" true
wrong 'no sandbox' 'no running sandbox has the name or id "nosuch"' -- exec nosuch true
wrong 'no command' 'COMMAND is missing' -- exec "$name"
wrong 'by hand' '__exec is what a supervisor runs' -- __exec "$name"
# the request takes it, the kernel does not
head -c 200000 /dev/zero | tr '\0' x >"$T/long"
{ printf 'A=' && cat "$T/long"; } >"$T/env"
run_lichen exec --env-file "$T/env" "$name" true
is "$status" 126 'too long for the kernel: 126'
like "$err" 'arguments and environment are too long together' 'and it is said'
kill -TERM "$pid"
finish
is "$status" 143 'the sandbox ends, and with it what was left there'

# ---- in the sandbox's cgroup; real root may make one anywhere
if have root && { [ -e /sys/fs/cgroup/cgroup.controllers ] || [ -e /sys/fs/cgroup/unified/cgroup.controllers ]; }; then
	start --name "$name" --cgroup-conf cgroup.max.depth=5 --cgroupns-rw "$root" sh -c 'echo ready; exec sleep 300'
	run_lichen exec "$name" sed -n 's/^0:://p' /proc/self/cgroup
	is "$status$out" 0/payload 'it is in the cgroup of the command that runs'
	run_lichen pause "$name"
	wrong 'paused' 'it is paused' 'lichen unpause' -- exec "$name" true
	run_lichen unpause "$name"
	kill -TERM "$pid"
	finish
else
	skip not-root 'in a cgroup'
fi

# ---- other shapes of sandboxes
# in_one DESC EXPECTED COMMAND -- ARGS...
in_one() {
	desc=$1 expected=$2 command=$3
	shift 4
	start --name "$name" "$@" sh -c 'echo ready; exec sleep 300'
	run_lichen exec "$name" sh -c "$command"
	is "$status $out" "0 $expected" "$desc" || diag "$err"
	kill -TERM "$pid"
	finish
}
own=$(id -u)
in_one '--init' yes 'tr "\0" " " </proc/1/cmdline | grep -q init && echo yes' -- --init "$root"
in_one 'one id' 0 'id -u' -- --ids=single "$root"
in_one '--network=host' "$(readlink /proc/self/ns/net)" 'readlink /proc/self/ns/net' -- --network=host "$root"
[ "$own" -eq 0 ] || in_one '--userns=keep-id' "$own" 'id -u' -- --userns=keep-id "$root"
in_one '--read-only' no 'touch /x 2>/dev/null || echo no' -- --read-only "$root"
[ "$own" -eq 0 ] || in_one 'host' "$own" 'id -u' -- host
in_one '--pid=host' yes 'test -d /proc/self && echo yes' -- --pid=host "$root"
if [ "$own" -ne 0 ]; then
	in_one '--no-userns' '1 2' 'awk "/^(NoNewPrivs|Seccomp):/ { printf s \$2; s = \" \" }" /proc/self/status' -- --no-userns --landlock rx:/ host
fi
start --name "$name" "$root" sh -c 'echo ready; exec sleep 300'
first=$pid
start --network "container:$name" "$root" sh -c 'readlink /proc/self/ns/net; exec sleep 300'
run_lichen exec "$name" readlink /proc/self/ns/net
is "$out" "$(cat "$T/said")" 'joined namespaces are the other one'\''s'
kill -TERM "$pid"
finish
pid=$first
kill -TERM "$pid"
finish
done_testing
