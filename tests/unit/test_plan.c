/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_plan.c - golden plans, their JSON, and every rule of plan_check() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "plan/plan.h"
#include "spec/image.h"

/* ---- the cases: a spec and what run/prepare would have found, both by hand ---- */

static void set_path(struct spec_ns *ns, const char *path)
{
	ns->mode = NS_PATH;
	str_set(&ns->path, path);
}

static void add_bind(struct spec *s, const char *source, const char *destination, const char *option)
{
	struct spec_mount *m = spec_add_mount(s);

	m->type = str_dup("bind");
	m->source = str_dup(source);
	m->destination = str_dup(destination);
	if (option)
		strv_add(&m->options, option);
}

static void add_row(struct plan_input *in, const char *path, const char *link)
{
	in->rows = mem_grow(in->rows, in->n_rows + 1, sizeof(*in->rows));
	in->rows[in->n_rows++] = (struct host_row){ .path = str_dup(path), .link = str_dup(link) };
}

static void dir_range(struct spec *s, struct plan_input *in)
{
	s->root.kind = ROOT_DIR;
	str_set(&s->root.path, "/srv/debian");
	strv_add(&s->process.args, "/bin/sh");
	in->how = IDMAP_TOOLS;
	in->owner = OWNER_CALLER;
	id_map_add(&in->uids, 0, 1000, 1);
	id_map_add(&in->uids, 1, 100000, 65536);
	id_map_copy(&in->gids, &in->uids);
	id_map_add(&in->single_uids, 0, 1000, 1);
	id_map_copy(&in->single_gids, &in->single_uids);
	in->maps_tty_gid = true;
	in->state_dir = str_dup("STATE");
	in->layer_dir = str_dup("STATE");
	in->hostname = str_dup("0123456789ab");
	in->etc_hosts = str_dup("127.0.0.1\tlocalhost\n");
	in->etc_hostname = str_dup("0123456789ab\n");
	in->etc_resolv = str_dup("nameserver 192.0.2.1\n");
}

static void dir_single(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	s->ids = IDS_SINGLE;
	in->how = IDMAP_SELF;
	id_map_fini(&in->uids);
	id_map_fini(&in->gids);
	id_map_copy(&in->uids, &in->single_uids);
	id_map_copy(&in->gids, &in->single_gids);
	id_map_fini(&in->single_uids);
	id_map_fini(&in->single_gids);
	in->maps_tty_gid = false;
}

static void dir_readonly(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	s->root.readonly = true;
}

static void dir_readonly_skeleton(struct spec *s, struct plan_input *in)
{
	dir_readonly(s, in);
	add_bind(s, "/data", "/data", "ro");
	strv_add(&in->skeleton_dirs, "/data");
	strv_add(&in->skeleton_dirs, "/sys");
	strv_add(&in->skeleton_files, "/etc/resolv.conf");
}

static void dir_subid(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->owner = OWNER_SUBID;
	id_map_fini(&in->uids);
	id_map_fini(&in->single_uids);
	id_map_fini(&in->single_gids);
	id_map_add(&in->uids, 0, 100000, 65536);
	id_map_add(&in->uids, 65536, 1000, 1);
	id_map_copy(&in->gids, &in->uids);
}

static void dir_copy(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->owner = OWNER_FOREIGN;
	in->takes_copy = true;
}

/* Auto: the kernel's overlay, then fuse-overlayfs. */
static void dir_fuse_second(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->may_fuse = true;
}

static void dir_fuse_squash(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->owner = OWNER_FOREIGN;
	in->takes_fuse = true;
	in->squash = str_dup("squash_to_uid=0,squash_to_gid=0");
}

static void layer_in_memory(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	str_set(&in->layer_dir, "STATE/layer");
	in->layer_in_memory = true;
}

static void layer_kept(struct spec *s, struct plan_input *in)
{
	dir_single(s, in);
	s->root.layer = str_dup("/keep");
	str_set(&in->layer_dir, "/keep");
}

static void root_idmapped(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->is_root = true;
	in->owner = OWNER_ROOT_IDMAP;
	in->how = IDMAP_SUPERVISOR;
	in->needs_userns_fd = true;
	id_map_fini(&in->uids);
	id_map_fini(&in->single_uids);
	id_map_fini(&in->single_gids);
	id_map_add(&in->uids, 0, 524288, 65536);
	id_map_copy(&in->gids, &in->uids);
	/* the deeper one first: the plan turns them round */
	add_bind(s, "/data/deep", "/srv/data/deep", NULL);
	add_bind(s, "/data", "/srv/data", "ro");
}

static void root_idmapped_copy(struct spec *s, struct plan_input *in)
{
	root_idmapped(s, in);
	in->takes_copy = true;
}

static void root_idmapped_readonly(struct spec *s, struct plan_input *in)
{
	root_idmapped(s, in);
	s->root.readonly = true;
}

static void image(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	id_map_fini(&in->single_uids);
	id_map_fini(&in->single_gids);
	s->root.kind = ROOT_IMAGE;
	str_set(&s->root.path, NULL);
	str_set(&s->root.image, "alpine:3.20");
	strv_add(&s->root.lowers, "/images/top/root");
	strv_add(&s->root.lowers, "/images/middle/root");
	strv_add(&s->root.lowers, "/images/base/root");
}

