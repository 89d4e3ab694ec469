/* SPDX-License-Identifier: Apache-2.0 */
/* steps/user.c - who the payload runs as, looked up in the root's own files, never by NSS
 *
 * The files belong to somebody who may want harm: they are opened inside the root, must
 * be regular and small (CVE-2024-9676), and a line counts only where its number is one.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "steps/ctx.h"
#include "steps/merged.h"
#include "steps/user.h"

enum { DB_BYTES_MAX = 4 << 20, FIELDS_MAX = 7 };

#define EXPECTED "expected USER[:GROUP] by name or number"

/* ---- etc/passwd and etc/group ---- */

struct db {
	const char *path;	/* inside the root, for errors */
	const char *kind;	/* "user", "group" */
	size_t n_fields;	/* that a line must have at least */
	char *text;		/* NULL where it could not be read: then @errnum says why */
	size_t len;
	int errnum;
};

static void db_fini(struct db *db)
{
	free(db->text);
	db->text = NULL;
}

#define AUTO_DB __attribute__((cleanup(db_fini)))

/* Never fails: numbers need no file. */
static void db_read(struct db *db, int root_fd, const struct strv *lowers)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	AUTO_CLOSE int fd = lowers ? merged_open(lowers, db->path, flags) : path_open_in(root_fd, db->path, flags, 0);

	if (fd >= 0 && !fd_read_file(fd, "", DB_BYTES_MAX, &db->text, &db->len))
		return;
	db->errnum = errno;
	if (errno != ENOENT)
		log_info("%s of the root is not used: %s", db->path, strerror(errno));
}

struct entry {
	char *copy;		/* owned: the line, cut up */
	const char *field[FIELDS_MAX];
	size_t n;
	uint32_t id;		/* the third field */
};

static void entry_fini(struct entry *x)
{
	free(x->copy);
	x->copy = NULL;
}

#define AUTO_ENTRY __attribute__((cleanup(entry_fini)))

/* Only digits, no leading zero, and neither overflow nor (uid_t)-1 (CVE-2026-30892). */
static bool parse_id(const char *s, uint32_t *id)
{
	uint64_t n = 0;

	if (!*s || (s[0] == '0' && s[1]))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n >= UINT32_MAX)
			return false;
	}
	*id = (uint32_t)n;
	return true;
}

/* Moves on to the next line that is an entry; @at is the place in the text. */
static bool db_next(const struct db *db, size_t *at, struct entry *x)
{
	while (*at < db->len) {
		const char *line = db->text + *at, *nl = memchr(line, '\n', db->len - *at);
		size_t len = nl ? (size_t)(nl - line) : db->len - *at;

		entry_fini(x);
		*at += len + 1;
		/* '+' and '-' include NIS, which is not there */
		if (!len || memchr(line, '\0', len) || strchr("#+-:", line[0]))
			continue;
		x->copy = str_dupn(line, len);
		x->n = 0;
		for (char *p = x->copy; p && x->n < FIELDS_MAX;) {
			x->field[x->n++] = p;
			p = strchr(p, ':');
			if (p)
				*p++ = '\0';
		}
		if (x->n >= db->n_fields && parse_id(x->field[2], &x->id))
			return true;
	}
	entry_fini(x);
	return false;
}

/* The first entry with @name, or with @id where that is NULL. */
static bool db_find(const struct db *db, const char *name, uint32_t id, struct entry *x)
{
	size_t at = 0;

	while (db_next(db, &at, x))
		if (name ? str_eq(x->field[0], name) : x->id == id)
			return true;
	return false;
}

static int unknown_name(const struct db *db, const char *name, struct err *e)
{
	enum { NAMES_MAX = 4096 };
	AUTO_STRV struct strv names = { 0 };
	AUTO_ENTRY struct entry x = { 0 };
	const char *near, *expected = str_eq(db->kind, "group") ? "expected a group by name or number" : EXPECTED;
	size_t at = 0;

	if (!db->text) {
		err_set(e, ERR_SPEC, "no %s \"%s\": %s of the root cannot be read: %s", db->kind, name, db->path,
			db->errnum == EINVAL ? "not a regular file" : strerror(db->errnum));
		return err_hint(e, "a number needs no file; %s", expected);
	}
	while (names.n < NAMES_MAX && db_next(db, &at, &x))
		strv_add(&names, x.field[0]);
	near = names.n ? str_nearest(name, (const char *const *)names.v, names.n) : NULL;
	err_set(e, ERR_SPEC, "no %s \"%s\" in %s of the root", db->kind, name, db->path);
	return near ? err_hint(e, "did you mean \"%s\"? %s", near, expected) : err_hint(e, "%s", expected);
}

