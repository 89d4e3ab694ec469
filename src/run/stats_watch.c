/* SPDX-License-Identifier: Apache-2.0 */
/* run/stats_watch.c - the running sandboxes, and the files of their cgroups, kept open
 *
 * Opening a file costs as much as reading it, so each stays open for as long as the sandbox is
 * there and the limit of descriptors allows it. What is not there (no controller, an older kernel)
 * is not asked for again. A removed cgroup answers ENODEV.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/cgroup.h"
#include "run/stats.h"
#include "store/store.h"

enum {
	TEXT_MAX = 64 << 10,	/* io.stat has a line for each disk */
	FDS_KEPT_BACK = 64,	/* for all else that is opened */
	FDS_MAX = 1 << 16,
	ABOVE_ROUNDS = 16,	/* the limits of levels above change seldom */
	USEC_PER_SEC = 1000000,
	NSEC_PER_USEC = 1000,
};

_Static_assert((int)STAT_FILES <= 32, "stat_box.absent has a bit for each file");

/* ---- coming and going ---- */

void stats_init(struct stats *s)
{
	const size_t files = fd_raise_limit(FDS_MAX, NULL);
	struct sysinfo si = { 0 };

	*s = (struct stats){ .text = mem_alloc(TEXT_MAX), .machine = STAT_NONE };
	s->fds_left = files > FDS_KEPT_BACK ? files - FDS_KEPT_BACK : 0;
	if (sysinfo(&si) == 0)
		s->machine = (uint64_t)si.totalram * si.mem_unit;
}

static void close_files(struct stats *s, struct stat_box *b)
{
	for (size_t i = 0; i < STAT_FILES; i++) {
		s->fds_left += b->fds[i] >= 0;
		auto_close(&b->fds[i]);
	}
}

static void box_fini(struct stats *s, struct stat_box *b)
{
	close_files(s, b);
	auto_free(&b->id);
	auto_free(&b->name);
	auto_free(&b->live);
	auto_free(&b->dir);
}

void stats_fini(struct stats *s)
{
	for (size_t i = 0; i < s->n; i++)
		box_fini(s, &s->v[i]);
	auto_free(&s->v);
	auto_free(&s->text);
	strv_fini(&s->ids);
	s->n = 0;
}

static struct stat_box *box_of(struct stats *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i].id, id))
			return &s->v[i];
	return NULL;
}

static struct stat_box *add_box(struct stats *s, const char *run_dir, const char *id)
{
	struct stat_box *b;

	s->v = mem_grow(s->v, s->n + 1, sizeof(*s->v));
	b = &s->v[s->n++];
	*b = (struct stat_box){ .id = str_dup(id), .live = str_fmt("%s/%s", run_dir, id), .bound = s->machine };
	for (size_t i = 0; i < STAT_FILES; i++)
		b->fds[i] = -1;
	for (size_t i = 0; i < STAT_HISTORY; i++)
		b->history[i] = -1;
	stat_sample_init(&b->now);
	return b;
}

static void drop_ended(struct stats *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].is_live)
			s->v[kept++] = s->v[i];
		else
			box_fini(s, &s->v[i]);
	}
	s->n = kept;
}

/* Those with a name first. */
static int by_name(const void *a, const void *b)
{
	const struct stat_box *x = a, *y = b;

	if (!x->name != !y->name)
		return x->name ? -1 : 1;
	return strcmp(x->name ? x->name : x->id, y->name ? y->name : y->id);
}

int stats_refresh(struct stats *s, const struct store *st, struct err *e)
{
	struct run_names names;
	int rc = store_list(st, SIZE_MAX, &names, e);

	for (size_t i = 0; i < s->n; i++)
		s->v[i].is_live = rc < 0;
	for (size_t i = 0; i < names.n; i++) {
		struct stat_box *b = box_of(s, names.v[i].id);

		if (!b && s->ids.n && !strv_has(&s->ids, names.v[i].id))
			continue;
		if (!b)
			b = add_box(s, st->run_dir, names.v[i].id);
		b->is_live = true;
		/* a sandbox takes its name in the course of its start */
		if (!b->name)
			b->name = ptr_take(&names.v[i].name);
	}
	run_names_fini(&names);
	drop_ended(s);
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_name);
	return rc;
}

