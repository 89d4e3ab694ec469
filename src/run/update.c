/* SPDX-License-Identifier: Apache-2.0 */
/* run/update.c - other limits for a sandbox that runs
 *
 * config.json says which limits it has. The new ones are laid over them, checked as at the
 * start, and written to the box, where they count, and to inner, where they are read from
 * inside; then config.json is written anew. What was written is taken back where a later part fails.
 */

#include "run/update.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/size.h"
#include "host/cgroup.h"
#include "host/hint.h"
#include "run/internal.h"
#include "spec/oci.h"
#include "steps/cgroup.h"

/* ---- the sandbox ---- */

static int has_ended(const struct run_dir *rd, struct err *e)
{
	return err_set(e, ERR_STATE, "the sandbox %.12s has ended", rd->id);
}

bool running_has_ended(const struct running *r, struct err *e)
{
	AUTO_FREE char *state = str_fmt("%s/state.json", r->rd.live);

	/* before its first process there is no state */
	if (access(r->box, F_OK) == 0 && (cgroup_event(r->box, "cgroup.events", "populated") || access(state, F_OK) < 0))
		return false;
	has_ended(&r->rd, e);
	return true;
}

int running_open(struct running *r, struct store *st, const char *ref, struct err *e)
{
	*r = (struct running){ .rd = { .lock_fd = -1, .data_fd = -1 }, .lock_fd = -1 };
	if (store_find(st, ref, &r->rd, e) < 0)
		return -1;
	r->lock_fd = open(r->rd.live, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->lock_fd < 0)
		return errno == ENOENT ? has_ended(&r->rd, e) : err_sys(e, "open", r->rd.live, "the sandbox's directory");
	while (flock(r->lock_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "flock", r->rd.live, "waiting for others who change the sandbox");
	/* the link goes with the run */
	r->dir = access(r->rd.live, F_OK) == 0 ? store_cgroup_of(&r->rd) : NULL;
	if (!r->dir && access(r->rd.live, F_OK) < 0)
		return has_ended(&r->rd, e);
	if (!r->dir) {
		err_set(e, ERR_STATE, "the sandbox %s has no cgroup of its own", ref);
		return err_hint(e, "start it with a limit, such as --memory, or with --cgroup-manager=systemd");
	}
	r->box = str_fmt("%s/box", r->dir);
	if (access(r->box, F_OK) < 0)
		return err_sys(e, "access", r->box, "the sandbox's cgroup: it is ending, or has not begun");
	r->inner = str_fmt("%s/inner", r->box);
	if (access(r->inner, F_OK) < 0)
		auto_free(&r->inner);
	return 0;
}

void running_close(struct running *r)
{
	auto_close(&r->lock_fd);
	auto_free(&r->dir);
	auto_free(&r->box);
	auto_free(&r->inner);
	run_dir_fini(&r->rd);
}

void updated_fini(struct updated *out)
{
	auto_free(&out->id);
	limit_files_fini(&out->files);
}

/* ---- which files ---- */

static const struct limit_file *find_file(const struct limit_files *f, const char *file)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].file, file))
			return &f->v[i];
	return NULL;
}

/* Not what only goes with something else. */
static bool is_asked(const struct limit_files *asked, const char *file)
{
	const struct limit_file *f = find_file(asked, file);

	return f && f->option;
}

static bool has_same(const struct limit_files *f, const struct limit_file *one)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].file, one->file) && str_eq(f->v[i].value, one->value))
			return true;
	return false;
}

static void add_copy(struct limit_files *out, const struct limit_file *f, const char *value)
{
	out->v = mem_grow(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n] = *f;
	out->v[out->n].file = str_dup(f->file);
	out->v[out->n++].value = str_dup(value);
}

void update_files(const struct spec_limits *before, const struct spec_limits *over, struct spec_limits *after,
		  struct limit_files *out)
{
	static const char *const last = "memory.max";
	struct limit_files old, asked, all;