/* The slots of the layers come after those of the volumes. The skeleton is the lowest layer. */
static void image_readonly(struct spec *s, struct plan_input *in)
{
	image(s, in);
	s->root.readonly = true;
	in->may_fuse = true;
	add_bind(s, "/data", "/data", "ro");
	strv_add(&in->skeleton_dirs, "/proc");
	strv_add(&in->skeleton_dirs, "/data");
	strv_add(&in->skeleton_files, "/etc/hosts");
}

/* Real root's layers are its subordinate ids' already: nothing is idmapped. */
static void image_by_root(struct spec *s, struct plan_input *in)
{
	image(s, in);
	in->is_root = true;
	in->owner = OWNER_SUBID;
	in->how = IDMAP_SUPERVISOR;
	id_map_fini(&in->uids);
	id_map_add(&in->uids, 0, 524288, 65536);
	id_map_copy(&in->gids, &in->uids);
}

static void image_copy(struct spec *s, struct plan_input *in)
{
	image(s, in);
	in->takes_copy = true;
}

static void host_plain(struct spec *s, struct plan_input *in)
{
	dir_single(s, in);
	s->root.kind = ROOT_HOST;
	str_set(&s->root.path, NULL);
	id_map_fini(&in->uids);
	id_map_add(&in->uids, 1000, 1000, 1);
	id_map_copy(&in->gids, &in->uids);
	auto_free(&in->etc_hosts);
	auto_free(&in->etc_hostname);
	auto_free(&in->etc_resolv);
	str_set(&in->hostname, "machine");
	in->home = str_dup("/home/user");
	add_row(in, "/usr", NULL);
	add_row(in, "/bin", "usr/bin");
	add_row(in, "/etc", NULL);
	strv_add(&in->host_masks, "/etc/shadow");
}

static void host_cow(struct spec *s, struct plan_input *in)
{
	host_plain(s, in);
	s->root.cow = true;
	in->takes_fuse = true;
	in->squash = str_dup("squash_to_uid=1000,squash_to_gid=1000");
}

static void bins(struct spec *s, struct plan_input *in)
{
	dir_single(s, in);
	s->root.kind = ROOT_BINS;
	str_set(&s->root.path, NULL);
	strv_add(&s->root.bins, "/bin/sh");
	in->home = str_dup("/root");
	in->home_data = str_dup("mode=0700");
	in->etc_passwd = str_dup("root:x:0:0:root:/root:/bin/sh\n");
	in->etc_group = str_dup("root:x:0:\n");
	in->etc_nsswitch = str_dup("passwd: files\n");
	add_row(in, "/bin", "usr/bin");
	add_row(in, "/usr/bin/sh", "dash");
	add_row(in, "/usr/bin/dash", NULL);
	add_row(in, "/usr/lib/libc.so.6", NULL);
}

/* Ids change: the files are taken before that. Read-only is the root, not what is mounted. */
static void bins_range_readonly(struct spec *s, struct plan_input *in)
{
	bins(s, in);
	s->root.readonly = true;
	in->how = IDMAP_TOOLS;
	id_map_add(&in->uids, 1, 100000, 65536);
	id_map_add(&in->gids, 1, 100000, 65536);
	add_bind(s, "/data", "/tmp/data", "ro");
	add_bind(s, "/other", "/root", NULL);
}

/* A range for the sake of setgroups: the caller stays who it is. */
static void host_keep_id(struct spec *s, struct plan_input *in)
{
	host_plain(s, in);
	s->groups = GROUPS_DROP;
	in->how = IDMAP_TOOLS;
	in->stays_caller = in->has_own = true;
	in->own_uid = in->own_gid = 1000;
	id_map_fini(&in->uids);
	id_map_fini(&in->gids);
	id_map_add(&in->uids, 0, 100000, 1000);
	id_map_add(&in->uids, 1000, 1000, 1);
	id_map_add(&in->uids, 1001, 101000, 64536);
	id_map_copy(&in->gids, &in->uids);
	in->maps_tty_gid = true;
}

static void host_volume(struct spec *s, struct plan_input *in)
{
	host_plain(s, in);
	add_bind(s, "/home/user", "/home/user", NULL);
	add_bind(s, "/data", "/tmp/data", "ro");
}

static void terminal(struct spec *s, struct plan_input *in)
{
	struct spec_rlimit *l = spec_add_rlimit(s);

	dir_range(s, in);
	l->type = str_dup("RLIMIT_NOFILE");
	l->soft = l->hard = 64;
	s->process.terminal = true;
	s->process.interactive = true;
	str_set(&s->process.cwd, "/srv");
	str_set(&s->process.user, "daemon");
}

static void privileged(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	s->privileged = true;
	s->seccomp = SECCOMP_UNCONFINED;
	s->process.no_new_privs = false;
	strv_fini(&s->masked_paths);
	strv_fini(&s->readonly_paths);
}

static void joined(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->how = IDMAP_JOINED;
	set_path(&s->ns[NS_USER], "/proc/4711/ns/user");
	set_path(&s->ns[NS_NETWORK], "/proc/4711/ns/net");
}

/* The others' user namespace maps the ids; the pid namespace's /proc can be mounted in it. */
static void joined_all(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->how = IDMAP_JOINED;
	for (enum ns_type t = NS_USER; t < NS_TYPES; t++)
		if (t != NS_MOUNT && t != NS_TIME) {
			s->ns[t].mode = NS_PATH;
			str_set(&s->ns[t].container, "web");
		}
	s->time.has_offsets = true;
	s->time.monotonic_s = -5;
}

