#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# lichen doctor names each cause: provoked by a filter that denies, by files in the way, in namespaces of our own.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
PATH=$PATH:/usr/sbin:/sbin # chroot

need user userns busybox cmd:setpriv
deny=$top_builddir/tests/tools/deny
[ -x "$deny" ] || skip_all no-deny
uid=$(id -u)
gid=$(id -g)

# within SETUP COMMAND...: in a user, mount and network namespace under our own id. SETUP (sh) mounts what it likes there;
# COMMAND has no capabilities any more. What denies goes between: it needs no no_new_privs there.
within() {
	setup=$1
	shift
	run_as_is unshare --user --mount --net --keep-caps --map-user="$uid" --map-group="$gid" sh -c "
		set -e
		T=$T
		fake_sysctls() {
			mount -t tmpfs x /proc/sys
			mkdir -p /proc/sys/kernel /proc/sys/user
			echo \"\$2\" >\"/proc/sys/\$1\"
		}
		$setup
		exec \"\$@\"" sh "$@"
}
plain='setpriv --inh-caps=-all --ambient-caps=-all --'
# As if in no namespace: the machine's own map lies over that of this process, which keeps its number up to doctor.
outside='echo 0 0 4294967295 >$T/map; mount --bind $T/map /proc/$$/uid_map'
# shellcheck disable=SC2086 # words
doctor() { # SETUP [WORDS OF DENY]
	within "$1" ${2:+"$deny" $2} $plain "$LICHEN" doctor --json
}
# finds ID LEVEL CAUSE DESC: the last doctor's finding.
finds() {
	line=$(printf '%s\n' "$out" | grep -F "\"id\": \"$1\"")
	case $line in
	*"\"level\": \"$2\""*"\"cause\": \"$3\""*) pass "$4" ;;
	*) fail "$4" || diag "expected $1 $2 $3, got: $line" "$err" ;;
	esac
}
# fine ID DESC
fine() {
	like "$(printf '%s\n' "$out" | grep -F "\"id\": \"$1\"")" '"level": "works"' "$2"
}
# remedy ID REGEX DESC
remedy() {
	like "$(printf '%s\n' "$out" | grep -F "\"id\": \"$1\"")" "\"remedy\": \".*$2" "$3"
}

# ---- the kernel ----
run_as_is setarch --uname-2.6 "$LICHEN" doctor --json
is "$status" 1 'where run cannot work doctor exits with 1'
finds kernel broken kernel-old 'an old kernel'
doctor : '-e ENOSYS openat2'
finds openat2 broken openat2 'no openat2'

