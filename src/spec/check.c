/* SPDX-License-Identifier: Apache-2.0 */
/* spec/check.c - the rules across fields; each check names every fault it sees */

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/path.h"
#include "spec/idwish.h"
#include "spec/image.h"
#include "spec/internal.h"
#include "spec/landlock.h"
#include "spec/mountopts.h"
#include "spec/spec.h"

enum {
	HOSTNAME_MAX = 64,	/* __NEW_UTS_LEN of the kernel */
	BINS_MAX = 256,
	EXTENTS_MAX = 340,	/* UID_GID_MAP_MAX_EXTENTS of the kernel */
	ID_LEN = 64,
	NSEC_PER_SEC = 1000000000,
	LOWERS_MAX = 12,	/* STEP_READS of plan/plan.h: with root, upper, work and the end */
	DEVICES_MAX = 200,	/* slots of a plan */
};

/* "/", "//", "/./": made of nothing but slashes and single dots. */
static bool is_top(const char *path)
{
	return path[strspn(path, "/.")] == '\0' && !strstr(path, "..");
}

/* A path inside: absolute, without "..", short enough for the kernel. */
static void check_inside(struct strv *f, const char *what, const char *path)
{
	if (path[0] != '/')
		strv_addf(f, "%s: '%.80s' is not an absolute path", what, path);
	if (path_has_dotdot(path))
		strv_addf(f, "%s: '%.80s' has '..' in it", what, path);
	if (strlen(path) >= PATH_MAX)
		strv_addf(f, "%s: '%.80s...' is longer than %d bytes", what, path, PATH_MAX - 1);
}

/* ---- identity and root ---- */

static bool is_id(const char *id)
{
	return strlen(id) == ID_LEN && strspn(id, "0123456789abcdef") == ID_LEN;
}

static void check_identity(struct strv *f, const struct spec *s)
{
	const char *h = s->hostname;

	if (s->id && !is_id(s->id))
		strv_addf(f, "id: '%.80s' is not %d lower-case hex digits", s->id, ID_LEN);
	if (s->name && !str_is_name(s->name))
		strv_addf(f, "name: '%.80s' does not match [A-Za-z0-9][A-Za-z0-9_.-]*", s->name);
	if (h && (!*h || strlen(h) > HOSTNAME_MAX))
		strv_addf(f, "hostname: '%.80s' is not between 1 and %d bytes long", h, HOSTNAME_MAX);
	if (h && (strpbrk(h, "/ ") || str_has_control(h)))
		strv_addf(f, "hostname: '%.80s' has a slash, a blank or a control character in it", h);
	if (h && s->ns[NS_UTS].mode != NS_PRIVATE)
		strv_addf(f, "hostname: '%.80s' needs a uts namespace of the sandbox's own, but %s is used", h,
			  s->ns[NS_UTS].mode == NS_HOST ? "the host's" : "another's");
}

