#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen doctor where only root can provoke the cause: nosuid, a chroot, a delegated cgroup; and as root.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need root userns busybox cmd:setpriv
deny=$top_builddir/tests/tools/deny
[ -x "$deny" ] || skip_all no-deny
mkdir "$T/nobody" "$T/nobody/data" "$T/nobody/tmp"
cp "$LICHEN" "$deny" "$T/nobody/"
chown -R 65534:65534 "$T/nobody"
lichen=$T/nobody/lichen
name=$(getent passwd 65534 | cut -d: -f1)
echo "$name:300000:65536" >"$T/subids"
chmod 0644 "$T/subids"
unprivileged='setpriv --reuid=65534 --regid=65534 --clear-groups --'

# as_nobody SETUP COMMAND...: in a mount namespace that SETUP has prepared, as an ordinary user with a range of ids.
as_nobody() {
	setup=$1
	shift
	XDG_DATA_HOME=$T/nobody/data TMPDIR=$T/nobody/tmp HOME=$T/nobody run_as_is unshare --mount --propagation private sh -c "
		set -e
		T=$T
		mount --bind $T/subids /etc/subuid
		mount --bind $T/subids /etc/subgid
		$setup
		exec \"\$@\"" sh "$@"
}
# shellcheck disable=SC2086 # words
doctor() { as_nobody "$1" $unprivileged "$lichen" doctor --json; }
finds() {
	line=$(printf '%s\n' "$out" | grep -F "\"id\": \"$1\"")
	case $line in
	*"\"level\": \"$2\""*"\"cause\": \"$3\""*) pass "$4" ;;
	*) fail "$4" || diag "expected $1 $2 $3, got: $line" "$err" ;;
	esac
}
fine() {
	like "$(printf '%s\n' "$out" | grep -F "\"id\": \"$1\"")" '"level": "works"' "$2"
}

doctor :
is "$status" 0 'for an ordinary user all is well'
fine newuidmap 'the range is mapped'
tool=$(command -v newuidmap)
doctor "mount --bind $tool $tool; mount -o remount,bind,nosuid $tool"
finds newuidmap missing newuidmap-nosuid 'newuidmap on a mount with nosuid'
is "$status" 0 'which a run does not need'
doctor "cp $tool \$T/newuidmap; chmod 0755 \$T/newuidmap; mount --bind \$T/newuidmap $tool"
finds newuidmap missing newuidmap-privilege 'newuidmap without its bit'
printf '%s\n' ann:165536:65536 "ann:100000:65536" >"$T/taken"
chmod 0644 "$T/taken"
doctor 'mount --bind $T/taken /etc/subuid; mount --bind $T/taken /etc/subgid'
finds subids missing subids-none 'no line in /etc/subuid'
like "$out" "usermod --add-subuids 231072-296607 --add-subgids 231072-296607 $name " "the remedy's range is nobody else's"
# shellcheck disable=SC2086 # words
as_nobody 'mount --bind $T/taken /etc/subuid; mount --bind $T/taken /etc/subgid' $unprivileged "$lichen" run --ids=range host true
like "$err" "hint: as root: usermod --add-subuids 231072-296607 --add-subgids 231072-296607 $name " "nor is the hint's"
# shellcheck disable=SC2086 # words
as_nobody : "$deny" newuser $unprivileged "$lichen" doctor --json
finds userns broken outer-seccomp 'a filter without no_new_privs'
fine no-new-privs 'which is not claimed'
is "$status" 1 'and a run is not possible'

# ---- device nodes ----
doctor 'mknod -m 0600 $T/node c 10 229; mount --bind $T/node /dev/fuse'
finds fuse missing fuse-mode '/dev/fuse is for root'
as_nobody 'mknod -m 0600 $T/node0 c 10 229; mount --bind $T/node0 /dev/fuse' "$lichen" doctor --json
finds fuse missing fuse-mode 'for root, too, whose sandboxes have other ids'
doctor 'mknod -m 0600 $T/node2 c 10 200; mount --bind $T/node2 /dev/net/tun'
finds tun missing tun-mode '/dev/net/tun is for root'

# Misc devices of a number that no driver has: as /dev/fuse is where systemd made the node and the module cannot be loaded.
doctor 'mknod -m 0666 $T/node3 c 10 199; mount --bind $T/node3 /dev/fuse'
finds fuse missing fuse-module '/dev/fuse without its module'

# ---- a cgroup that is ours ----
tree=/sys/fs/cgroup/unified
[ -d "$tree" ] || tree=/sys/fs/cgroup
if [ "$(stat -f -c %t "$tree")" = 63677270 ] && mkdir "$tree/lichen-doctor-test.$$"; then
	at_exit "rmdir $tree/lichen-doctor-test.$$"
	chown 65534 "$tree/lichen-doctor-test.$$" "$tree/lichen-doctor-test.$$/cgroup.procs" "$tree/lichen-doctor-test.$$/cgroup.subtree_control"
	doctor "mount --rbind $tree /sys/fs/cgroup; echo 0::/lichen-doctor-test.$$ >\$T/cg; mount --bind \$T/cg /proc/\$\$/cgroup"
	fine cgroup 'cgroup v2'
	fine cgroup-delegation 'a cgroup that is ours'
	like "$out" "lichen-doctor-test.$$ is ours" 'by its name'
	case $(cat "$tree/cgroup.controllers") in
	*cpu*) ;;
	*)
		finds cgroup-controllers missing cgroup-controllers 'without controllers'
		like "$out" 'not cpu \(from / on\), memory \(from / on\)' 'and from which level on they lack'
		;;
	esac
fi

# ---- in a chroot ----
busybox_root "$T/root" proc dev run var/tmp var/lib
cp "$LICHEN" "$T/root/lichen"
inside='mount --rbind /proc $T/root/proc; mount --rbind /dev $T/root/dev'
as_nobody "$inside" chroot --userspec=65534:65534 "$T/root" /bin/env XDG_DATA_HOME=/tmp/data /lichen doctor --json
is "$status" 1 'in a chroot: 1'
finds userns broken chroot 'and why'
as_nobody "$inside" chroot --userspec=65534:65534 "$T/root" /bin/env XDG_DATA_HOME=/tmp/data /lichen run host true
is "$status" 125 'run fails there'
like "$err" 'chroot' 'by the same cause'
as_nobody "$inside" chroot --userspec=65534:65534 "$T/root" /bin/env XDG_DATA_HOME=/tmp/data /lichen run --no-userns --landlock rx:/bin host id -u
is "$out" 65534 'and --no-userns works, for an ordinary user'
as_nobody "$inside" chroot "$T/root" /lichen run --no-userns --landlock rx:/bin host id -u
is "$status" 125 'root is refused'
like "$err" 'runuser -u USER' 'and told what to do'

# ---- as root ----
run_lichen doctor --json
is "$status" 0 'as root'
fine newuidmap 'no tools are needed'

done_testing