/* ---- the maps ---- */

/* The map that was written: of the rung taken, where this process knows it. */
static const struct id_map *map_of(const struct ctx *c, bool groups)
{
	for (size_t i = 0; c->plan && i < c->plan->n && i < sizeof(c->rung_taken); i++) {
		const struct step *s = &c->plan->v[i];
		const struct id_map *m;

		if (s->kind != STEP_IDMAP || c->rung_taken[i] >= s->n_rungs)
			continue;
		m = groups ? s->rungs[c->rung_taken[i]].gids : s->rungs[c->rung_taken[i]].uids;
		if (m)
			return m;
	}
	return groups ? &c->in->gids : &c->in->uids;
}

/* Without a map we are in a user namespace that is not ours; there the kernel decides. */
static bool is_mapped(const struct id_map *m, uint32_t id)
{
	return !m->n || id_map_outside(m, id) >= 0;
}

/* Whether the caller left more ids unused than are mapped. */
static bool may_have_more(const struct spec *s)
{
	return s->ids == IDS_SINGLE || (s->ids == IDS_AUTO && !spec_has_tree(s));
}

static int check_mapped(const struct spec *s, const struct id_map *m, const char *kind, uint32_t id, struct err *e)
{
	AUTO_BUF struct buf ids = { 0 };

	if (is_mapped(m, id))
		return 0;
	for (size_t i = 0; i < m->n && i < 8; i++) {
		const struct id_extent *x = &m->v[i];

		buf_addf(&ids, "%s%" PRIu32, i ? ", " : "", x->inside);
		if (x->count > 1)
			buf_addf(&ids, "-%" PRIu64, (uint64_t)x->inside + x->count - 1);
	}
	if (m->n > 8)
		buf_add(&ids, " ...");
	err_set(e, ERR_SPEC, "%s %" PRIu32 " does not exist in the sandbox: mapped are %s", kind, id, ids.s);
	if (may_have_more(s))
		return err_hint(e, "--ids=range maps more, where /etc/subuid and /etc/subgid grant it; "
				   "or give one of the mapped ids by number");
	if (m->n == 1 && m->v[0].count == 1)
		return err_hint(e, "more ids need lines in /etc/subuid and /etc/subgid ('lichen doctor' says how); "
				   "or give the mapped one by number");
	return err_hint(e, "give one of the mapped ids by number");
}

/* ---- USER[:GROUP] ---- */

/* Finds @word, a name or a number; *found tells whether @x is its entry. */
static int resolve(const struct db *db, const char *word, uint32_t *id, struct entry *x, bool *found, struct err *e)
{
	if (!word[strspn(word, "0123456789")]) {
		if (!parse_id(word, id)) {
			err_set(e, ERR_SPEC, "\"%s\" is not a %s id", word, db->kind);
			return err_hint(e, "ids go from 0 to 4294967294, without leading zeros; " EXPECTED);
		}
		*found = db_find(db, NULL, *id, x);
		return 0;
	}
	*found = db_find(db, word, 0, x);
	if (!*found)
		return unknown_name(db, word, e);
	*id = x->id;
	return 0;
}

static bool lists(const char *members, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = members; *s;) {
		const char *end = strchrnul(s, ',');

		if ((size_t)(end - s) == len && !memcmp(s, name, len))
			return true;
		s = *end ? end + 1 : end;
	}
	return false;
}

static bool has_group(const struct ctx_user *u, gid_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return false;
}

/* The group itself (CVE-2022-36109) and those that list @name, as far as they are mapped. */
static int collect_groups(struct ctx_user *u, const struct id_map *gids, const struct db *db, const char *name,
			  struct err *e)
{
	AUTO_ENTRY struct entry x = { 0 };
	size_t at = 0;

	u->groups[0] = u->gid;
	u->n_groups = 1;
	while (name && db_next(db, &at, &x)) {
		if (!lists(x.field[3], name) || !is_mapped(gids, x.id) || has_group(u, x.id))
			continue;
		if (u->n_groups == N_ELEMS(u->groups))
			return err_set(e, ERR_SPEC, "user \"%s\" is in more than %zu groups in %s of the root", name,
				       N_ELEMS(u->groups), db->path);
		u->groups[u->n_groups++] = x.id;
	}
	return 0;
}