static void check_root(struct strv *f, const struct spec *s)
{
	const char *path = s->root.path;

	if (s->root.kind == ROOT_HOST && path)
		strv_addf(f, "root: 'host' has no path, but '%.80s' is given", path);
	if (s->root.cow && (s->root.kind != ROOT_HOST || s->root.readonly))
		strv_add(f, "root: a writable layer by copy on write is for the machine's own system, and not read-only");
	if (s->root.layer && (s->root.layer[0] != '/' || path_has_dotdot(s->root.layer)))
		strv_addf(f, "root: '%.80s', where the layer is kept, is not an absolute path", s->root.layer);
	if (s->root.layer && (s->root.readonly || s->overlay == OVERLAY_COPY || (!spec_has_tree(s) && !s->root.cow)))
		strv_add(f, "root: there is no writable layer to keep");
	if (s->root.kind == ROOT_BINS && path)
		strv_addf(f, "root: made of programs it has no path, but '%.80s' is given", path);
	if ((s->root.kind == ROOT_BINS) != (s->root.bins.n > 0))
		strv_addf(f, s->root.bins.n ? "root: programs are given, but another root" : "root: no program is given");
	if (s->root.bins.n > BINS_MAX)
		strv_addf(f, "root: %zu programs are given, at most %d are possible", s->root.bins.n, BINS_MAX);
	for (size_t i = 0; i < s->root.bins.n && i < BINS_MAX; i++)
		if (s->root.bins.v[i][0] != '/' || strlen(s->root.bins.v[i]) >= PATH_MAX)
			strv_addf(f, "root: the program '%.80s' is not an absolute path below %d bytes", s->root.bins.v[i], PATH_MAX);
	if (s->root.kind == ROOT_IMAGE && (path || !s->root.image || !*s->root.image))
		strv_add(f, path ? "root: an image has no path, but one is given" : "root: the image has no name");
	if (s->root.lowers.n > IMAGE_LAYERS_MAX)
		strv_addf(f, "root: the image has %zu layers, at most %d are possible", s->root.lowers.n, IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < s->root.lowers.n && i < IMAGE_LAYERS_MAX; i++)
		if (s->root.lowers.v[i][0] != '/')
			strv_addf(f, "root: the layer '%.80s' is not an absolute path", s->root.lowers.v[i]);
	if (s->root.kind == ROOT_DIR && !path)
		strv_addf(f, "root: no root file system is given");
	if (s->root.kind == ROOT_DIR && path && path[0] != '/')
		strv_addf(f, "root: '%.80s' is not an absolute path", path);
}

/* ---- process ---- */

static void check_env(struct strv *f, const struct strv *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (env->v[i][0] == '=' || !strchr(env->v[i], '='))
			strv_addf(f, "environment: '%.40s' is not KEY=VALUE", env->v[i]);
}

/* Names the capabilities in @over. */
static void cap_fault(struct strv *f, uint64_t over, const char *rule)
{
	unsigned n = 0;

	if (!over)
		return;
	while (!(over >> n & 1))
		n++;
	strv_addf(f, "capabilities: %s: %s%s", rule, cap_name(n) ? cap_name(n) : "an unnamed one",
		  over >> n >> 1 ? " and others" : "");
}

static void check_caps(struct strv *f, const struct spec *s)
{
	const struct spec_caps *c = &s->process.caps;

	cap_fault(f, c->permitted & ~c->bounding, "permitted, but not in the bounding set");
	cap_fault(f, c->effective & ~c->bounding, "effective, but not in the bounding set");
	cap_fault(f, c->effective & ~c->permitted, "effective, but not permitted");
	cap_fault(f, c->ambient & ~(c->inheritable & c->permitted),
		  "ambient, but not both inheritable and permitted");
	/* An inheritable set that is not needed for ambient capabilities only helps files with
	 * file capabilities (CVE-2022-24769). oci_read() lets others ask for it, and warns. */
	if (!s->unknown)
		cap_fault(f, c->inheritable & ~c->ambient, "inheritable, but not ambient");
}

static void check_rlimits(struct strv *f, const struct spec_process *p)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *l = &p->rlimits[i];
		int n = l->type ? rlimit_from_name(l->type) : -1;

		if (n < 0 || !str_eq(rlimit_name(n), l->type)) {
			strv_addf(f, "resource limit: '%.40s' is not known", l->type ? l->type : "");
			continue;
		}
		if (seen >> n & 1)
			strv_addf(f, "resource limit: %s is given twice", l->type);
		seen |= UINT32_C(1) << n;
		if (l->soft > l->hard)
			strv_addf(f, "resource limit: %s: soft %" PRIu64 " is above hard %" PRIu64,
				  l->type, l->soft, l->hard);
	}
}

static void check_process(struct strv *f, const struct spec *s)
{
	const struct spec_process *p = &s->process;

	if (p->cwd && p->cwd[0] != '/')
		strv_addf(f, "working directory: '%.80s' is not an absolute path", p->cwd);
	if (p->user && (!p->user[0] || str_has_control(p->user)))
		strv_addf(f, "user: '%.40s' is not USER[:GROUP]", p->user);
	check_env(f, &p->env);
	check_caps(f, s);
	check_rlimits(f, p);
}