# ---- user namespaces ----
# A security module's refusal, by a filter that is not seen; the rules of SELinux are not to be had on machines of a CI.
doctor : newuser,filter-state
finds userns broken userns-forbidden 'by nobody knows whom'
remedy userns 'ausearch -m avc' 'which says where to look'
run_as_is unshare --user "$LICHEN" doctor --json
finds userns broken userns-unmapped 'in a namespace without a map'
run_as_is unshare --user --map-user="$uid" "$LICHEN" doctor --json
finds userns broken userns-unmapped 'or in one that lacks our group'
doctor : newuser
is "$status" 1 'user namespaces denied: 1'
finds userns broken outer-seccomp "by an outer container's filter"
finds run broken outer-seccomp 'so a run fails, by the same cause'
fine landlock 'Landlock works'
like "$out" 'no-userns --landlock RULE host` works' 'and is offered instead'
run_as_is "$deny" newuser "$LICHEN" doctor --json
is "$status" 1 'the same, with no_new_privs'
finds no-new-privs missing no-new-privs 'which is found, too'
doctor 'fake_sysctls kernel/unprivileged_userns_clone 0' newuser
finds userns broken userns-sysctl "by Debian's sysctl"
remedy userns 'sysctl -w kernel.unprivileged_userns_clone=1' 'with the command'
doctor 'fake_sysctls kernel/apparmor_restrict_unprivileged_userns 1' newuser
finds userns broken userns-apparmor "by Ubuntu's rule"
remedy userns '/apparmor/lichen to /etc/apparmor.d/lichen' 'with the profile'
doctor 'fake_sysctls kernel/apparmor_restrict_unprivileged_userns 1' '-e EACCES newuser'
finds userns broken userns-apparmor 'the same by the other errno'
doctor : '-e EACCES newuser'
finds userns broken userns-lsm 'by a security module'
doctor 'echo 0 >/proc/sys/user/max_user_namespaces'
finds userns broken userns-max-0 'by a limit of 0'
finds limits missing namespaces-few 'which the limits show'
doctor 'echo 1 >/proc/sys/user/max_user_namespaces' '-e ENOSPC newuser'
finds userns broken namespace-limit 'by a limit that is reached'
doctor : '-e EUSERS newuser'
finds userns broken userns-depth 'nested 32 deep'
doctor : '-e EINVAL newuser'
finds userns broken namespace-kernel 'not in the kernel'
doctor : '-e ENOSYS clone3'
finds run broken clone3-enosys 'no clone3'
doctor 'echo 0 >/proc/sys/user/max_net_namespaces'
finds namespaces broken namespace-limit 'one kind is lacking'
like "$out" 'not network' 'by its name'
doctor :
finds nested missing nested-few-ids 'nested: few ids'
fine run 'where a run works all the same'

# ---- the map: what a filter refuses here is told from other writes by its length ----
map="write:$(printf '0 %s 1' "$uid" | wc -c)"
# AppArmor as in Ubuntu 24.04 cannot be had without its kernel: it lets the namespace be made and takes the capabilities away.
# Nor can a profile of one's own, with which the sysctl is not blamed (/proc/self/attr/apparmor is not there).
for errno in EPERM EACCES; do
	doctor 'fake_sysctls kernel/apparmor_restrict_unprivileged_userns 1' "-e $errno $map"
	finds userns broken idmap-apparmor "Ubuntu's rule refuses the map: $errno"
	doctor 'fake_sysctls kernel/apparmor_restrict_unprivileged_userns 1' "-e $errno fsopen"
	finds proc broken mount-apparmor "or the mounts: $errno"
	finds overlay-data missing mount-apparmor 'all of them'
	finds run broken mount-apparmor 'and so a run'
	remedy run '/apparmor/lichen to /etc/apparmor.d/lichen' 'with the profile'
done
doctor : fsopen
finds proc broken mount-filtered "an outer container's filter refuses mounts"
# The kernel always lets us map the one id that we have, and lichen reads its own map before it names others.
doctor : "$map"
finds userns broken idmap-nested 'ids that the outer namespace does not have'
doctor "$outside" "$map"
finds userns broken idmap-eperm 'ids that are not ours'
doctor : "-e EACCES $map"
finds userns broken idmap-dumpable 'a process that is not dumpable'
cp "$LICHEN" "$T/unreadable"
chmod 0111 "$T/unreadable"
run_as_is "$T/unreadable" doctor --json
fine userns 'which lichen is, though its file cannot be read'
run_as_is unshare --map-root-user setpriv --bounding-set=-setfcap "$LICHEN" doctor --json
finds userns broken idmap-setfcap 'root without CAP_SETFCAP'
finds run broken idmap-setfcap 'and so a run'
doctor 'mount --rbind /proc /proc; mount -o remount,bind,ro /proc'
finds userns broken proc-read-only 'a /proc that is read-only'
finds run broken proc-read-only 'and so a run'
remedy run 'bwrap --proc /proc' 'with what to do'
if have cmd:bwrap; then
	run_as_is bwrap --ro-bind / / "$LICHEN" doctor --json
	finds userns broken proc-read-only 'as bwrap --ro-bind / / has it'
	run_as_is bwrap --ro-bind / / --proc /proc "$LICHEN" doctor --json
	fine userns 'where --proc /proc helps'
