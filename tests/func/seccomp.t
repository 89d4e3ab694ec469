#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# A seccomp profile of one's own is what the command gets, and its faults are told by file and place.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
case $(uname -m) in
x86_64) getppid=110 personality=135 uname=63 ;;
aarch64 | riscv64) getppid=173 personality=92 uname=160 ;;
*) skip_all other-architecture ;;
esac
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"

# profile NAME RULES [MORE]: allows everything but what the rules say.
profile() {
	printf '{"defaultAction":"SCMP_ACT_ALLOW"%s,"syscalls":[%s]}\n' "${3:-}" "$2" >"$T/$1.json"
}

profile getppid '{"names":["getppid"],"action":"SCMP_ACT_ERRNO"}'
run_lichen run --security-opt "seccomp=$T/getppid.json" "$root" probe syscall "$getppid"
is "$status" 0 'a profile of one rule: the command runs' || diag "$err"
is "$out" "$getppid EPERM" 'the call is refused with EPERM'
run_lichen run --security-opt "seccomp=$T/getppid.json" "$root" probe syscall "$uname" 0
is "$out" "$uname EFAULT" 'another one reaches the kernel'
run_lichen run "$root" probe syscall "$getppid"
like "$out" 'ok' 'without the profile nothing is refused'
profile prctl '{"names":["prctl"],"action":"SCMP_ACT_ERRNO","errnoRet":111}'
for init in --init=false --init; do
	run_lichen run $init --security-opt "seccomp=$T/prctl.json" "$root" true
	is "$status" 125 "a profile that refuses what the last steps need, $init: 125"
	like "$err" "hint: the seccomp profile $T/prctl.json may refuse what the start itself needs" 'which is told to be the cause'
done
profile both '{"name":"getppid","names":["getpid"],"action":"SCMP_ACT_ERRNO"}'
run_lichen run --security-opt "seccomp=$T/both.json" "$root" true
like "$err" "'name' and 'names' cannot both be given" 'a rule in the old form and in the new one'
profile errno '{"names":["getppid"],"action":"SCMP_ACT_ERRNO","errnoRet":38}'
run_lichen run --security-opt "seccomp=$T/errno.json" "$root" probe syscall "$getppid"
is "$out" "$getppid ENOSYS" 'errnoRet'
profile args '{"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]}'
run_lichen run --security-opt "seccomp=$T/args.json" "$root" sh -c "probe syscall $personality 8; probe syscall $personality 0xffffffff"
is "$out" "$personality EPERM
$personality ok" 'a condition on an argument'
profile kill '{"names":["getppid"],"action":"SCMP_ACT_KILL_PROCESS"}'
run_lichen run --security-opt "seccomp=$T/kill.json" "$root" probe syscall "$getppid"
is "$status" 159 'SCMP_ACT_KILL_PROCESS: ended by SIGSYS'
profile caps '{"names":["getppid"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYSLOG"]}}'
run_lichen run --security-opt "seccomp=$T/caps.json" "$root" probe syscall "$getppid"
is "$out" "$getppid EPERM" 'excludes.caps: without the capability'
run_lichen run --cap-add syslog --security-opt "seccomp=$T/caps.json" "$root" probe syscall "$getppid"
like "$out" 'ok' 'and with it'
profile kernel '{"names":["getppid"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"5.14"}},{"names":["personality"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"99.0"}}'
run_lichen run --security-opt "seccomp=$T/kernel.json" "$root" sh -c "probe syscall $getppid; probe syscall $personality 0xffffffff"
is "$out" "$getppid EPERM
$personality ok" 'minKernel asks the kernel that runs'
profile archs '{"names":["getppid"],"action":"SCMP_ACT_ERRNO"}' ',"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_AARCH64"]'
run_lichen run --security-opt "seccomp=$T/archs.json" "$root" probe syscall "$getppid"
is "$out" "$getppid EPERM" 'architectures'
run_lichen run --security-opt "seccomp=$T/getppid.json" host "$probe" syscall "$getppid"
is "$status" 127 'host: the program is not shown'
mkdir "$T/show"
cp "$probe" "$T/show/probe"
run_lichen run --security-opt "seccomp=$T/getppid.json" -v "$T/show:/mnt" host /mnt/probe syscall "$getppid"
is "$out" "$getppid EPERM" 'host: the profile holds there, too'
run_lichen run --security-opt "seccomp=$T/getppid.json" "$root" probe call tiocsti
is "$out" 'tiocsti EPERM' 'whatever a profile says, nothing is typed into a terminal'
run_lichen run --privileged --security-opt "seccomp=$T/getppid.json" "$root" probe syscall "$getppid"
is "$out" "$getppid EPERM" 'with --privileged: what is named counts'
mkdir "$T/here"
cp "$T/getppid.json" "$T/here/p.json"
absolute=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
(
	cd "$T/here" || exit
	LICHEN=$absolute
	run_lichen run --security-opt seccomp=p.json "$root" probe syscall "$getppid"
	printf '%s\n' "$out" >"$T/relative"
)
is "$(cat "$T/relative")" "$getppid EPERM" 'a relative name, as docker takes it'

