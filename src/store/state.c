/* SPDX-License-Identifier: Apache-2.0 */
/* store/state.c - config.json and state.json of one run
 *
 * state.json has the members of the OCI runtime-spec's state (runtime.md) and ours:
 * name, pidStart, bootId, supervisor, uidMappings, gidMappings, rungs, cgroup; once it has ended
 * exitStatus, oomKilled and endedBy.
 */

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "store/internal.h"

enum { STATE_MAX = 1 << 20 };

/* ---- writing ---- */

int store_is_fixed(const char *dir, const char *what, int errnum, struct err *e)
{
	errno = errnum;
	err_sys(e, "access", dir, "the store of %s cannot be written", what);
	return err_hint(e, "what is there can be listed and used; make the directory writable, or give another one with XDG_DATA_HOME=DIR");
}

int store_hint_full(struct err *e)
{
	if (e->errnum == EFBIG)
		return err_hint(e, "the limit of a file's size is too small: `ulimit -f`");
	if (e->errnum == ENOSPC || e->errnum == EDQUOT)
		return err_hint(e, "the disk, its inodes or your quota is used up (`df -h`, `df -i`)");
	return -1;
}

/* Whole or not at all; not forced to the disk, as a crash of the machine ends the run too. */
static int replace(const char *dir, const char *name, const char *data, size_t len, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name), *fresh = str_fmt("%s/.%s.new", dir, name);

	if (fd_write_file(AT_FDCWD, fresh, data, len) < 0) {
		err_sys(e, "write", fresh, "cannot write %s", name);
		return store_hint_full(e);
	}
	if (rename(fresh, path) < 0)
		return err_sys(e, "rename", path, "cannot write %s", name);
	return 0;
}

int store_write_config(const struct run_dir *rd, const char *json, size_t len, struct err *e)
{
	return replace(rd->data, "config.json", json, len, e);
}

static void add_map(struct buf *b, const char *key, const struct id_map *m)
{
	buf_addf(b, ",\n\t\"%s\": [", key);
	for (size_t i = 0; i < m->n; i++)
		buf_addf(b, "%s{\"containerID\": %" PRIu32 ", \"hostID\": %" PRIu32 ", \"size\": %" PRIu32 "}",
			 i ? ", " : "", m->v[i].inside, m->v[i].outside, m->v[i].count);
	buf_add(b, "]");
}

static void add_text(struct buf *b, const char *key, const char *text)
{
	buf_addf(b, ",\n\t\"%s\": ", key);
	buf_add_json(b, text);
}

int store_write_state(const struct run_dir *rd, const struct spec *s, const struct run_state *state, struct err *e)
{
	AUTO_BUF struct buf b = { 0 };
	AUTO_FREE char *boot_id = NULL;

	buf_add(&b, "{\n\t\"ociVersion\": \"1.2.0\"");
	add_text(&b, "id", rd->id);
	if (s && s->name)
		add_text(&b, "name", s->name);
	add_text(&b, "status", state->status ? state->status : "creating");
	if (state->pid > 0)
		buf_addf(&b, ",\n\t\"pid\": %d,\n\t\"pidStart\": %" PRIu64, (int)state->pid, state->pid_start);
	buf_addf(&b, ",\n\t\"supervisor\": %d", (int)state->supervisor);
	boot_id = store_boot_id();
	if (boot_id)
		add_text(&b, "bootId", boot_id);
	add_text(&b, "bundle", rd->data);
	add_map(&b, "uidMappings", &state->uids);
	add_map(&b, "gidMappings", &state->gids);
	buf_add(&b, ",\n\t\"rungs\": [");
	for (size_t i = 0; i < state->rungs.n; i++) {
		if (i)
			buf_add(&b, ", ");
		buf_add_json(&b, state->rungs.v[i]);
	}
	buf_add(&b, "]");
	if (state->cgroup)
		add_text(&b, "cgroup", state->cgroup);
	if (state->has_ended)
		buf_addf(&b, ",\n\t\"exitStatus\": %d,\n\t\"oomKilled\": %s", state->exit_status, state->oom_killed ? "true" : "false");
	if (state->has_ended && state->cause)
		add_text(&b, "endedBy", state->cause);
	buf_add(&b, "\n}\n");
	return replace(rd->live, "state.json", b.s, b.len, e);
}

/* ---- reading ---- */

/* An integer of [0, @max]; where it is missing, 0. */
static bool read_number(const json_t *o, const char *key, json_int_t max, json_int_t *out)
{
	const json_t *v = json_object_get(o, key);

	*out = v ? json_integer_value(v) : 0;
	return !v || (json_is_integer(v) && *out >= 0 && *out <= max);
}

static bool read_map(const json_t *o, const char *key, struct id_map *m)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_array(v))
		return false;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *x = json_array_get(v, i);
		json_int_t in, out, count;

		if (!json_is_object(x) || !read_number(x, "containerID", UINT32_MAX, &in) ||
		    !read_number(x, "hostID", UINT32_MAX, &out) || !read_number(x, "size", UINT32_MAX, &count))
			return false;
		id_map_add(m, (uint32_t)in, (uint32_t)out, (uint32_t)count);
	}
	return true;
}