/* ---- namespaces ---- */

static void check_ns(struct strv *f, const struct spec *s)
{
	for (enum ns_type t = 0; t < NS_TYPES; t++) {
		const struct spec_ns *ns = &s->ns[t];

		if (ns->mode == NS_PATH && ns->container && !str_is_name(ns->container))
			strv_addf(f, "%s namespace: '%.80s' is not a sandbox's name or id", ns_name(t), ns->container);
		if (ns->mode == NS_PATH && !ns->container && (!ns->path || ns->path[0] != '/'))
			strv_addf(f, "%s namespace: '%.80s' is not an absolute path", ns_name(t),
				  ns->path ? ns->path : "");
	}
	if (s->ns[NS_USER].mode == NS_HOST && !spec_is_bare(s))
		strv_addf(f, "user namespace: the host's cannot be used, as a sandbox stands on a user namespace of its own");
	if (s->ns[NS_MOUNT].mode != NS_PRIVATE && !spec_is_bare(s))
		strv_addf(f, "mount namespace: it is always the sandbox's own, as its root file system is");
	if (!s->time.has_offsets)
		return;
	if (s->ns[NS_TIME].mode != NS_PRIVATE)
		strv_addf(f, "time offsets need a time namespace of the sandbox's own");
	if (s->time.monotonic_ns >= NSEC_PER_SEC || s->time.boottime_ns >= NSEC_PER_SEC)
		strv_addf(f, "time offsets: nanoseconds must be below %d", NSEC_PER_SEC);
}

/* Do [a, a + n) and [b, b + m) meet? */
static bool overlap(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
	return a < b + m && b < a + n;
}

static void check_extent(struct strv *f, const char *what, const struct id_extent *x)
{
	if (!x->count)
		strv_addf(f, "%s: %u:%u:0 is empty", what, x->inside, x->outside);
	/* 2^32 - 1 is no id: it says "leave as it is" in chown(2) and setresuid(2) */
	if ((uint64_t)x->inside + x->count > UINT32_MAX || (uint64_t)x->outside + x->count > UINT32_MAX)
		strv_addf(f, "%s: %u:%u:%u goes beyond the last id, 4294967294", what, x->inside,
			  x->outside, x->count);
	if (x->outside == 0 && x->count)
		strv_addf(f, "%s: %u:0:%u maps root of the host", what, x->inside, x->count);
}

static void check_map(struct strv *f, const char *what, const struct id_map *m)
{
	if (m->n > EXTENTS_MAX) {
		strv_addf(f, "%s: %zu extents, the kernel takes %d", what, m->n, EXTENTS_MAX);
		return;
	}
	for (size_t i = 0; i < m->n; i++) {
		const struct id_extent *x = &m->v[i];

		check_extent(f, what, x);
		for (size_t j = 0; j < i; j++) {
			const struct id_extent *y = &m->v[j];
			bool in = overlap(x->inside, x->count, y->inside, y->count);

			if (in || overlap(x->outside, x->count, y->outside, y->count))
				strv_addf(f, "%s: %u:%u:%u and %u:%u:%u overlap %s", what, y->inside,
					  y->outside, y->count, x->inside, x->outside, x->count,
					  in ? "inside" : "outside");
		}
	}
}

/* What is asked of the maps is of one piece. */
static void check_wishes(struct strv *f, const struct spec *s)
{
	struct id_wishes w = { 0 };
	enum userns_wish kind;
	int64_t uid, gid;
	struct err e;

	if (userns_wish_parse(s->userns, &kind, &uid, &gid, &e) < 0 ||
	    (s->uidmap && id_wishes_parse("--uidmap", s->uidmap, &w, &e) < 0) ||
	    (s->gidmap && id_wishes_parse("--gidmap", s->gidmap, &w, &e) < 0))
		strv_addf(f, "%s", e.what);
	id_wishes_fini(&w);
	if (s->userns && (s->uidmap || s->gidmap))
		strv_addf(f, "--userns=%.40s and --uidmap or --gidmap both say which ids there are", s->userns);
	if (s->ids == IDS_SINGLE && (s->uidmap || s->gidmap || str_eq(s->userns, "nomap")))
		strv_addf(f, "--ids=single, and more ids are asked for");
	if (s->ns[NS_USER].mode == NS_PATH && (s->userns || s->uidmap || s->gidmap || s->subuidname || s->subgidname))
		strv_addf(f, "the user namespace that is joined has its ids already: --uidmap, --gidmap, --subuidname and "
			     "--subgidname cannot change them");
}

