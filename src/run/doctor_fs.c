/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_fs.c - doctor: directories, overlays on the file systems in use, devices */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/doctor_try.h"
#include "store/store.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#define ZFS_MAGIC    0x2fc12fc1
#define LUSTRE_MAGIC 0x0bd00bd0

const char *fs_name(const char *path)
{
	static const struct {
		long magic;
		const char *name;
	} names[] = {
		{ EXT4_SUPER_MAGIC, "ext4" }, { XFS_SUPER_MAGIC, "xfs" }, { BTRFS_SUPER_MAGIC, "btrfs" },
		{ TMPFS_MAGIC, "tmpfs" }, { OVERLAYFS_SUPER_MAGIC, "overlay" }, { NFS_SUPER_MAGIC, "nfs" },
		{ FUSE_SUPER_MAGIC, "fuse" }, { ZFS_MAGIC, "zfs" }, { LUSTRE_MAGIC, "lustre" },
		{ F2FS_SUPER_MAGIC, "f2fs" }, { ECRYPTFS_SUPER_MAGIC, "ecryptfs" }, { V9FS_MAGIC, "9p" },
	};
	struct statfs st;

	if (statfs(path, &st) == 0)
		for (size_t i = 0; i < N_ELEMS(names); i++)
			if ((long)st.f_type == names[i].magic)
				return names[i].name;
	return "file system";
}

/* ---- directories ---- */

static void check_dir(struct attempt *a, const char *path, const char *cause)
{
	AUTO_FREE char *there = existing(path);
	struct stat st;

	if (str_eq(there, path) && lstat(path, &st) == 0 && (!S_ISDIR(st.st_mode) || st.st_uid != a->f.uid))
		lacks(a, cause, "%s is not a directory of yours", path);
	else if (access(there, W_OK | X_OK) < 0)
		lacks(a, cause, "%s: %s may not be written: %s", path, there, strerror(errno));
	else
		works(a, "%s%s", path, str_eq(there, path) ? "" : " (can be made)");
}

void try_data_dir(struct attempt *a)
{
	check_dir(a, a->data, "data-dir");
}

void try_run_dir(struct attempt *a)
{
	check_dir(a, a->run, "runtime-dir");
}

/* ---- overlays ---- */

static int set_layer(int fs, const char *key, const char *base, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", base, name);

	return sys_fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0);
}

