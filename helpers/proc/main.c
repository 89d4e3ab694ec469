/* SPDX-License-Identifier: Apache-2.0 */
/* proc/main.c - lichen-proc: /proc/meminfo and its kin as a sandbox with limits should see them
 *
 *    supervisor --fork, exec--> lichen-proc: opens what it reads, confines itself, answers
 *      child: opens /dev/fuse, mounts it (fsopen), binds the files over /proc/meminfo ...
 *
 * What lxcfs is for LXC, for one sandbox: it ends when its file system is unmounted. The mount
 * is the caller's, so that no fusermount3 is needed; the caller sets the parent-death signal.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "confine.h"
#include "serve.h"

static const char USAGE[] =
	"usage: lichen-proc --fuse-fd N --cgroup-fd N [--pid-start TICKS] [--init-pid PID]\n"
	"\n"
	"Serves meminfo, cpuinfo, stat, uptime, loadavg, swaps and online for a sandbox, from the\n"
	"limits and the use of its cgroup. It is started by lichen.\n"
	"\n"
	"  --fuse-fd N        an open /dev/fuse, mounted already\n"
	"  --cgroup-fd N      the open directory of the sandbox's cgroup (version 2)\n"
	"  --pid-start TICKS  when the sandbox started: field 22 of /proc/PID/stat; 0: now (default)\n"
	"  --init-pid PID     or its first process, of which that is read\n"
	"\n"
	"Standard error ends when the files are served. It ends when they are unmounted.\n";

enum { FUSE_MAJOR = 10, FUSE_MINOR = 229 };

struct request {
	int fuse_fd, cgroup_fd;
	uint64_t start, init_pid;	/* 0: not given */
};

/* ---- the command line ---- */

static int number(const char *option, const char *value, uint64_t max, uint64_t *out, struct err *e)
{
	uint64_t n = num_read(value);

	if (strspn(value, "0123456789") != strlen(value) || n > max)
		return err_set(e, ERR_USAGE, "--%s: '%s' is no number from 0 to %llu", option, value, (unsigned long long)max);
	*out = n;
	return 0;
}

static int descriptor(const char *option, const char *value, int *out, struct err *e)
{
	uint64_t n;

	if (number(option, value, 1 << 20, &n, e) < 0)
		return -1;
	if (n < 3 || fcntl((int)n, F_GETFD) < 0)
		return err_set(e, ERR_USAGE, "--%s: %s is no open descriptor behind standard error", option, value);
	*out = (int)n;
	return 0;
}

/* Return: 0, 1 where there is nothing more to do, -1 with @e */
static int args_parse(int argc, char **argv, struct request *rq, struct err *e)
{
	static const struct option OPTIONS[] = {
		{ "cgroup-fd", required_argument, NULL, 'c' }, { "fuse-fd", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },	       { "init-pid", required_argument, NULL, 'i' },
		{ "pid-start", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
	};
	int c, r = 0;

	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		switch (c) {
		case 'c':
			r = descriptor("cgroup-fd", optarg, &rq->cgroup_fd, e);
			break;
		case 'f':
			r = descriptor("fuse-fd", optarg, &rq->fuse_fd, e);
			break;
		case 'h':
			fputs(USAGE, stdout);
			return 1;
		case 'i':
			r = number("init-pid", optarg, 1 << 30, &rq->init_pid, e);
			break;
		case 's':
			r = number("pid-start", optarg, NUM_MAX / 2, &rq->start, e);
			break;
		default:
			r = err_set(e, ERR_USAGE, "'%s': unknown, or its value is missing; see --help", argv[optind - 1]);
		}
	}
	if (r == 0 && (optind < argc || rq->fuse_fd < 0 || rq->cgroup_fd < 0 || rq->fuse_fd == rq->cgroup_fd))
		return err_set(e, ERR_USAGE, "--fuse-fd and --cgroup-fd are needed, and no other words; see --help");
	return r;
}

/* ---- what is served ---- */

/* Field 22 of /proc/PID/stat; the second one is a name, which may hold blanks and brackets. */
static int start_of(uint64_t pid, uint64_t *out, struct err *e)
{
	AUTO_FREE char *path = str_fmt("/proc/%llu/stat", (unsigned long long)pid);
	AUTO_FREE char *text = NULL;
	const char *s;
	size_t len;

	if (fd_read_file(AT_FDCWD, path, 4096, &text, &len) < 0)
		return err_sys(e, "open", path, "when the sandbox started (--init-pid)");
	s = strrchr(text, ')');
	for (int field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	*out = num_read(s);
	if (*out == NUM_NONE)
		return err_set(e, ERR_HOST, "%s has no start time in its field 22", path);
	return 0;
}

static int run(int argc, char **argv, struct err *e)
{
	static struct server server;
	struct request rq = { .fuse_fd = -1, .cgroup_fd = -1 };
	struct stat st;
	int r = args_parse(argc, argv, &rq, e);

	if (r)
		return r < 0 ? -1 : 0;
	if (fstat(rq.fuse_fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(FUSE_MAJOR, FUSE_MINOR))
		return err_set(e, ERR_USAGE, "--fuse-fd: %d is not /dev/fuse", rq.fuse_fd);
	if (fstat(rq.cgroup_fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "--cgroup-fd: %d is no directory", rq.cgroup_fd);
	if (confine_begin((const int[2]){ rq.fuse_fd, rq.cgroup_fd }, e) < 0 ||
	    source_open(&server.box.source, rq.cgroup_fd, e) < 0)
		return -1;
	auto_close(&rq.cgroup_fd);
	if (!rq.start && rq.init_pid && start_of(rq.init_pid, &rq.start, e) < 0)
		return -1;
	box_start(&server.box, rq.start);
	if (server_open(&server, rq.fuse_fd, e) < 0 || confine(server.device, server.timer, e) < 0)
		return -1;
	r = server_loop(&server, e);
	/* not through the libraries' exit handlers: the filter was not made for them. There is no standard error to tell */
	_exit(r < 0);
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf line = { 0 };
	struct err e = { 0 };

	if (!run(argc, argv, &e))
		return 0;
	err_print_line(&e, &line);
	fprintf(stderr, "lichen-proc: %s\n", line.s);
	return 1;
}