static void check_maps(struct strv *f, const struct spec *s)
{
	check_wishes(f, s);
	check_map(f, "uid map", &s->uids);
	check_map(f, "gid map", &s->gids);
	if (s->ns[NS_USER].mode == NS_HOST && (s->uids.n || s->gids.n))
		strv_addf(f, "id maps need a user namespace, but the host's is used");
}

/* ---- mounts ---- */

static const char *const MOUNT_TYPES[] = {
	"bind", "cgroup", "cgroup2", "devpts", "mqueue", "none", "overlay", "proc", "sysfs", "tmpfs",
};

static bool is_mount_type(const char *type)
{
	for (size_t i = 0; i < N_ELEMS(MOUNT_TYPES); i++)
		if (str_eq(type, MOUNT_TYPES[i]))
			return true;
	return false;
}

static void check_options(struct strv *f, const struct spec_mount *m, bool is_bind)
{
	for (size_t i = 0; i < m->options.n; i++) {
		const char *word = m->options.v[i], *near;
		const struct mountopt *o;

		if (mountopt_find(word, &o) == 0) {
			if (o->refused && !(str_eq(m->type, "tmpfs") && str_eq(word, SPEC_COPY_UP)))
				strv_addf(f, "mount on '%.80s': option '%s': %s", m->destination,
					  word, o->refused);
		} else if (is_bind) {
			near = mountopt_nearest(word);
			strv_addf(f, "mount on '%.80s': unknown option '%.40s'%s%s%s", m->destination,
				  word, near ? " (did you mean '" : "", near ? near : "",
				  near ? "'?)" : "");
		}
	}
}

static void check_layers(struct strv *f, const struct spec_mount *m)
{
	struct spec_layers l;

	spec_layers(m, &l);
	if (!l.lower.n)
		strv_addf(f, "mount on '%.80s': an overlay needs lowerdir=", m->destination);
	if (l.lower.n > LOWERS_MAX)
		strv_addf(f, "mount on '%.80s': %zu lower directories, at most %d are possible", m->destination, l.lower.n,
			  LOWERS_MAX);
	for (size_t i = 0; i < l.lower.n; i++)
		if (l.lower.v[i][0] != '/')
			strv_addf(f, "mount on '%.80s': the lower directory '%.80s' is not an absolute path", m->destination,
				  l.lower.v[i]);
	if (!l.upper != !l.work)
		strv_addf(f, "mount on '%.80s': upperdir= and workdir= go together", m->destination);
	if ((l.upper && l.upper[0] != '/') || (l.work && l.work[0] != '/'))
		strv_addf(f, "mount on '%.80s': upperdir= and workdir= need absolute paths", m->destination);
	spec_layers_fini(&l);
}

static void check_mount(struct strv *f, const struct spec_mount *m)
{
	bool is_bind = str_eq(m->type, "bind");

	if (!m->destination) {
		strv_addf(f, "a mount has no destination");
		return;
	}
	check_inside(f, "mount", m->destination);
	if (m->destination[0] == '/' && is_top(m->destination))
		strv_addf(f, "mount: '%.80s' would hide the root file system", m->destination);
	if (!m->type || !is_mount_type(m->type))
		strv_addf(f, "mount on '%.80s': type '%.40s' is not known", m->destination,
			  m->type ? m->type : "");
	if (is_bind && (!m->source || m->source[0] != '/'))
		strv_addf(f, "mount on '%.80s': the source '%.80s' is not an absolute path",
			  m->destination, m->source ? m->source : "");
	check_options(f, m, is_bind);
	if (str_eq(m->type, "overlay"))
		check_layers(f, m);
}

