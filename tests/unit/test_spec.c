/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_spec.c - struct spec: defaults, id maps, vocabularies, rules */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "spec/image.h"
#include "spec/mountopts.h"
#include "spec/spec.h"

/* ---- defaults ---- */

static void defaults_are_lichens(void **state)
{
	struct spec s;

	(void)state;
	spec_init(&s);
	for (int t = 0; t < NS_TYPES; t++)
		assert_int_equal(s.ns[t].mode, NS_PRIVATE);
	assert_true(s.process.caps.bounding == CAPS_DOCKER);
	assert_true(s.process.caps.effective == CAPS_DOCKER);
	assert_true(s.process.caps.permitted == CAPS_DOCKER);
	assert_true(s.process.caps.inheritable == 0 && s.process.caps.ambient == 0);
	assert_true(s.process.no_new_privs && s.ephemeral && !s.privileged);
	assert_int_equal(s.seccomp, SECCOMP_DEFAULT);
	assert_true(strv_has(&s.masked_paths, "/proc/kcore"));
	assert_true(strv_has(&s.masked_paths, "/sys/devices/virtual/powercap"));
	assert_int_equal(s.masked_paths.n, 12);
	assert_true(strv_has(&s.readonly_paths, "/proc/sys"));
	assert_int_equal(s.readonly_paths.n, 5);
	spec_fini(&s);
	spec_fini(&s); /* leaves nothing behind */
}

static void docker_has_fourteen_capabilities(void **state)
{
	(void)state;
	assert_int_equal(__builtin_popcountll(CAPS_DOCKER), 14);
	assert_true(CAPS_DOCKER >> CAP_NET_BIND_SERVICE & 1);
	assert_false(CAPS_DOCKER >> CAP_SYS_ADMIN & 1);
}

/* ---- id maps ---- */

static void id_map_finds_both_ways(void **state)
{
	struct id_map m = { 0 }, copy = { 0 };
	char *text;

	(void)state;
	text = id_map_format(&m);
	assert_string_equal(text, "");
	free(text);
	id_map_add(&m, 0, 1000, 1);
	id_map_add(&m, 1, 100000, 65536);
	id_map_add(&m, 4294967290U, 4294967200U, 5);
	assert_int_equal(id_map_outside(&m, 0), 1000);
	assert_int_equal(id_map_outside(&m, 1), 100000);
	assert_int_equal(id_map_outside(&m, 65536), 165535);
	assert_int_equal(id_map_outside(&m, 65537), -1);
	assert_true(id_map_outside(&m, 4294967294U) == INT64_C(4294967204));
	assert_int_equal(id_map_inside(&m, 1000), 0);
	assert_int_equal(id_map_inside(&m, 165535), 65536);
	assert_int_equal(id_map_inside(&m, 0), -1);
	id_map_copy(&copy, &m);
	id_map_copy(&copy, &copy);
	text = id_map_format(&copy);
	assert_string_equal(text, "0:1000:1,1:100000:65536,4294967290:4294967200:5");
	free(text);
	id_map_fini(&copy);
	id_map_fini(&m);
	assert_int_equal(m.n, 0);
}

/* ---- vocabularies ---- */

static void namespaces_have_names(void **state)
{
	(void)state;
	for (int t = 0; t < NS_TYPES; t++)
		assert_int_equal(ns_from_name(ns_name((enum ns_type)t)), t);
	assert_int_equal(ns_from_name("net"), NS_NETWORK);
	assert_int_equal(ns_from_name("mnt"), NS_MOUNT);
	assert_int_equal(ns_from_name("nte"), -1);
	assert_int_equal(ns_clone_flag(NS_USER), CLONE_NEWUSER);
	assert_int_equal(ns_clone_flag(NS_MOUNT), CLONE_NEWNS);
	assert_int_equal(ns_clone_flag(NS_TIME), 0x80);
}

static void capabilities_have_names(void **state)
{
	(void)state;
	assert_int_equal(cap_count(), 41);
	for (unsigned n = 0; n < cap_count(); n++) {
		assert_non_null(cap_name(n));
		assert_int_equal(cap_from_name(cap_name(n)), n);
		assert_int_equal(cap_from_name(cap_name(n) + 4), n);
	}
	assert_null(cap_name(41));
	assert_int_equal(cap_from_name("CAP_CHOWN"), 0);
	assert_int_equal(cap_from_name("cap_chown"), 0);
	assert_int_equal(cap_from_name("Checkpoint_Restore"), 40);
	assert_int_equal(cap_from_name("CAP_"), -1);
	assert_int_equal(cap_from_name(""), -1);
	assert_string_equal(cap_nearest("net_amdin"), "CAP_NET_ADMIN");
	assert_string_equal(cap_nearest("CAP_SYS_ADMN"), "CAP_SYS_ADMIN");
	assert_null(cap_nearest("qqqqqqqqqqqqqqqqqqq"));
}