/* Real root keeps a user namespace of its own: nothing of the joined ones can be mounted. */
static void joined_by_root(struct spec *s, struct plan_input *in)
{
	root_idmapped(s, in);
	s->userns_private = true;
	set_path(&s->ns[NS_NETWORK], "/run/netns/blue");
	set_path(&s->ns[NS_IPC], "/run/ipcns/blue");
}

/* A command more in a sandbox that runs: it joins all, makes nothing, ends like every other. */
static void exec_all(struct spec *s, struct plan_input *in)
{
	strv_add(&s->process.args, "sh");
	str_set(&s->process.cwd, "/src");
	str_set(&s->process.user, "app");
	s->process.terminal = true;
	s->process.has_oom_score_adj = true;
	s->process.oom_score_adj = 7;
	for (enum ns_type t = NS_USER; t < NS_TYPES; t++)
		set_path(&s->ns[t], "its own");
	in->is_exec = true;
	in->how = IDMAP_JOINED;
	id_map_add(&in->uids, 0, 1000, 1);
	id_map_add(&in->uids, 1, 100000, 65536);
	id_map_copy(&in->gids, &in->uids);
	in->exec_cgroup = str_dup("/sys/fs/cgroup/lichen-0123456789ab/box");
}

static void all_host(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	for (enum ns_type t = NS_PID; t < NS_TYPES; t++)
		s->ns[t].mode = NS_HOST;
	strv_add(&in->host_lacks, "/dev/mqueue");
}

static void created(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	in->is_created = true;
}

static void time_offsets(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	s->time.has_offsets = true;
	s->time.boottime_s = 86400;
}

/* Everything that says something about the process, below an init. */
static void with_init(struct spec *s, struct plan_input *in)
{
	terminal(s, in);
	s->process.init = s->process.has_umask = s->process.has_oom_score_adj = s->process.has_personality = true;
	s->process.umask = 077;
	s->process.oom_score_adj = 500;
	assert_true(personality_add(&s->process.personality, "linux32"));
	str_set(&s->domainname, "example.org");
	strv_add(&s->sysctls, "net.ipv4.ip_forward=1");
	in->init_path = str_dup("/usr/libexec/lichen/lichen-init");
}

static void replaced(struct spec *s, struct plan_input *in)
{
	struct spec_mount *m;

	dir_range(s, in);
	add_bind(s, "/dev/shm/x", "/dev/shm", "rshared");
	add_bind(s, "/etc/hosts.mine", "/etc/hosts", NULL);
	m = spec_add_mount(s);
	m->type = str_dup("tmpfs");
	m->destination = str_dup("/sys");
	strv_add(&m->options, "size=1m");
	strv_add(&m->options, "noexec");
	s->ns[NS_NETWORK].mode = NS_HOST;
	s->ns[NS_UTS].mode = NS_HOST;
}

static void landlock(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	strv_add(&s->landlock, "rx:/usr");
	strv_add(&s->landlock, "tcp-connect:443");
	*spec_add_rlimit(s) = (struct spec_rlimit){ .type = str_dup("RLIMIT_NOFILE"), .soft = 10, .hard = 10 };
}

static void landlock_privileged(struct spec *s, struct plan_input *in)
{
	landlock(s, in);
	s->privileged = true;
	s->process.no_new_privs = false;
}

static void no_userns(struct spec *s, struct plan_input *in)
{
	s->root.kind = ROOT_HOST;
	strv_add(&s->process.args, "/bin/sh");
	s->process.terminal = true;
	s->process.caps = (struct spec_caps){ 0 };
	for (size_t t = 0; t < NS_TYPES; t++)
		s->ns[t].mode = NS_HOST;
	strv_add(&s->landlock, "rx:/usr");
	in->how = IDMAP_SELF;
}

static void exec_without_namespaces(struct spec *s, struct plan_input *in)
{
	no_userns(s, in);
	in->is_exec = true;
}

/* As run/cgroup.c chooses where something is delegated, or a systemd answers. */
static void add_cgroup(struct spec *s, struct plan_input *in)
{
	s->limits = (struct spec_limits){ .memory = 64 << 20, .cpu_quota = 50000, .pids = 100 };
	in->cgroup.is_used = true;
	in->cgroup.name = str_dup("lichen-0123456789ab");
	limits_files(&s->limits, &in->cgroup.limits);
	limits_controllers(&in->cgroup.limits, &in->cgroup.controllers);
}

static void limits_by_either(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	add_cgroup(s, in);
	in->cgroup.place = str_dup("/sys/fs/cgroup/delegated");
	in->cgroup.may_systemd = true;
}

static void limits_handed_on(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	add_cgroup(s, in);
	in->cgroup.may_systemd = true;
	in->cgroup.has_inner = in->cgroup.is_writable = s->cgroup_writable = true;
	s->proc_limits = true;
}

static void limits_without_namespaces(struct spec *s, struct plan_input *in)
{
	no_userns(s, in);
	add_cgroup(s, in);
	in->cgroup.place = str_dup("/sys/fs/cgroup/delegated");
}

/* /sys is another's: nothing is made in it. */
static void limits_unseen(struct spec *s, struct plan_input *in)
{
	dir_range(s, in);
	add_cgroup(s, in);
	in->cgroup.place = str_dup("/sys/fs/cgroup/delegated");
	add_bind(s, "/srv/sys", "/sys", NULL);
}

/* Nothing of the host's cgroups, which it could make writable. */
static void limits_privileged(struct spec *s, struct plan_input *in)
{
	limits_handed_on(s, in);
	s->privileged = true;
	s->ns[NS_NETWORK].mode = NS_HOST;
}