	*out = (struct limit_files){ 0 };
	limits_copy(after, before);
	limits_merge(after, over);
	limits_files(before, &old);
	limits_files(over, &asked);
	limits_files(after, &all);
	/* the swap that went with a bound of memory goes with it */
	for (size_t i = 0; i < old.n; i++)
		if (!find_file(&all, old.v[i].file))
			add_copy(out, &old.v[i], "max");
	/* what is asked for may have been changed by others */
	for (size_t i = 0; i < all.n; i++)
		if (!str_eq(all.v[i].file, last) && (is_asked(&asked, all.v[i].file) || !has_same(&old, &all.v[i])))
			add_copy(out, &all.v[i], all.v[i].value);
	/* what the kernel reclaims or ends for the sake of this one cannot be taken back */
	for (size_t i = 0; i < all.n; i++)
		if (str_eq(all.v[i].file, last) && (is_asked(&asked, last) || !has_same(&old, &all.v[i])))
			add_copy(out, &all.v[i], all.v[i].value);
	limit_files_fini(&old);
	limit_files_fini(&asked);
	limit_files_fini(&all);
}

/* ---- writing, and taking back ---- */

static void undo_add(struct undo *u, const char *dir, const char *file, const char *value)
{
	u->v = mem_grow(u->v, u->n + 1, sizeof(*u->v));
	u->v[u->n++] = (struct undo_entry){ .dir = str_dup(dir), .file = str_dup(file), .value = str_dup(value) };
}

void undo_all(struct undo *u)
{
	while (u->n) {
		struct undo_entry *x = &u->v[--u->n];
		AUTO_FREE char *path = str_fmt("%s/%s", x->dir, x->file);

		if (fd_burn(AT_FDCWD, path, x->value) < 0 && errno != ENOENT && errno != ENODEV)
			log_warn("%s: cannot write back '%s': %s", path, x->value, strerror(errno));
		free(x->dir);
		free(x->file);
		free(x->value);
	}
}

void undo_fini(struct undo *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].dir);
		free(u->v[i].file);
		free(u->v[i].value);
	}
	free(u->v);
	*u = (struct undo){ 0 };
}

enum { FILE_MAX = 1 << 20 };

/* What brings back what @f changes: of a file with a line for each device or resource, that line.
 * Owned; NULL: the file cannot be read. */
static char *value_before(const char *dir, const struct limit_file *f)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, f->file), *text = NULL;
	const size_t key = strcspn(f->value, " ");

	if (fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return NULL;
	for (const char *line = text; f->value[key] && *line;) {
		const size_t n = strcspn(line, "\n");

		if (strncmp(line, f->value, key + 1) == 0)
			return str_dupn(line, n);
		line += n + !!line[n];
	}
	/* a device without bounds has no line */
	if (str_eq(f->file, "io.max"))
		return str_fmt("%.*s rbps=max wbps=max riops=max wiops=max", (int)key, f->value);
	/* an empty write would be none */
	return *text && *text != '\n' ? str_dupn(text, strcspn(text, "\n")) : str_dup("\n");
}

static int write_one(const char *dir, const struct limit_file *f, struct undo *u, struct err *e)
{
	AUTO_FREE char *was = value_before(dir, f);
	const int rc = cgroup_set_limit(dir, f, e);

	/* SYS: the write itself was refused */
	if (was && (rc == 0 || e->kind != ERR_SYS))
		undo_add(u, dir, f->file, was);
	return rc;
}

int update_write(const char *box, const char *inner, const struct limit_files *f, struct undo *u, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		log_info("%s/%s: %s", box, f->v[i].file, f->v[i].value);
		if (write_one(box, &f->v[i], u, e) < 0 || (inner && f->v[i].option && write_one(inner, &f->v[i], u, e) < 0))
			return -1;
	}
	return 0;
}

/* ---- controllers ---- */