static void signals_have_names(void **state)
{
	static const struct {
		const char *name;
		int sig;
	} ROWS[] = {
		{ "SIGTERM", SIGTERM }, { "TERM", SIGTERM }, { "term", SIGTERM }, { "15", 15 },
		{ "9", SIGKILL }, { "SIGIOT", SIGABRT }, { "CLD", SIGCHLD }, { "POLL", SIGIO },
		{ "0", -1 }, { "65", -1 }, { "999", -1 }, { "-9", -1 }, { "+9", -1 }, { "", -1 },
		{ "SIG", -1 }, { "1x", -1 }, { "SIG9", -1 }, { "TERMINATE", -1 },
		{ "SIGRTMIN+31", -1 }, { "RTMIN-1", -1 }, { "RTMAX+1", -1 }, { "RTMIN+", -1 },
		{ "RTMINX", -1 }, { "RTMIN+1x", -1 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		assert_int_equal(signal_from_name(ROWS[i].name), ROWS[i].sig);
	assert_int_equal(signal_from_name("RTMIN"), SIGRTMIN);
	assert_int_equal(signal_from_name("sigrtmin+3"), SIGRTMIN + 3);
	assert_int_equal(signal_from_name("SIGRTMAX-1"), SIGRTMAX - 1);
	assert_int_equal(signal_from_name("SIGRTMAX"), SIGRTMAX);
	assert_string_equal(signal_name(SIGTERM), "SIGTERM");
	assert_string_equal(signal_name(SIGABRT), "SIGABRT");
	assert_string_equal(signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
	assert_string_equal(signal_name(0), "?");
	assert_string_equal(signal_name(4711), "?");
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (strcmp(signal_name(sig), "?") != 0)
			assert_int_equal(signal_from_name(signal_name(sig)), sig);
}

static void rlimits_have_names(void **state)
{
	(void)state;
	for (int n = 0; n < 16; n++)
		assert_int_equal(rlimit_from_name(rlimit_name(n)), n);
	assert_null(rlimit_name(16));
	assert_null(rlimit_name(-1));
	assert_int_equal(rlimit_from_name("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	assert_int_equal(rlimit_from_name("nofile"), RLIMIT_NOFILE);
	assert_int_equal(rlimit_from_name("RLIMIT_"), -1);
}

/* ---- mount options ---- */

static void mountopts_are_sorted_and_consistent(void **state)
{
	const struct mountopt *t, *found;
	size_t n;

	(void)state;
	t = mountopt_table(&n);
	for (size_t i = 0; i < n; i++) {
		if (i)
			assert_true(strcmp(t[i - 1].word, t[i].word) < 0);
		assert_int_equal(mountopt_find(t[i].word, &found), 0);
		assert_ptr_equal(found, &t[i]);
		if (t[i].clear & 0x70) /* MOUNT_ATTR__ATIME, all or nothing */
			assert_int_equal(t[i].clear & 0x70, 0x70);
		if (t[i].refused)
			assert_true(!t[i].set && !t[i].clear && !t[i].propagation && !t[i].is_bind);
	}
}

/* rX is X for the submounts too. */
static void mountopts_have_recursive_twins(void **state)
{
	static const char *const PLAIN[] = {
		"ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime",
		"relatime", "strictatime", "nodiratime", "diratime", "nosymfollow", "symfollow",
		"bind", "private", "slave", "shared", "unbindable", "norelatime", "nostrictatime",
	};
	const struct mountopt *a, *b;
	char word[32] = "r";

	(void)state;
	for (size_t i = 0; i < N_ELEMS(PLAIN); i++) {
		str_copy(word + 1, sizeof(word) - 1, PLAIN[i]);
		assert_int_equal(mountopt_find(PLAIN[i], &a), 0);
		assert_int_equal(mountopt_find(word, &b), 0);
		assert_false(a->recursive);
		assert_true(b->recursive);
		assert_true(a->set == b->set && a->clear == b->clear && a->is_bind == b->is_bind);
		assert_true(a->propagation == b->propagation);
	}
}

static void mountopts_mean_what_the_kernel_means(void **state)
{
	const struct mountopt *o;

	(void)state;
	assert_int_equal(mountopt_find("ro", &o), 0);
	assert_int_equal(o->set, 0x1);
	assert_int_equal(mountopt_find("suid", &o), 0);
	assert_int_equal(o->clear, 0x2);
	assert_int_equal(mountopt_find("slave", &o), 0);
	assert_true(o->propagation == MS_SLAVE);
	assert_int_equal(mountopt_find("runbindable", &o), 0);
	assert_true(o->propagation == MS_UNBINDABLE);
	assert_int_equal(mountopt_find("shared", &o), 0);
	assert_true(o->propagation == MS_SHARED);
	assert_int_equal(mountopt_find("rprivate", &o), 0);
	assert_true(o->propagation == MS_PRIVATE);
	assert_int_equal(mountopt_find("idmap", &o), 0);
	assert_non_null(o->refused);
	assert_int_equal(mountopt_find("size=64m", &o), -1);
	assert_null(o);
	assert_int_equal(mountopt_find("", &o), -1);
	assert_string_equal(mountopt_nearest("nosiud"), "nosuid");
}

/* ---- rules ---- */

static struct spec_mount *add_mount(struct spec *s, const char *type, const char *source,
				    const char *destination, const char *option)
{
	struct spec_mount *m = spec_add_mount(s);

	str_set(&m->type, type);
	str_set(&m->source, source);
	str_set(&m->destination, destination);
	if (option)
		strv_add(&m->options, option);
	return m;
}

static void add_rlimit(struct spec *s, const char *type, uint64_t soft, uint64_t hard)
{
	struct spec_rlimit *l = spec_add_rlimit(s);

	str_set(&l->type, type);
	l->soft = soft;
	l->hard = hard;
}

static void b_none(struct spec *s)
{
	(void)s;
}
static void b_full(struct spec *s)
{
	add_mount(s, "bind", "/src", "/work", "rro");
	add_mount(s, "tmpfs", NULL, "/tmp/..hidden/x..", "size=64m");
	add_mount(s, "mqueue", "mqueue", "/dev/mqueue", "nosuid");
	add_rlimit(s, "RLIMIT_NOFILE", 10, 10);
	add_rlimit(s, "RLIMIT_CORE", 0, UINT64_MAX);
	id_map_add(&s->uids, 0, 1000, 1);
	id_map_add(&s->uids, 1, 100000, 65536);
	id_map_add(&s->gids, 0, 4294967294U, 1);
	str_set(&s->name, "web-1");
	str_set(&s->hostname, "web");
	str_set(&s->process.cwd, "/");
	str_set(&s->process.user, "1000:1000");
	strv_add(&s->process.env, "A=");
	strv_add(&s->annotations, "k=v");
	s->process.caps.inheritable = s->process.caps.ambient = 1;
	s->time.has_offsets = true;
	s->time.monotonic_ns = 999999999;
	str_set(&s->id, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
}
static void b_no_root(struct spec *s) { str_set(&s->root.path, NULL); }
static void b_rel_root(struct spec *s) { str_set(&s->root.path, "rootfs"); }
static void b_host_path(struct spec *s) { s->root.kind = ROOT_HOST; }
static void b_bins_none(struct spec *s) { s->root.kind = ROOT_BINS; }
static void b_bins_dir(struct spec *s) { strv_add(&s->root.bins, "/bin/sh"); }
static void b_bins_rel(struct spec *s) { s->root.kind = ROOT_BINS; strv_add(&s->root.bins, "sh"); }
static void b_image_none(struct spec *s) { s->root.kind = ROOT_IMAGE, str_set(&s->root.path, NULL); }
static void b_image_path(struct spec *s) { s->root.kind = ROOT_IMAGE, str_set(&s->root.image, "alpine"); }
static void image_of(struct spec *s, size_t layers, const char *layer)
{
	b_image_none(s);
	str_set(&s->root.image, "alpine");
	for (size_t i = 0; i < layers; i++)
		strv_add(&s->root.lowers, layer);
}
static void b_image(struct spec *s) { image_of(s, IMAGE_LAYERS_MAX, "/l"); }
static void b_image_many(struct spec *s) { image_of(s, IMAGE_LAYERS_MAX + 1, "/l"); }
static void b_image_rel(struct spec *s) { image_of(s, 1, "l"); }
static void b_image_kept(struct spec *s) { b_image(s), str_set(&s->root.layer, "/keep"); }
static void b_mount_rel(struct spec *s) { add_mount(s, "tmpfs", NULL, "tmp", NULL); }
static void b_mount_up(struct spec *s) { add_mount(s, "tmpfs", NULL, "/a/../b", NULL); }
static void b_mount_up_end(struct spec *s) { add_mount(s, "tmpfs", NULL, "/a/..", NULL); }
static void b_mount_top(struct spec *s) { add_mount(s, "tmpfs", NULL, "//./", NULL); }
static void b_mount_pts(struct spec *s)
{
	s->process.terminal = true;
	add_mount(s, "bind", "/s", "//dev/./pts/", NULL);
}
static void b_mount_none(struct spec *s) { spec_add_mount(s); }
static void b_mount_type(struct spec *s) { add_mount(s, "ext4", "/x", "/a", NULL); }
static void b_mount_src(struct spec *s) { add_mount(s, "bind", "src", "/a", NULL); }
static void b_mount_nosrc(struct spec *s) { add_mount(s, "bind", NULL, "/a", NULL); }
static void b_mount_opt(struct spec *s) { add_mount(s, "bind", "/s", "/a", "nosiud"); }
static void b_mount_idmap(struct spec *s) { add_mount(s, "bind", "/s", "/a", "idmap"); }
static void b_map_root(struct spec *s) { id_map_add(&s->uids, 0, 0, 1); }
static void b_map_empty(struct spec *s) { id_map_add(&s->gids, 0, 5, 0); }
static void b_map_wrap(struct spec *s) { id_map_add(&s->uids, 0, 4294967290U, 6); }
static void b_map_in(struct spec *s)
{
	id_map_add(&s->uids, 0, 1000, 10);
	id_map_add(&s->uids, 9, 5000, 1);
}
static void b_map_out(struct spec *s)
{
	id_map_add(&s->uids, 0, 1000, 10);
	id_map_add(&s->uids, 20, 995, 6);
}
static void b_map_many(struct spec *s)
{
	for (uint32_t i = 0; i < 341; i++)
		id_map_add(&s->uids, i, i + 1, 1);
}
static void b_map_host(struct spec *s)
{
	s->ns[NS_USER].mode = NS_HOST;
	id_map_add(&s->uids, 0, 1000, 1);
}
static void b_rlimit(struct spec *s) { add_rlimit(s, "nofile", 1, 1); }
static void b_rlimit_null(struct spec *s) { add_rlimit(s, NULL, 1, 1); }
static void b_rlimit_soft(struct spec *s) { add_rlimit(s, "RLIMIT_CPU", 2, 1); }
static void b_rlimit_dup(struct spec *s)
{
	add_rlimit(s, "RLIMIT_CPU", 1, 1);
	add_rlimit(s, "RLIMIT_CPU", 1, 2);
}
static void b_cwd(struct spec *s) { str_set(&s->process.cwd, "work"); }
static void b_user(struct spec *s) { str_set(&s->process.user, ""); }
static void b_host_slash(struct spec *s) { str_set(&s->hostname, "a/b"); }
static void b_host_ctl(struct spec *s) { str_set(&s->hostname, "a\nb"); }
static void b_host_empty(struct spec *s) { str_set(&s->hostname, ""); }
static void b_host_long(struct spec *s)
{
	str_set(&s->hostname,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void b_host_uts(struct spec *s)
{
	str_set(&s->hostname, "web");
	s->ns[NS_UTS].mode = NS_HOST;
}
static void b_bare(struct spec *s)
{
	s->root.kind = ROOT_HOST;
	str_set(&s->root.path, NULL);
	s->process.caps = (struct spec_caps){ 0 };
	for (size_t t = 0; t < NS_TYPES; t++)
		s->ns[t].mode = NS_HOST;
	strv_add(&s->landlock, "rx:/usr");
}
static void b_bare_no_rules(struct spec *s) { b_bare(s), strv_fini(&s->landlock); }
static void b_bare_some(struct spec *s) { b_bare(s), s->ns[NS_PID].mode = NS_PRIVATE; }
static void b_bare_dir(struct spec *s) { b_bare(s), s->root.kind = ROOT_DIR, str_set(&s->root.path, "/srv"); }
static void b_bare_mount(struct spec *s) { b_bare(s), add_mount(s, "tmpfs", NULL, "/a", NULL); }
static void b_bare_user(struct spec *s) { b_bare(s), str_set(&s->process.user, "nobody"); }
static void b_bare_caps(struct spec *s) { b_bare(s), s->process.caps.bounding = s->process.caps.permitted = 1; }
static void b_bare_nnp(struct spec *s) { b_bare(s), s->process.no_new_privs = false; }
static void b_landlock(struct spec *s) { strv_add(&s->landlock, "ro:etc"); }
static void b_landlock_ok(struct spec *s) { strv_add(&s->landlock, "scope:signals"); }
static void b_name(struct spec *s) { str_set(&s->name, "../x"); }
static void b_id(struct spec *s) { str_set(&s->id, "abc"); }
static void b_env(struct spec *s) { strv_add(&s->process.env, "PATH"); }
static void b_env_key(struct spec *s) { strv_add(&s->process.env, "=x"); }
static void b_caps_eff(struct spec *s) { s->process.caps.effective |= 1 << CAP_SYS_ADMIN; }
static void b_caps_perm(struct spec *s) { s->process.caps.permitted |= 1 << CAP_SYS_ADMIN; }
static void b_caps_bound(struct spec *s) { s->process.caps.bounding = 0; }
static void b_caps_amb(struct spec *s) { s->process.caps.ambient = 1; }
static void b_caps_inh(struct spec *s) { s->process.caps.inheritable = 1; }
static void b_ns_path(struct spec *s) { s->ns[NS_PID].mode = NS_PATH; }
static void b_time_host(struct spec *s)
{
	s->time.has_offsets = true;
	s->ns[NS_TIME].mode = NS_HOST;
}
static void b_time_ns(struct spec *s)
{
	s->time.has_offsets = true;
	s->time.boottime_ns = 1000000000;
}
static void b_masked(struct spec *s) { strv_add(&s->masked_paths, "/proc/../etc"); }
static void b_layers_none(struct spec *s) { add_mount(s, "overlay", "overlay", "/a", "ro"); }
static void b_layers_relative(struct spec *s) { add_mount(s, "overlay", "overlay", "/a", "lowerdir=/x:x"); }
static void b_layers_work(struct spec *s)
{
	add_mount(s, "overlay", "overlay", "/a", "lowerdir=/x");
	strv_add(&s->mounts[0].options, "upperdir=/u");
}
static void b_layers_many(struct spec *s)
{
	add_mount(s, "overlay", "overlay", "/a", "lowerdir=/1:/2:/3:/4:/5:/6:/7:/8:/9:/10:/11:/12:/13");
}
static struct spec_path *add_path(struct spec *s, enum spec_path_kind kind, const char *path)
{
	struct spec_path *p = spec_add_path(s);

	p->kind = kind;
	p->path = str_dup(path);
	p->target = str_dup(kind == PATH_SYMLINK ? "t" : NULL);
	return p;
}
static void b_path(struct spec *s) { add_path(s, PATH_DIR, "x"); }
static void b_path_dotdot(struct spec *s) { add_path(s, PATH_SYMLINK, "/a/../b"); }
static void b_path_target(struct spec *s) { str_set(&add_path(s, PATH_SYMLINK, "/a")->target, ""); }
static struct spec_device *add_device(struct spec *s, const char *path)
{
	struct spec_device *d = spec_add_device(s);

	d->path = str_dup(path);
	d->source = str_dup("/dev/null");
	d->type = 'c';
	return d;
}
static void b_device(struct spec *s) { add_device(s, "x"); }
static void b_device_type(struct spec *s) { add_device(s, "/dev/x")->type = 'p'; }
static void b_seccomp(struct spec *s)
{
	s->seccomp = SECCOMP_PROFILE;
	str_set(&s->seccomp_profile, "p.json");
}
static void b_seccomp_hash(struct spec *s)
{
	s->seccomp = SECCOMP_PROFILE;
	str_set(&s->seccomp_profile, "/p.json");
	str_set(&s->seccomp_sha256, "abc");
}
static void b_note(struct spec *s) { strv_add(&s->annotations, "org.lichen.privileged=true"); }
static void b_umask(struct spec *s) { s->process.has_umask = true, s->process.umask = 01000; }
static void b_oom(struct spec *s) { s->process.has_oom_score_adj = true, s->process.oom_score_adj = 1001; }
static void b_preserve(struct spec *s) { s->process.preserve_fds = 5000; }
static void b_unset(struct spec *s) { strv_add(&s->process.unset_env, "A=1"); }
static void b_stop(struct spec *s) { s->stop_signal = str_dup("SIGFOO"); }
static void b_sysctl_form(struct spec *s) { strv_add(&s->sysctls, "net.x"); }
static void b_sysctl_whole(struct spec *s) { strv_add(&s->sysctls, "vm.swappiness=1"); }
static void b_sysctl_host(struct spec *s)
{
	strv_add(&s->sysctls, "net.a=1");
	s->ns[NS_NETWORK].mode = NS_HOST;
}
static void b_domain(struct spec *s) { s->domainname = str_dup(""); }
static void b_hosts(struct spec *s) { strv_add(&s->add_hosts, "db:x"); }
static void b_hosts_covered(struct spec *s)
{
	struct spec_mount *m = spec_add_mount(s);

	strv_add(&s->add_hosts, "db:10.0.0.5");
	m->type = str_dup("tmpfs");
	m->destination = str_dup("/etc");
}
static void b_hosts_in_dev(struct spec *s)
{
	b_hosts_covered(s);
	str_set(&s->mounts[0].destination, "/dev");
	s->root.readonly = true;
}
static void b_dns(struct spec *s) { strv_add(&s->dns, "nine"); }
static void b_search(struct spec *s) { strv_add(&s->dns_search, "a b"); }
static void b_note_form(struct spec *s) { strv_add(&s->annotations, "x"); }

static const struct {
	void (*breaks)(struct spec *s);
	const char *says; /* NULL: nothing is wrong */
} RULES[] = {
	{ b_none, NULL },
	{ b_full, NULL },
	{ b_no_root, "no root file system" },
	{ b_rel_root, "root: 'rootfs' is not an absolute path" },
	{ b_host_path, "'host' has no path" },
	{ b_bins_none, "no program is given" },
	{ b_bins_dir, "programs are given, but another root" },
	{ b_bins_rel, "the program 'sh' is not an absolute path" },
	{ b_image, NULL },
	{ b_image_kept, NULL },
	{ b_image_none, "the image has no name" },
	{ b_image_path, "an image has no path" },
	{ b_image_many, "the image has 501 layers, at most 500" },
	{ b_image_rel, "the layer 'l' is not an absolute path" },
	{ b_mount_rel, "mount: 'tmp' is not an absolute path" },
	{ b_mount_up, "'/a/../b' has '..' in it" },
	{ b_mount_up_end, "'/a/..' has '..' in it" },
	{ b_mount_top, "'//./' would hide the root" },
	{ b_mount_pts, "a terminal (-t) needs the sandbox's own /dev/pts" },
	{ b_mount_none, "no destination" },
	{ b_mount_type, "type 'ext4' is not known" },
	{ b_mount_src, "source 'src' is not an absolute path" },
	{ b_mount_nosrc, "source '' is not an absolute path" },
	{ b_mount_opt, "unknown option 'nosiud' (did you mean 'nosuid'?)" },
	{ b_mount_idmap, "option 'idmap': idmapped mounts are not" },
	{ b_map_root, "uid map: 0:0:1 maps root of the host" },
	{ b_map_empty, "gid map: 0:5:0 is empty" },
	{ b_map_wrap, "beyond the last id" },
	{ b_map_in, "0:1000:10 and 9:5000:1 overlap inside" },
	{ b_map_out, "0:1000:10 and 20:995:6 overlap outside" },
	{ b_map_many, "341 extents, the kernel takes 340" },
	{ b_map_host, "id maps need a user namespace" },
	{ b_rlimit, "'nofile' is not known" },
	{ b_rlimit_null, "'' is not known" },
	{ b_rlimit_soft, "RLIMIT_CPU: soft 2 is above hard 1" },
	{ b_rlimit_dup, "RLIMIT_CPU is given twice" },
	{ b_cwd, "working directory: 'work'" },
	{ b_user, "user: '' is not" },
	{ b_host_slash, "hostname: 'a/b' has a slash" },
	{ b_host_ctl, "control character" },
	{ b_host_empty, "not between 1 and 64" },
	{ b_host_long, "not between 1 and 64" },
	{ b_host_uts, "needs a uts namespace" },
	{ b_bare, NULL },
	{ b_bare_no_rules, "without Landlock rules (--landlock) nothing would be isolated" },
	{ b_bare_some, "goes with none of its own of any kind" },
	{ b_bare_dir, "only 'host' can be the root" },
	{ b_bare_mount, "nothing can be mounted, but '/a'" },
	{ b_bare_user, "the user cannot be changed to 'nobody'" },
	{ b_bare_caps, "there are no capabilities to give" },
	{ b_bare_nnp, "no_new_privs cannot be off" },
	{ b_landlock, "--landlock ro:etc: expected an absolute path" },
	{ b_landlock_ok, NULL },
	{ b_name, "name: '../x' does not match" },
	{ b_id, "id: 'abc'" },
	{ b_env, "environment: 'PATH' is not KEY=VALUE" },
	{ b_env_key, "environment: '=x'" },
	{ b_caps_eff, "effective, but not permitted: CAP_SYS_ADMIN" },
	{ b_caps_perm, "permitted, but not in the bounding set: CAP_SYS_ADMIN" },
	{ b_caps_bound, "CAP_CHOWN and others" },
	{ b_caps_amb, "ambient, but not both" },
	{ b_caps_inh, "inheritable, but not ambient: CAP_CHOWN" },
	{ b_ns_path, "pid namespace: '' is not an absolute path" },
	{ b_time_host, "time offsets need a time namespace" },
	{ b_time_ns, "nanoseconds must be below" },
	{ b_masked, "masked path: '/proc/../etc' has '..'" },
	{ b_umask, "umask: 1000 is not between 0 and 777" },
	{ b_oom, "oom score: 1001" },
	{ b_preserve, "5000 are to go in" },
	{ b_unset, "'A=1' is not the name of a variable" },
	{ b_stop, "stop signal: 'SIGFOO'" },
	{ b_sysctl_form, "sysctl: 'net.x' is not KEY=VALUE" },
	{ b_sysctl_whole, "vm.swappiness: it belongs to the whole machine" },
	{ b_sysctl_host, "net.a needs a namespace of the sandbox's own (network)" },
	{ b_domain, "domain name: '' is not between" },
	{ b_hosts, "hosts: 'db:x' is not NAME:IP" },
	{ b_hosts_covered, "a mount covers /etc/hosts" },
	{ b_hosts_in_dev, "hosts: a mount covers /dev" },
	{ b_dns, "dns: 'nine' is not an address" },
	{ b_search, "dns search: 'a b' is not a domain" },
	{ b_layers_none, "an overlay needs lowerdir=" },
	{ b_layers_relative, "the lower directory 'x' is not an absolute path" },
	{ b_layers_work, "upperdir= and workdir= go together" },
	{ b_layers_many, "13 lower directories, at most 12" },
	{ b_path, "directory: 'x' is not an absolute path" },
	{ b_path_dotdot, "symbolic link: '/a/../b' has '..'" },
	{ b_path_target, "its target is not between 1 and" },
	{ b_device, "device: 'x' is not an absolute path" },
	{ b_device_type, "its type is neither 'c' nor 'b'" },
	{ b_seccomp, "seccomp profile: 'p.json' is not an absolute path" },
	{ b_seccomp_hash, "is not a SHA-256" },
	{ b_note, "names under org.lichen. are lichen's own" },
	{ b_note_form, "annotation: 'x' is not KEY=VALUE" },
};

static void sysctls_have_owners(void **state)
{
	static const struct {
		const char *typed, *key, *path;
		int owner;
	} ROWS[] = {
		{ "net.ipv4.ip_forward", "net.ipv4.ip_forward", "net/ipv4/ip_forward", NS_NETWORK },
		{ "net/ipv4/conf/eth0.1/forwarding", "net.ipv4.conf.eth0/1.forwarding",
		  "net/ipv4/conf/eth0.1/forwarding", NS_NETWORK },
		{ "net.ipv4.conf.eth0/1.forwarding", "net.ipv4.conf.eth0/1.forwarding",
		  "net/ipv4/conf/eth0.1/forwarding", NS_NETWORK },
		{ "kernel.shm_rmid_forced", "kernel.shm_rmid_forced", "kernel/shm_rmid_forced", NS_IPC },
		{ "kernel.msgmax", "kernel.msgmax", "kernel/msgmax", NS_IPC },
		{ "kernel/sem", "kernel.sem", "kernel/sem", NS_IPC },
		{ "fs.mqueue.msg_max", "fs.mqueue.msg_max", "fs/mqueue/msg_max", NS_IPC },
		{ "kernel.domainname", "kernel.domainname", "kernel/domainname", NS_UTS },
		{ "user.max_user_namespaces", "user.max_user_namespaces", "user/max_user_namespaces", NS_USER },
		{ "kernel.hostname", "kernel.hostname", "kernel/hostname", -1 },
		{ "vm.swappiness", "vm.swappiness", "vm/swappiness", -1 },
		{ "kernel.core_pattern", "kernel.core_pattern", "kernel/core_pattern", -1 },
		{ "fs.file-max", "fs.file-max", "fs/file-max", -1 },
		{ "net/../kernel/core_pattern", "net.//.kernel.core_pattern", "net/../kernel/core_pattern", -1 },
		{ "net..x", "net..x", "net//x", -1 },
		{ "net.", "net.", "net/", -1 },
		{ "net", "net", "net", -1 },
		{ "net.a b", "net.a b", "net/a b", -1 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *key = sysctl_key(ROWS[i].typed), *path = sysctl_path(key);
		const char *why = NULL;

		assert_string_equal(key, ROWS[i].key);
		assert_string_equal(path, ROWS[i].path);
		if (sysctl_owner(key, &why) != ROWS[i].owner)
			fail_msg("%s belongs to another", key);
		assert_int_equal(why != NULL, ROWS[i].owner < 0);
	}
}

static void personalities_have_words(void **state)
{
	uint32_t p = 0;
	char *text;

	(void)state;
	assert_true(personality_add(&p, "linux32"));
	assert_true(personality_add(&p, "addr-no-randomize"));
	assert_true(personality_add(&p, "uname-2.6"));
	assert_int_equal(p, 0x0060008);
	text = personality_format(p);
	assert_string_equal(text, "linux32,addr-no-randomize,uname-2.6");
	free(text);
	assert_true(personality_add(&p, "linux64"));
	assert_int_equal(p & 0xff, 0);
	assert_false(personality_add(&p, "linux33"));
	assert_string_equal(personality_nearest("linux33"), "linux32");
	assert_null(personality_nearest("something"));
}

static void addresses_are_told_from_names(void **state)
{
	static const char *const good[] = { "10.0.0.1", "::1", "fe80::1%eth0", "2001:db8::5" };
	static const char *const bad[] = { "", "10.0.0", "10.0.0.1 ", "host", "[::1]", "::1\n", "fe80::1%", "1.2.3.4#x" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(good); i++)
		assert_true(spec_is_address(good[i]));
	for (size_t i = 0; i < N_ELEMS(bad); i++)
		assert_false(spec_is_address(bad[i]));
	assert_true(spec_is_host_entry("db:10.0.0.5") && spec_is_host_entry("db:::1"));
	assert_false(spec_is_host_entry("db"));
	assert_false(spec_is_host_entry(":10.0.0.5"));
	assert_false(spec_is_host_entry("a b:10.0.0.5"));
	assert_false(spec_is_host_entry("a\nb:10.0.0.5"));
	assert_false(spec_is_host_entry("db:10.0.0.5\n1.1.1.1 x"));
}

static void every_rule_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMS(RULES); i++) {
		struct err e = { 0 };
		struct spec s;
		int rc;

		spec_init(&s);
		str_set(&s.root.path, "/srv/root");
		RULES[i].breaks(&s);
		rc = spec_check(&s, &e);
		if (rc != (RULES[i].says ? -1 : 0) ||
		    (RULES[i].says && !strstr(e.what, RULES[i].says)))
			fail_msg("row %zu: expected '%s', found '%s'", i,
				 RULES[i].says ? RULES[i].says : "nothing", e.what);
		if (rc < 0)
			assert_int_equal(e.kind, ERR_SPEC);
		spec_fini(&s);
	}
}

static void all_violations_in_one_error(void **state)
{
	struct err e = { 0 };
	struct spec s;

	(void)state;
	spec_init(&s);
	str_set(&s.root.path, "/srv/root");
	str_set(&s.process.cwd, "work");
	b_env(&s);
	assert_int_equal(spec_check(&s, &e), -1);
	assert_string_equal(e.what, "working directory: 'work' is not an absolute path; "
				    "environment: 'PATH' is not KEY=VALUE");
	for (int i = 0; i < 40; i++)
		b_env(&s);
	assert_int_equal(spec_check(&s, &e), -1);
	assert_non_null(strstr(e.what, " more"));
	assert_true(strlen(e.what) < sizeof(e.what));
	spec_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_lichens),
		cmocka_unit_test(docker_has_fourteen_capabilities),
		cmocka_unit_test(id_map_finds_both_ways),
		cmocka_unit_test(namespaces_have_names),
		cmocka_unit_test(capabilities_have_names),
		cmocka_unit_test(signals_have_names),
		cmocka_unit_test(rlimits_have_names),
		cmocka_unit_test(mountopts_are_sorted_and_consistent),
		cmocka_unit_test(mountopts_have_recursive_twins),
		cmocka_unit_test(mountopts_mean_what_the_kernel_means),
		cmocka_unit_test(sysctls_have_owners),
		cmocka_unit_test(personalities_have_words),
		cmocka_unit_test(addresses_are_told_from_names),
		cmocka_unit_test(every_rule_is_named),
		cmocka_unit_test(all_violations_in_one_error),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