/* What --mount, --file, --dir, --symlink and --device add. */
static void made(struct spec *s, struct plan_input *in)
{
	struct spec_device *d;
	struct spec_mount *m;
	struct spec_path *p;

	dir_range(s, in);
	add_bind(s, "/srv/data", "/data/deep", "rro");
	add_bind(s, "/srv/late", "/late", "rslave");
	m = spec_add_mount(s);
	m->type = str_dup("overlay");
	m->destination = str_dup("/o");
	strv_add(&m->options, "lowerdir=/srv/a\\:b:/srv/c");
	m = spec_add_mount(s);
	m->type = str_dup("overlay");
	m->destination = str_dup("/kept");
	strv_add(&m->options, "lowerdir=/srv/a");
	strv_add(&m->options, "upperdir=/srv/u");
	strv_add(&m->options, "workdir=/srv/w");
	strv_add(&m->options, "ro");
	m = spec_add_mount(s);
	m->type = str_dup("devpts");
	m->destination = str_dup("/dev/pts");
	p = spec_add_path(s);
	p->kind = PATH_SYMLINK;
	p->path = str_dup("/data/link");
	p->target = str_dup("../etc");
	p = spec_add_path(s);
	p->path = str_dup("/data");
	d = spec_add_device(s);
	d->path = str_dup("/dev/x");
	d->source = str_dup("/dev/fuse");
	d->type = 'c';
	s->seccomp = SECCOMP_PROFILE;
	str_set(&s->seccomp_profile, "/etc/p.json");
}

static const struct golden {
	const char *name;
	void (*fill)(struct spec *s, struct plan_input *in);
} GOLDEN[] = {
	{ "dir-range", dir_range },
	{ "dir-single", dir_single },
	{ "dir-readonly", dir_readonly },
	{ "dir-readonly-skeleton", dir_readonly_skeleton },
	{ "dir-subid", dir_subid },
	{ "dir-copy", dir_copy },
	{ "root-idmapped", root_idmapped },
	{ "root-idmapped-copy", root_idmapped_copy },
	{ "root-idmapped-readonly", root_idmapped_readonly },
	{ "image", image },
	{ "image-readonly", image_readonly },
	{ "image-by-root", image_by_root },
	{ "image-copy", image_copy },
	{ "host", host_plain },
	{ "host-volume", host_volume },
	{ "bins", bins },
	{ "bins-range-readonly", bins_range_readonly },
	{ "host-keep-id", host_keep_id },
	{ "terminal", terminal },
	{ "privileged", privileged },
	{ "joined", joined },
	{ "joined-all", joined_all },
	{ "joined-by-root", joined_by_root },
	{ "exec", exec_all },
	{ "exec-without-namespaces", exec_without_namespaces },
	{ "all-host", all_host },
	{ "created", created },
	{ "dir-fuse-second", dir_fuse_second },
	{ "dir-fuse-squash", dir_fuse_squash },
	{ "layer-in-memory", layer_in_memory },
	{ "layer-kept", layer_kept },
	{ "host-cow", host_cow },
	{ "time-offsets", time_offsets },
	{ "replaced", replaced },
	{ "init", with_init },
	{ "landlock", landlock },
	{ "landlock-privileged", landlock_privileged },
	{ "no-userns", no_userns },
	{ "made", made },
	{ "limits-by-either", limits_by_either },
	{ "limits-handed-on", limits_handed_on },
	{ "limits-without-namespaces", limits_without_namespaces },
	{ "limits-unseen", limits_unseen },
	{ "limits-privileged", limits_privileged },
};

/* ---- helpers ---- */

struct made {
	struct spec spec;
	struct plan_input in;
	struct plan plan;
};

static void make(struct made *m, void (*fill)(struct spec *, struct plan_input *))
{
	struct err e = { 0 };

	*m = (struct made){ 0 };
	spec_init(&m->spec);
	fill(&m->spec, &m->in);
	m->in.source_is_dir = mem_alloc((m->spec.n_mounts + 1) * sizeof(bool));
	for (size_t i = 0; i < m->spec.n_mounts; i++)
		m->in.source_is_dir[i] = true;
	if (plan_build(&m->plan, &m->spec, &m->in, &e) < 0)
		fail_msg("plan_build: %s", e.what);
}

static void unmake(struct made *m)
{
	plan_fini(&m->plan);
	plan_input_fini(&m->in);
	spec_fini(&m->spec);
}

enum { NONE = -1 };

static int first_of(const struct plan *p, enum step_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind)
			return (int)i;
	return NONE;
}

static int last_of(const struct plan *p, enum step_kind kind)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->v[i].kind == kind)
			return (int)i;
	return NONE;
}

/* Moves the step at @from to stand at @to; both are indexes before the move, @to <= @from. */
static void move_up(struct plan *p, int from, int to)
{
	struct step s = p->v[from];

	memmove(&p->v[to + 1], &p->v[to], (size_t)(from - to) * sizeof(s));
	p->v[to] = s;
}

static void drop(struct plan *p, int at)
{
	p->n--;
	memmove(&p->v[at], &p->v[at + 1], (p->n - (size_t)at) * sizeof(p->v[0]));
}

static void forget_slots(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		memset(p->v[i].reads, 0, sizeof(p->v[i].reads));
		memset(p->v[i].writes, 0, sizeof(p->v[i].writes));
	}
}

