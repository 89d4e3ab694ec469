#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub seam vm
# What runs inside sees, changes and reaches nothing that it was not given.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
inside() { run_lichen run --network none "$root" "$@"; }

# ---- namespaces ----

for ns in user mnt pid net ipc uts cgroup time; do
	[ -e "/proc/self/ns/$ns" ] || continue
	inside readlink "/proc/self/ns/$ns"
	like "$out" "^$ns:\\[[0-9]+\\]\$" "there is a $ns namespace"
	isnt "$out" "$(readlink "/proc/self/ns/$ns")" "it is not the host's"
done
inside sh -c 'echo $$; for p in /proc/[0-9]*; do echo ${p#/proc/}; done'
is "$(printf '%s\n' "$out" | head -n 1)" 1 'the command is process 1'
is "$(printf '%s\n' "$out" | sed 1d)" 1 'and sees no other process'
inside sh -c 'ls /sys/class/net; cat /sys/class/net/lo/flags'
is "$(printf '%s\n' "$out" | head -n 1)" lo 'there is a loopback device'
is "$(printf '%s\n' "$out" | wc -l)" 2 'and no other'
is $(($(printf '%s\n' "$out" | tail -n 1) & 1)) 1 'it is up'
inside sh -c 'cat /proc/net/route | wc -l; ping -c 1 -W 2 127.0.0.1 >/dev/null 2>&1 || nc -w 2 127.0.0.1 9 2>&1'
is "$(printf '%s\n' "$out" | head -n 1)" 1 'there is no route to anywhere'
unlike "$out" 'unreachable' 'the loopback address can be reached'
inside hostname
isnt "$out" "$(uname -n)" "the host name is not the host's"
isnt "$out" '' 'there is one'
inside sh -c 'ipcs -m 2>/dev/null | grep -c 0x; ls /dev/shm /dev/mqueue'
like "$out" '^0$' 'no shared memory of others'

# ---- files ----

canary=$tap_real_home
inside sh -c 'cat /proc/self/mountinfo'
unlike "$out" '^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ (/oldroot|/old_root|/\.old|/host)' 'the old root is not mounted'
# shellcheck disable=SC2016 # for the inner shell
inside sh -c '[ ! -e "$1" ] || [ "$1" = /root ] || echo seen; ls -A /root; ls /home' sh "$canary"
is "$out" user "no home directory but the tree's own"
inside sh -c 'cd /; cd ../../../../..; pwd; ls -A | sort | tr "\n" " "'
unlike "$out" 'lost\+found|vmlinuz|mnt' 'there is nothing above the root'
(
	exec 7<"$top_srcdir/LICENSE" 8<"$top_srcdir"
	run_lichen run "$root" probe fds
	printf '%s\n' "$status" "$out" >"$T/fds"
)
is "$(sed -n 1p "$T/fds")" 0 'a caller with open descriptors'
is "$(sed 1d "$T/fds")" '' 'passes none of them on'
inside sh -c 'readlink /proc/self/cwd; grep -c . /proc/self/environ'
is "$(printf '%s\n' "$out" | head -n 1)" / 'the working directory is inside'

# ---- /proc ----

inside sh -c 'wc -c </proc/kcore; wc -c </proc/keys; wc -c </proc/timer_list' 
unlike "$out" '[1-9]' 'masked files of /proc are empty'
inside sh -c 'for d in /proc/acpi /proc/scsi /sys/firmware; do [ ! -d $d ] || ls -A $d; done'
is "$out" '' 'masked directories are empty'
inside probe open /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/kcore
unlike "$out" 'sysrq-trigger ok|core_pattern ok|hostname ok' 'what matters in /proc cannot be opened for writing'
inside sh -c 'echo x >/proc/sys/kernel/core_pattern || echo x >/proc/irq/default_smp_affinity || echo x >/proc/sysrq-trigger'
isnt "$status" 0 'nor be written'
inside sh -c 'awk "\$5 == \"/proc/sys\" || \$5 == \"/proc/sysrq-trigger\" { print \$5, \$6 }" /proc/self/mountinfo'
like "$out" '^/proc/sys ro' '/proc/sys is a read-only mount'
ok '[ ! -e /proc/sysrq-trigger ] || printf "%s\n" "$out" | grep -q "^/proc/sysrq-trigger ro"' '/proc/sysrq-trigger too, where there is one'
inside sh -c 'awk "\$5 == \"/sys\" { print \$6 }" /proc/self/mountinfo'
like "$out" '^ro' '/sys is read-only'
inside touch /sys/kernel/mm/x
isnt "$status" 0 'and takes no file'

# ---- /dev ----

