/* SPDX-License-Identifier: Apache-2.0 */
/* run/prepare.c - from a spec and the facts to the plan's input: maps, texts, which copy */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "plan/host_table.h"
#include "run/fuse.h"
#include "run/imager.h"
#include "run/internal.h"
#include "steps/copy.h"
#include "steps/user.h"

enum { RANGE_MAX = 65536, COPY_MAX_FILES = 100000, COPY_MAX_BYTES = 512 << 20 };

/* One id: the caller, under the number that is asked for. */
static void map_single(struct id_map *uids, struct id_map *gids, const struct spec *s, const struct facts *f)
{
	const bool is_host = s->root.kind == ROOT_HOST;
	uint32_t uid = is_host ? f->uid : 0, gid = is_host ? f->gid : 0, want, want_gid;

	if (s->process.user) {
		const char *path = is_host ? "/" : s->root.path;
		const struct strv *lowers = s->root.lowers.n ? &s->root.lowers : NULL;
		AUTO_CLOSE int root = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		const bool has_group = strchr(s->process.user, ':');

		if (user_lookup(root, lowers, s->process.user, &want, &want_gid)) {
			uid = want;
			gid = has_group ? want_gid : is_host && want == f->uid ? f->gid : path || lowers ? want_gid : want;
		}
	}
	id_map_add(uids, uid, f->uid, 1);
	id_map_add(gids, gid, f->gid, 1);
}

/* All ranges, one after the other from @next on, beginning with the one of index @start; what
 * goes beyond the last id is left out. Return: the first number that is free. */
static uint32_t add_ranges(struct id_map *m, uint32_t next, const struct subids *ids, size_t start)
{
	for (size_t i = 0; i < ids->n && next < UINT32_MAX; i++) {
		const struct subid_range *x = &ids->v[(start + i) % ids->n];
		uint32_t count = x->count < UINT32_MAX - next ? x->count : UINT32_MAX - next;

		id_map_add(m, next, x->first, count);
		next += count;
	}
	return next;
}

/* root inside is the caller; 1 and up are the subordinate ranges */
static void map_range_caller(struct id_map *m, uint32_t self, const struct subids *ids)
{
	id_map_add(m, 0, self, 1);
	add_ranges(m, 1, ids, 0);
}

/* root inside is the first id of the range that has @top; the caller keeps its own number where that
 * is free, else gets the first free one */
static void map_range_subid(struct id_map *m, uint32_t self, const struct subids *ids, uint32_t top)
{
	size_t start = 0;
	uint32_t next;

	for (size_t i = 0; i < ids->n; i++)
		if (top >= ids->v[i].first && top - ids->v[i].first < ids->v[i].count)
			start = i;
	next = add_ranges(m, 0, ids, start);
	if (self >= next || next < UINT32_MAX)
		id_map_add(m, self >= next ? self : next, self, 1);
}

/* Real root never maps host id 0: its subordinate range, else a free one. */
static int map_real_root(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	uint32_t first, count = RANGE_MAX;

	if (f->subuids.n && f->subgids.n && f->subuids.v[0].first == f->subgids.v[0].first) {
		first = f->subuids.v[0].first;
		if (f->subuids.v[0].count < count)
			count = f->subuids.v[0].count;
		if (f->subgids.v[0].count < count)
			count = f->subgids.v[0].count;
	} else {
		AUTO_FREE char *text = subid_read_files();

		if (!text) { /* a range could be somebody's */
			err_sys(e, "open", "/etc/subuid", "finding ids that nobody has for root's sandboxes");
			return err_hint(e, "/etc/subuid and /etc/subgid must be readable for root, or missing");
		}
		first = subid_free_range(text, count, NULL);
		if (!first)
			return err_set(e, ERR_HOST, "no free range of 65536 ids is left for root's sandboxes");
	}
	if (s->ids == IDS_SINGLE)
		count = 1;
	id_map_add(&in->uids, 0, first, count);
	id_map_add(&in->gids, 0, first, count);
	in->how = IDMAP_SUPERVISOR;
	return 0;
}

