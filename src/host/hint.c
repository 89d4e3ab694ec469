/* SPDX-License-Identifier: Apache-2.0 */
/* host/hint.c - THE table of causes: what an error's hint says, what doctor says and fixes
 *
 * The first row that fits wins, so rows that look at the machine stand before the ones
 * that guess.
 */

#include "host/hint.h"

#include <errno.h>
#include <linux/capability.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/str.h"
#include "host/facts.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

bool host_in_chroot(void)
{
	struct statx st;

	if (statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT, 0, &st) < 0)
		return false;
	return (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool host_sysctl_is(const char *path, const char *value)
{
	AUTO_FREE char *text = NULL;

	if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return false;
	text[strcspn(text, " \t\n")] = '\0';
	return strcmp(text, value) == 0;
}

static bool userns_clone_off(void)
{
	return host_sysctl_is("/proc/sys/kernel/unprivileged_userns_clone", "0");
}

/* Whether AppArmor has a profile for this process, whose own rules hold instead of the sysctl's: lichen's,
 * podman's, docker-default. Who has none is "unconfined", and in a user namespace "unprivileged_userns". */
static bool has_profile(void)
{
	AUTO_FREE char *label = NULL;

	if (fd_read_file(AT_FDCWD, "/proc/self/attr/apparmor/current", 4096, &label, NULL) < 0)
		return false;
	label[strcspn(label, " \t\n")] = '\0';
	return strcmp(label, "unconfined") != 0 && strcmp(label, "unprivileged_userns") != 0;
}

/* The namespace may be made all the same, and then all that takes a capability in it is refused: the map, the mounts. */
static bool apparmor_restricts(void)
{
	return host_sysctl_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") && !has_profile();
}

static bool max_userns_is_0(void)
{
	return host_sysctl_is("/proc/sys/user/max_user_namespaces", "0");
}

static bool has_no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool is_filtered(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
}

/* Root of a user namespace without the capability that mapping its 0 further takes (Linux 5.12). */
static bool is_weak_root(void)
{
	return geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SETFCAP, 0, 0, 0) == 0;
}

/* Whose id has no number in this namespace cannot own another. */
static bool is_unmapped(void)
{
	return !host_has_own_ids();
}

static bool is_nested(void)
{
	return !host_is_initial_userns();
}

static bool has_void_tools(void)
{
	AUTO_FREE char *uids = child_find("newuidmap"), *gids = child_find("newgidmap");

	return (uids && host_is_setuid_void(uids)) || (gids && host_is_setuid_void(gids));
}

/* Whose files lie in /var/lib/lichen, whatever XDG_DATA_HOME says. */
static bool is_machines_root(void)
{
	return geteuid() == 0 && access("/var/lib", W_OK) == 0;
}

#define MAKE_NS	  "clone3 clone unshare"
#define NEW_MOUNT "mount fsopen fsmount fsconfig move_mount open_tree mount_setattr"
#define MAKE_FILE "mkdir mkdirat open openat openat2 write rename renameat symlinkat linkat copy_file_range mkdtemp"
#define MAP_TOOLS "newuidmap newgidmap"
#define APPARMOR                                                                                                  \
	"kernel.apparmor_restrict_unprivileged_userns=1 (Ubuntu) denies user namespaces without an AppArmor "     \
	"profile: as root copy " LICHEN_DATADIR "/apparmor/lichen to /etc/apparmor.d/lichen (it grants `userns,` "    \
	"to lichen alone) and load it: apparmor_parser -r /etc/apparmor.d/lichen"

#define NESTED_FEW                                                                                                \
	"this process is in a user namespace with few ids: start the outer sandbox with a range of them (lichen " \
	"run --ids=range, podman --userns=auto:size=65536)"