fi

# ---- in a chroot, and in another sandbox ----
busybox_root "$T/root" proc dev usr var/tmp
ln -s usr/lib usr/lib64 "$T/root" # a build with sanitizers needs its libraries
cp "$LICHEN" "$T/root/lichen"
fill='for d in proc dev usr; do mount --rbind /$d $T/root/$d; done'
within "$fill" chroot "$T/root" /lichen doctor --json
is "$status" 1 'in a chroot: 1'
finds chroot broken chroot 'it is named'
finds userns broken chroot 'and why there are no user namespaces'
within "$fill" \
	chroot "$T/root" /lichen run --no-userns --landlock rwx:/ host echo here
is "$out" here 'where --no-userns --landlock works'
rm -rf "$T/root/proc" "$T/root/dev"
cp "$LICHEN" "$T/lichen"
run_lichen run -v "$T/lichen:/run/l" host /run/l doctor --json
is "$status" 1 'in a sandbox of lichen: 1'
finds subids missing nested-few-ids 'no range is there to be given'
finds nested missing nested-few-ids 'nested, with one id'
finds userns broken outer-seccomp 'and a filter'
doctor 'mount -t tmpfs x /proc/irq'
finds proc broken proc-covered 'a covered /proc allows no fresh one'

# In a Landlock domain nothing can be mounted.
run_lichen run --no-userns --landlock rwx:/ --security-opt seccomp=unconfined host "$LICHEN" doctor --json
if [ "$status" -ne 125 ]; then
	fine userns 'in a Landlock domain namespaces can be made'
	finds run broken mount-locked 'and nothing be mounted'
fi

# ---- ids ----
doctor "$outside; "': >$T/empty; mount --bind $T/empty /etc/subuid; mount --bind $T/empty /etc/subgid'
finds subids missing subids-none 'no line in /etc/subuid'
remedy subids 'usermod --add-subuids' 'with the command'
echo "$(id -un):100000:10" >"$T/few"
doctor "$outside; "'mount --bind $T/few /etc/subuid; mount --bind $T/few /etc/subgid'
finds subids missing subids-none 'few ids'
echo 'subid: lichentest' >"$T/nsswitch"
elsewhere="$outside; "': >$T/empty; mount --bind $T/empty /etc/subuid; mount --bind $T/empty /etc/subgid; mount --bind $T/nsswitch /etc/nsswitch.conf'
doctor "$elsewhere"
if command -v getsubids >/dev/null 2>&1; then
	finds subids missing subids-nss 'another source, which has none'
else
	finds subids missing getsubids-missing 'another source, which nobody can ask'
fi
# shellcheck disable=SC2086 # words
within "$elsewhere" $plain "$LICHEN" run --ids=range host true
like "$err" 'getsubids' '--ids=range says that, too'
unlike "$err" 'usermod' 'and no files that nobody reads'

