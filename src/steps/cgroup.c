/* SPDX-License-Identifier: Apache-2.0 */
/* steps/cgroup.c - the cgroup of one run: made, limited, handed on and removed */

#include "steps/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/cgroup.h"
#include "steps/ctx.h"

/* What accounts for a sandbox, wherever it is to be had without asking anybody. */
static const char *const ACCOUNTING[] = { "cpu", "io", "memory", "pids" };

static int burn(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name);

	return fd_burn(AT_FDCWD, path, text);
}

static int make_group(const char *path, struct err *e)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	err_sys(e, "mkdir", path, "making a cgroup");
	if (errno == EAGAIN)
		return err_hint(e, "the limit of cgroups is reached: cgroup.max.descendants or cgroup.max.depth of a level above");
	return -1;
}

int cgroup_enable(const char *dir, const struct strv *controllers, struct err *e)
{
	AUTO_BUF struct buf b = { 0 };

	for (size_t i = 0; i < controllers->n; i++)
		buf_addf(&b, "%s+%s", i ? " " : "", controllers->v[i]);
	if (!b.len || burn(dir, "cgroup.subtree_control", b.s) == 0)
		return 0;
	err_sys(e, "subtree_control", dir, "enabling %s below a cgroup", b.s);
	if (errno == EBUSY)
		return err_hint(e, "there are processes in it: controllers can be enabled only above groups without any");
	return -1;
}

/* @needed, and of what accounts what is there and not among them. */
static void controllers_of(const char *dir, const struct strv *needed, struct strv *out)
{
	AUTO_FREE char *text = cgroup_read_line(dir, "cgroup.controllers");
	AUTO_STRV struct strv there = { 0 };

	strv_copy(out, needed);
	strv_split(&there, text ? text : "", ' ');
	for (size_t i = 0; i < N_ELEMS(ACCOUNTING); i++)
		if (!strv_has(out, ACCOUNTING[i]) && strv_has(&there, ACCOUNTING[i]))
			strv_add(out, ACCOUNTING[i]);
}

int cgroup_enable_missing(const char *dir, const struct strv *needed, struct err *e)
{
	AUTO_STRV struct strv controllers = { 0 }, lacking = { 0 };

	controllers_of(dir, needed, &controllers);
	for (size_t i = 0; i < controllers.n; i++)
		if (!cgroup_has_word(dir, "cgroup.subtree_control", controllers.v[i]))
			strv_add(&lacking, controllers.v[i]);
	store_note_enabled(dir, &lacking);
	return cgroup_enable(dir, &lacking, e);
}

/* ---- the limits ---- */

static int explain_limit(const char *dir, const struct limit_file *f, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, f->file);

	err_sys(e, "cgroup", path, "setting %s to '%s'", f->option ? f->option : f->file, f->value);
	switch (e->errnum) {
	case ENOENT:
		return err_hint(e, "this kernel has no such file: it is newer than the kernel, was left out when the kernel was "
				   "built, or no controller of that name is enabled here (cgroup.controllers)");
	case ENODEV:
		return err_hint(e, str_starts(f->file, "io.") ? "the kernel throttles whole disks only, no partitions and no "
								"logical volumes: give the disk itself (lsblk shows it)"
							      : "there is no such device or node");
	case EINVAL:
	case ERANGE:
		return err_hint(e, "the kernel does not take this value: cgroups(7) and Documentation/admin-guide/cgroup-v2 have the format");
	case EACCES:
	case EPERM:
		return err_hint(e, "only who owns the level above may set this file");
	default:
		return -1;
	}
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static bool reads_back(const struct limit_file *f, const char *dir, const char *now)
{
	AUTO_BUF struct buf a = { 0 };
	uint64_t page;

	switch (f->check) {
	case LIMIT_PAGES:
		if (!is_number(f->value))
			return str_eq(f->value, now);
		page = (uint64_t)sysconf(_SC_PAGESIZE);
		/* what is more than all there can be reads back as "max" */
		return strtoull(now, NULL, 10) == strtoull(f->value, NULL, 10) / page * page || str_eq(now, "max");
	case LIMIT_LIST:
		limits_list_normal(f->value, &a);
		return str_eq(a.s, now);
	case LIMIT_PART:
		return strstr(now, f->value);
	case LIMIT_EXACT:
		return str_eq(f->value, now);
	default:
		break;
	}
	(void)dir;
	return true;
}

