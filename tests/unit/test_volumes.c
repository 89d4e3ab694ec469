/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_volumes.c - named volumes: making, using, removing, and who is quicker */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "store/volumes.h"
#include "store_help.h"

static struct volumes vs;
static struct id_map others;		/* a subordinate range */

static int setup(void **state)
{
	struct err e = { 0 };

	(void)state;
	help_setup();
	if (volumes_open(&st, true, &vs, &e) < 0)
		fail_msg("%s: %s", e.what, strerror(e.errnum));
	id_map_add(&others, 0, 100000, 65536);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	volumes_close(&vs);
	id_map_fini(&others);
	help_teardown();
	return 0;
}

static size_t count(const char *name)
{
	return count_in(vs.dir, name);
}

static int create(const char *name)
{
	struct err e = { 0 };
	int r = volume_create(&vs, name, NULL, &uids, &gids, NULL, &e);

	if (r < 0)
		log_err(&e);
	return r;
}

static size_t in_map_calls;
static uint32_t in_map_first;	/* root inside, in the last one */
static char *locked;		/* a directory that only the map may change; NULL */

/* As if the ids were others': what we could not do, it can. */
static int fake_in_map(const struct id_map *u, const struct id_map *g, int (*fn)(const void *arg, struct err *e), const void *arg,
		       struct err *e)
{
	(void)g;
	in_map_calls++;
	in_map_first = u->v[0].outside;
	if (locked && u->v[0].outside == 100000)
		(void)!chmod(locked, 0700);
	return fn(arg, e);
}

