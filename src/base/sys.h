/* SPDX-License-Identifier: Apache-2.0 */
/* base/sys.h - the only raw system call wrappers: what glibc 2.35 does not have
 *
 * Return as the C library does: -1 and errno. <sys/mount.h> must not be included
 * next to this header: both define the constants of the mount API.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct sys_clone_args {		/* struct clone_args of clone3(2), version 2 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
		set_tid_size, cgroup;
};

/* landlock(7), with what is newer than Debian 12's headers: ABI 3 (truncate) to 6 (scopes) */
#define LANDLOCK_FS_EXECUTE	(UINT64_C(1) << 0)
#define LANDLOCK_FS_WRITE_FILE	(UINT64_C(1) << 1)
#define LANDLOCK_FS_READ_FILE	(UINT64_C(1) << 2)
#define LANDLOCK_FS_READ_DIR	(UINT64_C(1) << 3)
#define LANDLOCK_FS_CHANGE_DIR	(UINT64_C(0x1ff) << 4)	/* remove and make, of every kind */
#define LANDLOCK_FS_REFER	(UINT64_C(1) << 13)	/* ABI 2 */
#define LANDLOCK_FS_TRUNCATE	(UINT64_C(1) << 14)	/* ABI 3 */
#define LANDLOCK_FS_IOCTL_DEV	(UINT64_C(1) << 15)	/* ABI 5 */
#define LANDLOCK_NET_BIND_TCP	 (UINT64_C(1) << 0)	/* ABI 4 */
#define LANDLOCK_NET_CONNECT_TCP (UINT64_C(1) << 1)
#define LANDLOCK_SCOPE_ABSTRACT	 (UINT64_C(1) << 0)	/* ABI 6 */
#define LANDLOCK_SCOPE_SIGNALS	 (UINT64_C(1) << 1)

struct sys_landlock_ruleset {	/* struct landlock_ruleset_attr; older kernels take its beginning */
	uint64_t access_fs, access_net, scoped;
};

struct sys_landlock_port {	/* struct landlock_net_port_attr */
	uint64_t access, port;
};

int sys_landlock_abi(void);	/* -1 with errno: ENOSYS not built in, EOPNOTSUPP off at boot */
int sys_landlock_create(const struct sys_landlock_ruleset *attr, size_t size);	/* a descriptor, CLOEXEC */
int sys_landlock_add_path(int ruleset, int fd, uint64_t access);
int sys_landlock_add_port(int ruleset, const struct sys_landlock_port *port);
int sys_landlock_restrict_self(int ruleset);

pid_t sys_clone3(struct sys_clone_args *args);
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int sig);
int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);
int sys_fsopen(const char *fstype, unsigned flags);
int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned flags, unsigned attrs);
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr);
int sys_openat2(int dirfd, const char *path, struct open_how *how);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_mount(const char *src, const char *dst, const char *type, unsigned long flags, const void *data);
int sys_umount2(const char *path, int flags);
int sys_seccomp(unsigned op, unsigned flags, void *args);

#endif