# What is printed for the administrator is nobody else's, in neither file.
printf '%s\n' 'ann:100000:65536' 'bob:231072:65536' >"$T/taken-uids"
printf '%s\n' 'eve:165536:1000' 'ann:100000:65536' >"$T/taken-gids"
free='usermod --add-subuids 296608-362143 --add-subgids 296608-362143 '$(id -un)
taken="$outside; "'mount --bind $T/taken-uids /etc/subuid; mount --bind $T/taken-gids /etc/subgid'
doctor "$taken"
remedy subids "$free " 'a range that is free in both files, in the JSON'
# shellcheck disable=SC2086 # words
{
	within "$taken" $plain "$LICHEN" doctor
	like "$out" "$free " 'in the text'
	for ask in --ids=range --userns=nomap --userns=keep-id; do
		within "$taken" $plain "$LICHEN" run $ask --ids=range host true
		is "$status" 125 "run $ask: an error"
		like "$err" "hint: as root: $free " 'whose hint has the range and the name'
	done
	within "$taken" $plain "$LICHEN" run --ids=range --read-only "$T/root" true
	like "$err" "hint: as root: $free " 'with a directory as root, too'
	within "$taken" $plain "$LICHEN" doctor --fix
}
printf '%s\n' "$out" | sed -n '/^user=/p; /^failed=/p; /^ended() {/,/^}/p; /^echo subids-none/,/^ended subids-none/p' >"$T/parts.sh"
in_memory='mount -t tmpfs x /mnt; cp -a /etc/passwd /etc/alternatives /mnt; cp /etc/subuid /etc/subgid /mnt; mount --bind /mnt /etc; sh "$T/parts.sh"; grep -h "^$(id -un):" /etc/subuid /etc/subgid'
within "$taken; $in_memory; exit 0" true
is "$out" "subids-none...
$(id -un):296608:65536
$(id -un):296608:65536" 'and --fix gives the same'
echo 'ann:0:4294967296' >"$T/all"
doctor "$outside; "'mount --bind $T/all /etc/subuid; mount --bind $T/all /etc/subgid'
remedy subids 'usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST ' 'none is named where all are taken'
echo "$(id -un):100000:65536" >"$T/ours"
if [ -n "$(command -v newuidmap)" ]; then
	# shellcheck disable=SC2086 # words
	within "$outside; "'mount --bind $T/ours /etc/subuid; mount --bind $T/ours /etc/subgid' $plain "$LICHEN" run --ids=range host true
	like "$err" 'newuidmap failed' 'where newuidmap fails'
	like "$err" "hint: .*usermod --add-subuids 165536-231071 --add-subgids 165536-231071 $(id -un) " 'the hint has such a range, too'
fi

# Inside another user namespace the files and the tools are of no use.
doctor 'mount --bind $T/ours /etc/subuid; mount --bind $T/ours /etc/subgid'
finds subids missing nested-few-ids 'a line is of no use in a namespace of one id'
finds newuidmap missing nested-few-ids 'nor are the tools'
run_as_is unshare --map-root-user "$LICHEN" doctor --json
finds subids missing nested-few-ids 'to root of such a namespace neither'
finds newuidmap missing nested-few-ids 'who has them installed, perhaps'
for root in host "$T/root"; do
	run_as_is unshare --map-root-user "$LICHEN" run --ids=range --read-only "$root" true
	like "$err" 'hint: this process is in a user namespace with few ids' 'as --ids=range says'
done
# shellcheck disable=SC2086 # words
within 'mount --bind $T/ours /etc/subuid; mount --bind $T/ours /etc/subgid' $plain "$LICHEN" run --ids=range host true
like "$err" 'hint: this process is in a user namespace with few ids' 'to others as well'
if [ -u "$(command -v newuidmap)" ]; then
	doctor 'echo 0 100000 70000 >$T/map; mount --bind $T/map /proc/$$/uid_map'
	finds newuidmap missing newuidmap-nested "newuidmap is the outer root's"
fi
tool=$(command -v newuidmap)
if [ -n "$tool" ] && [ -n "$(command -v newgidmap)" ]; then
	doctor "$outside; mount --bind /dev/null $tool"
	finds newuidmap missing newuidmap-missing 'newuidmap is not there'
	cp "$tool" "$T/newuidmap"
	doctor "$outside; mount --bind $T/newuidmap $tool"
	finds newuidmap missing newuidmap-privilege 'newuidmap has no privilege'
fi