#define FUSE_MODULE "the fuse module is not loaded; as root: modprobe fuse"
#define FIX_FUSE    "modprobe fuse\nadd_line /etc/modules-load.d/lichen.conf fuse\n"
#define SECCOMP_FILTERED                                                                                          \
	"a seccomp filter on this process refuses to load another, probably a container's: start that one with "  \
	"`docker run --security-opt seccomp=unconfined` or a profile that allows seccomp; lichen's own "           \
	"--security-opt seccomp=unconfined runs without a filter"
#define SECCOMP_MISSING                                                                                           \
	"the kernel needs CONFIG_SECCOMP_FILTER; --security-opt seccomp=unconfined runs without a filter"

/* What the administrator runs: sh, idempotent, under `set -eu`. run/doctor_fix.c defines $user, $uid,
 * $lichen (its file), $profile, and the functions add_line, set_sysctl and install_package. */
#define FIX_APPARMOR                                                                                               \
	"sed \"s|^profile lichen [^ ]*|profile lichen $lichen|\" \"$profile\" >/etc/apparmor.d/lichen\n"            \
	"apparmor_parser -r /etc/apparmor.d/lichen\n"
#define FIX_SUBIDS                                                                                                 \
	"touch /etc/subuid /etc/subgid\n"                                                                          \
	"first=$(sort -t: -k2,2n /etc/subuid /etc/subgid | awk -F: 'BEGIN { first = 100000 } "                      \
	"NF == 3 && $2 < first + 65536 && $2 + $3 > first { first = $2 + $3 } END { printf \"%.0f\", first }')\n"    \
	"[ \"$first\" -le 4294901759 ] || { echo 'no range of 65536 ids is free' >&2; exit 1; }\n"                  \
	"for file in /etc/subuid /etc/subgid; do\n"                                                                 \
	"	awk -F: -v user=\"$user\" '$1 == user && $3 >= 65536 { found = 1 } END { exit !found }' \"$file\" ||\n"  \
	"		echo \"$user:$first:65536\" >>\"$file\"\n"                                                       \
	"done\n"
#define FIX_DELEGATE                                                                                               \
	"mkdir -p /etc/systemd/system/user@.service.d\n"                                                           \
	"printf '%s\\n' '[Service]' 'Delegate=cpu cpuset io memory pids' >/etc/systemd/system/user@.service.d/lichen.conf\n" \
	"systemctl daemon-reload\n"                                                                                \
	"echo \"$user has to log out and in again, or: systemctl restart user@$uid.service\"\n"
#define FIX_TOOLS "install_package uidmap shadow-utils shadow shadow-uidmap shadow\n"
#define FIX_SETUID                                                                                                 \
	"for tool in newuidmap newgidmap; do\n"                                                                     \
	"	chmod u+s \"$(command -v \"$tool\")\"\n"                                                            \
	"done\n"

