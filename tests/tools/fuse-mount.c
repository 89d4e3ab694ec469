/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/fuse-mount.c - mounts a FUSE file system as lichen does, without fusermount3, and becomes its server
 *
 *	fuse-mount DIR SERVER [ARG...]
 *
 * SERVER is executed with "--fuse-fd N" and then ARG... . To be run in a mount namespace of one's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(2);
}

static void set(int fs, const char *key, const char *value)
{
	must(syscall(SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0), key);
}

int main(int argc, char **argv)
{
	int dev = open("/dev/fuse", O_RDWR), fs, mount;
	char number[16], uid[16], gid[16];
	static char option[] = "--fuse-fd";

	if (argc < 3) {
		fprintf(stderr, "usage: fuse-mount DIR SERVER [ARG...]\n");
		return 2;
	}
	must(dev, "/dev/fuse");
	snprintf(number, sizeof(number), "%d", dev);
	snprintf(uid, sizeof(uid), "%u", geteuid());
	snprintf(gid, sizeof(gid), "%u", getegid());
	fs = (int)syscall(SYS_fsopen, "fuse", FSOPEN_CLOEXEC);
	must(fs, "fsopen");
	set(fs, "source", "fuse-mount");
	set(fs, "fd", number);
	set(fs, "rootmode", "40755");
	set(fs, "user_id", uid);
	set(fs, "group_id", gid);
	set(fs, "allow_other", NULL);
	must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
	mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	must(mount, "fsmount");
	must(syscall(SYS_move_mount, mount, "", AT_FDCWD, argv[1], MOVE_MOUNT_F_EMPTY_PATH), argv[1]);
	{
		char *server[argc + 2];
		int n = 0;

		server[n++] = argv[2];
		server[n++] = option;
		server[n++] = number;
		for (int i = 3; i < argc; i++)
			server[n++] = argv[i];
		server[n] = NULL;
		execv(argv[2], server);
	}
	perror(argv[2]);
	return 127;
}