static void test_open(void **state)
{
	AUTO_FREE char *none = str_fmt("%s/none", tmp);
	struct store other = { .data_dir = none };
	struct volumes x;
	struct stat sb;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(volumes_open(&other, false, &x, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(access(none, F_OK), -1);
	assert_int_equal(fstat(vs.fd, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	assert_int_equal(volumes_open(&st, false, &x, &e), 0);
	volumes_close(&x);
	assert_int_equal(chmod(vs.dir, 0777), 0);
	assert_int_equal(volumes_open(&st, true, &x, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_non_null(strstr(e.hint, "chmod"));
}

static void test_create(void **state)
{
	AUTO_STRV struct strv labels = { 0 }, names = { 0 };
	struct volume v;
	struct stat sb;
	struct err e = { 0 };

	(void)state;
	strv_add(&labels, "z=\"quoted\"\n");
	strv_add(&labels, "a=1");
	assert_int_equal(volume_create(&vs, "data", &labels, &uids, &gids, NULL, &e), 1);
	assert_int_equal(create("data"), 0);
	assert_int_equal(create("B.2_x-y"), 1);
	assert_int_equal(volume_find(&vs, "data", &v, &e), 1);
	assert_string_equal(v.name, "data");
	assert_int_equal(v.labels.n, 2);
	assert_string_equal(v.labels.v[0], "a=1");
	assert_string_equal(v.labels.v[1], "z=\"quoted\"\n");
	assert_true(v.created > 1000000000 && v.created <= time(NULL));
	assert_int_equal(stat(v.path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0755);
	assert_int_equal(sb.st_uid, getuid());
	assert_int_equal(v.lock, -1);
	volume_fini(&v);
	assert_int_equal(volumes_list(&vs, &names, &e), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[0], "B.2_x-y");
	assert_int_equal(count("data/maps"), 1);
	assert_int_equal(count(".tmp"), 0);
	assert_int_equal(volume_find(&vs, "none", &v, &e), 0);
	{
		AUTO_FREE char *longest = mem_alloc(300);
		const char *const odd[] = { "", ".", "..", ".tmp", "-v", "a/b", "../x", "a b", "a\n", "\xc3\xa4", longest };

		memset(longest, 'a', 256);
		for (size_t i = 0; i < N_ELEMS(odd); i++) {
			assert_int_equal(volume_create(&vs, odd[i], NULL, &uids, &gids, NULL, &e), -1);
			assert_int_equal(e.kind, ERR_USAGE);
			assert_true(e.hint[0]);
			assert_int_equal(volume_find(&vs, odd[i], &v, &e), -1);
			assert_int_equal(volume_remove(&vs, odd[i], NULL, &e), -1);
		}
		longest[255] = '\0';
		assert_int_equal(create(longest), 1);
	}
}

/* Root inside gets the directory, without a right of ours over what is below the volume. */
static void test_create_in_map(void **state)
{
	struct stat sb;
	struct err e = { 0 };

	(void)state;
	in_map_calls = 0;
	assert_int_equal(volume_create(&vs, "sub", NULL, &others, &others, fake_in_map, &e), 1);
	assert_int_equal(in_map_calls, 1);
	assert_int_equal(in_map_first, 100000);
	assert_int_equal(fstatat(vs.fd, "sub", &sb, 0), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	assert_int_equal(volume_create(&vs, "own", NULL, &uids, &gids, fake_in_map, &e), 1);
	assert_int_equal(in_map_calls, 1);
}

static ino_t data_inode(const char *name)
{
	AUTO_FREE char *data = str_fmt("%s/data", name);
	struct stat sb;

	assert_int_equal(fstatat(vs.fd, data, &sb, 0), 0);
	return sb.st_ino;
}

/* One that nobody has used goes to the first one's root; no other does, nor one with a file in it. */
static void test_give(void **state)
{
	struct volume v;
	struct stat sb;
	struct err e = { 0 };
	ino_t before;

	(void)state;
	in_map_calls = 0;
	assert_int_equal(volume_create(&vs, "new", NULL, NULL, NULL, NULL, &e), 1);
	assert_int_equal(mkdirat(vs.fd, "new/data.new", 0700), 0); /* of one that was killed */
	before = data_inode("new");
	assert_int_equal(volume_give(&vs, "new", &uids, &gids, fake_in_map, &e), 0);
	assert_int_equal(data_inode("new"), before);
	assert_int_equal(volume_give(&vs, "new", &others, &others, fake_in_map, &e), 0);
	assert_int_equal(in_map_calls, 1);
	assert_int_equal(in_map_first, 100000);
	assert_true(data_inode("new") != before);
	assert_int_equal(faccessat(vs.fd, "new/data.new", F_OK, 0), -1);
	assert_int_equal(fstatat(vs.fd, "new", &sb, 0), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);

	assert_int_equal(volume_create(&vs, "full", NULL, NULL, NULL, NULL, &e), 1);
	assert_int_equal(fd_write_file(vs.fd, "full/data/file", "text", 4), 0);
	assert_int_equal(volume_give(&vs, "full", &others, &others, fake_in_map, &e), 0);
	assert_int_equal(faccessat(vs.fd, "full/data/file", F_OK, 0), 0);
	assert_int_equal(faccessat(vs.fd, "full/data.new", F_OK, 0), -1);

	assert_int_equal(volume_create(&vs, "used", NULL, NULL, NULL, NULL, &e), 1);
	assert_int_equal(volume_use(&vs, "used", &uids, &gids, &v, &e), 1);
	volume_fini(&v);
	before = data_inode("used");
	assert_int_equal(volume_give(&vs, "used", &others, &others, fake_in_map, &e), 0);
	assert_int_equal(data_inode("used"), before);
	assert_int_equal(volume_give(&vs, "none", &others, &others, fake_in_map, &e), 0);
}

static void test_damaged(void **state)
{
	static const char *const bad[] = { "", "[]", "{\"created\": 1}", "{\"created\": \"x\", \"labels\": []}",
					   "{\"created\": 1, \"labels\": [1]}" };
	struct volume v;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(create("x"), 1);
	for (size_t i = 0; i < N_ELEMS(bad); i++) {
		assert_int_equal(fd_write_file(vs.fd, "x/volume.json", bad[i], strlen(bad[i])), 0);
		assert_int_equal(volume_find(&vs, "x", &v, &e), -1);
		assert_int_equal(e.kind, ERR_STATE);
		assert_non_null(strstr(e.hint, "/x/data"));
	}
	assert_int_equal(volume_remove(&vs, "x", NULL, &e), 0);
}

static void test_use(void **state)
{
	AUTO_STRV struct strv gone = { 0 };
	struct volume v, w;
	struct err e = { 0 };
	uint64_t bytes;

	(void)state;
	assert_int_equal(volume_use(&vs, "x", &uids, &gids, &v, &e), 0);
	assert_int_equal(create("x"), 1);
	assert_int_equal(create("y"), 1);
	assert_int_equal(volume_use(&vs, "x", &uids, &gids, &v, &e), 1);
	assert_int_equal(count("x/maps"), 1);
	assert_int_equal(volume_use(&vs, "x", &others, &others, &w, &e), 1);
	assert_int_equal(count("x/maps"), 2);
	assert_int_equal(volume_remove(&vs, "x", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_int_equal(e.errnum, EBUSY);
	volume_fini(&v);
	assert_int_equal(volume_remove(&vs, "x", NULL, &e), -1);
	assert_int_equal(volumes_prune(&vs, NULL, NULL, NULL, &gone, &bytes, &e), 0);
	assert_int_equal(gone.n, 1);
	assert_string_equal(gone.v[0], "y");
	volume_fini(&w);
	assert_int_equal(volume_remove(&vs, "x", NULL, &e), 0);
	assert_int_equal(volume_remove(&vs, "x", NULL, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(count(".tmp"), 0);
}

/* Files of others, closed to all but them; the volume's directory, given as a descriptor. */
static int make_foreign(const void *arg, struct err *e)
{
	const int *fd = arg;

	if (mkdirat(*fd, "dir", 0700) < 0 || fd_write_file(*fd, "dir/file", "text", 4) < 0 || fchownat(*fd, "dir/file", 5, 6, 0) < 0 ||
	    fchownat(*fd, "dir", 5, 6, 0) < 0)
		return err_sys(e, "fchownat", "dir", "files of others");
	return 0;
}

static void test_subordinate_ids(void **state)
{
	struct id_map u = { 0 }, g = { 0 };
	struct err e = { 0 };
	struct volume v;
	struct stat sb;
	uint64_t bytes;
	int fd;

	(void)state;
	real_maps(&u, &g);
	if (volume_create(&vs, "x", NULL, &u, &g, in_map, &e) < 0)
		fail_msg("%s %s", e.what, e.hint);
	assert_int_equal(volume_use(&vs, "x", &uids, &gids, &v, &e), 1);
	fd = open(v.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &sb), 0);
	assert_int_equal(sb.st_uid, u.v[0].outside);
	assert_int_equal(sb.st_gid, g.v[0].outside);
	if (in_map(&u, &g, make_foreign, &fd, &e) < 0)
		fail_msg("%s", e.what);
	close(fd);
	volume_fini(&v);
	assert_int_equal(volume_measure(&vs, "x", NULL, &bytes, &e), -1);
	if (volume_measure(&vs, "x", in_map, &bytes, &e) < 0)
		fail_msg("%s", e.what);
	assert_true(bytes >= 512);
	assert_int_equal(volume_remove(&vs, "x", in_map, &e), 0);
	assert_int_equal(count(".tmp"), 0);
	/* who dies while such a one is made or removed */
	assert_int_equal(volume_create(&vs, "x", NULL, &u, &g, in_map, &e), 1);
	assert_int_equal(renameat(vs.fd, "x", vs.fd, ".tmp/0-x"), 0);
	volumes_sweep(&vs, in_map);
	assert_int_equal(count(".tmp"), 0);
	id_map_fini(&u);
	id_map_fini(&g);
}

static bool has_label(const struct volume *v, const void *arg)
{
	return strv_has(&v->labels, arg);
}

static void test_prune(void **state)
{
	AUTO_STRV struct strv labels = { 0 }, gone = { 0 };
	struct err e = { 0 };
	uint64_t bytes;

	(void)state;
	strv_add(&labels, "job=1");
	assert_int_equal(volume_create(&vs, "mine", &labels, &uids, &gids, NULL, &e), 1);
	assert_int_equal(create("other"), 1);
	assert_int_equal(fd_write_file(vs.fd, "mine/data/file", "some text", 9), 0);
	assert_int_equal(volumes_prune(&vs, has_label, "job=2", NULL, &gone, &bytes, &e), 0);
	assert_int_equal(gone.n, 0);
	assert_int_equal(volumes_prune(&vs, has_label, "job=1", NULL, &gone, &bytes, &e), 0);
	assert_int_equal(gone.n, 1);
	assert_true(bytes >= 512);
	assert_int_equal(faccessat(vs.fd, "other", F_OK, 0), 0);
	assert_int_equal(faccessat(vs.fd, "mine", F_OK, 0), -1);
}

static void test_measure(void **state)
{
	AUTO_FREE char *text = mem_alloc(100000);
	struct err e = { 0 };
	uint64_t bytes, more;
	int fd;

	(void)state;
	memset(text, 'x', 100000);
	assert_int_equal(create("x"), 1);
	assert_int_equal(volume_measure(&vs, "none", NULL, &bytes, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(volume_measure(&vs, "x", NULL, &bytes, &e), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(fd_write_file(vs.fd, "x/data/a", text, 100000), 0);
	assert_int_equal(volume_measure(&vs, "x", NULL, &bytes, &e), 0);
	assert_true(bytes >= 100000 && bytes < 120000);
	/* neither another name nor a link is more */
	assert_int_equal(linkat(vs.fd, "x/data/a", vs.fd, "x/data/b", 0), 0);
	assert_int_equal(symlinkat("/usr", vs.fd, "x/data/link"), 0);
	assert_int_equal(volume_measure(&vs, "x", NULL, &more, &e), 0);
	assert_true(more >= bytes && more - bytes <= 4096);
	/* deeper than there are descriptors */
	fd = openat(vs.fd, "x/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 1500; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "dir", 0700), 0);
		assert_int_equal(mkdirat(fd, "beside", 0700), 0);
		next = openat(fd, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	assert_int_equal(fd_write_file(fd, "a", text, 100000), 0);
	close(fd);
	assert_int_equal(volume_measure(&vs, "x", NULL, &bytes, &e), 0);
	assert_true(bytes >= more + 100000);
	/* where we are not let in, the map may be */
	locked = str_fmt("%s/x/data/dir", vs.dir);
	assert_int_equal(chmod(locked, 0), 0);
	assert_int_equal(volume_measure(&vs, "x", NULL, &more, &e), -1);
	assert_int_equal(e.errnum, EACCES);
	{
		struct volume v;

		assert_int_equal(volume_use(&vs, "x", &others, &others, &v, &e), 1);
		volume_fini(&v);
	}
	assert_int_equal(volume_measure(&vs, "x", fake_in_map, &more, &e), 0);
	assert_int_equal(more, bytes);
	auto_free(&locked);
}

static void test_sweep(void **state)
{
	struct volume v;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(create("x"), 1);
	assert_int_equal(mkdirat(vs.fd, ".tmp/0-half", 0700), 0);
	assert_int_equal(mkdirat(vs.fd, ".tmp/0-half/data", 0700), 0);
	volumes_sweep(&vs, fake_in_map);
	assert_int_equal(count(".tmp"), 0);
	assert_int_equal(volume_find(&vs, "x", &v, &e), 1);
	volume_fini(&v);
}

static _Noreturn void work_for_ever(bool removes)
{
	for (int i = 0;; i++) {
		struct err e = { 0 };
		struct volume v;
		int r;

		if (removes) {
			r = volume_remove(&vs, "x", NULL, &e);
			if (r < 0 && e.errnum != ENOENT && e.errnum != EBUSY)
				break;
			continue;
		}
		if (volume_create(&vs, "x", NULL, &uids, &gids, NULL, &e) < 0)
			break;
		r = volume_use(&vs, "x", &uids, &gids, &v, &e);
		if (r < 0 || (r > 0 && (access(v.path, F_OK) < 0 || v.created == 0)))
			break;
		if (r > 0)
			volume_fini(&v);
	}
	_exit(1);
}

/* Two make and use, one removes, and all are killed: a volume that is there is whole. */
static void test_race_and_kill(void **state)
{
	unsigned seed = (unsigned)getpid();

	(void)state;
	for (int turn = 0; turn < 15; turn++) {
		const struct timespec ts = { 0, 1000 * (5000 + rand_r(&seed) % 15000) };
		struct err e = { 0 };
		struct volume v;
		pid_t pids[3];
		int r;

		for (size_t i = 0; i < N_ELEMS(pids); i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				work_for_ever(i == 2);
		}
		nanosleep(&ts, NULL);
		for (size_t i = 0; i < N_ELEMS(pids); i++)
			kill(pids[i], SIGKILL);
		for (size_t i = 0; i < N_ELEMS(pids); i++)
			assert_int_equal(waits_for(pids[i]), 128 + SIGKILL);
		volumes_sweep(&vs, NULL);
		assert_int_equal(count(".tmp"), 0);
		r = volume_use(&vs, "x", &uids, &gids, &v, &e);
		assert_true(r >= 0);
		if (r > 0) {
			assert_int_equal(access(v.path, F_OK), 0);
			assert_int_equal(count("x/maps"), 1);
			volume_fini(&v);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_open),	   TEST(test_create), TEST(test_create_in_map), TEST(test_give),  TEST(test_damaged), TEST(test_use),
		TEST(test_subordinate_ids), TEST(test_prune),  TEST(test_measure),	TEST(test_sweep),   TEST(test_race_and_kill),
	};

	/* the rights of files mean nothing to root */
	if (getuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)) {
		print_message("1..0 # SKIP cannot become unprivileged\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