static const struct cause ROWS[] = {
	/* namespaces */
	{ MAKE_NS, EPERM, NULL,
	  "the root directory is a chroot, in which the kernel lets nobody make a user namespace: enter the tree "
	  "with `unshare -m`, a bind mount of it on itself and pivot_root instead of chroot",
	  host_in_chroot, "chroot", NULL },
	{ MAKE_NS, EPERM, NULL,
	  "kernel.unprivileged_userns_clone=0 forbids user namespaces to users; as root: "
	  "sysctl -w kernel.unprivileged_userns_clone=1 (lasting: a file in /etc/sysctl.d)",
	  userns_clone_off, "userns-sysctl", "set_sysctl kernel.unprivileged_userns_clone 1\n" },
	{ MAKE_NS, EPERM, NULL, APPARMOR, apparmor_restricts, "userns-apparmor", FIX_APPARMOR },
	{ MAKE_NS, EPERM, NULL,
	  "a seccomp filter is on this process, probably a container's: start that one with "
	  "`docker run --security-opt seccomp=unconfined` or a profile that allows clone3 and unshare",
	  is_filtered, "outer-seccomp", NULL },
	{ MAKE_NS, EPERM, NULL,
	  "the user or group of this process is not in the map of the user namespace it is in (/proc/self/uid_map, gid_map), "
	  "so it may make none: start the outer sandbox with both mapped (`unshare --user --map-current-user`)",
	  is_unmapped, "userns-unmapped", NULL },
	{ MAKE_NS, EPERM, NULL,
	  "user namespaces are forbidden here: see /proc/sys/kernel/unprivileged_userns_clone, "
	  "kernel.apparmor_restrict_unprivileged_userns, SELinux (`ausearch -m avc`), and whether this is a chroot; "
	  "`lichen run --no-userns --landlock RULE host` needs none",
	  NULL, "userns-forbidden", NULL },
	{ MAKE_NS, EACCES, NULL, APPARMOR, apparmor_restricts, "userns-apparmor", FIX_APPARMOR },
	{ MAKE_NS, EACCES, NULL,
	  "a security module denies user namespaces: see `dmesg` or `ausearch -m avc` (SELinux: user_namespace create)",
	  NULL, "userns-lsm", NULL },
	{ MAKE_NS, ENOSPC, NULL,
	  "user.max_user_namespaces=0 forbids user namespaces; as root: sysctl -w user.max_user_namespaces=15000",
	  max_userns_is_0, "userns-max-0", "set_sysctl user.max_user_namespaces 15000\n" },
	{ MAKE_NS, ENOSPC, NULL,
	  "a limit in /proc/sys/user/max_*_namespaces is reached, or namespaces are nested 32 deep: "
	  "raise it, e.g. sysctl -w user.max_user_namespaces=15000, or end other containers",
	  NULL, "namespace-limit", "set_sysctl user.max_user_namespaces 15000\n" },
	{ MAKE_NS, EUSERS, NULL,
	  "user namespaces are nested 32 deep, which is the kernel's limit: start lichen further outside", NULL, "userns-depth", NULL },
	{ MAKE_NS, EINVAL, NULL,
	  "the kernel lacks one of the namespaces (CONFIG_USER_NS, CONFIG_PID_NS, CONFIG_NET_NS, CONFIG_TIME_NS ...): "
	  "`lichen doctor` names it",
	  NULL, "namespace-kernel", NULL },
	{ MAKE_NS, ENOSYS, NULL,
	  "clone3 is answered with ENOSYS, as by an old container's seccomp profile: update docker or start it with "
	  "--security-opt seccomp=unconfined",
	  NULL, "clone3-enosys", NULL },
	{ "clone3 clone fork execve posix_spawn newuidmap newgidmap", EAGAIN, NULL,
	  "the limit of processes is reached: `ulimit -u`, or pids.max of the cgroup (/proc/self/cgroup)", NULL, "process-limit", NULL },
	{ "setns", EPERM, NULL,
	  "a namespace can only be joined from within the user namespace that owns it, and only a process that is "
	  "dumpable",
	  NULL, "setns-owner", NULL },

	/* id maps */
	{ MAP_TOOLS, 0, NULL,
	  "no_new_privs is set on this process, so setuid tools do nothing: start lichen outside whatever set it "
	  "(a sandbox, systemd's NoNewPrivileges=), or use --ids=single",
	  has_no_new_privs, "no-new-privs", NULL },
	{ MAP_TOOLS, 0, NULL, NESTED_FEW, host_has_few_ids, "nested-few-ids", NULL },
	{ MAP_TOOLS, ENOENT, NULL,
	  "newuidmap and newgidmap are missing: install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora), "
	  "or use --ids=single",
	  NULL, "newuidmap-missing", FIX_TOOLS },
	{ MAP_TOOLS, 0, NULL,
	  "newuidmap belongs to an id that this user namespace does not have, so its setuid bit does nothing here: be root "
	  "inside, who maps a range without it, or start lichen outside",
	  has_void_tools, "newuidmap-nested", NULL },
	{ MAP_TOOLS, EPERM, NULL,
	  "newuidmap and newgidmap need their privilege: chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap, or "
	  "setcap cap_setuid=ep and cap_setgid=ep; and the file system must not be mounted nosuid",
	  NULL, "newuidmap-privilege", FIX_SETUID },
	{ MAP_TOOLS, 0, NULL,
	  "the ids must stand in /etc/subuid and /etc/subgid; as root: usermod --add-subuids RANGE --add-subgids RANGE "
	  "USER (ids that nobody has in these files); and newuidmap needs its setuid bit (chmod u+s /usr/bin/newuidmap)",
	  NULL, "subids-map", FIX_SUBIDS },
	{ MAKE_FILE, EROFS, "/proc/",
	  "the outer sandbox has mounted /proc read-only: start that one with a /proc of its own (`bwrap --proc /proc`), or "
	  "bind it with --bind /proc /proc",
	  NULL, "proc-read-only", NULL },
	{ "write openat", EPERM, "id_map",
	  "root of a user namespace needs CAP_SETFCAP to map its own id further: start the outer sandbox with "
	  "--cap-add SETFCAP, or without -u 0",
	  is_weak_root, "idmap-setfcap", NULL },
	{ "write openat", EPERM, "id_map", APPARMOR, apparmor_restricts, "idmap-apparmor", FIX_APPARMOR },
	{ "write openat", EPERM, "id_map",
	  "the map has ids that the outer user namespace does not have: see /proc/self/uid_map; nested use needs "
	  "--ids=single or a part of that range", is_nested, "idmap-nested", NULL },
	{ "write openat", EPERM, "id_map",
	  "the map names an id that we may not give: AppArmor's rule for user namespaces (see `dmesg`), or ids that are "
	  "not in /etc/subuid and /etc/subgid",
	  NULL, "idmap-eperm", NULL },
	{ "write openat", EACCES, "id_map", APPARMOR, apparmor_restricts, "idmap-apparmor", FIX_APPARMOR },
	{ "write openat", EACCES, "id_map",
	  "the process whose map is written is not dumpable or belongs to somebody else: lichen's file must be readable "
	  "by you (chmod a+r)",
	  NULL, "idmap-dumpable", NULL },

	/* mounts */
	{ NEW_MOUNT, EACCES, NULL, APPARMOR, apparmor_restricts, "mount-apparmor", FIX_APPARMOR },
	{ NEW_MOUNT, EPERM, NULL, APPARMOR, apparmor_restricts, "mount-apparmor", FIX_APPARMOR },
	{ "fsopen", EPERM, NULL, /* which looks at nothing but the capability */
	  "a seccomp filter on this process refuses mounts, probably a container's: start that one with "
	  "`docker run --security-opt seccomp=unconfined` or a profile that allows fsopen, fsmount and move_mount",
	  is_filtered, "mount-filtered", NULL },
	{ NEW_MOUNT, EPERM, "proc",
	  "a new /proc is refused where the outer /proc is partly covered, as in docker and podman: start the outer "
	  "container with `--security-opt systempaths=unconfined` (docker) or `--security-opt unmask=ALL` (podman)",
	  NULL, "proc-covered", NULL },
	{ NEW_MOUNT, EPERM, "sysfs",
	  "a new /sys needs an own network namespace and an uncovered outer /sys: not with --network=host", NULL, "sysfs-covered", NULL },
	{ NEW_MOUNT, EPERM, NULL,
	  "the mount is refused in a user namespace: flags that the host has on it (nosuid, nodev, noexec, ro) cannot "
	  "be taken away; and in a Landlock domain nothing can be mounted at all",
	  NULL, "mount-locked", NULL },
	{ NEW_MOUNT, EINVAL, "overlay",
	  "the kernel's overlay does not take this: something is mounted below the root's directory (see "
	  "/proc/self/mountinfo), or /var/lib/lichen lies on NFS, Lustre or another overlay; --overlay=fuse or "
	  "--overlay=copy work",
	  is_machines_root, "overlay-lower-root", NULL },
	{ NEW_MOUNT, EINVAL, "overlay",
	  "the kernel's overlay does not take this: something is mounted below the root's directory (see "
	  "/proc/self/mountinfo), or the writable layer lies on NFS, Lustre or another overlay (set XDG_DATA_HOME to a "
	  "local disk); --overlay=fuse or --overlay=copy work",
	  NULL, "overlay-refused", NULL },
	{ NEW_MOUNT, ENODEV, "overlay",
	  "this kernel has no overlay file system: as root `modprobe overlay`, or use --overlay=fuse or --overlay=copy",
	  NULL, "overlay-missing", "modprobe overlay\nadd_line /etc/modules-load.d/lichen.conf overlay\n" },
	{ NEW_MOUNT, ENODEV, "fuse", FUSE_MODULE, NULL, "fuse-module", FIX_FUSE },
	{ NEW_MOUNT, ENODEV, NULL, "this kernel does not have the file system: see /proc/filesystems", NULL, "fs-missing", NULL },
	{ NEW_MOUNT, EINVAL, "devpts",
	  "devpts with gid=5 needs group 5 in the map: a range in /etc/subgid", NULL, "devpts-gid", NULL },
	{ NEW_MOUNT, ELOOP, "overlay", "overlays are stacked too deep: the root is itself on overlays; use --overlay=copy",
	  NULL, "overlay-depth", NULL },
	{ NEW_MOUNT, ENOSPC, NULL,
	  "the limit of mounts in a namespace is reached; as root: sysctl -w fs.mount-max=200000", NULL, "mount-max", "set_sysctl fs.mount-max 200000\n" },
	{ NEW_MOUNT, ENOSYS, NULL,
	  "the mount calls of Linux 5.12 are missing or filtered: `uname -r`, and the outer container's seccomp profile",
	  NULL, "mount-enosys", NULL },
	{ NULL, ENXIO, "/dev/fuse", FUSE_MODULE, NULL, "fuse-module", FIX_FUSE },
	{ NULL, ENODEV, "/dev/fuse", FUSE_MODULE, NULL, "fuse-module", FIX_FUSE },
	{ NULL, ENOENT, "/dev/fuse", FUSE_MODULE, NULL, "fuse-module", FIX_FUSE },
	{ NULL, EACCES, "/dev/fuse", "/dev/fuse is not open to users; as root: chmod 0666 /dev/fuse", NULL, "fuse-mode", "chmod 0666 /dev/fuse\nadd_line /etc/udev/rules.d/60-lichen.rules 'KERNEL==\"fuse\", MODE=\"0666\"'\n" },
	{ NULL, EACCES, "/dev/net/tun", "/dev/net/tun is not open to users; as root: chmod 0666 /dev/net/tun", NULL, "tun-mode", "chmod 0666 /dev/net/tun\nadd_line /etc/udev/rules.d/60-lichen.rules 'KERNEL==\"tun\", MODE=\"0666\"'\n" },

	/* seccomp */
	{ "seccomp", EPERM, NULL, SECCOMP_FILTERED, is_filtered, "seccomp-filtered", NULL },
	{ "seccomp", ENOSYS, NULL, SECCOMP_FILTERED, is_filtered, "seccomp-filtered", NULL },
	{ "seccomp", ENOSYS, NULL, SECCOMP_MISSING, NULL, "seccomp-missing", NULL },
	{ "seccomp", EINVAL, NULL, SECCOMP_MISSING, NULL, "seccomp-missing", NULL },
	{ "seccomp", EBUSY, NULL,
	  "a filter on this process, probably a container's, has a listener already, and there can be one only: start that "
	  "one without (crun: no annotation run.oci.seccomp.receiver)",
	  NULL, "seccomp-notify", NULL },

	/* Landlock */
	{ "landlock_create_ruleset", ENOSYS, NULL,
	  "the kernel is built without Landlock (CONFIG_SECURITY_LANDLOCK), or an outer container's seccomp profile "
	  "hides it",
	  NULL, "landlock-missing", NULL },
	{ "landlock_create_ruleset landlock_add_rule landlock_restrict_self", EPERM, NULL,
	  "a seccomp filter on this process hides Landlock, probably a container's: start that one with a newer profile or "
	  "`--security-opt seccomp=unconfined`",
	  is_filtered, "landlock-filtered", NULL },
	{ "landlock_create_ruleset", EOPNOTSUPP, NULL,
	  "Landlock is built in, but not switched on: add landlock to the list in the kernel's lsm= parameter "
	  "(/sys/kernel/security/lsm shows it), update the boot loader and boot",
	  NULL, "landlock-off", NULL },
	{ "landlock_restrict_self", E2BIG, NULL, "Landlock domains are nested 16 deep, which is the kernel's limit", NULL, "landlock-depth", NULL },

	/* the payload */
	{ "execve execveat", ENOENT, NULL,
	  "the program, or the interpreter in its first line or ELF header, is not in the root: names are looked up in "
	  "PATH inside",
	  NULL, "program-missing", NULL },
	{ "execve execveat", EACCES, NULL,
	  "the file has no x bit (chmod +x), or a directory before it may not be entered, or it lies on a mount with "
	  "noexec",
	  NULL, "program-noexec", NULL },
	{ "execve execveat", ENOEXEC, NULL,
	  "the file is for another machine (see `file`), or a script without a #! line: name its interpreter", NULL, "program-format", NULL },

	/* resources */
	{ MAKE_FILE, ENOSPC, "/var/lib/lichen", "the disk of /var/lib/lichen is full (`df -h`, `df -i`): make room", NULL, "disk-full-root", NULL },
	{ MAKE_FILE, EDQUOT, "/var/lib/lichen", "the quota on the disk of /var/lib/lichen is used up: make room", NULL, "quota-root", NULL },
	{ MAKE_FILE, EROFS, "/var/lib/lichen", "/var/lib/lichen must be on a disk that can be written", NULL, "read-only-root", NULL },
	{ MAKE_FILE, ENOSPC, NULL,
	  "the file system is full (`df -h`, `df -i`): make room, or set XDG_DATA_HOME to a directory elsewhere", NULL, "disk-full", NULL },
	{ MAKE_FILE, EDQUOT, NULL,
	  "the disk quota is used up (`quota -s`): make room, or set XDG_DATA_HOME to a directory elsewhere", NULL, "quota", NULL },
	{ MAKE_FILE, EROFS, NULL,
	  "the file system is read-only: set XDG_DATA_HOME to a directory that can be written", NULL, "read-only", NULL },
	{ MAKE_FILE, EOVERFLOW, NULL, "the file's owner has no number inside: --overlay=fuse or --overlay=copy", NULL, "unmapped-owner", NULL },
	{ "keyctl", EDQUOT, NULL, "the limit of keys is reached: kernel.keys.maxkeys (/proc/key-users)", NULL, "key-quota", "set_sysctl kernel.keys.maxkeys 2000\nset_sysctl kernel.keys.maxbytes 200000\n" },
	{ NULL, EMFILE, NULL, "too many open files in one process: raise `ulimit -n`", NULL, "fd-limit", NULL },
	{ NULL, ENFILE, NULL, "too many open files on this machine; as root: raise fs.file-max", NULL, "file-max", NULL },
	{ "inotify_init1 inotify_add_watch", ENOSPC, NULL,
	  "raise fs.inotify.max_user_watches or fs.inotify.max_user_instances as root", NULL, "inotify", NULL },
	{ NULL, ENOMEM, NULL, "no memory: see memory.max of the cgroup (/proc/self/cgroup) and `free`", NULL, "no-memory", NULL },

	/* found by doctor itself, so by their ids only */
	{ "", 0, NULL, "Linux 5.14 or later is needed", NULL, "kernel-old", NULL },
	{ "", 0, NULL, "lichen needs openat2 (Linux 5.6): an outer container's seccomp profile hides it, update docker or use "
	  "--security-opt seccomp=unconfined", NULL, "openat2", NULL },
	{ "", 0, NULL, "as root: usermod --add-subuids RANGE --add-subgids RANGE USER (ids that nobody has in /etc/subuid and "
	  "/etc/subgid); without it only one id is mapped", NULL, "subids-none", FIX_SUBIDS },
	{ "", 0, NULL, "nsswitch.conf names another source of subordinate ids than files, which `getsubids USER` asks: the "
	  "administrator of that source has to give USER a range", NULL, "subids-nss", NULL },
	{ "", 0, NULL, "nsswitch.conf names another source of subordinate ids: install getsubids (package uidmap, or "
	  "shadow-utils-subid), which asks it", NULL, "getsubids-missing",
	  "install_package uidmap shadow-utils-subid shadow shadow-subids shadow\n" },
	{ "", 0, NULL, "newuidmap lies on a file system that is mounted nosuid, where its setuid bit does nothing; as root: "
	  "mount -o remount,suid on it (and in /etc/fstab)", NULL, "newuidmap-nosuid",
	  "mount -o remount,suid \"$(findmnt -n -o TARGET -T \"$(command -v newuidmap)\")\"\n" },
	{ "", 0, NULL, "the limits of namespaces are low; as root: sysctl -w user.max_user_namespaces=15000, and the other "
	  "user.max_*_namespaces alike", NULL, "namespaces-few",
	  "for kind in user mnt pid net ipc uts cgroup time; do\n"
	  "	set_sysctl \"user.max_${kind}_namespaces\" 15000\n"
	  "done\n" },
	{ "", 0, NULL, "set XDG_DATA_HOME to a directory on this machine that you can write", NULL, "data-dir", NULL },
	{ "", 0, NULL, "log in by a session that makes /run/user/UID (pam_systemd), or remove what is in the way", NULL,
	  "runtime-dir", NULL },
	{ "", 0, NULL, "fuse-overlayfs is not installed: install the package of that name", NULL, "fuse-overlayfs-missing",
	  "install_package fuse-overlayfs fuse-overlayfs fuse-overlayfs fuse-overlayfs fuse-overlayfs\n" },
	{ "", 0, NULL, "the module tun is not loaded; as root: modprobe tun", NULL, "tun-module",
	  "modprobe tun\nadd_line /etc/modules-load.d/lichen.conf tun\n" },
	{ "", 0, NULL, "limits need cgroup v2 with its controllers: boot with systemd.unified_cgroup_hierarchy=1 on the kernel's "
	  "command line (and without cgroup_no_v1=, systemd.legacy_systemd_cgroup_controller)", NULL, "cgroup-v1", NULL },
	{ "", 0, NULL, "no cgroup file system is mounted below /sys/fs/cgroup: mount -t cgroup2 none /sys/fs/cgroup as root, "
	  "or start the outer container with one", NULL, "cgroup-none", NULL },
	{ "", 0, NULL, "our cgroup is not delegated to us: log in by a session with a user manager (systemd --user), or as root "
	  "start the shell by systemd-run -p Delegate=yes -p User=USER", NULL, "cgroup-not-delegated", NULL },
	{ "", 0, NULL, "as root: a drop-in /etc/systemd/system/user@.service.d/lichen.conf with [Service] and "
	  "Delegate=cpu cpuset io memory pids, then systemctl daemon-reload, and log in again", NULL,
	  "cgroup-controllers", FIX_DELEGATE },
	{ "", 0, NULL, "log in by ssh, a console or machinectl (not by su or sudo), which starts systemd --user; or as root: "
	  "loginctl enable-linger USER", NULL, "user-manager", "loginctl enable-linger \"$user\"\n" },
	{ "", 0, NULL, "no systemd runs here: cgroups have to be delegated by who set the machine up (a directory below "
	  "/sys/fs/cgroup that belongs to USER, and USER's shell in it)", NULL, "no-systemd", NULL },
	{ "", 0, NULL, "as root: loginctl enable-linger USER; without it what runs in the background ends when the last session "
	  "does", NULL, "linger", "loginctl enable-linger \"$user\"\n" },
	{ "", 0, NULL, "as root: sysctl -w net.ipv4.ping_group_range='0 2147483647'", NULL, "ping-range",
	  "set_sysctl net.ipv4.ping_group_range '0 2147483647'\n" },
	{ "", 0, NULL, "as root: sysctl -w net.ipv4.ip_unprivileged_port_start=80 (lower: all ports from there on are for "
	  "everybody)", NULL, "low-ports", "set_sysctl net.ipv4.ip_unprivileged_port_start 80\n" },
	{ "", 0, NULL, "vm.memfd_noexec=2 forbids memory files that can be executed; as root: sysctl -w vm.memfd_noexec=1", NULL,
	  "memfd-noexec", "set_sysctl vm.memfd_noexec 1\n" },
};

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *w = words; n && *w;) {
		size_t len = strcspn(w, " ");

		if (len == n && strncmp(w, word, n) == 0)
			return true;
		w += len;
		w += *w == ' ';
	}
	return false;
}