inside sh -c 'for d in null zero full random urandom tty; do stat -c "%n %F %t:%T" /dev/$d; done'
is "$out" '/dev/null character special file 1:3
/dev/zero character special file 1:5
/dev/full character special file 1:7
/dev/random character special file 1:8
/dev/urandom character special file 1:9
/dev/tty character special file 5:0' 'the usual devices'
inside sh -c 'echo x >/dev/null && echo x >/dev/full'
isnt "$status" 0 '/dev/full is full'
inside sh -c 'head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c'
is "$out" '4
4' 'they can be read'
inside sh -c 'for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done'
is "$out" '/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx' 'and the usual links'
inside sh -c 'ls /dev | sort | tr "\n" " "'
unlike "$out" '(^| )(sd[a-z]|vd[a-z]|nvme[0-9]|mem|kmsg|kvm|fuse|port|loop[0-9])' 'no disks, no memory, no other device'
inside sh -c 'ls /dev/pts'
is "$out" ptmx 'devpts is an own one, and empty'
inside sh -c 'awk "\$5 ~ /^\\/dev\\// { print \$5, \$6, \$(NF-2) }" /proc/self/mountinfo; stat -c "%n %a" /dev/shm'
like "$out" '^/dev/pts .*devpts' '/dev/pts'
like "$out" '^/dev/shm .*nosuid.*tmpfs' '/dev/shm'
like "$out" '^/dev/mqueue .*mqueue' '/dev/mqueue'
like "$out" '^/dev/shm 1777$' 'everybody may write to /dev/shm'
inside sh -c 'echo x >/dev/shm/x && cat /dev/shm/x; mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda'
is "$out" x '/dev/shm works; a block device cannot be had with mknod'

# ---- rights ----

inside grep -E '^(NoNewPrivs|Seccomp|Cap...):' /proc/self/status
like "$out" '^NoNewPrivs:.1$' 'no new privileges'
like "$out" '^Seccomp:.2$' 'a filter is loaded'
like "$out" '^CapBnd:.00000000a80425fb$' "the bounding set is docker's default"
like "$out" '^CapEff:.00000000a80425fb$' 'root has it'
like "$out" '^CapInh:.0000000000000000$' 'the inheritable set is empty'
like "$out" '^CapAmb:.0000000000000000$' 'and so is the ambient one'
run_lichen run --cap-drop ALL --cap-add net_bind_service "$root" grep -E '^Cap(Bnd|Eff):' /proc/self/status
is "$(printf '%s\n' "$out" | sort -u | sed 's/.*:.//' | sort -u)" 0000000000000400 '--cap-drop ALL and --cap-add'
run_lichen run --cap-add net_admin --cap-add sys_time --cap-drop sys_time host sh -c 'grep -E "^Cap...:" /proc/self/status; /bin/cat /proc/self/status'
is "$(printf '%s\n' "$out" | sed -n 's/^Cap.*:.//p' | sort -u)" 0000000000001000 'a command that is not root has what --cap-add names, and its children'
if have subids || [ "$(id -u)" -eq 0 ]; then
	run_lichen run -u 33:33 --cap-add net_bind_service "$root" sh -c 'cat /proc/self/status'
	like "$out" '^CapEff:.0000000000000400$' 'with -u, too'
	like "$out" '^CapBnd:.00000000a80425fb$' 'of what could be had'
	run_lichen run --privileged -u 33:33 "$root" cat /proc/self/status
	like "$out" '^CapEff:.0000000000000000$' 'nothing else is given to one who is not root'
else
	skip no-subids 'with -u'
fi
inside probe call unshare-user setns mount tiocsti tiocsti-high tioclinux clone3 io_uring keyctl bpf socket-vsock socket-unix socket-inet
for call in unshare-user setns mount tiocsti tiocsti-high tioclinux; do
	like "$out" "^$call EPERM\$" "$call is refused"
done
like "$out" '^clone3 ENOSYS$' 'clone3 does not exist, so that libraries fall back to clone'
for call in io_uring keyctl bpf; do
	like "$out" "^$call (EPERM|ENOSYS)\$" "$call is refused"
done
like "$out" '^socket-vsock (EPERM|EAFNOSUPPORT)$' 'vsock, which knows no network namespace, is refused'
like "$out" '^socket-unix ok$' 'sockets of the usual families'
like "$out" '^socket-inet ok$' 'are not'
run_lichen run --security-opt seccomp=unconfined "$root" probe call setns keyctl tiocsti
like "$out" '^setns EBADF$' 'seccomp=unconfined: setns reaches the kernel'
like "$out" '^tiocsti EPERM$' 'but TIOCSTI never does'
run_lichen run --privileged "$root" sh -c 'grep -E "^(CapEff|NoNewPrivs):" /proc/self/status; probe call unshare-user tiocsti; grep -c " /proc/sys ro" /proc/self/mountinfo'
like "$out" '^CapEff:.0*[13]f*$' '--privileged: all capabilities'
like "$out" '^NoNewPrivs:.0$' 'programs may gain some'
like "$out" '^unshare-user ok$' 'there is no filter'
like "$out" '^tiocsti EPERM$' 'but for TIOCSTI'
like "$out" '^0$' 'and no masks'

done_testing
