/* SPDX-License-Identifier: Apache-2.0 */
/* run/pause.c - every process of a sandbox stopped, and let go on
 *
 * The freezer of cgroups(7): cgroup.freeze of the box holds for all that is below it, and no process in
 * there can notice or change it. Who is frozen takes no signal but those that end a process unasked.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/cgroup.h"
#include "run/update.h"

enum { WAIT_MS = 10000, FILE_MAX = 1 << 20, NAMED_MAX = 3, DEPTH_MAX = 256 };

bool box_is_paused(const char *box)
{
	AUTO_FREE char *now = box ? cgroup_read_line(box, "cgroup.freeze") : NULL;

	return now && str_eq(now, "1");
}

bool run_is_paused(const struct run_dir *rd)
{
	AUTO_FREE char *dir = store_cgroup_of(rd), *box = dir ? str_fmt("%s/box", dir) : NULL;

	return box_is_paused(box);
}

static int freeze(const char *box, bool is_frozen, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/cgroup.freeze", box);

	if (fd_burn(AT_FDCWD, path, is_frozen ? "1" : "0") == 0)
		return 0;
	return err_sys(e, "cgroup", path, is_frozen ? "stopping its processes" : "letting its processes go on");
}

/* ---- who does not stop ---- */

/* "NAME (PID)" where the process is in the middle of a system call that nothing interrupts. */
static bool add_busy(const char *pid, struct buf *out)
{
	AUTO_FREE char *path = str_fmt("/proc/%s/stat", pid), *text = NULL;
	const char *name, *end;

	if (fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return false;
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end || !str_starts(end, ") D"))
		return false;
	buf_addf(out, "%s%.*s (%s)", out->len ? ", " : "", (int)(end - name - 1), name + 1, pid);
	return true;
}

static void find_busy(const char *group, size_t *n, int depth, struct buf *out)
{
	AUTO_FREE char *procs = str_fmt("%s/cgroup.procs", group), *text = NULL;
	AUTO_DIR DIR *dir = opendir(group);
	char *save = NULL;

	if (fd_read_file(AT_FDCWD, procs, FILE_MAX, &text, NULL) == 0)
		for (char *pid = strtok_r(text, "\n", &save); pid && *n < NAMED_MAX; pid = strtok_r(NULL, "\n", &save))
			*n += add_busy(pid, out);
	for (const struct dirent *d; dir && depth < DEPTH_MAX && *n < NAMED_MAX && (d = readdir(dir));) {
		AUTO_FREE char *below = str_fmt("%s/%s", group, d->d_name);

		if (d->d_type == DT_DIR && d->d_name[0] != '.')
			find_busy(below, n, depth + 1, out);
	}
}

static int explain(const char *box, struct err *e)
{
	AUTO_BUF struct buf busy = { 0 };
	size_t n = 0;

	find_busy(box, &n, 0, &busy);
	err_set(e, ERR_HOST, "not all of its processes have stopped within %d seconds; they go on%s%s", WAIT_MS / 1000,
		n ? ". In a system call that nothing interrupts: " : "", n ? busy.s : "");
	return err_hint(e, "such a call waits for a disk or a file server that does not answer");
}

/* ---- pause and unpause ---- */

static int pause_it(const struct running *r, const char *ref, struct err *e)
{
	AUTO_FREE char *unused = NULL;
	struct run_state state;
	struct err ignored;
	bool runs;

	if (store_read_state(&r->rd, &state, e) < 0)
		return -1;
	runs = str_eq(state.status, "running");
	unused = ptr_take(&state.status);
	run_state_fini(&state);
	if (!runs)
		return err_set(e, ERR_STATE, "it is not running, but %s", unused);
	if (box_is_paused(r->box)) {
		err_set(e, ERR_STATE, "it is already paused");
		return err_hint(e, "'lichen unpause %s' lets it go on", ref);
	}
	if (freeze(r->box, true, e) < 0)
		return -1;
	if (store_wait_event(r->box, "frozen 1", WAIT_MS) == 0)
		return 0;
	if (errno == EBUSY)
		explain(r->box, e);
	else
		err_sys(e, "cgroup.events", r->box, "waiting until its processes have stopped");
	(void)!freeze(r->box, false, &ignored);
	return -1;
}

static int unpause_it(const struct running *r, const char *ref, struct err *e)
{
	(void)ref;
	if (!box_is_paused(r->box))
		return err_set(e, ERR_STATE, "it is not paused");
	if (freeze(r->box, false, e) < 0)
		return -1;
	if (store_wait_event(r->box, "frozen 0", WAIT_MS) == 0)
		return 0;
	err_sys(e, "cgroup.events", r->box, "waiting until its processes go on");
	return err_hint(e, "a level above may be frozen: cgroup.freeze of the directories above it");
}

static int with_running(struct store *st, const char *ref, int (*fn)(const struct running *r, const char *ref, struct err *e),
			char **id, struct err *e)
{
	AUTO_RUNNING struct running r;

	if (running_open(&r, st, ref, e) < 0)
		return -1;
	if (fn(&r, ref, e) < 0) {
		running_has_ended(&r, e);
		return -1;
	}
	*id = str_dup(r.rd.id);
	return 0;
}

int run_pause(struct store *st, const char *ref, char **id, struct err *e)
{
	return with_running(st, ref, pause_it, id, e) < 0 ? err_wrap(e, "cannot pause %s", ref) : 0;
}

int run_unpause(struct store *st, const char *ref, char **id, struct err *e)
{
	return with_running(st, ref, unpause_it, id, e) < 0 ? err_wrap(e, "cannot unpause %s", ref) : 0;
}