/* --group-add: by name or number, each mapped, or it would silently be missing. */
static int add_groups(struct ctx *c, const struct id_map *gids, const struct db *db, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };
	struct ctx_user *u = &c->user;

	if (!c->groups_settable) {
		err_set(e, ERR_SPEC, "--group-add %s: groups cannot be set here", c->spec->process.groups);
		return err_hint(e, c->spec->groups == GROUPS_KEEP
					   ? "the caller's are kept, which leaves no room for others"
					   : "that needs a range of ids (--ids=range): the kernel lets nobody set groups who "
					     "wrote the map of groups without privilege");
	}
	strv_split(&words, c->spec->process.groups, ',');
	for (size_t i = 0; i < words.n; i++) {
		AUTO_ENTRY struct entry x = { 0 };
		uint32_t gid;
		bool found;

		if (resolve(db, words.v[i], &gid, &x, &found, e) < 0 || check_mapped(c->spec, gids, "gid", gid, e) < 0)
			return err_wrap(e, "--group-add %s", words.v[i]);
		if (has_group(u, gid))
			continue;
		if (u->n_groups == N_ELEMS(u->groups))
			return err_set(e, ERR_SPEC, "--group-add: more than %zu groups", N_ELEMS(u->groups));
		u->groups[u->n_groups++] = gid;
	}
	return 0;
}

/* The words of "USER[:GROUP]"; *group is NULL without one. */
static int split(const char *text, char **user, char **group, struct err *e)
{
	const char *colon = strchr(text, ':');

	*user = colon ? str_dupn(text, (size_t)(colon - text)) : str_dup(text);
	*group = colon ? str_dup(colon + 1) : NULL;
	if (**user && (!*group || (**group && !strchr(*group, ':'))))
		return 0;
	err_set(e, ERR_SPEC, "\"%s\" is not a user", text);
	return err_hint(e, EXPECTED);
}

/* The only id of a map, or -1. */
static int64_t only_id(const struct id_map *m)
{
	return m->n == 1 && m->v[0].count == 1 ? (int64_t)m->v[0].inside : -1;
}

bool user_lookup(int root_fd, const struct strv *lowers, const char *text, uint32_t *uid, uint32_t *gid)
{
	AUTO_DB struct db passwd = { .path = "etc/passwd", .kind = "user", .n_fields = 4 };
	AUTO_DB struct db group = { .path = "etc/group", .kind = "group", .n_fields = 4 };
	AUTO_ENTRY struct entry pw = { 0 }, gr = { 0 };
	AUTO_FREE char *user = NULL, *grp = NULL;
	struct err ignored;
	bool found = false, has_group_entry;

	if (split(text, &user, &grp, &ignored) < 0)
		return false;
	if (root_fd >= 0 || lowers)
		db_read(&passwd, root_fd, lowers);
	if (resolve(&passwd, user, uid, &pw, &found, &ignored) < 0)
		return false;
	if (grp) {
		if (root_fd >= 0 || lowers)
			db_read(&group, root_fd, lowers);
		return resolve(&group, grp, gid, &gr, &has_group_entry, &ignored) == 0;
	}
	*gid = 0;
	return !found || parse_id(pw.field[3], gid);
}

static bool is_home(const char *s)
{
	return s[0] == '/' && strlen(s) < sizeof(((struct ctx_user *)0)->home);
}

/* In a sandbox that runs nobody knows any more whether the caller's home was made (run/prepare.c). */
static bool is_there(const struct ctx *c, int root_fd)
{
	AUTO_CLOSE int fd = c->in->is_exec ? path_open_in(root_fd, c->in->home, O_PATH | O_DIRECTORY, 0) : -1;

	return !c->in->is_exec || fd >= 0;
}

/**
 * step_user() - Look the payload's user up in the root's own passwd and group
 *
 * A number needs no entry; without one the group is 0 and the home is "/". No user at
 * all means root, and for `host` the caller. Where one group only is mapped it is that one.
 *
 * Place:	child
 * Needs:	SLOT_ROOT (the first read)
 * Errors:	SPEC: not of the form, unknown, not mapped, in too many groups
 */
