/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bare.c - the least program that makes lichen's sandbox: the floor that lichen is measured against
 *
 *	bare ROOTFS COMMAND [ARG...]		read-only bind of ROOTFS
 *	bare -o DIR ROOTFS COMMAND [ARG...]	kernel overlay, its layer made in DIR and removed afterwards
 *
 * All eight namespaces by one clone3, a map of one id, the same mounts and devices, pivot_root,
 * lo up, the same prebuilt filter. No state, no keeper, no masks, no capabilities dropped,
 * nothing checked twice: not a sandbox to use.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "steps/filters.h"

static void check(long rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd, path);
	check(write(fd, text, strlen(text)), path);
	close(fd);
}

/* ---- the child, in the new namespaces ---- */

static void map_ids(uid_t uid, gid_t gid)
{
	char line[32];

	snprintf(line, sizeof(line), "0 %u 1\n", uid);
	write_file("/proc/self/uid_map", line);
	write_file("/proc/self/setgroups", "deny");
	snprintf(line, sizeof(line), "0 %u 1\n", gid);
	write_file("/proc/self/gid_map", line);
}

struct option {
	const char *key, *value;
};

/* A new file system as a detached mount; @options ends with a NULL key. */
static int new_fs(const char *type, const struct option *options, unsigned attrs)
{
	int fs = sys_fsopen(type, FSOPEN_CLOEXEC), fd;

	check(fs, type);
	for (; options && options->key; options++)
		check(sys_fsconfig(fs, options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options->key,
				   options->value, 0), options->key);
	check(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	check(fd, type);
	close(fs);
	return fd;
}

static void attach(int fd, int dir, const char *at)
{
	check(sys_move_mount(fd, "", dir, at, MOVE_MOUNT_F_EMPTY_PATH), at);
}

static void mount_fs(const char *type, const struct option *options, unsigned attrs, int dir, const char *at)
{
	int fd = new_fs(type, options, attrs);

	attach(fd, dir, at);
	close(fd);
}

static void make_dev(int root)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" },
						{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
						{ "pts/ptmx", "ptmx" }, { "/proc/kcore", "core" } };
	const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	int dev = new_fs("tmpfs", (struct option[]){ { "mode", "0755" }, { "size", "65536k" }, { 0 } }, MOUNT_ATTR_NOSUID);

	attach(dev, root, "dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		char path[32];
		int node, at;

		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		node = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		check(node, path);
		at = openat(dev, nodes[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		check(at, path);
		close(at);
		attach(node, dev, nodes[i]);
		close(node);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		check(symlinkat(links[i][0], dev, links[i][1]), links[i][1]);
	check(mkdirat(dev, "pts", 0755), "pts");
	check(mkdirat(dev, "shm", 0755), "shm");
	check(mkdirat(dev, "mqueue", 0755), "mqueue");
	mount_fs("devpts", (struct option[]){ { "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "0620" }, { 0 } },
		 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, dev, "pts");
	mount_fs("tmpfs", (struct option[]){ { "mode", "1777" }, { "size", "65536k" }, { 0 } }, safe, dev, "shm");
	mount_fs("mqueue", NULL, safe, dev, "mqueue");
	close(dev);
}

static int make_root(const char *rootfs, const char *layer)
{
	char upper[4096], work[4096];
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd;

	if (layer) {
		snprintf(upper, sizeof(upper), "%s/upper", layer);
		snprintf(work, sizeof(work), "%s/work", layer);
		return new_fs("overlay", (struct option[]){ { "userxattr", NULL }, { "lowerdir", rootfs },
							    { "upperdir", upper }, { "workdir", work },
							    { "volatile", NULL }, { 0 } }, 0);
	}
	fd = sys_open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	check(fd, rootfs);
	check(sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro), rootfs);
	return fd;
}

static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	check(sock, "socket");
	check(ioctl(sock, SIOCSIFFLAGS, &ifr), "lo");
	close(sock);
}

static void load_filter(void)
{
	struct sock_fprog prog = { 0 };

	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++)
		if (strcmp(SECCOMP_VARIANTS[i].name, "default") == 0)
			prog = (struct sock_fprog){ .len = SECCOMP_VARIANTS[i].n_insns,
						    .filter = (struct sock_filter *)(uintptr_t)SECCOMP_VARIANTS[i].insns };
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	check(sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog), "seccomp");
}

static void child(uid_t uid, gid_t gid, const char *rootfs, const char *layer, char **argv)
{
	const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	int root;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	map_ids(uid, gid);
	check(sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	root = make_root(rootfs, layer);
	attach(root, AT_FDCWD, "/");
	mount_fs("proc", NULL, safe, root, "proc");
	make_dev(root);
	mount_fs("sysfs", NULL, safe | MOUNT_ATTR_RDONLY, root, "sys");
	lo_up();
	check(sethostname("bare", 4), "sethostname");
	check(fchdir(root), "root");
	check(sys_pivot_root(".", "."), "pivot_root");
	check(sys_umount2(".", MNT_DETACH), "umount");
	check(chdir("/"), "chdir");
	check(sys_close_range(3, ~0U, 0), "close_range");
	load_filter();
	execv(argv[0], argv);
	check(-1, argv[0]);
}

/* ---- the parent ---- */

/* overlayfs leaves work/work with mode 0. */
static void remove_tree(int at, const char *name)
{
	struct dirent *de;
	int fd;
	DIR *d;

	if (unlinkat(at, name, AT_REMOVEDIR) == 0)
		return;
	if (fchmodat(at, name, 0700, 0) < 0)
		return;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	while (d && (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 && unlinkat(fd, de->d_name, 0) < 0)
			remove_tree(fd, de->d_name);
	if (d)
		closedir(d);
	check(unlinkat(at, name, AT_REMOVEDIR), name);
}

static void make_layer(char *layer, size_t size, const char *dir)
{
	int fd;

	snprintf(layer, size, "%s/bare-XXXXXX", dir);
	if (!mkdtemp(layer))
		check(-1, layer);
	fd = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check(mkdirat(fd, "upper", 0755), "upper");
	check(mkdirat(fd, "work", 0755), "work");
	close(fd);
}

int main(int argc, char **argv)
{
	struct sys_clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_NEWCGROUP | CLONE_NEWTIME,
		.exit_signal = SIGCHLD,
	};
	bool has_layer = argc > 2 && strcmp(argv[1], "-o") == 0;
	char layer[2048];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int status = 0;
	pid_t pid;

	if (argc < (has_layer ? 5 : 3)) {
		fprintf(stderr, "usage: bare [-o DIR] ROOTFS COMMAND [ARG...]\n");
		return 125;
	}
	if (has_layer) {
		make_layer(layer, sizeof(layer), argv[2]);
		argv += 2;
	}
	pid = sys_clone3(&args);
	check(pid, "clone3");
	if (pid == 0)
		child(uid, gid, argv[1], has_layer ? layer : NULL, argv + 2);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (has_layer)
		remove_tree(AT_FDCWD, layer);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