const struct cause *cause_find(const struct err *e)
{
	const char *op = e->op;

	/* child_wait() tells of a tool in words */
	if (!op[0] && strstr(e->what, "newuidmap failed"))
		op = "newuidmap";
	else if (!op[0] && strstr(e->what, "newgidmap failed"))
		op = "newgidmap";
	else if (strcmp(op, "execve") == 0 && strstr(e->path, "/newuidmap"))
		op = "newuidmap";
	else if (strcmp(op, "execve") == 0 && strstr(e->path, "/newgidmap"))
		op = "newgidmap";
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		const struct cause *r = &ROWS[i];

		if (r->ops && !has_word(r->ops, op))
			continue;
		if (r->errnum && r->errnum != e->errnum)
			continue;
		if (r->part && !strstr(e->path, r->part) && !strstr(e->what, r->part))
			continue;
		if (r->when && !r->when())
			continue;
		return r;
	}
	return NULL;
}

const struct cause *cause_get(const char *id)
{
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		if (str_eq(ROWS[i].id, id))
			return &ROWS[i];
	return NULL;
}

const struct cause *cause_at(size_t i)
{
	return i < N_ELEMS(ROWS) ? &ROWS[i] : NULL;
}

/* ---- texts ---- */

/* "100000-165535": what `usermod --add-subuids` takes. */
static void add_range(struct buf *out)
{
	enum { COUNT = 65536 };
	AUTO_FREE char *files = subid_read_files();
	uint32_t first = files ? subid_next_range(files, COUNT) : 0;

	if (first)
		buf_addf(out, "%u-%u", first, first + COUNT - 1);
	else
		buf_add(out, "FIRST-LAST");
}

static void add_user(struct buf *out, const char *user, unsigned uid)
{
	AUTO_FREE char *found = user ? NULL : user_name(uid, NULL);

	if (user || found)
		buf_add(out, user ? user : found);
	else
		buf_addf(out, "%u", uid);
}

char *cause_text(const struct cause *c, const char *user, unsigned uid)
{
	AUTO_BUF struct buf b = { 0 };

	for (const char *s = c->text; *s;) {
		size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

		if (n == 4 && strncmp(s, "USER", 4) == 0)
			add_user(&b, user, uid);
		else if (n == 3 && strncmp(s, "UID", 3) == 0)
			buf_addf(&b, "%u", uid);
		else if (n == 5 && strncmp(s, "RANGE", 5) == 0)
			add_range(&b);
		else
			buf_addn(&b, s, n ? n : 1);
		s += n ? n : 1;
	}
	return buf_take(&b);
}

char *hint_for(const struct err *e)
{
	const struct cause *c = cause_find(e);

	return c ? cause_text(c, NULL, geteuid()) : NULL;
}