int step_user(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const char *text = c->spec->process.user;
	const struct id_map *uids = map_of(c, false), *gids = map_of(c, true);
	const bool host = c->spec->root.kind == ROOT_HOST, given = text && *text;
	const bool bare = spec_is_bare(c->spec);
	const uint32_t own_uid = bare ? geteuid() : c->in->has_own ? c->in->own_uid : host && uids->n ? uids->v[0].inside : 0;
	const uint32_t own_gid = bare ? getegid() : c->in->has_own ? c->in->own_gid : host && gids->n ? gids->v[0].inside : 0;
	AUTO_DB struct db passwd = { .path = "etc/passwd", .kind = "user", .n_fields = 4 };
	AUTO_DB struct db group = { .path = "etc/group", .kind = "group", .n_fields = 4 };
	AUTO_ENTRY struct entry pw = { 0 };
	AUTO_FREE char *user = NULL, *grp = NULL;
	struct ctx_user *u = &c->user;
	uint32_t uid = own_uid, gid = own_gid;
	bool found = false;

	(void)rung;
	if (given && split(text, &user, &grp, e) < 0)
		return -1;
	db_read(&passwd, ctx_fd(c, s->reads[0]), NULL);
	db_read(&group, ctx_fd(c, s->reads[0]), NULL);
	if (!given) {
		found = db_find(&passwd, NULL, uid, &pw);
	} else {
		if (resolve(&passwd, user, &uid, &pw, &found, e) < 0)
			return -1;
		if (grp) {
			AUTO_ENTRY struct entry gr = { 0 };
			bool ignored;

			if (resolve(&group, grp, &gid, &gr, &ignored, e) < 0)
				return -1;
		} else if (found) {
			if (!parse_id(pw.field[3], &gid))
				return err_set(e, ERR_SPEC, "user \"%s\" has no valid group id in %s of the root",
					       pw.field[0], passwd.path);
		} else {
			gid = (host || c->in->has_own) && uid == own_uid ? own_gid : 0;
		}
		if (!grp && only_id(gids) >= 0)
			gid = (uint32_t)only_id(gids);
	}
	if (check_mapped(c->spec, uids, "uid", uid, e) < 0 || check_mapped(c->spec, gids, "gid", gid, e) < 0)
		return -1;
	u->uid = uid;
	u->gid = gid;
	if (host && uid == own_uid && c->in->home && is_home(c->in->home))
		str_copy(u->home, sizeof(u->home), is_there(c, ctx_fd(c, s->reads[0])) ? c->in->home : "/tmp");
	else
		str_copy(u->home, sizeof(u->home), found && pw.n > 5 && is_home(pw.field[5]) ? pw.field[5] : "/");
	/* the host's own file would give back the names of what is dropped */
	if (collect_groups(u, gids, &group, found && !(host && c->spec->groups == GROUPS_DROP) ? pw.field[0] : NULL, e) < 0)
		return -1;
	return c->spec->process.groups ? add_groups(c, gids, &group, e) : 0;
}

/* ---- becoming it ---- */

static int refused(struct err *e)
{
	if (e->errnum == EINVAL)
		return err_hint(e, "the id is not mapped in the sandbox");
	if (e->errnum == EAGAIN)
		return err_hint(e, "the user's limit of processes (RLIMIT_NPROC) is reached");
	return -1;
}

/**
 * step_set_user() - Groups, gid and uid, all of real, effective and saved
 *
 * Where the gid map denies setgroups the caller's groups stay: they cannot be dropped.
 *
 * Place:	child
 * Needs:	SLOT_USER; CAP_SETGID and CAP_SETUID in the own user namespace
 * Mustn't:	come before STEP_CAPS_BOUND
 * Errors:	SYS setgroups, setresgid, setresuid
 */
int step_set_user(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct ctx_user *u = &c->user;
	const struct spec_caps *caps = &c->spec->process.caps;

	(void)s;
	(void)rung;
	/* Leaving uid 0 clears the permitted set; STEP_CAPS needs it for these two sets. */
	if (u->uid && (caps->inheritable | caps->ambient) && prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "keeping capabilities over the change of the uid");
	if (c->groups_settable && setgroups(u->n_groups, u->groups) < 0) {
		err_sys(e, "setgroups", NULL, "setting %zu groups", u->n_groups);
		return refused(e);
	}
	if (setresgid(u->gid, u->gid, u->gid) < 0) {
		err_sys(e, "setresgid", NULL, "becoming gid %u", u->gid);
		return refused(e);
	}
	if (setresuid(u->uid, u->uid, u->uid) < 0) {
		err_sys(e, "setresuid", NULL, "becoming uid %u", u->uid);
		return refused(e);
	}
	return 0;
}