static void must_say(const struct plan *p, const char *rule, const char *kind)
{
	struct err e = { 0 };

	if (plan_check(p, &e) == 0)
		fail_msg("the plan passed, though: %s", rule);
	assert_int_equal(e.kind, ERR_BUG);
	if (!strstr(e.what, rule) || (kind && !strstr(e.what, kind)))
		fail_msg("expected '%s' of '%s', got '%s'", rule, kind ? kind : "", e.what);
}

/* ---- golden files ---- */

static void test_golden(void **state)
{
	const struct golden *g = *state;
	const char *top = getenv("top_srcdir");
	AUTO_FREE char *path = str_fmt("%s/tests/data/plans/%s.plan", top ? top : ".", g->name);
	AUTO_FREE char *want = NULL;
	AUTO_BUF struct buf got = { 0 };
	struct err e = { 0 };
	struct made m;

	make(&m, g->fill);
	if (plan_check(&m.plan, &e) < 0)
		fail_msg("%s", e.what);
	plan_print_text(&m.plan, &got);
	if (getenv("LICHEN_GOLDEN_UPDATE")) {
		AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		assert_true(fd >= 0);
		assert_int_equal(fd_write_all(fd, got.s, got.len), 0);
	}
	if (fd_read_file(AT_FDCWD, path, FD_READ_MAX, &want, NULL) < 0)
		fail_msg("cannot read %s; LICHEN_GOLDEN_UPDATE=1 writes it", path);
	assert_string_equal(got.s, want);
	unmake(&m);
}

static void test_json(void **state)
{
	static const char *const keys[] = { "place", "kind", "object" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(GOLDEN); i++) {
		AUTO_BUF struct buf text = { 0 };
		json_error_t why;
		struct made m;
		json_t *a;

		make(&m, GOLDEN[i].fill);
		plan_print_json(&m.plan, &text);
		a = json_loadb(text.s, text.len, JSON_REJECT_DUPLICATES, &why);
		if (!a)
			fail_msg("%s: line %d: %s", GOLDEN[i].name, why.line, why.text);
		assert_int_equal(json_array_size(a), m.plan.n);
		for (size_t k = 0; k < m.plan.n; k++) {
			json_t *o = json_array_get(a, k);

			assert_int_equal(json_integer_value(json_object_get(o, "step")), k + 1);
			assert_string_equal(json_string_value(json_object_get(o, "kind")), step_name(m.plan.v[k].kind));
			assert_string_equal(json_string_value(json_object_get(o, "object")), m.plan.v[k].object);
			for (size_t j = 0; j < N_ELEMS(keys); j++)
				assert_true(json_is_string(json_object_get(o, keys[j])));
			assert_true(json_is_array(json_object_get(o, "reads")));
			assert_true(json_is_array(json_object_get(o, "writes")));
			assert_true(json_is_array(json_object_get(o, "rungs")));
		}
		json_decref(a);
		unmake(&m);
	}
}

/* Bytes of a path that would move the cursor, end the string or break the JSON. */
static void test_escapes(void **state)
{
	AUTO_BUF struct buf text = { 0 }, js = { 0 };
	struct made m;
	json_t *a;

	(void)state;
	make(&m, dir_single);
	m.plan.v[0].object = "a\x1b[2J\"\\\n\xff";
	plan_print_text(&m.plan, &text);
	assert_null(strchr(text.s, '\x1b'));
	assert_non_null(strstr(text.s, "a\\x1b[2J"));
	plan_print_json(&m.plan, &js);
	a = json_loadb(js.s, js.len, 0, NULL);
	assert_non_null(a);
	assert_string_equal(json_string_value(json_object_get(json_array_get(a, 0), "object")),
			    "a\x1b[2J\"\\\n\xef\xbf\xbd");
	json_decref(a);
	unmake(&m);
}

/* As real root, where each takes the most steps. */
static void many_mounts(struct spec *s, struct plan_input *in)
{
	root_idmapped(s, in);
	while (s->n_mounts < MOUNTS_MAX) {
		AUTO_FREE char *to = str_fmt("/m/%zu", s->n_mounts);

		add_bind(s, "/data", to, NULL);
	}
}

static void test_most_mounts(void **state)
{
	struct err e = { 0 };
	struct plan p = { 0 };
	struct made m;

	(void)state;
	make(&m, many_mounts);
	if (plan_check(&m.plan, &e) < 0)
		fail_msg("%s", e.what);
	assert_true(m.plan.n < STEPS_MAX);
	add_bind(&m.spec, "/data", "/one/more", NULL);
	assert_int_equal(plan_build(&p, &m.spec, &m.in, &e), -1);
	assert_int_equal(e.kind, ERR_SPEC);
	plan_fini(&p);
	unmake(&m);
}

/* ---- the rules ---- */

/* The first step of @second is put right before the step of @first that it must follow.
 * One row for each row of ORDER in plan/check.c. */