/* In a child: mounts the overlay, makes a file and removes one of the lower layer. */
static int probe_overlay(const void *arg, struct err *e)
{
	const char *base = arg;
	AUTO_CLOSE int fs = -1, mnt = -1, file = -1;

	if (probe_enter(CLONE_NEWNS, e) < 0)
		return -1;
	fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_sys(e, "fsopen", "overlay", "the kernel's overlay");
	if (set_layer(fs, "lowerdir", base, "lower") < 0 || set_layer(fs, "upperdir", base, "upper") < 0 ||
	    set_layer(fs, "workdir", base, "work") < 0 || sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsconfig", "overlay", "the kernel's overlay");
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return err_sys(e, "fsmount", "overlay", "the kernel's overlay");
	file = openat(mnt, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return err_sys(e, "openat", "overlay", "a file in the kernel's overlay");
	if (unlinkat(mnt, "old", 0) < 0)
		return err_sys(e, "unlinkat", "overlay", "a whiteout in the kernel's overlay");
	return 0;
}

static int fill_layers(const char *base, struct err *e)
{
	AUTO_CLOSE int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || mkdirat(fd, "lower", 0700) < 0 || mkdirat(fd, "upper", 0700) < 0 || mkdirat(fd, "work", 0700) < 0 ||
	    fd_write_file(fd, "lower/old", "", 0) < 0)
		return err_sys(e, "mkdirat", base, "the overlay's directories");
	return 0;
}

static void check_overlay(struct attempt *a, const char *place)
{
	AUTO_FREE char *there = existing(place), *base = str_fmt("%s/.lichen-doctor-XXXXXX", there);
	AUTO_FREE char *work = NULL;
	struct err e = { 0 }, e2 = { 0 };
	sigset_t stop, old;
	int rc;

	if (!a->has_openat2) {	/* which removes what a trial made */
		lacks(a, "openat2", "not tried");
		return;
	}
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	sigprocmask(SIG_BLOCK, &stop, &old);	/* nothing is left behind */
	if (!mkdtemp(base)) {
		rc = err_sys(&e, "mkdtemp", there, "the overlay's directories");
	} else {
		rc = fill_layers(base, &e);
		if (rc == 0)
			rc = probe(probe_overlay, base, &e);
		work = str_fmt("%s/work/work", base);	/* the kernel's, of mode 0 */
		(void)chmod(work, 0700);
		if (store_remove_tree(base, &e2) < 0 && rc == 0)
			rc = err_set(&e, ERR_STATE, "%s cannot be removed: %s", base, e2.what);
	}
	if (rc < 0) {
		err_wrap(&e, "not on %s (%s)", there, fs_name(there));
		lacks_err(a, &e);
	} else {
		works(a, "works on %s (%s)", there, fs_name(there));
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
}

void try_overlay_data(struct attempt *a)
{
	check_overlay(a, a->data);
}

void try_overlay_tmp(struct attempt *a)
{
	const char *tmp = getenv("TMPDIR");

	check_overlay(a, tmp && tmp[0] == '/' ? tmp : "/tmp");
}

void try_overlay_var_tmp(struct attempt *a)
{
	check_overlay(a, "/var/tmp");
}

/* ---- fuse ---- */

/* In a child: a FUSE mount in a user namespace, which nobody serves. */
static int mount_fuse(const void *arg, struct err *e)
{
	AUTO_FREE char *options = NULL;
	AUTO_CLOSE int dev = -1;

	(void)arg;
	if (probe_enter(CLONE_NEWNS, e) < 0)
		return -1;
	dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);	/* in the namespace, which its mount is compared with */
	if (dev < 0)
		return err_sys(e, "open", "/dev/fuse", "needed by fuse-overlayfs");
	options = str_fmt("fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    sys_mount("doctor", "/proc", "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return err_sys(e, "mount", "fuse", "a FUSE mount in a user namespace");
	return 0;
}

void try_fuse(struct attempt *a)
{
	struct err e;
	struct stat st;
	int rc;

	/* as the caller: inside, who owns the node may always open it; but root of this machine is not inside */
	rc = access("/dev/fuse", R_OK | W_OK);
	if (rc == 0 && geteuid() == 0 && host_is_initial_userns() && stat("/dev/fuse", &st) == 0 &&
	    (st.st_mode & 06) != 06) {
		errno = EACCES;
		rc = -1;
	}
	if (rc < 0)
		rc = err_sys(&e, "open", "/dev/fuse", "needed by fuse-overlayfs");
	else
		rc = probe(mount_fuse, NULL, &e);
	if (rc < 0)
		lacks_err(a, &e);
	else
		works(a, "mounted");
}

void try_fuse_overlayfs(struct attempt *a)
{
	AUTO_FREE char *tool = child_find("fuse-overlayfs");

	if (tool)
		works(a, "%s", tool);
	else
		lacks(a, "fuse-overlayfs-missing", "is not installed");
}

/* ---- tun ---- */

static int make_tap(const void *arg, struct err *e)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI, .ifr_name = "tap0" };
	AUTO_CLOSE int dev = -1;

	(void)arg;
	if (probe_enter(CLONE_NEWNET, e) < 0)
		return -1;
	dev = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return err_sys(e, "open", "/dev/net/tun", "needed by the sandbox's network");
	if (ioctl(dev, TUNSETIFF, &ifr) < 0)
		return err_sys(e, "TUNSETIFF", "/dev/net/tun", "a tap device in a network namespace");
	return 0;
}

void try_tun(struct attempt *a)
{
	struct err e;
	int rc;

	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		rc = err_sys(&e, "open", "/dev/net/tun", "needed by the sandbox's network");
	else
		rc = probe(make_tap, NULL, &e);
	if (rc == 0)
		works(a, "made a tap device");
	else if (e.errnum == ENOENT || e.errnum == ENODEV || e.errnum == ENXIO)
		lacks(a, "tun-module", "/dev/net/tun: %s", strerror(e.errnum));
	else
		lacks_err(a, &e);
}