static int no_range(const struct facts *f, struct err *e)
{
	if (f->writes_maps)
		err_set(e, ERR_HOST, "--ids=range: this user namespace has one id, which is root's");
	else
		err_set(e, ERR_HOST, "--ids=range: %s has no subordinate ids in %s", f->user ? f->user : "this user",
			f->subuids.n ? "/etc/subgid" : "/etc/subuid");
	return ids_hint(f, e);
}

static int choose_ids(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	bool has_ranges = f->subuids.n && f->subgids.n, has_tools = f->writes_maps || (f->newuidmap && f->newgidmap);
	const enum idmap_how how = f->writes_maps ? IDMAP_SUPERVISOR : IDMAP_TOOLS;

	if (f->is_bare_root) {
		err_set(e, ERR_HOST, "root without CAP_SYS_ADMIN could only make a sandbox whose ids are root's of this machine");
		return err_hint(e, "run lichen as an ordinary user (docker run --user, setpriv --reuid), or with that "
				   "capability (docker run --cap-add SYS_ADMIN)");
	}
	if (!spec_has_tree(s) || s->ids == IDS_SINGLE || (s->ids == IDS_AUTO && !(has_ranges && has_tools))) {
		if (!spec_has_tree(s) && s->ids == IDS_RANGE) {
			if (!has_ranges)
				return no_range(f, e);
			map_range_caller(&in->uids, f->uid, &f->subuids);
			map_range_caller(&in->gids, f->gid, &f->subgids);
			in->how = how;
			return 0;
		}
		map_single(&in->uids, &in->gids, s, f);
		in->how = IDMAP_SELF;
		if (spec_has_tree(s) && s->ids == IDS_AUTO)
			log_info("ids: single (%s)", !has_ranges ? "no lines in /etc/subuid and /etc/subgid" : "newuidmap is not installed");
		else
			log_info("ids: single (%s)", s->ids == IDS_SINGLE ? "--ids=single" : "the files of host belong to this machine's users");
		if (in->owner == OWNER_SUBID)
			in->owner = OWNER_FOREIGN;
		return 0;
	}
	if (!has_ranges)
		return no_range(f, e);
	in->how = how;
	if (in->owner == OWNER_SUBID) {
		map_range_subid(&in->uids, f->uid, &f->subuids, in->top_uid);
		map_range_subid(&in->gids, f->gid, &f->subgids, in->top_gid);
		return 0;
	}
	map_range_caller(&in->uids, f->uid, &f->subuids);
	map_range_caller(&in->gids, f->gid, &f->subgids);
	/* an image's layers are unpacked for one map: another one is another run */
	in->may_single = s->ids == IDS_AUTO && s->root.kind == ROOT_IMAGE;
	if (s->ids == IDS_AUTO && s->root.kind != ROOT_IMAGE)
		map_single(&in->single_uids, &in->single_gids, s, f);
	return 0;
}

int ids_usual(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	return f->is_root ? map_real_root(in, s, f, e) : choose_ids(in, s, f, e);
}

/* `host`: the caller's home, which gets a tmpfs of its own. System users have theirs among what
 * is shown (bin: /bin) or nowhere; theirs is /tmp, as nothing may be covered. */
static char *host_home(const struct plan_input *in, const char *home)
{
	static const char *const defaults[] = { "/proc", "/sys", "/dev" };
	AUTO_FREE char *path = path_clean(home);
	bool is_fit = path[1] && (access(path, F_OK) == 0 || errno != ENOENT);

	for (size_t i = 0; i < in->n_rows; i++)
		is_fit = is_fit && !path_is_within(path, in->rows[i].path) && !path_is_within(in->rows[i].path, path);
	for (size_t i = 0; i < N_ELEMS(defaults); i++)
		is_fit = is_fit && !path_is_within(path, defaults[i]);
	for (size_t i = 0; i < N_ELEMS(HOST_SCRATCH); i++) /* a home inside /tmp is made there */
		is_fit = is_fit && !path_is_within(HOST_SCRATCH[i].path, path);
	return is_fit ? ptr_take(&path) : str_dup("/tmp");
}