static void check_paths(struct strv *f, const struct spec *s)
{
	for (size_t i = 0; i < s->n_paths; i++) {
		const struct spec_path *p = &s->paths[i];
		const char *what = p->kind == PATH_DIR ? "directory" : "symbolic link";

		check_inside(f, what, p->path ? p->path : "");
		if (p->path && p->path[0] == '/' && is_top(p->path))
			strv_addf(f, "%s: '%.80s' is the root itself", what, p->path);
		if (p->kind == PATH_SYMLINK && (!p->target || !*p->target || strlen(p->target) >= PATH_MAX))
			strv_addf(f, "symbolic link '%.80s': its target is not between 1 and %d bytes long", p->path,
				  PATH_MAX - 1);
		if (p->mode > 07777)
			strv_addf(f, "%s '%.80s': %o is no mode", what, p->path, p->mode);
	}
}

static void check_devices(struct strv *f, const struct spec *s)
{
	if (s->n_devices > DEVICES_MAX)
		strv_addf(f, "devices: %zu are given, at most %d are possible", s->n_devices, DEVICES_MAX);
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct spec_device *d = &s->devices[i];

		check_inside(f, "device", d->path ? d->path : "");
		if (d->path && d->path[0] == '/' && is_top(d->path))
			strv_addf(f, "device: '%.80s' would hide the root file system", d->path);
		if (!d->source || d->source[0] != '/')
			strv_addf(f, "device '%.80s': '%.80s' is not an absolute path of this machine", d->path,
				  d->source ? d->source : "");
		if (d->type != 'c' && d->type != 'b')
			strv_addf(f, "device '%.80s': its type is neither 'c' nor 'b'", d->path);
	}
}

static void check_seccomp(struct strv *f, const struct spec *s)
{
	if (s->seccomp != SECCOMP_PROFILE)
		return;
	if (!s->seccomp_profile || s->seccomp_profile[0] != '/')
		strv_addf(f, "seccomp profile: '%.80s' is not an absolute path", s->seccomp_profile ? s->seccomp_profile : "");
	if (s->seccomp_sha256 && !is_id(s->seccomp_sha256))
		strv_addf(f, "seccomp profile: '%.80s' is not a SHA-256 in hex", s->seccomp_sha256);
}

/* Whether @path is @dir, however many slashes it is written with, or lies above it. */
static bool covers(const char *path, const char *dir)
{
	for (;;) {
		size_t n;

		path += strspn(path, "/");
		dir += strspn(dir, "/");
		n = strcspn(path, "/");
		if (!n)
			return true;
		if (n == 1 && path[0] == '.') {
			path++;
			continue;
		}
		if (n != strcspn(dir, "/") || strncmp(path, dir, n) != 0)
			return false;
		path += n;
		dir += n;
	}
}

static void check_mounts(struct strv *f, const struct spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		check_mount(f, m);
		/* the command's terminal is made there */
		if (s->process.terminal && m->destination && covers(m->destination, "/dev/pts") && !str_eq(m->type, "devpts") &&
		    !covers(m->destination, "/dev"))
			strv_addf(f, "mount on '%.80s': a terminal (-t) needs the sandbox's own /dev/pts; leave out one of the two",
				  m->destination);
	}
	for (size_t i = 0; i < s->masked_paths.n; i++)
		check_inside(f, "masked path", s->masked_paths.v[i]);
	for (size_t i = 0; i < s->readonly_paths.n; i++)
		check_inside(f, "read-only path", s->readonly_paths.v[i]);
}

/* ---- Landlock, and what is left without namespaces ---- */

static void check_landlock(struct strv *f, const struct spec *s)
{
	for (size_t i = 0; i < s->landlock.n; i++) {
		struct landlock_rule r;
		struct err e;

		if (landlock_parse(s->landlock.v[i], &r, &e) < 0)
			strv_addf(f, "%s", e.what);
	}
}