/* Nobody can give what the top of the tree has not. */
static int has_none(const char *controller, const char *top, struct err *e)
{
	AUTO_CGROUPS struct cgroups g = { 0 };

	cgroups_read(&g);
	err_set(e, ERR_HOST, "there is no controller %s: %s has none", controller, top);
	if (g.kind == CGROUPS_HYBRID)
		return err_hint(e, "%s", cause_get("cgroup-v1")->text);
	return err_hint(e, "the names of controllers stand in %s/cgroup.controllers", top);
}

/* @dir has not got @controller; the level that does not hand it on is above it. */
static int lacks(const char *dir, const char *controller, struct err *e)
{
	AUTO_FREE char *level = str_dup(dir);

	while (!cgroup_has_word(level, "cgroup.controllers", controller)) {
		char *slash = strrchr(level, '/');
		AUTO_FREE char *above = str_dupn(level, (size_t)(slash - level)), *file = str_fmt("%s/cgroup.controllers", above);

		if (access(file, F_OK) < 0)
			return has_none(controller, level, e);
		*slash = '\0';
	}
	err_set(e, ERR_HOST, "the controller %s is not enabled for the sandbox: %s does not hand it on (cgroup.subtree_control)",
		controller, level);
	return err_hint(e, "it must be there from the start: start the sandbox with a limit of this kind, or with "
			"--cgroup-manager=systemd; 'lichen doctor' says which controllers there are");
}

/* Enables in @dir what is needed below it and not there yet. */
static int enable(const char *dir, const struct strv *needed, struct undo *u, struct err *e)
{
	for (size_t i = 0; i < needed->n; i++) {
		AUTO_FREE char *off = str_fmt("-%s", needed->v[i]);
		AUTO_STRV struct strv one = { 0 };

		if (cgroup_has_word(dir, "cgroup.subtree_control", needed->v[i]))
			continue;
		if (!cgroup_has_word(dir, "cgroup.controllers", needed->v[i]))
			return lacks(dir, needed->v[i], e);
		strv_add(&one, needed->v[i]);
		if (cgroup_enable(dir, &one, e) < 0)
			return -1;
		undo_add(u, dir, "cgroup.subtree_control", off);
	}
	return 0;
}

/* ---- what cannot be had ---- */

static int check_rules(const struct spec_limits *l, struct err *e)
{
	AUTO_STRV struct strv faults = { 0 };
	AUTO_BUF struct buf b = { 0 };

	limits_check(l, &faults);
	for (size_t i = 0; i < faults.n; i++)
		buf_addf(&b, "%s--%s", i ? "; " : "", faults.v[i]);
	if (!faults.n)
		return 0;
	err_set(e, ERR_SPEC, "%s", b.s);
	return err_hint(e, "limits that are not named stay as they are: what belongs together is changed in one call");
}

/* Only what is asked for: a level above may have less by now than when the sandbox began. */
static int check_host(const struct spec_limits *over, const struct spec_limits *after, const char *dir, struct err *e)
{
	AUTO_CGROUPS struct cgroups g = { 0 };
	struct spec_limits asked = { 0 };
	int rc;

	cgroups_read(&g);
	limits_copy(&asked, over);
	if (asked.cpu_quota || asked.cpu_period) {
		asked.cpu_quota = after->cpu_quota;
		asked.cpu_period = after->cpu_period;
	}
	rc = g.mount ? limits_check_host(&asked, g.mount, dir, e) : 0;
	limits_fini(&asked);
	return rc;
}

/* Less memory than is in use is reclaimed by the kernel, and where it cannot be, processes are killed.
 * Files that are only kept in memory can be dropped. */