int cgroup_set_limit(const char *dir, const struct limit_file *f, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, f->file), *now = NULL;

	/* O_TRUNC would be refused by nobody, and means nothing here */
	if (fd_burn(AT_FDCWD, path, f->value) < 0) {
		if (errno == ENOENT && f->may_lack)
			return 0;
		return explain_limit(dir, f, e);
	}
	if (f->check == LIMIT_TAKEN)
		return 0;
	now = cgroup_read_line(dir, f->file);
	if (now && reads_back(f, dir, now))
		return 0;
	err_set(e, ERR_HOST, "%s: '%s' was written to %s, and '%s' stands there now", f->option ? f->option : f->file, f->value, path,
		now ? now : "");
	return err_hint(e, "somebody else writes there, or the level above has less to give");
}

int step_limit(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct cgroup_box *b = c->cgroup;

	(void)rung;
	if (cgroup_set_limit(b->box, s->u.limit, e) < 0)
		return -1;
	/* what is read inside is the same; what counts is the box above it */
	return b->inner && s->u.limit->option ? cgroup_set_limit(b->inner, s->u.limit, e) : 0;
}

/* ---- making ---- */

/* We go to a leaf of our own: processes and enabled controllers exclude each other. */
static int move_to_leaf(struct cgroup_box *b, struct err *e)
{
	AUTO_FREE char *leaf = str_fmt("%s/supervisor", b->dir);

	if (make_group(leaf, e) < 0)
		return -1;
	if (burn(leaf, "cgroup.procs", "0") < 0)
		return err_sys(e, "cgroup.procs", leaf, "moving lichen itself to a leaf of the cgroup that is delegated to it");
	b->has_moved = true;
	return 0;
}