static bool read_rungs(const json_t *o, struct strv *rungs)
{
	const json_t *v = json_object_get(o, "rungs");

	if (v && !json_is_array(v))
		return false;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *s = json_string_value(json_array_get(v, i));

		if (!s)
			return false;
		strv_add(rungs, s);
	}
	return true;
}

/* The key that is not as we write it, or NULL. */
static const char *read_members(const json_t *o, struct run_state *state)
{
	const char *status = json_string_value(json_object_get(o, "status"));
	json_int_t n;

	if (!status)
		return "status";
	state->status = str_dup(status);
	if (!read_number(o, "pid", INT_MAX, &n))
		return "pid";
	state->pid = (pid_t)n;
	if (!read_number(o, "pidStart", INT64_MAX, &n))
		return "pidStart";
	state->pid_start = (uint64_t)n;
	if (!read_number(o, "supervisor", INT_MAX, &n))
		return "supervisor";
	state->supervisor = (pid_t)n;
	state->boot_id = str_dup(json_string_value(json_object_get(o, "bootId")));
	state->cgroup = str_dup(json_string_value(json_object_get(o, "cgroup")));
	state->has_ended = json_object_get(o, "exitStatus");
	if (!read_number(o, "exitStatus", UINT8_MAX, &n))
		return "exitStatus";
	state->exit_status = (int)n;
	state->oom_killed = json_is_true(json_object_get(o, "oomKilled"));
	state->cause = str_dup(json_string_value(json_object_get(o, "endedBy")));
	if (!read_map(o, "uidMappings", &state->uids))
		return "uidMappings";
	if (!read_map(o, "gidMappings", &state->gids))
		return "gidMappings";
	return read_rungs(o, &state->rungs) ? NULL : "rungs";
}

int store_read_state(const struct run_dir *rd, struct run_state *state, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/state.json", rd->live), *text = NULL;
	const char *bad;
	json_error_t at;
	size_t len;
	json_t *o;

	*state = (struct run_state){ 0 };
	if (fd_read_file(AT_FDCWD, path, STATE_MAX, &text, &len) < 0)
		return err_sys(e, "read", path, "cannot read the state of the sandbox %.12s", rd->id);
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(e, ERR_STATE, "%s is not an object of JSON", path);
	}
	bad = read_members(o, state);
	json_decref(o);
	if (!bad)
		return 0;
	run_state_fini(state);
	return err_set(e, ERR_STATE, "%s: \"%s\" is missing or of the wrong type", path, bad);
}

void run_state_fini(struct run_state *state)
{
	auto_free(&state->status);
	auto_free(&state->boot_id);
	auto_free(&state->cgroup);
	auto_free(&state->cause);
	id_map_fini(&state->uids);
	id_map_fini(&state->gids);
	strv_fini(&state->rungs);
	*state = (struct run_state){ 0 };
}

/* The first line of a small file without its newline, or NULL. */
static char *read_word(const char *path)
{
	AUTO_FREE char *text = NULL;

	if (fd_read_file(AT_FDCWD, path, 256, &text, NULL) < 0 || !text[strspn(text, " \n")])
		return NULL;
	text[strcspn(text, " \n")] = '\0';
	return ptr_take(&text);
}

char *store_boot_id(void)
{
	return read_word("/proc/sys/kernel/random/boot_id");
}

char *store_host(void)
{
	AUTO_FREE char *boot = store_boot_id(), *machine = read_word("/etc/machine-id");
	char name[HOST_NAME_MAX + 1] = "-";

	if (gethostname(name, sizeof(name)) < 0)
		str_copy(name, sizeof(name), "-");
	name[sizeof(name) - 1] = '\0';
	return str_fmt("%s %s %s", boot ? boot : "-", machine ? machine : "-", name);
}

/* The same boot, or an earlier one of the same machine, whose runs are all dead. */
bool store_is_our_host(const char *host)
{
	AUTO_FREE char *ours = store_host();
	size_t boot = strcspn(host, " "), our_boot = strcspn(ours, " ");

	if (boot == our_boot && ours[0] != '-' && strncmp(host, ours, boot) == 0)
		return true;
	return host[boot] && !str_starts(ours + our_boot, " - ") && str_eq(host + boot, ours + our_boot);
}

uint64_t pid_start_time(pid_t pid)
{
	char path[FD_PATH_MAX];
	AUTO_FREE char *text = NULL;
	const char *s;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || fd_read_file(AT_FDCWD, path, STATE_MAX, &text, NULL) < 0)
		return 0;
	/* the name of the program, field 2, may hold spaces and parentheses */
	s = strrchr(text, ')');
	for (int field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	return s ? strtoull(s, NULL, 10) : 0;
}