# ---- file systems and devices ----
mkdir "$T/lower" "$T/upper" "$T/work" "$T/merged"
XDG_DATA_HOME=$T/merged
doctor 'mount -t overlay -o lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work,userxattr x $T/merged'
finds overlay-data missing overlay-refused 'a data directory on an overlay'
like "$out" '\(overlay\)' 'which is named'
fine overlay-var-tmp 'elsewhere it works'
XDG_DATA_HOME=/proc/none doctor :
finds data-dir broken data-dir 'a data directory that cannot be made'
XDG_DATA_HOME=$T/data
doctor 'mount -t tmpfs x /run; mount -t tmpfs x /dev/shm; : >/dev/shm/lichen-'"$uid"
finds runtime-dir broken runtime-dir 'something is in the place of the runtime directory'
doctor : '-e ENODEV fsopen'
finds overlay-data missing overlay-missing 'no overlay in the kernel'
: >"$T/closed"
chmod 0 "$T/closed"
[ ! -e /dev/fuse ] || {
	doctor 'mount --bind $T/closed /dev/fuse; [ ! -e /usr/bin/fuse-overlayfs ] || mount --bind /dev/null /usr/bin/fuse-overlayfs'
	finds fuse missing fuse-mode '/dev/fuse is closed'
	finds fuse-overlayfs missing fuse-overlayfs-missing 'and there is no fuse-overlayfs: both are said'
	doctor 'mount --bind /dev/null /dev/fuse; mount -t tmpfs x /dev/net'
	finds tun missing tun-module 'no /dev/net/tun'
}
[ ! -e /dev/net/tun ] || {
	doctor 'mount --bind $T/closed /dev/net/tun'
	finds tun missing tun-mode '/dev/net/tun is closed'
}
# Without the module the node is missing; where it is there all the same, opening it fails: doctor-root.t.
doctor 'mkdir $T/dev; mount -t tmpfs x $T/dev; for node in null zero full random urandom tty; do : >$T/dev/$node; mount --bind /dev/$node $T/dev/$node; done; mkdir $T/dev/shm; mount --rbind $T/dev /dev'
finds fuse missing fuse-module 'no /dev/fuse'
remedy fuse 'modprobe fuse' 'with the command'
tool=$(command -v fuse-overlayfs)
if [ -n "$tool" ] && [ -w /dev/fuse ]; then
	doctor "mount --bind /dev/null $tool"
	fine fuse '/dev/fuse works'
	finds fuse-overlayfs missing fuse-overlayfs-missing 'without fuse-overlayfs'
fi

# ---- cgroups: this process keeps its number up to doctor, so what it reads can be covered ----
doctor 'echo "4:memory,cpu:/x" >$T/cg; mount --bind $T/cg /proc/$$/cgroup; mount -t tmpfs x /sys/fs/cgroup'
finds cgroup missing cgroup-v1 'cgroup v1'
finds cgroup-delegation missing cgroup-v1 'which is not delegated'
doctor ': >$T/cg; mount --bind $T/cg /proc/$$/cgroup; mount -t tmpfs x /sys/fs/cgroup'
finds cgroup missing cgroup-none 'no cgroups at all'
tree=/sys/fs/cgroup/unified
[ -d "$tree" ] || tree=/sys/fs/cgroup
if [ "$(stat -f -c %t "$tree")" = 63677270 ]; then
	# and of a user manager, which could delegate one, nothing is to be seen
	doctor "echo 0::/ >\$T/cg; mount --bind \$T/cg /proc/\$\$/cgroup; mount --rbind $tree /sys/fs/cgroup
		[ ! -d /sys/fs/cgroup/user.slice ] || mount -t tmpfs x /sys/fs/cgroup/user.slice"
	fine cgroup 'cgroup v2'
	finds cgroup-delegation missing cgroup-not-delegated 'which is not ours'
	doctor "echo 4:memory:/ >\$T/cg; echo 0::/ >>\$T/cg; mount --bind \$T/cg /proc/\$\$/cgroup; mount --rbind $tree /sys/fs/cgroup"
	finds cgroup missing cgroup-v1 'a hybrid'
	like "$out" 'but v1 has memory' 'with what v1 has'