static void make_texts(struct plan_input *in, const struct spec *s, const struct facts *f)
{
	/* a uts namespace that is not our own has its name already; join_resolve() knows a joined one's */
	if (s->ns[NS_UTS].mode == NS_HOST)
		str_set(&in->hostname, f->hostname);
	if (s->root.kind == ROOT_HOST) {
		if (!in->hostname)
			in->hostname = str_dup(s->hostname ? s->hostname : f->hostname);
		if (f->home && f->home[0] == '/')
			in->home = host_home(in, f->home);
		if (s->add_hosts.n || s->hostname)
			in->etc_hosts = hosts_text(s, NULL);
		if (s->hostname)
			in->etc_hostname = str_fmt("%s\n", in->hostname);
		if (s->dns.n || s->dns_search.n || s->dns_options.n)
			in->etc_resolv = resolv_text(s);
		return;
	}
	if (!in->hostname)
		in->hostname = s->hostname ? str_dup(s->hostname) : str_dupn(s->id ? s->id : "000000000000", 12);
	in->etc_hostname = str_fmt("%s\n", in->hostname);
	in->etc_hosts = hosts_text(s, in->hostname);
	if (!s->no_resolv)
		in->etc_resolv = resolv_text(s);
}

/* The copy rung is made here, as the caller, where the host's true owners can be seen. */
static int make_copy(struct plan_input *in, const struct spec *s, struct err *e)
{
	AUTO_FREE char *dst = str_fmt("%s/copy", in->state_dir);
	AUTO_FREE char *owners = str_fmt("%s/owners", in->state_dir);
	struct copy_stats st = { 0 };

	if (mkdir(dst, 0755) < 0)
		return err_sys(e, "mkdir", dst, "making the copy's directory");
	if (s->root.kind == ROOT_IMAGE)
		return image_copy(in, s, dst, owners, e);
	if (copy_tree(s->root.path, dst, owners, &st, e) < 0)
		return err_wrap(e, "copying the root file system");
	return 0;
}

/* HOSTNAME is known only now; what the caller set with -e stays. */
static void add_hostname(struct spec *s, const char *name)
{
	if (strv_has(&s->process.unset_env, "HOSTNAME"))
		return;
	for (size_t i = 0; i < s->process.env.n; i++)
		if (str_starts(s->process.env.v[i], "HOSTNAME="))
			return;
	strv_addf(&s->process.env, "HOSTNAME=%s", name);
}

/* "squash_to_uid=0,squash_to_gid=0": to whom every file of the tree is to belong. */
static char *squash_options(const struct plan_input *in)
{
	return str_fmt("squash_to_uid=%u,squash_to_gid=%u", in->uids.v[0].inside, in->gids.v[0].inside);
}

/* Whether a copy of the tree is a matter of a second. Looks no further than it must. */
static bool is_small(const char *path)
{
	char *const paths[] = { (char *)(uintptr_t)path, NULL };
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t bytes = 0;
	size_t files = 0;

	if (!walk)
		return false;
	for (FTSENT *f; bytes <= COPY_MAX_BYTES && files <= COPY_MAX_FILES && (f = fts_read(walk)); files++)
		if (f->fts_info == FTS_F)
			bytes += (uint64_t)f->fts_statp->st_size;
	fts_close(walk);
	return bytes <= COPY_MAX_BYTES && files <= COPY_MAX_FILES;
}

/* A tree of ids that do not exist inside: a copy keeps their distinction where a range of
 * ids can hold it; fuse-overlayfs squashes them to one, and starts at once. */