/* ---- reading ---- */

static uint64_t now_usec(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* The least memory.max from above the box up to the top. */
static uint64_t bound_above(const char *box, uint64_t machine)
{
	AUTO_FREE char *level = str_dup(box);
	uint64_t least = machine;

	for (char *slash; (slash = strrchr(level, '/')) && str_starts(level, "/sys/fs/cgroup/");) {
		AUTO_FREE char *text = NULL;
		struct stat_reading r;

		*slash = '\0';
		text = cgroup_read_line(level, stat_file_name(STAT_F_MEMORY_MAX));
		stat_reading_init(&r, 0);
		if (text)
			stat_parse(STAT_F_MEMORY_MAX, text, &r);
		if (r.n[STAT_MEMORY_MAX] < least)
			least = r.n[STAT_MEMORY_MAX];
	}
	return least;
}

/* A descriptor of the file, which the caller closes if it is not kept. */
static int open_file(struct stats *s, struct stat_box *b, enum stat_file f)
{
	AUTO_FREE char *path = str_fmt("%s/%s", b->dir, stat_file_name(f));
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		b->absent |= UINT32_C(1) << f;
	if (fd >= 0 && s->fds_left) {
		s->fds_left--;
		b->fds[f] = fd;
	}
	return fd;
}

/* -1 with errno where there is nothing to be read. */
static int read_file(struct stats *s, struct stat_box *b, enum stat_file f)
{
	const bool was_kept = b->fds[f] >= 0;
	const int fd = was_kept ? b->fds[f] : open_file(s, b, f);
	/* the kernel gives such a file whole, if there is room */
	const ssize_t n = fd >= 0 ? pread(fd, s->text, TEXT_MAX - 1, 0) : -1;

	s->text[n > 0 ? n : 0] = '\0';
	if (fd >= 0 && b->fds[f] < 0) {
		const int saved = errno;

		close(fd);
		errno = saved;
	}
	/* pressure can be switched off: psi=0, cgroup.pressure */
	if (n < 0 && errno == EOPNOTSUPP)
		b->absent |= UINT32_C(1) << f;
	return n < 0 ? -1 : 0;
}

static void note_history(struct stat_box *b)
{
	memmove(b->history, b->history + 1, sizeof(b->history) - sizeof(b->history[0]));
	b->history[STAT_HISTORY - 1] = b->now.cpu_percent;
}

static void read_box(struct stats *s, struct stat_box *b)
{
	struct stat_reading r;

	stat_reading_init(&r, now_usec());
	for (enum stat_file f = 0; f < STAT_FILES; f++) {
		if (b->absent >> f & 1)
			continue;
		if (read_file(s, b, f) == 0)
			stat_parse(f, s->text, &r);
		else if (errno == ENODEV)
			b->is_gone = true;
	}
	stat_compare(b->has_last ? &b->last : NULL, &r, b->bound, &b->now);
	b->last = r;
	b->has_last = true;
	note_history(b);
}

/* Its cgroup is recorded before it is made, and the sandbox listed before either. */
static void find_cgroup(struct stats *s, struct stat_box *b)
{
	const struct run_dir rd = { .id = b->id, .live = b->live };
	AUTO_FREE char *group = store_cgroup_of(&rd), *box = group ? str_fmt("%s/box", group) : NULL;

	if (!box || access(box, F_OK) < 0)
		return;
	b->dir = ptr_take(&box);
	b->bound = bound_above(b->dir, s->machine);
}

void stats_sample(struct stats *s)
{
	s->rounds++;
	for (size_t i = 0; i < s->n; i++) {
		struct stat_box *b = &s->v[i];

		if (!b->dir)
			find_cgroup(s, b);
		else if (s->rounds % ABOVE_ROUNDS == 0)
			b->bound = bound_above(b->dir, s->machine);
		if (b->dir && !b->is_gone)
			read_box(s, b);
	}
}