static const struct {
	enum step_kind first, second;
	void (*fill)(struct spec *, struct plan_input *);
	const char *rule;
} ORDER[] = {
	{ STEP_ENTER, STEP_CLONE, joined, "user namespaces are entered before the clone" },
	{ STEP_ENTER, STEP_JOIN, joined, "the owner's user namespace is entered before what it owns is joined" },
	{ STEP_ENTER, STEP_ROOT_ID, exec_all, "ids are taken in the user namespace that has them" },
	{ STEP_JOIN, STEP_CLONE, joined_by_root, "namespaces are joined before the clone" },
	{ STEP_OUTER, STEP_CLONE, time_offsets, "time offsets are written before the clone" },
	{ STEP_LOWERS, STEP_ROOT_ID, image, "layers are opened as the caller" },
	{ STEP_CGROUP, STEP_LIMIT, limits_by_either, "the cgroup is there before it is limited" },
	{ STEP_LIMIT, STEP_CLONE, limits_by_either, "the child is born within its limits" },
	{ STEP_ROOT_ID, STEP_DELEGATE, limits_handed_on, "root inside gives the cgroup to itself" },
	{ STEP_PROC_LIMITS, STEP_MASK, limits_handed_on, "what is masked stays masked" },
	{ STEP_CLONE, STEP_IDMAP, dir_range, "there is no map before the clone" },
	{ STEP_IDMAP, STEP_ROOT_ID, dir_range, "ids are mapped before they are taken" },
	{ STEP_PRIVATE, STEP_ATTACH, dir_range, "nothing is mounted before propagation is cut" },
	{ STEP_ATTACH, STEP_PIVOT, dir_range, "the root is attached before it becomes the root" },
	{ STEP_USER, STEP_SET_USER, dir_range, "the user is known before it is taken" },
	{ STEP_PIVOT, STEP_CWD, dir_range, "the working directory is one of the new root" },
	{ STEP_PIVOT, STEP_STDIO, dir_range, "the console is the new root's" },
	{ STEP_MASK, STEP_PIVOT, dir_range, "masks are there before the root is" },
	{ STEP_CAPS_BOUND, STEP_SET_USER, dir_range, "the bounding set shrinks while that is allowed" },
	{ STEP_SET_USER, STEP_CAPS, dir_range, "the change of ids clears capabilities" },
	{ STEP_SET_USER, STEP_DEATHSIG, dir_range, "the change of ids clears the death signal" },
	{ STEP_SECCOMP, STEP_VERIFY, privileged, "the filter is loaded before it is verified" },
	{ STEP_STDIO, STEP_RLIMITS, with_init, "a low limit does not hit lichen's own descriptors" },
	{ STEP_LANDLOCK, STEP_RLIMITS, landlock, "the rules' files are opened before there is a low limit" },
	{ STEP_DEATHSIG, STEP_INIT, with_init, "pid 1 dies with the supervisor" },
	{ STEP_SECCOMP, STEP_INIT, with_init, "init has the filter of the command" },
	{ STEP_INIT_LOAD, STEP_ROOT_ID, with_init, "init is opened as the caller" },
	{ STEP_INIT, STEP_VERIFY, with_init, "what is verified is the command's own process" },
	{ STEP_SYSCTL, STEP_READONLY, with_init, "parameters are written while /proc/sys can be" },
	{ STEP_CWD, STEP_LANDLOCK, landlock, "the working directory is entered before Landlock forbids it" },
	{ STEP_STDIO, STEP_LANDLOCK, landlock, "the terminal is opened before Landlock forbids it" },
	{ STEP_NO_NEW_PRIVS, STEP_LANDLOCK, landlock, "a domain is entered with no_new_privs, or while privileged" },
	{ STEP_LANDLOCK, STEP_VERIFY, landlock_privileged, "the domain is entered before what was set up is verified" },
	{ STEP_VERIFY, STEP_EXEC, dir_range, "what was set up is verified before exec" },
};

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMS(ORDER); i++) {
		bool is_attach = ORDER[i].first == STEP_ATTACH;
		int first, second;
		struct made m;

		make(&m, ORDER[i].fill);
		forget_slots(&m.plan); /* their rule would answer first */
		first = is_attach ? first_of(&m.plan, ORDER[i].first) : last_of(&m.plan, ORDER[i].first);
		second = first_of(&m.plan, ORDER[i].second);
		if (first == NONE || second == NONE || first > second)
			fail_msg("no plan to break for: %s", ORDER[i].rule);
		move_up(&m.plan, second, first);
		must_say(&m.plan, ORDER[i].rule, step_name(ORDER[i].first));
		unmake(&m);
	}
}

static void test_slots(void **state)
{
	static const char rule[] = "reads a slot that nobody has written at this place";
	static const char no_such[] = "a slot that does not exist";
	struct made m;
	int at;

	(void)state;
	make(&m, dir_range); /* its writer removed */
	drop(&m.plan, first_of(&m.plan, STEP_OVERLAY));
	must_say(&m.plan, rule, "attach");
	unmake(&m);

	make(&m, dir_range); /* its writer behind it */
	at = first_of(&m.plan, STEP_USER);
	move_up(&m.plan, first_of(&m.plan, STEP_SET_USER), at);
	must_say(&m.plan, rule, "set-user");
	unmake(&m);

	make(&m, root_idmapped); /* written at the other place, and nothing carries it */
	at = first_of(&m.plan, STEP_MEET);
	assert_int_equal(m.plan.v[at].u.meet, HS_USERNS);
	drop(&m.plan, at);
	must_say(&m.plan, rule, "idtree");
	unmake(&m);

	make(&m, root_idmapped); /* carried, but from the side that does not have it */
	at = first_of(&m.plan, STEP_MEET);
	m.plan.v[at].u.meet = HS_GO;
	must_say(&m.plan, rule, "meet");
	unmake(&m);

	make(&m, dir_range);
	m.plan.v[m.plan.n - 1].reads[0] = m.plan.n_slots;
	must_say(&m.plan, no_such, "exec");
	unmake(&m);

	make(&m, dir_range);
	m.plan.v[first_of(&m.plan, STEP_CLONE)].writes[0] = m.plan.n_slots;
	must_say(&m.plan, no_such, "clone");
	unmake(&m);

	make(&m, dir_range);
	m.plan.n_slots = SLOTS_MAX + 1;
	m.plan.v[first_of(&m.plan, STEP_CLONE)].writes[0] = SLOTS_MAX;
	must_say(&m.plan, no_such, "clone");
	unmake(&m);
}