static int choose_foreign(struct plan_input *in, const struct spec *s, const char *no_fuse, struct err *e)
{
	const bool wants_copy = s->overlay == OVERLAY_COPY ||
				(s->overlay == OVERLAY_AUTO && !s->root.layer && in->how != IDMAP_SELF && is_small(s->root.path));

	if (s->overlay == OVERLAY_KERNEL) {
		err_set(e, ERR_SPEC, "--overlay=kernel: %s belongs to another user, whose files cannot be changed inside", s->root.path);
		return err_hint(e, "leave the option out, or use --read-only");
	}
	in->takes_fuse = !wants_copy && !no_fuse;
	in->takes_copy = !in->takes_fuse;
	if (in->takes_fuse)
		in->squash = squash_options(in);
	if (in->takes_copy && s->root.layer) {
		err_set(e, ERR_HOST, "--overlay-keep: %s belongs to another user, which only fuse-overlayfs can do, and %s",
			s->root.path, no_fuse);
		return err_hint(e, "'lichen doctor' says what to do");
	}
	if (s->overlay != OVERLAY_AUTO)
		return 0;
	if (in->takes_fuse)
		log_warn("%s belongs to another user, whose ids are not yours to map: inside all of it belongs to root, and "
			 "owners cannot be changed (--overlay=copy makes a copy, where they can)", s->root.path);
	else
		log_warn("%s belongs to another user, whose ids are not yours to map: it is copied for this run (%s; "
			 "--read-only needs no copy; a tree unpacked by you starts at once)", s->root.path,
			 no_fuse ? no_fuse : "--overlay=fuse starts at once, but everything belongs to root then");
	return 0;
}

/* Which rungs of the overlay's ladder are in the plan. */
static int choose_overlay(struct plan_input *in, const struct spec *s, struct err *e)
{
	bool is_foreign = in->owner == OWNER_FOREIGN && !s->root.readonly, is_cow = s->root.cow;
	AUTO_FREE char *program = NULL;
	const char *no_fuse = NULL;

	/* the server holds the host's root. Where it is seen inside, whoever has its ids, or
	 * CAP_SYS_PTRACE in its user namespace, makes it act for himself */
	const bool is_visible = s->ns[NS_PID].mode != NS_PRIVATE, is_shared = in->how == IDMAP_JOINED;

	in->takes_copy = s->overlay == OVERLAY_COPY && !s->root.readonly;
	in->may_fuse = s->overlay == OVERLAY_AUTO && !is_visible && !is_shared;
	if (!is_foreign && !is_cow && s->overlay != OVERLAY_FUSE)
		return 0;
	program = fuse_find(&no_fuse);
	if (is_visible)
		no_fuse = "fuse-overlayfs could be traced from inside, with --pid";
	else if (is_shared)
		no_fuse = "fuse-overlayfs could be traced by who else is in the user namespace that is joined";
	if (no_fuse && (is_cow || s->overlay == OVERLAY_FUSE)) {
		err_set(e, ERR_HOST, "%s: %s", is_cow ? "--cow" : "--overlay=fuse", no_fuse);
		if (is_visible || is_shared)
			return err_hint(e, is_visible ? "leave out --pid" : "leave out what is joined");
		return err_hint(e, strstr(no_fuse, "/dev/fuse")
					   ? "an administrator runs: modprobe fuse && chmod 0666 /dev/fuse"
					   : "install the package fuse-overlayfs");
	}
	if (is_foreign)
		return choose_foreign(in, s, no_fuse, e);
	in->takes_fuse = true;
	if (is_cow)
		in->squash = squash_options(in);
	return 0;
}

/* Without namespaces nothing is mapped or mounted. */
static int prepare_bare(struct plan_input *in, struct spec *s, const struct facts *f, struct err *e)
{
	if (f->is_root) {
		err_set(e, ERR_SPEC, "--no-userns: the command would be root of this machine, which Landlock does not hold");
		return err_hint(e, "start it as the user it is for: runuser -u USER -- lichen run --no-userns ...");
	}
	in->how = IDMAP_SELF;
	make_texts(in, s, f);
	add_hostname(s, in->hostname);
	if (s->id)
		strv_addf(&s->process.env, RUN_MARK "%s", s->id);
	return 0;
}

/* The ids are what they are: does the tree fit, and can we make a writable layer? */
static int check_joined_ids(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	if (!f->is_root && id_map_inside(&in->uids, f->uid) < 0) {
		err_set(e, ERR_SPEC, "your own id, %u, does not exist in the user namespace that is joined", f->uid);
		return err_hint(e, "join one that maps you: every sandbox does, but with --userns=nomap");
	}
	if (s->root.kind == ROOT_DIR && !f->is_root && id_map_inside(&in->uids, in->top_uid) < 0)
		in->owner = OWNER_FOREIGN;
	return 0;
}