static void check_bare(struct strv *f, const struct spec *s)
{
	if (s->ns[NS_USER].mode != NS_HOST)
		return;
	if (!spec_is_bare(s)) {
		strv_addf(f, "the host's user namespace goes with none of its own of any kind (--no-userns --landlock)");
		return;
	}
	if (!s->landlock.n)
		strv_addf(f, "no user namespace: without Landlock rules (--landlock) nothing would be isolated");
	if (s->root.kind != ROOT_HOST)
		strv_addf(f, "no user namespace: only 'host' can be the root file system");
	if (s->n_mounts)
		strv_addf(f, "no user namespace: nothing can be mounted, but '%.80s' is asked for", s->mounts[0].destination);
	if (s->process.user)
		strv_addf(f, "no user namespace: the user cannot be changed to '%.40s'", s->process.user);
	if (s->process.caps.permitted || s->privileged)
		strv_addf(f, "no user namespace: there are no capabilities to give");
	if (!s->process.no_new_privs)
		strv_addf(f, "no user namespace: no_new_privs cannot be off");
}

static void check_annotations(struct strv *f, const struct strv *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i][0] == '=' || !strchr(a->v[i], '='))
			strv_addf(f, "annotation: '%.40s' is not KEY=VALUE", a->v[i]);
		else if (str_starts(a->v[i], SPEC_ANNOTATION))
			strv_addf(f, "annotation: '%.40s': names under %s are lichen's own", a->v[i],
				  SPEC_ANNOTATION);
	}
}

/* Joins as many as fit into err.what, and counts the rest. */
static int report(const struct strv *f, struct err *e)
{
	enum { ROOM = sizeof(e->what) - sizeof("; and 18446744073709551615 more") };
	AUTO_BUF struct buf b = { 0 };
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (i && b.len + strlen(f->v[i]) + 2 > ROOM)
			break;
		buf_addf(&b, "%s%s", i ? "; " : "", f->v[i]);
	}
	if (i < f->n)
		buf_addf(&b, "; and %zu more", f->n - i);
	return err_set(e, ERR_SPEC, "%s", b.s);
}

static void check_cgroup(struct strv *f, const struct spec *s)
{
	limits_check(&s->limits, f);
	if (s->cgroup_manager == CGROUP_OFF && (limits_any(&s->limits) || s->cgroup_writable || s->proc_limits || s->cgroup_parent))
		strv_add(f, "cgroup-manager: none, and limits need a cgroup");
	if (s->cgroup_writable && s->ns[NS_CGROUP].mode != NS_PRIVATE)
		strv_add(f, "cgroupns-rw: needs a cgroup namespace of the sandbox's own");
	if (s->cgroup_parent && (!*s->cgroup_parent || path_has_dotdot(s->cgroup_parent) || str_has_control(s->cgroup_parent) ||
				 strlen(s->cgroup_parent) >= PATH_MAX))
		strv_addf(f, "cgroup-parent: '%.80s' is no path of a cgroup, and no slice", s->cgroup_parent);
	if (s->proc_limits && (spec_is_bare(s) || s->ns[NS_PID].mode != NS_PRIVATE))
		strv_add(f, "proc-limits: needs a /proc of the sandbox's own");
	for (size_t i = 0; s->proc_limits && i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].destination, "/dev") || str_eq(s->mounts[i].destination, "/proc"))
			strv_addf(f, "proc-limits: needs lichen's own %s, and something else is mounted there", s->mounts[i].destination);
}

int spec_check(const struct spec *s, struct err *e)
{
	AUTO_STRV struct strv faults = { 0 };

	check_identity(&faults, s);
	check_root(&faults, s);
	check_process(&faults, s);
	spec_check_process(&faults, s);
	check_ns(&faults, s);
	check_maps(&faults, s);
	check_mounts(&faults, s);
	check_landlock(&faults, s);
	check_bare(&faults, s);
	check_paths(&faults, s);
	check_devices(&faults, s);
	check_seccomp(&faults, s);
	check_cgroup(&faults, s);
	check_annotations(&faults, &s->annotations);
	return faults.n ? report(&faults, e) : 0;
}
