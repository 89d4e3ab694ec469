/* SPDX-License-Identifier: Apache-2.0 */
/* proc/source.c - the files of the machine and of the cgroup: opened once, read again and again */

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

static const char *const HOST_PATHS[HOST_FILES] = {
	[HOST_MEMINFO] = "/proc/meminfo", [HOST_CPUINFO] = "/proc/cpuinfo", [HOST_STAT] = "/proc/stat",
	[HOST_SWAPS] = "/proc/swaps",	  [HOST_LOADAVG] = "/proc/loadavg", [HOST_ONLINE] = "/sys/devices/system/cpu/online",
};

static const char *const BOX_NAMES[BOX_FILES] = {
	[BOX_MEMORY_STAT] = "memory.stat",     [BOX_CPU_STAT] = "cpu.stat",
	[BOX_CPU_PRESSURE] = "cpu.pressure",   [BOX_IO_PRESSURE] = "io.pressure",
	[BOX_CPUSET] = "cpuset.cpus.effective", [BOX_PIDS] = "pids.current",
	[BOX_THREADS] = "cgroup.threads",
};

static const char *const LEVEL_NAMES[LEVEL_FILES] = {
	[LEVEL_MEMORY_MAX] = "memory.max",   [LEVEL_MEMORY] = "memory.current", [LEVEL_SWAP_MAX] = "memory.swap.max",
	[LEVEL_SWAP] = "memory.swap.current", [LEVEL_CPU_MAX] = "cpu.max",
};

static int open_in(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
}

/* A level without any of the files limits nothing. */
static void open_level(struct source *s, int dir)
{
	bool has_any = false;

	for (size_t i = 0; i < LEVEL_FILES; i++) {
		s->levels[s->n_levels][i] = open_in(dir, LEVEL_NAMES[i]);
		has_any |= s->levels[s->n_levels][i] >= 0;
	}
	if (has_any || s->n_levels == 0)
		s->n_levels++;
}

/* The directory above; -1 where there is none in this file system, or none that may be read. */
static int open_parent(int dir)
{
	AUTO_CLOSE int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat here, above;

	if (parent < 0 || fstat(dir, &here) < 0 || fstat(parent, &above) < 0 || above.st_dev != here.st_dev ||
	    above.st_ino == here.st_ino)
		return -1;
	return fd_take(&parent);
}

int source_open(struct source *s, int cgroup, struct err *e)
{
	AUTO_CLOSE int dir = dup(cgroup);

	if (dir < 0)
		return err_sys(e, "dup", NULL, "taking the cgroup's directory (--cgroup-fd)");
	s->n_levels = 0;
	for (size_t i = 0; i < HOST_FILES; i++) {
		s->host[i] = open(HOST_PATHS[i], O_RDONLY | O_CLOEXEC);
		if (s->host[i] < 0 && i != HOST_ONLINE && i != HOST_SWAPS)
			return err_sys(e, "open", HOST_PATHS[i], "what the sandbox's files are made from");
	}
	for (size_t i = 0; i < BOX_FILES; i++)
		s->box[i] = open_in(dir, BOX_NAMES[i]);
	for (size_t depth = 0; dir >= 0 && depth < LEVELS_MAX; depth++) {
		int parent;

		open_level(s, dir);
		parent = open_parent(dir);
		auto_close(&dir);
		dir = parent;
	}
	return 0;
}

bool source_read(int fd, struct buf *text)
{
	char chunk[4096];
	ssize_t n;

	text->len = 0;
	buf_addn(text, "", 0);
	if (fd < 0)
		return false;
	while (text->len < TEXT_MAX) {
		n = pread(fd, chunk, sizeof(chunk), (off_t)text->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_addn(text, chunk, (size_t)n);
	}
	return text->len > 0;
}

void source_levels(const struct source *s, struct level *out)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < s->n_levels; i++) {
		uint64_t n[LEVEL_FILES];

		for (size_t f = 0; f < LEVEL_CPU_MAX; f++)
			n[f] = source_read(s->levels[i][f], &text) ? num_read(text.s) : NUM_NONE;
		n[LEVEL_CPU_MAX] = source_read(s->levels[i][LEVEL_CPU_MAX], &text) ? num_quota_cpus(text.s) : NUM_NONE;
		out[i] = (struct level){ .memory_max = n[LEVEL_MEMORY_MAX],
					 .memory_used = n[LEVEL_MEMORY],
					 .swap_max = n[LEVEL_SWAP_MAX],
					 .swap_used = n[LEVEL_SWAP],
					 .quota_cpus = n[LEVEL_CPU_MAX] };
	}
}
