/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store_help.h - what the tests of images and volumes share; behind cmocka.h */
#ifndef TESTS_UNIT_STORE_HELP_H
#define TESTS_UNIT_STORE_HELP_H

#include <dirent.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "host/facts.h"
#include "run/internal.h"
#include "store/store.h"

static char *tmp;		/* this test's directory */
static struct store st;		/* whose data lies there */
static struct id_map uids, gids;	/* one id: ours */

static inline void help_setup(void)
{
	tmp = str_dup("/tmp/lichen-test-XXXXXX");
	assert_non_null(mkdtemp(tmp));
	st = (struct store){ .data_dir = tmp, .data_fd = -1, .run_fd = -1 };
	id_map_add(&uids, 0, getuid(), 1);
	id_map_add(&gids, 0, getgid(), 1);
}

static inline void help_teardown(void)
{
	struct err e = { 0 };

	id_map_fini(&uids);
	id_map_fini(&gids);
	if (store_remove_tree(tmp, &e) < 0)
		fail_msg("%s: %s %s %s", e.what, e.op, e.path, strerror(e.errnum));
	auto_free(&tmp);
}

/* How many entries @top/@name has, but for those that begin with a dot. */
static inline size_t count_in(const char *top, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", top, name);
	AUTO_DIR DIR *dir = opendir(path);
	size_t n = 0;

	for (const struct dirent *d; dir && (d = readdir(dir));)
		n += d->d_name[0] != '.';
	return n;
}

/* The exit status, or 128 and the signal. */
static inline int waits_for(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The map of whoever has subordinate ids: root inside is the first of them. Else the test is skipped. */
static inline void real_maps(struct id_map *u, struct id_map *g)
{
	struct facts f;
	struct err e = { 0 };

	if (facts_read(&f, true, &e) < 0 || !f.newuidmap || !f.newgidmap || !f.subuids.n || !f.subgids.n)
		skip();
	id_map_add(u, 0, f.subuids.v[0].first, f.subuids.v[0].count);
	id_map_add(g, 0, f.subgids.v[0].first, f.subgids.v[0].count);
	facts_fini(&f);
}

#endif