fi
doctor 'mount -t tmpfs x /run'
finds user-manager missing no-systemd 'no systemd'
fine linger 'where linger is not needed'
doctor 'mount -t tmpfs x /run; mkdir -p /run/systemd/system /run/user; mount -t tmpfs x /var/lib'
finds user-manager missing user-manager 'no user manager'
finds linger missing linger 'no linger'
doctor 'mount -t tmpfs x /run; mkdir -p /run/systemd/system; mount -t tmpfs x /var/lib; mkdir -p /var/lib/systemd/linger; : >/var/lib/systemd/linger/'"$(id -un)"
fine linger 'linger is on'

# ---- the rest ----
doctor : '-e EINVAL seccomp'
finds seccomp broken seccomp-missing 'no filters'
finds run broken seccomp-missing 'and so no run'
for words in seccomp '-e ENOSYS seccomp'; do
	doctor : "$words"
	finds seccomp broken seccomp-filtered "filters are refused by an outer container's"
	finds run broken seccomp-filtered 'and so is a run'
	finds seccomp-notify missing seccomp-filtered 'and a listener'
done
doctor : listener
finds seccomp-notify missing seccomp-notify 'an outer filter has the one listener'
fine seccomp 'where filters can be loaded'
doctor : '-e ENOSYS landlock_create_ruleset'
finds landlock missing landlock-missing 'no Landlock'
doctor : '-e EOPNOTSUPP landlock_create_ruleset'
finds landlock missing landlock-off 'Landlock is switched off'
doctor : landlock_create_ruleset
finds landlock missing landlock-filtered "Landlock is hidden by an outer container's filter"
doctor : '-e EDQUOT keyctl'
finds keyring missing key-quota 'no keys left'
doctor : '-e EACCES memfd_create'
finds memfd missing memfd-noexec 'no executable memory files'
doctor :	# a new network namespace
finds ping missing ping-range 'ping is for nobody'
finds low-ports missing low-ports "low ports are root's"
doctor "echo $gid $gid >/proc/sys/net/ipv4/ping_group_range; echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start"
fine ping 'ping is for us'
fine low-ports 'port 80 is for all'

# ---- the script of a machine that lacks much ----
within "$outside; "'fake_sysctls kernel/apparmor_restrict_unprivileged_userns 1; : >$T/empty; mount --bind $T/empty /etc/subuid; mount --bind $T/empty /etc/subgid; mount --bind /dev/null /usr/bin/newuidmap' \
	"$deny" newuser setpriv --inh-caps=-all --ambient-caps=-all -- "$LICHEN" doctor --fix
is "$status" 1 '--fix of a broken machine: 1'
printf '%s\n' "$out" >"$T/fix.sh"
sh -n "$T/fix.sh"
ok $? 'sh understands it'
if have cmd:shellcheck; then is "$(shellcheck "$T/fix.sh" 2>&1)" '' 'shellcheck, too'; fi
like "$out" '^apparmor_parser -r /etc/apparmor.d/lichen$' 'it loads the profile'
like "$out" "^user='$(id -un)'$" 'for this user'
is "$(printf '%s\n' "$out" | grep -c '^apparmor_parser')" 1 'once, though several findings have the cause'
# Run where it can do no harm: /etc in memory, the ids being the thing to be mended.
fix_in_memory='mount -t tmpfs x /mnt; cp -a /etc/passwd /etc/alternatives /mnt; mount --bind /mnt /etc; sh -c "id() { echo 0; }; sysctl() { :; }; apparmor_parser() { :; }; install_package() { :; }; . $T/parts.sh"; sh -c "id() { echo 0; }; . $T/parts.sh"; cat /etc/subuid /etc/subgid'
{
	sed -n '/^user=/p; /^failed=/p; /^ended() {/,/^}/p' "$T/fix.sh"
	sed -n '/^echo subids-none/,/^ended subids-none/p' "$T/fix.sh"
} >"$T/parts.sh"
if [ -s "$T/parts.sh" ]; then
	within "$fix_in_memory; exit 0" true
	is "$out" "subids-none...
subids-none...
$(id -un):100000:65536
$(id -un):100000:65536" 'run twice it gives a range once'
fi

done_testing