# ---- the cache ----

store=$XDG_DATA_HOME/lichen
[ "$(id -u)" -ne 0 ] || store=/var/lib/lichen
digest=$(sha256sum <"$T/getppid.json" | cut -c1-64)
is "$(find "$store" -maxdepth 1 -name "seccomp-$digest-*.bpf" | wc -l)" 3 \
	'compiled once for each set of capabilities, named by its hash' || diag "$(ls "$store")"
profile getppid '{"names":["getppid"],"action":"SCMP_ACT_ERRNO","errnoRet":22}'
run_lichen run --security-opt "seccomp=$T/getppid.json" "$root" probe syscall "$getppid"
is "$out" "$getppid EINVAL" 'a profile that has changed is compiled anew'
[ "$(id -u)" -ne 0 ] || for file in "$T"/*.json; do
	rm -f "$store/seccomp-$(sha256sum <"$file" | cut -c1-64)"-*.bpf "$store/seccomp-$digest"-*.bpf
done

# ---- what is wrong ----

wrong() { # OPTION REGEX DESC
	run_lichen run --security-opt "$1" "$root" true
	is "$status" 125 "$3: 125"
	like "$err" "$2" "$3: says what is wrong"
}
wrong "seccomp=$T/missing.json" "$T/missing.json" 'a profile that is not there'
wrong seccomp=unconfind 'seccomp=unconfined' 'a slip of unconfined'
wrong seccomp= 'profile' 'no profile at all'
printf '{\n"defaultAction":"SCMP_ACT_ALLOW",\n"syscalls":[{"names":["read"] "action":1}]}\n' >"$T/broken.json"
wrong "seccomp=$T/broken.json" "$T/broken.json.*line 3" 'what is no JSON: file and line'
profile action '{"names":["read"],"action":"SCMP_ACT_EPERM"}'
wrong "seccomp=$T/action.json" 'action.json.*syscalls\[0\].action.*SCMP_ACT_EPERM' 'an action that there is not: file and field'
profile key '{"names":["read"],"action":"SCMP_ACT_ALLOW","exludes":{}}'
wrong "seccomp=$T/key.json" "key.json.*syscalls\\[0\\].*'exludes'" 'a key that there is not'
profile both '{"names":["read"],"action":"SCMP_ACT_ALLOW"}' ',"architectures":["AMD64"]'
wrong "seccomp=$T/both.json" 'architectures\[0\]' 'an architecture that there is not'
profile flags '' ',"flags":["SECCOMP_FILTER_FLAG_LOG"]'
wrong "seccomp=$T/flags.json" 'SECCOMP_FILTER_FLAG_LOG' 'a flag that is not supported'
wrong "seccomp=$T" 'seccomp' 'a directory'
wrong label=type:x_t 'SELinux' 'labels'
wrong apparmor=docker-default 'AppArmor' 'AppArmor'
wrong no-new-privileges=maybe 'true' 'a value of no-new-privileges'
wrong unmsk=ALL 'unmask=ALL' 'a slip of unmask'
wrong mask=relative 'absolute' 'a relative mask'
wrong unmask=/proc/nothing 'unmask=ALL' 'unmask of what is not masked'
wrong mask=/ 'cannot be masked' 'the root as a mask'
wrong nested=yes 'takes no value' 'a value of nested'
for action in KILL_PROCESS ERRNO; do
	printf '{"defaultAction":"SCMP_ACT_%s","syscalls":[{"names":["read","exit","exit_group"],"action":"SCMP_ACT_ALLOW"}]}\n' "$action" >"$T/strict.json"
	wrong "seccomp=$T/strict.json" 'strict.json refuses what the start itself needs' "a profile that lets nothing start ($action)"
done
run_lichen run --security-opt label=disable --security-opt apparmor=unconfined --security-opt seccomp=builtin "$root" true
is "$status" 0 'what means nothing here is accepted'

# ---- masks ----

mkdir "$root/secret"
echo hidden >"$root/secret/file"
run_lichen run --security-opt mask=/secret:/etc/passwd "$root" sh -c 'ls /secret; cat /etc/passwd'
is "$out" '' 'mask=: a directory and a file are empty'
echo there >"$root/etc/hostname"
run_lichen run --read-only --security-opt mask=/etc/hostname "$root" wc -c /etc/hostname
like "$out" '^0 ' 'a file that lichen itself has put there, too'
run_lichen run -h name --security-opt mask=/etc/hostname host wc -c /etc/hostname
like "$out" '^0 ' 'and with host'
run_lichen run --security-opt unmask=/proc/sys "$root" sh -c 'awk "\$5 == \"/proc/sys\"" /proc/self/mountinfo; awk "\$5 == \"/proc/fs\" { print \$5 }" /proc/self/mountinfo'
unlike "$out" '/proc/sys' 'unmask=: what was read-only is not'
like "$out" '/proc/fs' 'and nothing else'
run_lichen run --security-opt unmask=ALL "$root" awk '$5 ~ "^/(proc|sys)/" { print $5 }' /proc/self/mountinfo
is "$out" '' 'unmask=ALL: nothing is covered'
run_lichen run --security-opt 'unmask=/proc/*' "$root" awk '$5 ~ "^/proc/" { print $5 }' /proc/self/mountinfo
is "$out" '' "podman's pattern"

# ---- what a filter killed is said, with the call where the kernel's log may be read ----

echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["sync"],"action":"SCMP_ACT_KILL_PROCESS"}]}' >"$T/kill.json"
said='the seccomp filter killed it \(SIGSYS\)(: system call sync \([0-9]+\)|; which system call it was stands in the kernel)'
for init in '' --init; do
	# shellcheck disable=SC2086 # zero or one word
	run_lichen run $init --security-opt "seccomp=$T/kill.json" "$root" busybox sync
	is "$status" 159 "${init:-no init}: SIGSYS"
	like "$err" "$said" "${init:-no init}: is told as the filter's doing"
done
run_lichen run --json --security-opt "seccomp=$T/kill.json" "$root" busybox sync
like "$err" '"status":159,"signal":31,"oomKilled":false,"by":"seccomp"' 'also as JSON'
run_lichen run "$root" sh -c 'kill -KILL $$'
run_lichen run --init "$root" sh -c 'kill -KILL $$'
is "$status" 137 'SIGKILL'
like "$err" 'it was killed by SIGKILL, which some process sent, and no limit' 'is told from a limit'
run_lichen run "$root" false
is "$err" '' 'an ordinary failure has nothing to be said about'
done_testing