/* A range's slots are slots as any other. */
static void test_ranges(void **state)
{
	struct err e = { 0 };
	struct plan p = { 0 };
	struct made m;

	(void)state;
	make(&m, image);
	m.plan.v[first_of(&m.plan, STEP_LOWERS)].writes_all.n--;
	must_say(&m.plan, "reads a slot that nobody has written at this place", "overlay");
	m.plan.v[first_of(&m.plan, STEP_LOWERS)].writes_all.n += 2;
	must_say(&m.plan, "a slot that does not exist", "lowers");
	strv_fini(&m.spec.root.lowers);
	assert_int_equal(plan_build(&p, &m.spec, &m.in, &e), -1);
	assert_non_null(strstr(e.what, "has no layers"));
	plan_fini(&p);
	unmake(&m);

	make(&m, many_mounts);
	plan_fini(&m.plan);
	m.spec.root.kind = ROOT_IMAGE;
	str_set(&m.spec.root.image, "a");
	m.in.owner = OWNER_SUBID;
	while (m.spec.root.lowers.n < IMAGE_LAYERS_MAX)
		strv_add(&m.spec.root.lowers, "/l");
	if (plan_build(&m.plan, &m.spec, &m.in, &e) < 0 || plan_check(&m.plan, &e) < 0)
		fail_msg("%s", e.what);
	unmake(&m);
}

static void test_shape(void **state)
{
	struct made m;
	int at;

	(void)state;
	make(&m, dir_range);
	m.plan.v[3].n_rungs = 0;
	must_say(&m.plan, "has no object or no rung", step_name(m.plan.v[3].kind));
	m.plan.v[3].n_rungs = RUNGS_MAX + 1;
	must_say(&m.plan, "has no object or no rung", step_name(m.plan.v[3].kind));
	unmake(&m);

	make(&m, dir_range);
	m.plan.v[first_of(&m.plan, STEP_PRIVATE)].place = AT_BOTH;
	must_say(&m.plan, "meeting points, and only they, are at both places", "private");
	unmake(&m);

	make(&m, dir_range);
	m.plan.v[last_of(&m.plan, STEP_MEET)].place = AT_CHILD;
	must_say(&m.plan, "meeting points, and only they, are at both places", "meet");
	unmake(&m);

	make(&m, dir_range);
	m.plan.v[first_of(&m.plan, STEP_NEWFS)].u.mount.target = "proc";
	must_say(&m.plan, "a target that is not absolute", "newfs");
	unmake(&m);

	make(&m, host_volume);
	m.plan.v[first_of(&m.plan, STEP_MOUNT)].u.mount.target = "home/user";
	must_say(&m.plan, "a target that is not absolute", "mount");
	unmake(&m);

	make(&m, dir_range);
	m.plan.n--;
	must_say(&m.plan, "exec is not the last step", NULL);
	m.plan.n = 0;
	must_say(&m.plan, "exec is not the last step", NULL);
	unmake(&m);

	make(&m, dir_range);
	forget_slots(&m.plan);
	drop(&m.plan, first_of(&m.plan, STEP_CLONE));
	must_say(&m.plan, "there must be one clone", NULL);
	unmake(&m);

	make(&m, dir_single);
	m.plan.v[first_of(&m.plan, STEP_LOOPBACK)].kind = STEP_CLONE;
	forget_slots(&m.plan);
	m.plan.v[first_of(&m.plan, STEP_IDMAP)].kind = STEP_LOOPBACK;
	must_say(&m.plan, "there must be one clone", NULL);
	unmake(&m);

	make(&m, dir_range);
	at = first_of(&m.plan, STEP_SECCOMP);
	move_up(&m.plan, at, at - 1);
	must_say(&m.plan, "with no_new_privs the filter comes last", NULL);
	unmake(&m);

	make(&m, landlock); /* the last mount behind it */
	forget_slots(&m.plan);
	move_up(&m.plan, first_of(&m.plan, STEP_LANDLOCK), last_of(&m.plan, STEP_READONLY));
	must_say(&m.plan, "nothing can be mounted under Landlock", "readonly");
	unmake(&m);

	make(&m, no_userns);
	m.plan.v[first_of(&m.plan, STEP_CWD)].kind = STEP_PRIVATE;
	must_say(&m.plan, "without namespaces nothing of the machine's mounts is touched", "private");
	unmake(&m);

	make(&m, no_userns);
	drop(&m.plan, first_of(&m.plan, STEP_LANDLOCK));
	must_say(&m.plan, "without namespaces there must be a Landlock domain and no_new_privs", NULL);
	unmake(&m);

	/* an object that is missing has no words to be printed with: the check must still speak */
	make(&m, dir_range);
	m.plan.v[3].object = NULL;
	must_say(&m.plan, "has no object or no rung", NULL);
	unmake(&m);
}

