/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_store.c - runs on disk: create, find, remove, sweep */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "store/store.h"

/* ---- helpers ---- */

static char *tmp;		/* this test's directory */
static struct store st;

static bool exists(const char *dir, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name);
	struct stat sb;

	return lstat(path, &sb) == 0;
}

static void touch(const char *dir, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static char *sub(const char *dir, const char *name, mode_t mode)
{
	char *path = str_fmt("%s/%s", dir, name);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void must_open(struct store *s)
{
	struct err e = { 0 };

	if (store_open(s, getuid(), NULL, &e) < 0)
		fail_msg("%s", e.what);
}

/* RUN is recorded inside the directory, so that no run of this user is touched; where
 * /run/user/UID exists it wins, and the descriptors are put in place by hand. */
static int setup(void **state)
{
	AUTO_FREE char *lichen = NULL, *run = NULL, *record = NULL;

	(void)state;
	tmp = str_dup("/tmp/lichen-test-XXXXXX");
	assert_non_null(mkdtemp(tmp));
	setenv("XDG_DATA_HOME", tmp, 1);
	lichen = sub(tmp, "lichen", 0700);
	run = sub(tmp, "run", 0700);
	record = str_fmt("%s/runtime-dir", lichen);
	assert_int_equal(symlink(run, record), 0);
	must_open(&st);
	if (!str_eq(st.run_dir, run)) {
		auto_close(&st.run_fd);
		str_set(&st.run_dir, run);
		st.run_fd = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return 0;
}

static int teardown(void **state)
{
	struct err e = { 0 };

	(void)state;
	store_close(&st);
	if (store_remove_tree(tmp, &e) < 0)
		fail_msg("%s: %s %s %s", e.what, e.op, e.path, strerror(e.errnum));
	assert_int_equal(access(tmp, F_OK), -1);
	auto_free(&tmp);
	return 0;
}

static void must_create(const char *name, enum run_kind kind, struct run_dir *rd)
{
	struct err e = { 0 };

	if (store_create(&st, name, kind, rd, &e) < 0)
		fail_msg("%s: %s %s", e.what, e.op, e.path);
}

static void must_remove(struct run_dir *rd)
{
	struct err e = { 0 };

	if (store_remove(rd, NULL, NULL, NULL, &e) < 0)
		fail_msg("%s", e.what);
	run_dir_fini(rd);
}

static void must_remove_tree(const char *path)
{
	struct err e = { 0 };

	if (store_remove_tree(path, &e) < 0)
		fail_msg("%s: %s %s %s", e.what, e.op, e.path, strerror(e.errnum));
	assert_int_equal(access(path, F_OK), -1);
}

/* A supervisor that makes a run, with a pid 1 of its own, and is killed by SIGKILL. */
static pid_t dead_run(const char *name, enum run_kind kind, bool with_config, char id[65])
{
	struct { char id[65]; pid_t pid; } said = { 0 };
	int p[2], q[2], status;
	pid_t sup;
	char byte;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	sup = fork();
	assert_true(sup >= 0);
	if (sup == 0) {
		struct run_state state = { .supervisor = getpid() };
		struct run_dir rd;
		struct err e = { 0 };

		if (store_create(&st, name, kind, &rd, &e) < 0)
			abort();
		if (pipe2(q, O_CLOEXEC) < 0)
			abort();
		state.pid = fork();
		if (state.pid == 0) {
			int null = open("/dev/null", O_RDWR | O_CLOEXEC);

			/* an orphan of a failed test must not hold the test's output open */
			dup2(null, 1);
			dup2(null, 2);
			close(rd.lock_fd);
			close(p[1]);
			close(q[0]);
			close(q[1]); /* end of file there: the lock is the supervisor's alone */
			for (;;)
				pause();
		}
		close(q[1]);
		if (read(q[0], &byte, 1) != 0)
			abort();
		state.pid_start = pid_start_time(state.pid);
		if (store_write_state(&rd, NULL, &state, &e) < 0)
			abort();
		if (with_config && store_write_config(&rd, "{}\n", 3, &e) < 0)
			abort();
		memcpy(said.id, rd.id, sizeof(said.id));
		said.pid = state.pid;
		if (write(p[1], &said, sizeof(said)) != (ssize_t)sizeof(said))
			abort();
		for (;;)
			pause();
	}
	close(p[1]);
	assert_int_equal(read(p[0], &said, sizeof(said)), sizeof(said));
	close(p[0]);
	assert_int_equal(kill(sup, SIGKILL), 0);
	assert_int_equal(waitpid(sup, &status, 0), sup);
	memcpy(id, said.id, sizeof(said.id));
	return said.pid;
}

/* A zombie nobody reaps counts as dead: its memory is gone. */
static bool is_running(pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/stat", (int)pid);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	char state = 'X';

	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	return !strchr("ZX", state);
}

/* ---- create, names, find ---- */

static void test_create(void **state)
{
	struct run_dir rd;
	struct stat sb;

	(void)state;
	must_create(NULL, RUN_ON_DISK, &rd);
	assert_int_equal(strlen(rd.id), 64);
	assert_false(exists(rd.data, "kept"));
	assert_true(exists(rd.live, "lock"));
	assert_int_equal(stat(rd.data, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	store_sweep(&st, NULL);
	assert_false(exists(rd.data, "kept"));
	must_remove(&rd);
	must_create(NULL, RUN_KEPT, &rd);
	assert_true(exists(rd.data, "kept"));
	must_remove(&rd);
	assert_int_equal(rd.lock_fd, -1);
}

static void test_in_memory(void **state)
{
	AUTO_FREE char *containers = str_fmt("%s/containers", st.data_dir), *live = NULL;
	struct run_dir rd, f;
	struct err e = { 0 };

	(void)state;
	must_create("m", RUN_IN_MEMORY, &rd);
	assert_string_equal(rd.data, rd.live);
	assert_false(exists(containers, rd.id));
	assert_int_equal(store_write_config(&rd, "{}\n", 3, &e), 0);
	assert_int_equal(store_find(&st, "m", &f, &e), 0);
	assert_string_equal(f.data, rd.live);
	run_dir_fini(&f);
	store_sweep(&st, NULL);
	assert_true(exists(rd.live, "config.json"));
	live = str_dup(rd.live);
	must_remove(&rd);
	assert_int_equal(access(live, F_OK), -1);
	assert_false(exists(st.run_dir, "names/m"));
}

/* Whoever sweeps a dead run holds its lock, and gives the name back in the end. */
static void test_name_of_a_swept_run(void **state)
{
	struct run_state dead = { .status = str_dup("running") };
	struct run_dir a, b;
	struct err e = { 0 };
	pid_t sweeper;

	(void)state;
	dead.supervisor = fork();
	if (dead.supervisor == 0)
		_exit(0);
	assert_int_equal(waitpid(dead.supervisor, NULL, 0), dead.supervisor);
	must_create("swept", RUN_IN_MEMORY, &a);
	assert_int_equal(store_write_state(&a, NULL, &dead, &e), 0);
	run_state_fini(&dead);
	sweeper = fork();
	if (sweeper == 0) {
		(void)!poll(NULL, 0, 300);
		_exit(store_remove(&a, NULL, NULL, NULL, &e) < 0);
	}
	run_dir_fini(&a); /* the lock is the other's alone now */
	must_create("swept", RUN_IN_MEMORY, &b);
	assert_int_equal(waitpid(sweeper, NULL, 0), sweeper);
	must_remove(&b);
}

static void test_names(void **state)
{
	struct run_dir a, b, f;
	struct err e = { 0 };
	char id[65];

	(void)state;
	must_create("web", RUN_ON_DISK, &a);
	assert_int_equal(store_create(&st, "web", RUN_ON_DISK, &b, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_non_null(strstr(e.what, a.id));
	assert_true(e.hint[0]);
	assert_int_equal(store_find(&st, "web", &f, &e), 0);
	assert_string_equal(f.id, a.id);
	assert_string_equal(f.data, a.data);
	assert_int_equal(f.lock_fd, -1);
	run_dir_fini(&f);
	memcpy(id, a.id, 12);
	id[12] = '\0';
	assert_int_equal(store_find(&st, id, &f, &e), 0);
	assert_string_equal(f.live, a.live);
	run_dir_fini(&f);
	must_remove(&a);
	assert_int_equal(store_find(&st, "web", &f, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	must_create("web", RUN_ON_DISK, &a);
	/* what removes an older holder of the name must leave it to the new one */
	must_create(NULL, RUN_ON_DISK, &b);
	{
		AUTO_FREE char *link = str_fmt("%s/name", b.live);

		assert_int_equal(symlink("web", link), 0);
	}
	must_remove(&b);
	assert_int_equal(store_find(&st, "web", &f, &e), 0);
	run_dir_fini(&f);
	must_remove(&a);
	assert_int_equal(store_create(&st, "../x", RUN_ON_DISK, &a, &e), -1);
	assert_int_equal(e.kind, ERR_SPEC);
	/* the name of a dead run is free */
	kill(dead_run("web", RUN_ON_DISK, false, id), SIGKILL);
	assert_int_equal(store_find(&st, "web", &f, &e), -1);
	must_create("web", RUN_ON_DISK, &a);
	store_sweep(&st, NULL);
	assert_false(exists(st.run_dir, id));
	assert_int_equal(store_find(&st, "web", &f, &e), 0);
	assert_string_equal(f.id, a.id);
	run_dir_fini(&f);
	must_remove(&a);
}

/* The name of a run in the list, "" where it has none, "?" where it is not there. */
static const char *name_in(const struct run_names *names, const char *id)
{
	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->v[i].id, id))
			return names->v[i].name ? names->v[i].name : "";
	return "?";
}

static void test_list(void **state)
{
	struct run_names names;
	struct run_dir web, plain, memory;
	struct err e = { 0 };
	char dead[65];

	(void)state;
	assert_int_equal(store_list(&st, SIZE_MAX, &names, &e), 0);
	assert_int_equal(names.n, 0);
	must_create("web", RUN_ON_DISK, &web);
	must_create(NULL, RUN_KEPT, &plain);
	must_create("memory", RUN_IN_MEMORY, &memory);
	kill(dead_run("dead", RUN_ON_DISK, false, dead), SIGKILL);
	{
		/* another's name, as between the two halves of a start */
		AUTO_FREE char *link = str_fmt("%s/name", plain.live);

		assert_int_equal(symlink("web", link), 0);
	}
	touch(st.run_dir, "junk");
	assert_int_equal(store_list(&st, SIZE_MAX, &names, &e), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(name_in(&names, dead), "?");
	assert_string_equal(name_in(&names, web.id), "web");
	assert_string_equal(name_in(&names, memory.id), "memory");
	assert_string_equal(name_in(&names, plain.id), "");
	run_names_fini(&names);
	assert_int_equal(names.n, 0);
	assert_true(exists(st.run_dir, dead));
	assert_int_equal(store_list(&st, 2, &names, &e), 0);
	assert_int_equal(names.n, 2);
	run_names_fini(&names);
	store_sweep(&st, NULL);
	must_remove(&web);
	must_remove(&plain);
	must_remove(&memory);
	assert_int_equal(store_list(&st, SIZE_MAX, &names, &e), 0);
	assert_int_equal(names.n, 0);
	run_names_fini(&names);
}

static void test_list_fails(void **state)
{
	int real = st.run_fd;
	struct run_names names;
	struct err e = { 0 };

	(void)state;
	st.run_fd = -1;
	assert_int_equal(store_list(&st, SIZE_MAX, &names, &e), -1);
	st.run_fd = real;
	assert_int_equal(e.kind, ERR_SYS);
	assert_non_null(strstr(e.what, "cannot list the running sandboxes"));
	run_names_fini(&names);
}

static void test_open_refuses(void **state)
{
	struct store s;
	struct err e = { 0 };

	(void)state;
	setenv("XDG_DATA_HOME", "/proc/none", 1);
	assert_int_equal(store_open(&s, getuid(), NULL, &e), -1);
	assert_non_null(strstr(e.hint, "XDG_DATA_HOME"));
	assert_non_null(strstr(e.what, "XDG_DATA_HOME is /proc/none"));
	unsetenv("XDG_DATA_HOME");
	if (getuid() != 0) {
		AUTO_FREE char *home = sub(tmp, "home", 0500), *own = str_fmt("%s/lichen-%u", tmp, (unsigned)getuid());

		/* no home, then one that cannot be written: the next place */
		setenv("TMPDIR", tmp, 1);
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(store_open(&s, getuid(), i ? home : NULL, &e), 0);
			assert_string_equal(s.data_dir, own);
			store_close(&s);
		}
		unsetenv("TMPDIR");
	}
	setenv("XDG_DATA_HOME", tmp, 1);
	assert_int_equal(chmod(st.data_dir, 0700), 0);
	{
		AUTO_FREE char *path = str_fmt("%s/containers", st.data_dir);

		assert_int_equal(chmod(path, 0777), 0);
		assert_int_equal(store_open(&s, getuid(), NULL, &e), -1);
		assert_int_equal(e.kind, ERR_STATE);
	}
}

/* ---- state.json ---- */

static void test_state(void **state)
{
	struct run_state a = { .pid = getpid(), .pid_start = pid_start_time(getpid()), .supervisor = 7 }, b;
	struct err e = { 0 };
	struct run_dir rd;
	struct spec s;

	(void)state;
	spec_init(&s);
	must_create(NULL, RUN_ON_DISK, &rd);
	assert_int_equal(store_read_state(&rd, &b, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	str_set(&s.name, "a\"b\n");
	str_set(&a.status, "running");
	id_map_add(&a.uids, 0, 1000, 1);
	id_map_add(&a.uids, 1, 4000000000U, 65536);
	id_map_add(&a.gids, 0, 100, 1);
	strv_add(&a.rungs, "ids=range");
	assert_int_equal(store_write_state(&rd, &s, &a, &e), 0);
	assert_int_equal(store_read_state(&rd, &b, &e), 0);
	assert_string_equal(b.status, "running");
	assert_int_equal(b.pid, getpid());
	assert_true(b.pid_start != 0 && b.pid_start == a.pid_start);
	assert_int_equal(b.supervisor, 7);
	assert_int_equal(b.uids.n, 2);
	assert_int_equal(b.uids.v[1].outside, 4000000000U);
	assert_int_equal(b.gids.v[0].outside, 100);
	assert_string_equal(b.rungs.v[0], "ids=range");
	run_state_fini(&b);
	{
		static const char *const bad[] = { "", "[]", "{", "{\"status\":1}", "{\"status\":\"x\",\"pid\":-1}",
						   "{\"status\":\"x\",\"uidMappings\":[{\"hostID\":4294967296}]}" };
		AUTO_FREE char *path = str_fmt("%s/state.json", rd.live);

		for (size_t i = 0; i < N_ELEMS(bad); i++) {
			FILE *f = fopen(path, "we");

			assert_non_null(f);
			fputs(bad[i], f);
			fclose(f);
			assert_int_equal(store_read_state(&rd, &b, &e), -1);
			assert_int_equal(e.kind, ERR_STATE);
		}
	}
	assert_int_equal(pid_start_time(0), 0);
	run_state_fini(&a);
	spec_fini(&s);
	must_remove(&rd);
}

/* ---- removal ---- */

static void test_remove_odd(void **state)
{
	AUTO_FREE char *top = sub(tmp, "top", 0700), *out = sub(tmp, "outside", 0700);
	AUTO_FREE char *odd = sub(top, "new\nline \x01\xff\"*", 0700), *link = str_fmt("%s/link", odd);
	AUTO_FREE char *zero = sub(top, "zero", 0700), *inner = sub(zero, "inner", 0700);
	AUTO_FREE char *fifo = str_fmt("%s/fifo", odd), *to_top = str_fmt("%s/to-top", tmp);
	struct err e = { 0 };

	(void)state;
	touch(out, "keep");
	touch(odd, "-rf");
	touch(odd, "...");
	touch(inner, "file");
	assert_int_equal(symlink(out, link), 0);
	assert_int_equal(mkfifo(fifo, 0), 0);
	assert_int_equal(chmod(inner, 0), 0);
	assert_int_equal(chmod(zero, 0), 0);
	assert_int_equal(chmod(odd, 0500), 0);
	assert_int_equal(chmod(top, 0), 0);
	must_remove_tree(top);
	assert_true(exists(out, "keep"));
	must_remove_tree(top);
	/* a link as the top is removed, not followed */
	assert_int_equal(symlink(out, to_top), 0);
	must_remove_tree(to_top);
	assert_true(exists(out, "keep"));
	assert_int_equal(store_remove_tree("/proc/self/task", &e), -1);
}

static void test_remove_deep(void **state)
{
	AUTO_FREE char *top = sub(tmp, "deep", 0700);
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "dir", 0700), 0);
		assert_int_equal(symlinkat("..", fd, "link"), 0);
		next = openat(fd, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	must_remove_tree(top);
	auto_free(&top);
	top = sub(tmp, "wide", 0700);
	for (int i = 0; i < 3000; i++) {
		AUTO_FREE char *name = str_fmt("file-with-a-name-%d", i), *dir = NULL;

		touch(top, name);
		auto_free(&name);
		name = str_fmt("%d", i);
		dir = sub(top, name, 0700);
		touch(dir, "x");
	}
	must_remove_tree(top);
}

static int maps_asked;
static const char *map_opens;

static int fake_in_map(const struct id_map *uids, const struct id_map *gids, int (*fn)(const void *arg, struct err *e),
		       const void *arg, struct err *e)
{
	assert_int_equal(uids->n + gids->n, 2);
	maps_asked++;
	assert_int_equal(chmod(map_opens, 0700), 0); /* what only the map's owner could do */
	return fn(arg, e);
}

static void test_remove_in_map(void **state)
{
	struct id_map map = { 0 };
	struct err e = { 0 };
	struct run_dir rd;

	(void)state;
	id_map_add(&map, 0, 1000, 1);
	must_create(NULL, RUN_ON_DISK, &rd);
	map_opens = rd.data;
	{
		AUTO_FREE char *upper = sub(rd.data, "upper", 0700);

		touch(upper, "x");
	}
	assert_int_equal(chmod(rd.data, 0500), 0);
	assert_int_equal(store_remove(&rd, &map, &map, NULL, &e), -1);
	assert_int_equal(e.errnum, EACCES);
	assert_true(exists(rd.live, "lock"));
	assert_int_equal(store_remove(&rd, &map, &map, fake_in_map, &e), 0);
	assert_int_equal(maps_asked, 1);
	run_dir_fini(&rd);
	id_map_fini(&map);
}

/* ---- the sweep ---- */

static void make_old(const char *path)
{
	const struct timespec times[2] = { { .tv_sec = time(NULL) - 4000 }, { .tv_sec = time(NULL) - 4000 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_sweep_dead(void **state)
{
	char a[65], b[65], c[65], containers[128];
	pid_t pa, pb, pc;

	(void)state;
	snprintf(containers, sizeof(containers), "%s/containers", st.data_dir);
	pa = dead_run("one", RUN_ON_DISK, true, a);
	pb = dead_run(NULL, RUN_KEPT, true, b);
	pc = dead_run("two", RUN_IN_MEMORY, true, c);
	assert_true(is_running(pa) && is_running(pb) && is_running(pc));
	assert_false(exists(containers, c));
	store_sweep(&st, NULL);
	assert_false(is_running(pa));
	assert_false(is_running(pb));
	assert_false(exists(st.run_dir, a));
	assert_false(exists(containers, a));
	assert_false(exists(st.run_dir, "names/one"));
	assert_false(is_running(pc));
	assert_false(exists(st.run_dir, c));
	assert_false(exists(st.run_dir, "names/two"));
	assert_true(exists(containers, b)); /* to be kept */
}

static void test_sweep_spares(void **state)
{
	struct run_state s = { .pid = 0 };
	struct run_dir rd;
	struct err e = { 0 };
	pid_t other = fork();

	(void)state;
	if (other == 0)
		for (;;)
			pause();
	/* the recorded pid belongs to somebody else by now: another start time */
	must_create(NULL, RUN_ON_DISK, &rd);
	s.pid = other;
	s.pid_start = pid_start_time(other) + 1;
	assert_int_equal(store_write_state(&rd, NULL, &s, &e), 0);
	auto_close(&rd.lock_fd);
	auto_close(&rd.data_fd);
	store_sweep(&st, NULL);
	assert_true(is_running(other));
	assert_int_equal(access(rd.live, F_OK), -1);
	run_dir_fini(&rd);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

/* RUN is not the one it was: made anew by logind, or another container's. */
static void test_sweep_other_run(void **state)
{
	AUTO_FREE char *moved = str_fmt("%s/moved", tmp), *containers = str_fmt("%s/containers", st.data_dir);
	struct run_dir rd;

	(void)state;
	must_create(NULL, RUN_ON_DISK, &rd);
	touch(rd.data, "config.json");
	assert_int_equal(rename(rd.live, moved), 0);
	store_sweep(&st, NULL);
	assert_true(exists(containers, rd.id));
	assert_true(exists(rd.data, "config.json"));
	/* its own state is back, its supervisor's lock there is not: the other one counts */
	assert_int_equal(rename(moved, rd.live), 0);
	auto_close(&rd.lock_fd);
	store_sweep(&st, NULL);
	assert_true(exists(rd.data, "config.json"));
	assert_int_equal(rename(rd.live, moved), 0);
	auto_close(&rd.data_fd);
	store_sweep(&st, NULL);
	assert_false(exists(containers, rd.id));
	run_dir_fini(&rd);
	must_remove_tree(moved);
}

/* On a network file system another machine's locks are not seen. */
static void test_sweep_other_host(void **state)
{
	AUTO_FREE char *link = NULL, *theirs = NULL;
	struct run_dir rd;
	char text[512];
	ssize_t n;

	(void)state;
	st.is_shared = true;
	must_create(NULL, RUN_ON_DISK, &rd);
	assert_true(exists(rd.data, "host"));
	link = str_fmt("%s/host", rd.data);
	n = readlink(link, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	must_remove_tree(rd.live);
	auto_close(&rd.lock_fd);
	auto_close(&rd.data_fd);
	theirs = str_fmt("00000000-0000-0000-0000-000000000000 0 elsewhere%s", strrchr(text, ' '));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(theirs, link), 0);
	store_sweep(&st, NULL);
	assert_true(exists(rd.data, "host"));
	/* the server's own, to which the file system is local */
	touch(rd.data, "config.json");
	assert_int_equal(unlink(link), 0);
	make_old(rd.data);
	store_sweep(&st, NULL);
	assert_true(exists(rd.data, "config.json"));
	assert_int_equal(symlink(theirs, link), 0);
	/* the same boot */
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(text, link), 0);
	store_sweep(&st, NULL);
	assert_int_equal(access(rd.data, F_OK), -1);
	run_dir_fini(&rd);
}

/* A RUN on a disk outlives the boot: the numbers in it are somebody else's then. */
static void test_sweep_other_boot(void **state)
{
	AUTO_FREE char *path = NULL, *text = NULL;
	struct run_state s = { .pid = 0 };
	struct err e = { 0 };
	struct run_dir rd;
	char *boot;
	pid_t other = fork();
	size_t len;

	(void)state;
	if (other == 0)
		for (;;)
			pause();
	must_create(NULL, RUN_ON_DISK, &rd);
	s.pid = other;
	s.pid_start = pid_start_time(other);
	assert_int_equal(store_write_state(&rd, NULL, &s, &e), 0);
	path = str_fmt("%s/state.json", rd.live);
	assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 16, &text, &len), 0);
	boot = strstr(text, "\"bootId\": \"");
	assert_non_null(boot);
	boot[11] = boot[11] == '0' ? '1' : '0';
	assert_int_equal(fd_write_file(AT_FDCWD, path, text, len), 0);
	auto_close(&rd.lock_fd);
	auto_close(&rd.data_fd);
	store_sweep(&st, NULL);
	assert_true(is_running(other));
	assert_int_equal(access(rd.live, F_OK), -1);
	run_dir_fini(&rd);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void test_sweep_halves(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	AUTO_FREE char *fresh = str_fmt(".new-%s", id), *containers = str_fmt("%s/containers", st.data_dir);
	AUTO_FREE char *del = str_fmt(".del-%s", id), *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	(void)state;
	a = sub(st.run_dir, fresh, 0700);
	touch(a, "lock");
	b = sub(st.run_dir, del, 0700);
	c = sub(containers, id, 0700);
	touch(c, "config.json");
	d = sub(st.run_dir, "foreign", 0700);
	store_sweep(&st, NULL);
	assert_false(exists(st.run_dir, del));
	store_sweep(&st, NULL);
	assert_int_equal(access(a, F_OK), -1);
	assert_int_equal(access(b, F_OK), -1);
	assert_int_equal(access(c, F_OK), -1);
	assert_int_equal(access(d, F_OK), 0);
	/* a definition to be kept stays without a live directory */
	auto_free(&c);
	c = sub(containers, id, 0700);
	touch(c, "config.json");
	touch(c, "kept");
	store_sweep(&st, NULL);
	assert_int_equal(access(c, F_OK), 0);
}

/* What was begun on the disk is given an hour. */
static void test_sweep_old(void **state)
{
	AUTO_FREE char *containers = str_fmt("%s/containers", st.data_dir);
	AUTO_FREE char *a = sub(st.data_dir, ".lichen-doctor-aaaaaa", 0700), *b = sub(st.data_dir, ".lichen-doctor-bbbbbb", 0700);
	AUTO_FREE char *c = sub(containers, ".new-c", 0700), *d = sub(containers, ".new-d", 0700), *in_a = NULL;

	(void)state;
	in_a = sub(a, "work", 0);
	make_old(a);
	make_old(c);
	store_sweep(&st, NULL);
	assert_int_equal(access(a, F_OK), -1);
	assert_int_equal(access(b, F_OK), 0);
	assert_int_equal(access(c, F_OK), -1);
	assert_int_equal(access(d, F_OK), 0);
}

/* Starts and sweeps at once: nobody loses a run of his own. */
static void test_race(void **state)
{
	pid_t pids[6];

	(void)state;
	for (size_t i = 0; i < N_ELEMS(pids); i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		for (int k = 0; k < 100; k++) {
			struct run_dir rd;
			struct err e = { 0 };

			if (store_create(&st, NULL, RUN_ON_DISK, &rd, &e) < 0) {
				fprintf(stderr, "%s: %s %s %s\n", e.what, e.op, e.path, strerror(e.errnum));
				abort();
			}
			store_sweep(&st, NULL);
			if (!exists(rd.live, "lock") || access(rd.data, F_OK) < 0)
				abort();
			if (store_remove(&rd, NULL, NULL, NULL, &e) < 0) {
				fprintf(stderr, "%s: %s %s %s\n", e.what, e.op, e.path, strerror(e.errnum));
				abort();
			}
			run_dir_fini(&rd);
		}
		raise(SIGKILL);
	}
	for (size_t i = 0; i < N_ELEMS(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

static void test_speed(void **state)
{
	struct timespec a, b;
	struct run_dir rd[100];

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < N_ELEMS(rd); i++)
		must_create(NULL, RUN_ON_DISK, &rd[i]);
	clock_gettime(CLOCK_MONOTONIC, &b);
	print_message("# store_create: %.1f us each\n",
		      ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) / N_ELEMS(rd));
	for (size_t i = 0; i < N_ELEMS(rd); i++)
		must_remove(&rd[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_create),	TEST(test_in_memory),	TEST(test_names),	TEST(test_name_of_a_swept_run), TEST(test_open_refuses), TEST(test_state),
		TEST(test_create),	TEST(test_in_memory),	TEST(test_list),	TEST(test_open_refuses), TEST(test_state),
		TEST(test_create),	TEST(test_in_memory),	TEST(test_list_fails),	TEST(test_open_refuses), TEST(test_state),
		TEST(test_remove_odd),	TEST(test_remove_deep), TEST(test_remove_in_map), TEST(test_sweep_dead),
		TEST(test_sweep_spares), TEST(test_sweep_halves), TEST(test_sweep_old), TEST(test_sweep_other_run), TEST(test_sweep_other_host),
		TEST(test_sweep_other_boot), TEST(test_race),	 TEST(test_speed),
	};

	/* the rights of files mean nothing to root */
	if (getuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)) {
		print_message("1..0 # SKIP cannot become unprivileged\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