static int check_usage(const char *box, const struct limit_files *f, struct err *e)
{
	static const char *const droppable[] = { "inactive_file", "active_file", "slab_reclaimable" };
	const struct limit_file *max = find_file(f, "memory.max");
	AUTO_FREE char *current = max ? cgroup_read_line(box, "memory.current") : NULL;
	char used_text[SIZE_TEXT], max_text[SIZE_TEXT];
	uint64_t used, dropped = 0;

	if (!current || str_eq(max->value, "max"))
		return 0;
	used = strtoull(current, NULL, 10);
	for (size_t i = 0; i < N_ELEMS(droppable); i++)
		dropped += cgroup_event(box, "memory.stat", droppable[i]);
	if (used <= dropped || used - dropped <= strtoull(max->value, NULL, 10))
		return 0;
	err_set(e, ERR_STATE, "--memory %s: the sandbox uses %s now, and would be ended by the kernel where that cannot be swapped out",
		size_format(strtoull(max->value, NULL, 10), max_text), size_format(used - dropped, used_text));
	return err_hint(e, "--memory-high slows it down and ends nothing; --force sets the limit all the same");
}

/* ---- config.json ---- */

int run_read_config(const struct run_dir *rd, struct spec *s, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/config.json", rd->data), *text = NULL;
	size_t len;

	if (fd_read_file(AT_FDCWD, path, OCI_MAX_BYTES, &text, &len) < 0) {
		err_sys(e, "read", path, "reading what the sandbox is");
		return e->errnum == ENOENT ? err_hint(e, "it has ended, or has not begun yet") : -1;
	}
	/* below our own state directory */
	return oci_read(text, len, OCI_TRUSTED, s, NULL, e);
}

static int write_config(const struct run_dir *rd, const struct spec *s, struct err *e)
{
	AUTO_BUF struct buf json = { 0 };

	oci_write(s, &json);
	return store_write_config(rd, json.s, json.len, e);
}

/* ---- the whole ---- */

/* Once begun it is not left half done by a signal. */
static void hold_signals(sigset_t *old)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_ELEMS(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

static int change(const struct running *r, const struct spec *s, const struct limit_files *f, struct err *e)
{
	const unsigned long long kills = cgroup_event(r->box, "memory.events", "oom_kill");
	AUTO_STRV struct strv needed = { 0 };
	struct undo u = { 0 };
	unsigned long long killed;
	sigset_t old;
	int rc;

	limits_controllers(f, &needed);
	hold_signals(&old);
	rc = enable(r->dir, &needed, &u, e);
	if (rc == 0 && r->inner)
		rc = enable(r->box, &needed, &u, e);
	if (rc == 0)
		rc = update_write(r->box, r->inner, f, &u, e);
	if (rc == 0)
		rc = write_config(&r->rd, s, e);
	killed = cgroup_event(r->box, "memory.events", "oom_kill");
	if (rc < 0)
		undo_all(&u);
	if (killed > kills)
		log_warn("%.12s: the kernel has killed %llu of its processes, as less memory than they used is allowed now", r->rd.id,
			 killed - kills);
	undo_fini(&u);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static int update(const struct running *r, struct spec *s, const struct update *u, struct limit_files *f, struct err *e)
{
	struct spec_limits after = { 0 };
	int rc = run_read_config(&r->rd, s, e);

	if (rc == 0) {
		update_files(&s->limits, &u->over, &after, f);
		rc = check_rules(&after, e);
	}
	if (rc == 0)
		rc = check_host(&u->over, &after, r->dir, e);
	if (rc == 0 && !u->is_forced)
		rc = check_usage(r->box, f, e);
	if (rc == 0) {
		limits_copy(&s->limits, &after);
		rc = change(r, s, f, e);
	}
	limits_fini(&after);
	return rc;
}

int run_update(struct store *st, const char *ref, const struct update *u, struct updated *out, struct err *e)
{
	AUTO_RUNNING struct running r;
	struct spec s;
	int rc;

	*out = (struct updated){ 0 };
	spec_init(&s);
	rc = running_open(&r, st, ref, e);
	if (rc == 0) {
		out->id = str_dup(r.rd.id);
		rc = update(&r, &s, u, &out->files, e);
		if (rc < 0 && e->kind != ERR_SPEC)
			running_has_ended(&r, e);
	}
	spec_fini(&s);
	return rc < 0 ? err_wrap(e, "cannot change the limits of %s", ref) : 0;
}