static void test_names(void **state)
{
	AUTO_FREE char *last = str_fmt("source.%d", SLOTS_MAX - SLOT_FIRST_FREE);
	char name[16];

	(void)state;
	for (int k = 0; k < STEP_KINDS; k++)
		assert_non_null(step_name((enum step_kind)k));
	for (int i = 0; i < STEP_KINDS; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(step_name((enum step_kind)i), step_name((enum step_kind)k));
	for (int k = 0; k < PLACES; k++)
		assert_non_null(place_name((enum place)k));
	for (int k = 0; k < HS_POINTS; k++)
		assert_string_not_equal(hs_point_name((enum hs_point)k), "?");
	assert_string_equal(hs_point_name(HS_POINTS), "?");
	for (short k = 1; k < SLOT_FIRST_FREE; k++)
		assert_non_null(slot_name(k, name));
	assert_string_equal(slot_name(SLOT_FIRST_FREE, name), "source.1");
	assert_string_equal(slot_name(SLOTS_MAX - 1, name), last);
}

/* ---- what no golden file would show to be intended ---- */

/* Where the user namespace is joined, nobody maps ids and nobody waits for that. */
static void test_joined(void **state)
{
	struct made m;

	(void)state;
	make(&m, joined);
	assert_int_equal(first_of(&m.plan, STEP_IDMAP), NONE);
	assert_int_equal(m.plan.v[0].kind, STEP_ENTER);
	assert_int_equal(m.plan.v[0].place, AT_STAGE);
	assert_int_equal(m.plan.v[first_of(&m.plan, STEP_CLONE)].u.clone_flags & (CLONE_NEWUSER | CLONE_NEWNET), 0);
	assert_true(first_of(&m.plan, STEP_JOIN) > first_of(&m.plan, STEP_ENTER));
	assert_true(first_of(&m.plan, STEP_JOIN) < first_of(&m.plan, STEP_CLONE));
	assert_int_equal(first_of(&m.plan, STEP_LOOPBACK), NONE);
	for (size_t i = 0; i < m.plan.n; i++)
		assert_false(m.plan.v[i].kind == STEP_MEET && m.plan.v[i].u.meet == HS_IDS_MAPPED);
	unmake(&m);
}

/* What it joins is in use: nothing is made or mounted there, and no file of its /proc is written. */
static void test_exec(void **state)
{
	static const enum step_kind changes[] = { STEP_IDMAP, STEP_PRIVATE, STEP_ATTACH, STEP_MOUNT, STEP_NEWFS, STEP_MASK, STEP_FILE,
						  STEP_DIR, STEP_HOSTNAME, STEP_SYSCTL, STEP_PIVOT, STEP_INIT, STEP_CGROUP };
	static const enum step_kind binds[] = { STEP_CAPS_BOUND, STEP_NO_NEW_PRIVS, STEP_SECCOMP, STEP_SET_USER, STEP_CAPS, STEP_DEATHSIG,
						STEP_VERIFY, STEP_EXEC };
	struct made m;

	(void)state;
	make(&m, exec_all);
	for (size_t i = 0; i < N_ELEMS(changes); i++)
		assert_int_equal(first_of(&m.plan, changes[i]), NONE);
	for (size_t i = 0; i < N_ELEMS(binds); i++)
		assert_int_not_equal(first_of(&m.plan, binds[i]), NONE);
	assert_int_equal(m.plan.v[first_of(&m.plan, STEP_OOM)].place, AT_STAGE);
	assert_true(first_of(&m.plan, STEP_OOM) < first_of(&m.plan, STEP_ENTER));
	assert_int_equal(m.plan.v[first_of(&m.plan, STEP_CLONE)].u.clone_flags, 0);
	assert_int_equal(m.plan.v[first_of(&m.plan, STEP_CLONE)].reads[0], SLOT_CGROUP);
	unmake(&m);
}

/* What is deeper lies on what is shallower, whatever the order of the options. */
static void test_depth(void **state)
{
	struct made m;

	(void)state;
	make(&m, root_idmapped);
	assert_string_equal(m.plan.v[first_of(&m.plan, STEP_MOUNT)].object, "/srv/data");
	assert_string_equal(m.plan.v[last_of(&m.plan, STEP_MOUNT)].object, "/srv/data/deep");
	unmake(&m);
}

/* Paths are made read-only whether or not some are masked too. */
static void test_readonly_without_masks(void **state)
{
	struct err e = { 0 };
	struct made m;

	(void)state;
	make(&m, dir_range);
	strv_fini(&m.spec.masked_paths);
	plan_fini(&m.plan);
	assert_int_equal(plan_build(&m.plan, &m.spec, &m.in, &e), 0);
	assert_int_equal(first_of(&m.plan, STEP_MASK), NONE);
	assert_int_not_equal(first_of(&m.plan, STEP_READONLY), NONE);
	unmake(&m);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(test_json),	    cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_most_mounts), cmocka_unit_test(test_order),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_ranges),	    cmocka_unit_test(test_shape),
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_joined),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_depth),	    cmocka_unit_test(test_readonly_without_masks),
	};
	struct CMUnitTest tests[N_ELEMS(GOLDEN) + N_ELEMS(fixed)];

	for (size_t i = 0; i < N_ELEMS(GOLDEN); i++)
		tests[i] = (struct CMUnitTest){ .name = GOLDEN[i].name, .test_func = test_golden,
						.initial_state = (void *)(uintptr_t)&GOLDEN[i] };
	memcpy(tests + N_ELEMS(GOLDEN), fixed, sizeof(fixed));
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