/* What is joined, the root as far as it is known without an image's layers, and the maps. 1: maps that were asked for, 0, -1 */
static int choose_maps(struct plan_input *in, struct spec *s, const struct facts *f, struct store *st, struct err *e)
{
	int wished = 0;

	if (join_resolve(in, s, f, st, e) < 0)
		return -1;
	if (f->is_root && in->how != IDMAP_JOINED) {
		wished = ids_wished(in, s, f, e);
		if (wished < 0 || (!wished && map_real_root(in, s, f, e) < 0))
			return -1;
	}
	if (root_find(in, s, f, e) < 0)
		return -1;
	if (!f->is_root && in->how != IDMAP_JOINED) {
		wished = ids_wished(in, s, f, e);
		if (wished < 0 || (!wished && choose_ids(in, s, f, e) < 0))
			return -1;
	}
	/* what was made of words must keep the rules, too */
	if (wished && (id_map_copy(&s->uids, &in->uids), id_map_copy(&s->gids, &in->gids), spec_check(s, e)) < 0)
		return -1;
	if (in->how == IDMAP_JOINED && check_joined_ids(in, s, f, e) < 0)
		return -1;
	return wished;
}

int imager_run_ids(struct spec *s, struct facts *f, struct store *st, struct id_map *uids, struct id_map *gids, struct err *e)
{
	struct plan_input in = { .is_root = f->is_root };
	int rc = ids_prepare(s, f, e);

	if (rc == 0 && choose_maps(&in, s, f, st, e) < 0)
		rc = -1;
	if (rc == 0) {
		id_map_copy(uids, &in.uids);
		id_map_copy(gids, &in.gids);
	}
	plan_input_fini(&in);
	return rc;
}

int prepare_input(struct plan_input *in, struct spec *s, const struct facts *f, const struct run_dir *rd,
		  struct store *st, struct image_hold *hold, struct err *e)
{
	int wished;

	*in = (struct plan_input){ .is_root = f->is_root };
	in->state_dir = str_dup(rd ? rd->data : "STATE");
	if (spec_is_bare(s))
		return prepare_bare(in, s, f, e);
	wished = choose_maps(in, s, f, st, e);
	if (wished < 0)
		return -1;
	if (s->root.kind == ROOT_IMAGE) {
		if (image_take(hold, in, s, f, st, !rd, e) < 0 || image_look(in, s, f, !rd, e) < 0)
			return -1;
		/* the user's name is known only now: no other ids, so the same layers */
		if (!wished && in->how == IDMAP_SELF && s->process.user) {
			id_map_fini(&in->uids);
			id_map_fini(&in->gids);
			map_single(&in->uids, &in->gids, s, f);
		}
	}
	if (volumes_take(s, in, st, rd, e) < 0)
		return -1;
	if (sources_look(in, s, rd, e) < 0 || (s->n_devices && devices_look(in, s, f, e) < 0))
		return -1;
	if (st)
		own_cover(in, s, st, f->uid);
	make_texts(in, s, f);
	if (s->root.kind == ROOT_BINS)
		bins_texts(in, s);
	add_hostname(s, in->hostname);
	in->maps_tty_gid = id_map_outside(&in->gids, 5) >= 0;
	/* real root: every tree of the host is idmapped by the supervisor */
	in->needs_userns_fd = in->is_root && (s->n_mounts || (spec_has_tree(s) && in->owner == OWNER_ROOT_IDMAP) ||
					      s->overlay == OVERLAY_COPY);
	if (!spec_has_tree(s) && !s->root.cow)
		return 0;
	if (choose_overlay(in, s, e) < 0)
		return -1;
	if (s->root.kind == ROOT_HOST)
		return 0;
	if (s->root.readonly)
		return root_skeleton(in, s, e);
	if (in->takes_copy)
		log_info("overlay %s: copy", spec_tree_name(s));
	if (in->takes_copy && rd && make_copy(in, s, e) < 0)
		return -1;
	return 0;
}