static int give_group(const struct ctx *c, const char *path, struct err *e)
{
	static const char *const files[] = { "", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads" };
	const int64_t uid = id_map_outside(&c->in->uids, 0), gid = id_map_outside(&c->in->gids, 0);

	for (size_t i = 0; i < N_ELEMS(files) && uid >= 0 && gid >= 0; i++) {
		AUTO_FREE char *file = str_fmt("%s%s", path, files[i]);

		if (chown(file, (uid_t)uid, (gid_t)gid) < 0)
			return err_sys(e, "chown", file, "handing the cgroup to root inside");
	}
	return 0;
}

static int make_inner(struct ctx *c, struct cgroup_box *b, const struct strv *controllers, struct err *e)
{
	if (cgroup_enable(b->box, controllers, e) < 0)
		return -1;
	b->inner = str_fmt("%s/inner", b->box);
	if (make_group(b->inner, e) < 0)
		return -1;
	if (!c->in->cgroup.is_writable)
		return 0;
	/* for another lichen inside; a kernel without such attributes does without */
	(void)!setxattr(b->inner, "user.delegate", "1", 1, 0);
	return c->in->is_root ? give_group(c, b->inner, e) : 0;
}

int cgroup_make_box(const char *dir, const struct strv *needed, char **box, struct err *e)
{
	AUTO_STRV struct strv controllers = { 0 };

	controllers_of(dir, needed, &controllers);
	if (cgroup_enable(dir, &controllers, e) < 0)
		return -1;
	*box = str_fmt("%s/box", dir);
	return make_group(*box, e);
}

static int make_box(struct ctx *c, struct cgroup_box *b, struct err *e)
{
	AUTO_STRV struct strv controllers = { 0 };

	if (cgroup_make_box(b->dir, &c->in->cgroup.controllers, &b->box, e) < 0)
		return -1;
	controllers_of(b->dir, &c->in->cgroup.controllers, &controllers);
	return c->in->cgroup.has_inner ? make_inner(c, b, &controllers, e) : 0;
}

/* ---- by ourselves ---- */

int cgroup_take_place(struct cgroup_box *b, const struct plan_cgroup *g, struct err *e)
{
	if (make_group(b->dir, e) < 0 || (g->moves && move_to_leaf(b, e) < 0))
		return -1;
	return g->enables ? cgroup_enable_missing(b->place, &g->controllers, e) : 0;
}

static int make_below_place(struct ctx *c, struct cgroup_box *b, struct err *e)
{
	const struct plan_cgroup *g = &c->in->cgroup;
	int rc;

	b->place = str_dup(g->place);
	b->dir = str_fmt("%s/%s", g->place, g->name);
	if (b->rd && store_note_cgroup(b->rd, b->dir, e) < 0)
		return -1;
	if (cgroup_take_place(b, g, e) < 0)
		return -1;
	rc = make_box(c, b, e);
	/* another run that ended has disabled meanwhile what was enabled for it; from now on it sees us */
	if (rc < 0 && e->errnum == ENOENT && !b->inner && cgroup_enable_missing(b->place, &g->controllers, e) == 0)
		rc = make_box(c, b, e);
	return rc;
}

/* ---- by systemd ---- */

int cgroup_start_scope(const struct plan_cgroup *g, pid_t pid, bool is_root, struct err *e)
{
	/* many at once are served one after the other, on a slow machine in a second each */
	AUTO_FREE char *number = str_fmt("%d", (int)pid);
	const char *argv[] = { g->helper, "start", "--timeout", "120", "--unit", g->unit, "--slice", g->slice, "--description", g->description,
			       "--pid", number, is_root ? "--system" : NULL, NULL };
	struct child tool;

	if (child_spawn(&tool, argv, false, e) < 0 || child_wait(&tool, NULL, e) < 0) {
		if (e->kind != ERR_SIGNAL && !e->errnum)
			str_copy(e->op, sizeof(e->op), "systemd");
		return err_wrap(e, "asking systemd for the scope %s", g->unit);
	}
	return 0;
}

int cgroup_check_scope(const char *dir, const struct plan_cgroup *g, struct err *e)
{
	for (size_t i = 0; i < g->controllers.n; i++)
		if (!cgroup_has_word(dir, "cgroup.controllers", g->controllers.v[i])) {
			err_set(e, ERR_HOST, "systemd's scope %s has no controller %s", g->unit, g->controllers.v[i]);
			return err_hint(e, "the user's systemd must be given it: Delegate= of user@.service ('lichen doctor --fix')");
		}
	return 0;
}

int cgroup_take_scope(struct cgroup_box *b, const struct plan_cgroup *g, bool is_root, struct err *e)
{
	AUTO_CGROUPS struct cgroups now = { 0 };

	if (cgroup_start_scope(g, getpid(), is_root, e) < 0)
		return -1;
	cgroups_read(&now);
	if (!now.mount || !now.own || !strrchr(now.own, '/') || !str_eq(strrchr(now.own, '/') + 1, g->unit))
		return err_set(e, ERR_HOST, "systemd says that it made %s, and we are in %s", g->unit, now.own ? now.own : "no cgroup");
	b->dir = cgroup_dir(&now, now.own);
	if (b->rd && store_note_cgroup(b->rd, b->dir, e) < 0)
		return -1;
	return cgroup_check_scope(b->dir, g, e) < 0 ? -1 : move_to_leaf(b, e);
}

/* The scope is empty but for us, and all of it is ours. */
static int make_scope(struct ctx *c, struct cgroup_box *b, struct err *e)
{
	return cgroup_take_scope(b, &c->in->cgroup, c->in->is_root, e) < 0 ? -1 : make_box(c, b, e);
}

int step_cgroup(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const bool is_systemd = str_eq(s->rungs[rung].name, "systemd");
	struct cgroup_box *b = c->cgroup;
	int fd;

	if ((is_systemd ? make_scope(c, b, e) : make_below_place(c, b, e)) < 0) {
		int errnum = e->errnum;

		(void)cgroup_end(b, NULL, NULL, NULL);
		e->errnum = errnum;
		return -1;
	}
	fd = open(b->inner ? b->inner : b->box, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open", b->box, "the sandbox's cgroup");
	ctx_put(c, s->writes[0], fd);
	return 0;
}

/* ---- handing on: the child, root inside ---- */

static int own_file(int fd, const char *name, struct err *e)
{
	if (fchownat(fd, name, 0, 0, *name ? 0 : AT_EMPTY_PATH) == 0)
		return 0;
	err_sys(e, "chown", *name ? name : "cgroup", "--cgroupns-rw: handing the cgroup to root inside");
	return err_hint(e, "it is yours: your own id must be mapped");
}

int step_delegate(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	static const char *const files[] = { "", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads" };
	const int fd = ctx_fd(c, s->reads[0]);
	AUTO_STRV struct strv controllers = { 0 };
	AUTO_BUF struct buf words = { 0 };
	AUTO_FREE char *has = NULL;
	char path[FD_PATH_MAX];

	(void)rung;
	for (size_t i = 0; i < N_ELEMS(files) && geteuid() == 0 && !c->in->is_root; i++)
		if (own_file(fd, files[i], e) < 0)
			return -1;
	if (mkdirat(fd, "payload", 0755) < 0)
		return err_sys(e, "mkdir", "payload", "--cgroupns-rw: a cgroup for the command");
	if (fd_burn(fd, "payload/cgroup.procs", "0") < 0)
		return err_sys(e, "cgroup.procs", "payload", "--cgroupns-rw: entering the command's cgroup");
	has = cgroup_read_line(fd_path(fd, path), "cgroup.controllers");
	strv_split(&controllers, has ? has : "", ' ');
	for (size_t i = 0; i < controllers.n; i++)
		buf_addf(&words, "%s+%s", i ? " " : "", controllers.v[i]);
	if (controllers.n && *controllers.v[0] && fd_burn(fd, "cgroup.subtree_control", words.s) < 0)
		return err_sys(e, "subtree_control", "/", "--cgroupns-rw: enabling %s", words.s);
	return 0;
}

/* ---- the end ---- */

enum { LEAF_TRIES = 5, LEAF_WAIT_MS = 200 };

/* Whoever sits in the leaf: we, and what we started beside the sandbox. */
static void move_back(const struct cgroup_box *b, const char *leaf)
{
	AUTO_FREE char *path = str_fmt("%s/cgroup.procs", leaf), *text = NULL;
	char *save = NULL;

	if (fd_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		(void)!burn(b->place, "cgroup.procs", line);
}

static void leave_place(struct cgroup_box *b)
{
	AUTO_FREE char *leaf = str_fmt("%s/supervisor", b->dir);

	store_disable(b->place, strrchr(b->dir, '/') + 1);
	/* one that is just ending cannot be moved, and keeps the leaf for an instant */
	for (int tries = 0; b->has_moved && tries < LEAF_TRIES; tries++) {
		move_back(b, leaf);
		if (rmdir(leaf) == 0 || errno != EBUSY)
			break;
		(void)!store_wait_event(leaf, "populated 0", LEAF_WAIT_MS);
	}
	(void)!rmdir(b->dir);
	/* who ended beside us may have taken us for another */
	store_disable(b->place, NULL);
}

bool cgroup_end(struct cgroup_box *b, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map)
{
	bool is_gone = true;
	struct err e;

	if (!b->dir)
		return true;
	if (b->box && store_end_cgroup(b->box, uids, gids, in_map, &e) < 0) {
		log_debug("%s: %s: %s", b->box, e.what, err_errno_name(e.errnum));
		is_gone = false;
	}
	if (b->place)
		leave_place(b);
	cgroup_box_fini(b);
	return is_gone;
}

void cgroup_box_fini(struct cgroup_box *b)
{
	auto_free(&b->dir);
	auto_free(&b->box);
	auto_free(&b->inner);
	auto_free(&b->place);
	b->has_moved = false;
}
