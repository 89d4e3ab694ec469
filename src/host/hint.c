/* SPDX-License-Identifier: Apache-2.0 */
/* host/hint.c - from a failed call to its likely cause and remedy
 *
 * The first row that fits wins, so rows that look at the machine stand before the ones
 * that guess.
 */

#include "host/hint.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

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

static bool apparmor_restricts(void)
{
	return host_sysctl_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1");
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
	"profile: install one for lichen in /etc/apparmor.d (with `userns,`), or as root: "                       \
	"sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"

static const struct row {
	const char *ops;	/* words; NULL: any */
	int errnum;		/* 0: any */
	const char *part;	/* of the path or of the text; NULL: any */
	const char *text;
	bool (*when)(void);	/* NULL: always */
} ROWS[] = {
	/* namespaces */
	{ MAKE_NS, EPERM, NULL,
	  "the root directory is a chroot, in which the kernel lets nobody make a user namespace: enter the tree "
	  "with `unshare -m`, a bind mount of it on itself and pivot_root instead of chroot",
	  host_in_chroot },
	{ MAKE_NS, EPERM, NULL,
	  "kernel.unprivileged_userns_clone=0 forbids user namespaces to users; as root: "
	  "sysctl -w kernel.unprivileged_userns_clone=1 (lasting: a file in /etc/sysctl.d)",
	  userns_clone_off },
	{ MAKE_NS, EPERM, NULL, APPARMOR, apparmor_restricts },
	{ MAKE_NS, EPERM, NULL,
	  "a seccomp filter is on this process, probably a container's: start that one with "
	  "`docker run --security-opt seccomp=unconfined` or a profile that allows clone3 and unshare",
	  is_filtered },
	{ MAKE_NS, EPERM, NULL,
	  "user namespaces are forbidden here: see /proc/sys/kernel/unprivileged_userns_clone, "
	  "kernel.apparmor_restrict_unprivileged_userns, SELinux (`ausearch -m avc`), and whether this is a chroot",
	  NULL },
	{ MAKE_NS, EACCES, NULL,
	  "a security module denies user namespaces: see `dmesg` or `ausearch -m avc` (SELinux: user_namespace create)",
	  NULL },
	{ MAKE_NS, ENOSPC, NULL,
	  "user.max_user_namespaces=0 forbids user namespaces; as root: sysctl -w user.max_user_namespaces=15000",
	  max_userns_is_0 },
	{ MAKE_NS, ENOSPC, NULL,
	  "a limit in /proc/sys/user/max_*_namespaces is reached, or namespaces are nested 32 deep: "
	  "raise it, e.g. sysctl -w user.max_user_namespaces=15000, or end other containers",
	  NULL },
	{ MAKE_NS, EUSERS, NULL,
	  "user namespaces are nested 32 deep, which is the kernel's limit: start lichen further outside", NULL },
	{ MAKE_NS, EINVAL, NULL,
	  "the kernel lacks one of the namespaces (CONFIG_USER_NS, CONFIG_PID_NS, CONFIG_NET_NS, CONFIG_TIME_NS ...): "
	  "`lichen doctor` names it",
	  NULL },
	{ MAKE_NS, ENOSYS, NULL,
	  "clone3 is answered with ENOSYS, as by an old container's seccomp profile: update docker or start it with "
	  "--security-opt seccomp=unconfined",
	  NULL },
	{ "clone3 clone fork execve posix_spawn newuidmap newgidmap", EAGAIN, NULL,
	  "the limit of processes is reached: `ulimit -u`, or pids.max of the cgroup (/proc/self/cgroup)", NULL },
	{ "setns", EPERM, NULL,
	  "a namespace can only be joined from within the user namespace that owns it, and only a process that is "
	  "dumpable",
	  NULL },

	/* id maps */
	{ MAP_TOOLS, 0, NULL,
	  "no_new_privs is set on this process, so setuid tools do nothing: start lichen outside whatever set it "
	  "(a sandbox, systemd's NoNewPrivileges=), or use --ids=single",
	  has_no_new_privs },
	{ MAP_TOOLS, ENOENT, NULL,
	  "newuidmap and newgidmap are missing: install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora), "
	  "or use --ids=single",
	  NULL },
	{ MAP_TOOLS, EPERM, NULL,
	  "newuidmap and newgidmap need their privilege: chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap, or "
	  "setcap cap_setuid=ep and cap_setgid=ep; and the file system must not be mounted nosuid",
	  NULL },
	{ MAP_TOOLS, 0, NULL,
	  "the ids must stand in /etc/subuid and /etc/subgid; as root: usermod --add-subuids 100000-165535 "
	  "--add-subgids 100000-165535 USER; and newuidmap needs its setuid bit (chmod u+s /usr/bin/newuidmap)",
	  NULL },
	{ "write openat", EPERM, "id_map", APPARMOR, apparmor_restricts },
	{ "write openat", EPERM, "id_map",
	  "the map names an id that we may not give: AppArmor's rule for user namespaces (see `dmesg`), or ids that are "
	  "not in /etc/subuid and /etc/subgid",
	  NULL },
	{ "write openat", EACCES, "id_map",
	  "the process whose map is written is not dumpable or belongs to somebody else: lichen's file must be readable "
	  "by you (chmod a+r)",
	  NULL },
	{ "write openat", EINVAL, "id_map", "the map has ids that the outer user namespace does not have: see "
	  "/proc/self/uid_map; nested use needs --ids=single or a part of that range", NULL },

	/* mounts */
	{ NEW_MOUNT, EACCES, NULL, APPARMOR, apparmor_restricts },
	{ NEW_MOUNT, EPERM, "proc",
	  "a new /proc is refused where the outer /proc is partly covered, as in docker and podman: start the outer "
	  "container with `--security-opt systempaths=unconfined` (docker) or `--security-opt unmask=ALL` (podman)",
	  NULL },
	{ NEW_MOUNT, EPERM, "sysfs",
	  "a new /sys needs an own network namespace and an uncovered outer /sys: not with --network=host", NULL },
	{ NEW_MOUNT, EPERM, NULL,
	  "the mount is refused in a user namespace: flags that the host has on it (nosuid, nodev, noexec, ro) cannot "
	  "be taken away",
	  NULL },
	{ NEW_MOUNT, EINVAL, "overlay",
	  "the kernel's overlay does not take this: something is mounted below the root's directory (see "
	  "/proc/self/mountinfo), or /var/lib/lichen lies on NFS, Lustre or another overlay; --overlay=fuse or "
	  "--overlay=copy work",
	  is_machines_root },
	{ NEW_MOUNT, EINVAL, "overlay",
	  "the kernel's overlay does not take this: something is mounted below the root's directory (see "
	  "/proc/self/mountinfo), or the writable layer lies on NFS, Lustre or another overlay (set XDG_DATA_HOME to a "
	  "local disk); --overlay=fuse or --overlay=copy work",
	  NULL },
	{ NEW_MOUNT, ENODEV, "overlay",
	  "this kernel has no overlay file system: as root `modprobe overlay`, or use --overlay=fuse or --overlay=copy",
	  NULL },
	{ NEW_MOUNT, ENODEV, NULL, "this kernel does not have the file system: see /proc/filesystems", NULL },
	{ NEW_MOUNT, EINVAL, "devpts",
	  "devpts with gid=5 needs group 5 in the map: a range in /etc/subgid", NULL },
	{ NEW_MOUNT, ELOOP, "overlay", "overlays are stacked too deep: the root is itself on overlays; use --overlay=copy",
	  NULL },
	{ NEW_MOUNT, ENOSPC, NULL,
	  "the limit of mounts in a namespace is reached; as root: sysctl -w fs.mount-max=200000", NULL },
	{ NEW_MOUNT, ENOSYS, NULL,
	  "the mount calls of Linux 5.12 are missing or filtered: `uname -r`, and the outer container's seccomp profile",
	  NULL },
	{ NULL, ENXIO, "/dev/fuse", "the fuse module is not loaded; as root: modprobe fuse", NULL },
	{ NULL, ENOENT, "/dev/fuse", "the fuse module is not loaded; as root: modprobe fuse", NULL },
	{ NULL, EACCES, "/dev/fuse", "/dev/fuse is not open to users; as root: chmod 0666 /dev/fuse", NULL },
	{ NULL, EACCES, "/dev/net/tun", "/dev/net/tun is not open to users; as root: chmod 0666 /dev/net/tun", NULL },

	/* the payload */
	{ "execve execveat", ENOENT, NULL,
	  "the program, or the interpreter in its first line or ELF header, is not in the root: names are looked up in "
	  "PATH inside",
	  NULL },
	{ "execve execveat", EACCES, NULL,
	  "the file has no x bit (chmod +x), or a directory before it may not be entered, or it lies on a mount with "
	  "noexec",
	  NULL },
	{ "execve execveat", ENOEXEC, NULL,
	  "the file is for another machine (see `file`), or a script without a #! line: name its interpreter", NULL },

	/* resources */
	{ MAKE_FILE, ENOSPC, "/var/lib/lichen", "the disk of /var/lib/lichen is full (`df -h`, `df -i`): make room", NULL },
	{ MAKE_FILE, EDQUOT, "/var/lib/lichen", "the quota on the disk of /var/lib/lichen is used up: make room", NULL },
	{ MAKE_FILE, EROFS, "/var/lib/lichen", "/var/lib/lichen must be on a disk that can be written", NULL },
	{ MAKE_FILE, ENOSPC, NULL,
	  "the file system is full (`df -h`, `df -i`): make room, or set XDG_DATA_HOME to a directory elsewhere", NULL },
	{ MAKE_FILE, EDQUOT, NULL,
	  "the disk quota is used up (`quota -s`): make room, or set XDG_DATA_HOME to a directory elsewhere", NULL },
	{ MAKE_FILE, EROFS, NULL,
	  "the file system is read-only: set XDG_DATA_HOME to a directory that can be written", NULL },
	{ MAKE_FILE, EOVERFLOW, NULL, "the file's owner has no number inside: --overlay=fuse or --overlay=copy", NULL },
	{ "keyctl", EDQUOT, NULL, "the limit of keys is reached: kernel.keys.maxkeys (/proc/key-users)", NULL },
	{ NULL, EMFILE, NULL, "too many open files in one process: raise `ulimit -n`", NULL },
	{ NULL, ENFILE, NULL, "too many open files on this machine; as root: raise fs.file-max", NULL },
	{ "inotify_init1 inotify_add_watch", ENOSPC, NULL,
	  "raise fs.inotify.max_user_watches or fs.inotify.max_user_instances as root", NULL },
	{ NULL, ENOMEM, NULL, "no memory: see memory.max of the cgroup (/proc/self/cgroup) and `free`", NULL },
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

const char *hint_for(const struct err *e)
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
		const struct row *r = &ROWS[i];

		if (r->ops && !has_word(r->ops, op))
			continue;
		if (r->errnum && r->errnum != e->errnum)
			continue;
		if (r->part && !strstr(e->path, r->part) && !strstr(e->what, r->part))
			continue;
		if (r->when && !r->when())
			continue;
		return r->text;
	}
	return NULL;
}
