/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_oci.c - config.json <-> struct spec */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "spec/oci.h"

/* ---- helpers ---- */

static int read_text(const char *text, enum oci_trust trust, struct spec *s,
		     struct strv *warnings, struct err *e)
{
	spec_init(s);
	return oci_read(text, strlen(text), trust, s, warnings, e);
}

static char *write_text(const struct spec *s)
{
	struct buf b = { 0 };

	oci_write(s, &b);
	return buf_take(&b);
}

static void must_read(const char *text, enum oci_trust trust, struct spec *s,
		      struct strv *warnings)
{
	struct err e = { 0 };

	if (read_text(text, trust, s, warnings, &e) < 0)
		fail_msg("%s\n%s", e.what, text);
}

static bool has_warning(const struct strv *warnings, const char *part)
{
	for (size_t i = 0; i < warnings->n; i++)
		if (strstr(warnings->v[i], part))
			return true;
	return false;
}

static void same_list(const struct strv *a, const struct strv *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_string_equal(a->v[i], b->v[i]);
}

static void same_limits(const struct spec_limits *a, const struct spec_limits *b)
{
	assert_true(a->memory == b->memory && a->memory_reservation == b->memory_reservation && a->memory_swap == b->memory_swap);
	assert_true(a->cpu_quota == b->cpu_quota && a->cpu_period == b->cpu_period && a->cpu_shares == b->cpu_shares);
	assert_true(a->pids == b->pids && a->blkio_weight == b->blkio_weight);
	assert_true(str_eq(a->cpuset_cpus, b->cpuset_cpus) && str_eq(a->cpuset_mems, b->cpuset_mems));
	same_list(&a->unified, &b->unified);
	assert_int_equal(a->n_throttles, b->n_throttles);
	for (size_t i = 0; i < a->n_throttles; i++)
		assert_true(a->throttles[i].kind == b->throttles[i].kind && a->throttles[i].major == b->throttles[i].major &&
			    a->throttles[i].minor == b->throttles[i].minor && a->throttles[i].rate == b->throttles[i].rate);
}

static void same_map(const struct id_map *a, const struct id_map *b)
{
	assert_int_equal(a->n, b->n);
	if (a->n)
		assert_memory_equal(a->v, b->v, a->n * sizeof(*a->v));
}

static void same_process(const struct spec_process *a, const struct spec_process *b)
{
	assert_int_equal(a->terminal, b->terminal);
	assert_int_equal(a->interactive, b->interactive);
	assert_int_equal(a->no_new_privs, b->no_new_privs);
	assert_true(str_eq(a->cwd ? a->cwd : "/", b->cwd ? b->cwd : "/"));
	assert_true(str_eq(a->user, b->user));
	assert_true(str_eq(a->groups, b->groups));
	same_list(&a->args, &b->args);
	same_list(&a->env, &b->env);
	assert_memory_equal(&a->caps, &b->caps, sizeof(a->caps));
	assert_int_equal(a->n_rlimits, b->n_rlimits);
	for (size_t i = 0; i < a->n_rlimits; i++) {
		assert_string_equal(a->rlimits[i].type, b->rlimits[i].type);
		assert_true(a->rlimits[i].soft == b->rlimits[i].soft);
		assert_true(a->rlimits[i].hard == b->rlimits[i].hard);
	}
}

static void same_attributes(const struct spec *a, const struct spec *b)
{
	const struct spec_process *p = &a->process, *q = &b->process;

	assert_int_equal(p->init, q->init);
	assert_int_equal(p->has_umask, q->has_umask);
	assert_int_equal(p->umask, q->umask);
	assert_int_equal(p->has_oom_score_adj, q->has_oom_score_adj);
	assert_int_equal(p->oom_score_adj, q->oom_score_adj);
	assert_int_equal(p->has_personality, q->has_personality);
	assert_int_equal(p->personality, q->personality);
	assert_true(str_eq(p->argv0, q->argv0));
	assert_int_equal(p->preserve_fds, q->preserve_fds);
	same_list(&p->unset_env, &q->unset_env);
	assert_true(str_eq(a->domainname, b->domainname));
	same_list(&a->sysctls, &b->sysctls);
	same_limits(&a->limits, &b->limits);
	assert_int_equal(a->cgroup_manager, b->cgroup_manager);
	assert_true(str_eq(a->cgroup_parent, b->cgroup_parent));
	assert_int_equal(a->cgroup_writable, b->cgroup_writable);
	assert_int_equal(a->proc_limits, b->proc_limits);
	same_list(&a->add_hosts, &b->add_hosts);
	same_list(&a->dns, &b->dns);
	same_list(&a->dns_search, &b->dns_search);
	same_list(&a->dns_options, &b->dns_options);
	assert_int_equal(a->no_resolv, b->no_resolv);
	assert_true(str_eq(a->stop_signal, b->stop_signal));
	assert_true(a->timeout_ms == b->timeout_ms);
	assert_int_equal(a->die_with_parent, b->die_with_parent);
}

static void same_mounts(const struct spec *a, const struct spec *b)
{
	assert_int_equal(a->n_mounts, b->n_mounts);
	for (size_t i = 0; i < a->n_mounts; i++) {
		assert_string_equal(a->mounts[i].destination, b->mounts[i].destination);
		assert_true(str_eq(a->mounts[i].type, b->mounts[i].type));
		assert_true(str_eq(a->mounts[i].source, b->mounts[i].source));
		assert_true(str_eq(a->mounts[i].volume, b->mounts[i].volume));
		assert_int_equal(a->mounts[i].nocopy, b->mounts[i].nocopy);
		same_list(&a->mounts[i].options, &b->mounts[i].options);
	}
}

static void same_made(const struct spec *a, const struct spec *b)
{
	assert_int_equal(a->n_paths, b->n_paths);
	for (size_t i = 0; i < a->n_paths; i++) {
		assert_int_equal(a->paths[i].kind, b->paths[i].kind);
		assert_string_equal(a->paths[i].path, b->paths[i].path);
		assert_true(str_eq(a->paths[i].target, b->paths[i].target));
		assert_int_equal(a->paths[i].mode, b->paths[i].mode);
	}
	assert_int_equal(a->n_devices, b->n_devices);
	for (size_t i = 0; i < a->n_devices; i++) {
		assert_string_equal(a->devices[i].path, b->devices[i].path);
		assert_string_equal(a->devices[i].source, b->devices[i].source);
		assert_int_equal(a->devices[i].type, b->devices[i].type);
		assert_int_equal(a->devices[i].major, b->devices[i].major);
		assert_int_equal(a->devices[i].minor, b->devices[i].minor);
	}
	assert_true(str_eq(a->seccomp_profile, b->seccomp_profile));
	assert_true(str_eq(a->seccomp_sha256, b->seccomp_sha256));
	assert_int_equal(a->nested, b->nested);
}

/* Every field of struct spec but unknown. */
static void same_spec(const struct spec *a, const struct spec *b)
{
	assert_true(str_eq(a->id, b->id));
	assert_true(str_eq(a->name, b->name));
	assert_int_equal(a->root.kind, b->root.kind);
	assert_true(str_eq(a->root.path, b->root.path));
	assert_int_equal(a->root.readonly, b->root.readonly);
	same_list(&a->root.bins, &b->root.bins);
	assert_true(str_eq(a->root.image, b->root.image));
	assert_true(str_eq(a->root.image_id, b->root.image_id));
	same_process(&a->process, &b->process);
	assert_true(str_eq(a->hostname, b->hostname));
	for (int t = 0; t < NS_TYPES; t++) {
		assert_int_equal(a->ns[t].mode, b->ns[t].mode);
		assert_true(str_eq(a->ns[t].path, b->ns[t].path));
		assert_true(str_eq(a->ns[t].container, b->ns[t].container));
	}
	assert_int_equal(a->userns_private, b->userns_private);
	assert_true(str_eq(a->userns, b->userns));
	assert_true(str_eq(a->uidmap, b->uidmap));
	assert_true(str_eq(a->gidmap, b->gidmap));
	assert_true(str_eq(a->subuidname, b->subuidname));
	assert_true(str_eq(a->subgidname, b->subgidname));
	assert_int_equal(a->groups, b->groups);
	assert_int_equal(a->time.has_offsets, b->time.has_offsets);
	assert_true(a->time.monotonic_s == b->time.monotonic_s);
	assert_true(a->time.boottime_s == b->time.boottime_s);
	assert_int_equal(a->time.monotonic_ns, b->time.monotonic_ns);
	assert_int_equal(a->time.boottime_ns, b->time.boottime_ns);
	same_mounts(a, b);
	same_made(a, b);
	same_map(&a->uids, &b->uids);
	same_map(&a->gids, &b->gids);
	same_list(&a->masked_paths, &b->masked_paths);
	same_list(&a->readonly_paths, &b->readonly_paths);
	assert_int_equal(a->seccomp, b->seccomp);
	assert_int_equal(a->ids, b->ids);
	assert_int_equal(a->overlay, b->overlay);
	assert_int_equal(a->privileged, b->privileged);
	assert_int_equal(a->ephemeral, b->ephemeral);
	same_list(&a->annotations, &b->annotations);
	same_attributes(a, b);
}

/* write, read, write: the same spec and the same bytes */
static void round_trip(const struct spec *s)
{
	AUTO_STRV struct strv warnings = { 0 };
	char *first = write_text(s), *second;
	struct spec back;

	must_read(first, OCI_TRUSTED, &back, &warnings);
	same_spec(s, &back);
	second = write_text(&back);
	assert_string_equal(first, second);
	assert_int_equal(warnings.n, 0);
	spec_fini(&back);
	free(first);
	free(second);
}

static void add_rlimit(struct spec *s, const char *type, uint64_t soft, uint64_t hard)
{
	struct spec_rlimit *l = spec_add_rlimit(s);

	str_set(&l->type, type);
	l->soft = soft;
	l->hard = hard;
}

/* No field has the value that spec_init() gives. */
static void set_process(struct spec_process *p)
{
	p->terminal = p->interactive = true;
	p->no_new_privs = false;
	str_set(&p->cwd, "/work dir");
	str_set(&p->user, "nobody:nogroup");
	str_set(&p->groups, "audio,1234");
	strv_add(&p->args, "sh");
	strv_add(&p->args, "");
	strv_add(&p->args, "a \"quoted\" \\ \n\x01 \xc3\xa4");
	strv_add(&p->env, "PATH=/bin");
	strv_add(&p->env, "EMPTY=");
	p->caps = (struct spec_caps){ UINT64_MAX, 3, 7, UINT64_C(1) << 63, UINT64_C(1) << 40 };
}

static void set_attributes(struct spec *s)
{
	struct spec_process *p = &s->process;

	p->init = p->has_umask = p->has_oom_score_adj = p->has_personality = true;
	p->umask = 077;
	p->oom_score_adj = -17;
	assert_true(personality_add(&p->personality, "linux32") && personality_add(&p->personality, "addr-no-randomize"));
	str_set(&p->argv0, "-sh");
	p->preserve_fds = 3;
	strv_add(&p->unset_env, "HOME");
	strv_add(&p->unset_env, "A B");
	str_set(&s->domainname, "example.org");
	s->limits = (struct spec_limits){ .memory = UINT64_C(1) << 33, .memory_reservation = 4096, .memory_swap = LIMIT_MAX,
					  .cpu_quota = LIMIT_MAX, .cpu_period = 50000, .cpu_shares = 512, .pids = LIMIT_MAX,
					  .blkio_weight = 300, .cpuset_cpus = str_dup("0-1"), .cpuset_mems = str_dup("0") };
	for (unsigned k = 0; k < THROTTLE_KINDS; k++)
		limits_add_throttle(&s->limits, &(struct spec_throttle){ (enum throttle_kind)k, 8, 16 * k, k ? 10u * k : LIMIT_MAX });
	limits_set_unified(&s->limits, "memory.high", "300000000");
	limits_set_unified(&s->limits, "hugetlb.2MB.max", "max");
	s->cgroup_manager = CGROUP_SYSTEMD;
	s->cgroup_parent = str_dup("work.slice");
	s->cgroup_writable = s->proc_limits = true;
	strv_add(&s->sysctls, "kernel.sem=1 2 3 4");
	strv_add(&s->sysctls, "net.ipv4.conf.eth0/1.forwarding=1");
	strv_add(&s->add_hosts, "db:10.0.0.5");
	strv_add(&s->add_hosts, "six:::1");
	strv_add(&s->dns, "9.9.9.9");
	strv_add(&s->dns_search, ".");
	strv_add(&s->dns_options, "ndots:2");
	strv_add(&s->dns_options, "rotate");
	s->no_resolv = s->die_with_parent = true;
	str_set(&s->stop_signal, "SIGINT");
	s->timeout_ms = UINT64_C(5400000);
}

static void add_path(struct spec *s, enum spec_path_kind kind, const char *path, const char *target, uint32_t mode)
{
	struct spec_path *p = spec_add_path(s);

	p->kind = kind;
	p->path = str_dup(path);
	p->target = str_dup(target);
	p->mode = mode;
}

static void add_device(struct spec *s, const char *path, const char *source, char type, uint32_t major, uint32_t minor)
{
	struct spec_device *d = spec_add_device(s);

	d->path = str_dup(path);
	d->source = str_dup(source);
	d->type = type;
	d->major = major;
	d->minor = minor;
}

static void set_all(struct spec *s)
{
	struct spec_mount *m;

	str_set(&s->id, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	str_set(&s->name, "web");
	str_set(&s->root.path, "/srv/root");
	s->root.readonly = true;
	set_process(&s->process);
	set_attributes(s);
	add_rlimit(s, "RLIMIT_NOFILE", 1024, 4096);
	add_rlimit(s, "RLIMIT_CORE", UINT64_MAX, UINT64_MAX);
	add_rlimit(s, "RLIMIT_AS", UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1);
	str_set(&s->hostname, "host");
	s->ns[NS_NETWORK].mode = NS_HOST;
	s->ns[NS_PID].mode = NS_PATH;
	str_set(&s->ns[NS_PID].path, "/proc/1/ns/pid");
	s->ns[NS_IPC].mode = NS_PATH;
	str_set(&s->ns[NS_IPC].path, "/proc/7/ns/ipc");
	str_set(&s->ns[NS_IPC].container, "web");
	s->userns_private = true;
	str_set(&s->userns, "keep-id:uid=5,gid=7");
	str_set(&s->uidmap, "0:1:1000,1000:@1000");
	str_set(&s->gidmap, "0:0");
	str_set(&s->subuidname, "ann");
	str_set(&s->subgidname, "bob");
	s->groups = GROUPS_DROP;
	s->time.has_offsets = true;
	s->time.monotonic_s = -5;
	s->time.boottime_s = INT64_MAX;
	s->time.monotonic_ns = 1;
	s->time.boottime_ns = UINT32_MAX;
	m = spec_add_mount(s);
	str_set(&m->destination, "/src");
	str_set(&m->type, "bind");
	str_set(&m->source, "/home/u/src");
	strv_add(&m->options, "rro");
	strv_add(&m->options, "nosuid");
	m = spec_add_mount(s);
	str_set(&m->destination, "/tmp");
	str_set(&m->type, "tmpfs");
	id_map_add(&s->uids, 0, 1000, 1);
	id_map_add(&s->uids, 1, 100000, UINT32_MAX);
	id_map_add(&s->gids, UINT32_MAX, 7, 1);
	strv_fini(&s->masked_paths);
	strv_add(&s->masked_paths, "/proc/x");
	strv_fini(&s->readonly_paths);
	strv_add(&s->readonly_paths, "/proc/y");
	add_path(s, PATH_DIR, "/run/x", NULL, 01777);
	add_path(s, PATH_SYMLINK, "/bin \"x\"", "usr/bin", 0755);
	add_device(s, "/dev/x", "/dev/x", 'c', 10, 229);
	add_device(s, "/dev/y", "/dev/disk y", 'b', UINT32_MAX, 0);
	str_set(&s->seccomp_profile, "/p.json");
	str_set(&s->seccomp_sha256, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	s->nested = true;
	s->seccomp = SECCOMP_UNCONFINED;
	s->ids = IDS_SINGLE;
	s->overlay = OVERLAY_COPY;
	s->privileged = true;
	s->ephemeral = false;
	strv_add(&s->landlock, "rx:/usr");
	strv_add(&s->landlock, "rw:/a\nb\\n \xff");
	strv_add(&s->annotations, "io.example.a=b=c");
	strv_add(&s->annotations, "io.example.empty=");
}

/* ---- writing and reading back ---- */

static void defaults_survive(void **state)
{
	struct spec s;

	(void)state;
	spec_init(&s);
	round_trip(&s);
	strv_fini(&s.masked_paths);
	strv_fini(&s.readonly_paths);
	str_set(&s.root.path, "/");
	round_trip(&s);
	spec_fini(&s);
}

static void volumes_survive(void **state)
{
	static const char *const BAD[] = { "[]", "{", "{\\\"/a\\\":\\\"../x\\\"}", "{\\\"/a\\\":1}", "{\\\"/a\\\":\\\"v:copy\\\"}" };
	struct spec s;

	(void)state;
	spec_init(&s);
	for (int i = 0; i < 3; i++) {
		struct spec_mount *m = spec_add_mount(&s);

		m->type = str_dup("bind");
		m->source = str_fmt("/store/v%d/data", i);
		m->destination = str_fmt("/at/\xff%d", i);
		m->volume = i < 2 ? str_fmt("v%d", i) : NULL;
		m->nocopy = i == 1;
		strv_add(&m->options, "rbind");
	}
	round_trip(&s);
	spec_fini(&s);
	for (size_t i = 0; i < N_ELEMS(BAD); i++) {
		AUTO_FREE char *text = str_fmt("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"},\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\","
					       "\"source\":\"/s\",\"options\":[\"rbind\"]}],\"annotations\":{\"org.lichen.volumes\":\"%s\"}}", BAD[i]);
		struct err e = { 0 };

		spec_init(&s);
		assert_int_equal(oci_read(text, strlen(text), OCI_TRUSTED, &s, NULL, &e), -1);
		assert_non_null(strstr(e.what, "volumes"));
		spec_fini(&s);
		/* a stranger's file names no volume of ours */
		spec_init(&s);
		if (oci_read(text, strlen(text), OCI_STRANGER, &s, NULL, &e) == 0)
			assert_null(s.mounts[0].volume);
		spec_fini(&s);
	}
}

static void every_field_survives(void **state)
{
	struct spec s;

	(void)state;
	spec_init(&s);
	set_all(&s);
	round_trip(&s);
	s.root.kind = ROOT_HOST;
	str_set(&s.root.path, NULL);
	round_trip(&s);
	s.root.kind = ROOT_BINS;
	strv_add(&s.root.bins, "/bin/sh");
	strv_add(&s.root.bins, "/a name: with \"[,]\"\n\\ and \xff bytes");
	round_trip(&s);
	strv_fini(&s.root.bins);
	s.root.kind = ROOT_IMAGE;
	str_set(&s.root.image, "localhost:5000/a/b:1 \xff");
	str_set(&s.root.image_id, "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	strv_add(&s.root.lowers, "/not/saved");
	round_trip(&s);
	spec_fini(&s);
}

static void every_word_survives(void **state)
{
	struct spec s;

	(void)state;
	spec_init(&s);
	for (unsigned i = 0; i < 3; i++) {
		s.ids = i;
		s.overlay = i;
		s.seccomp = i;
		round_trip(&s);
	}
	for (unsigned bits = 0; bits < 32; bits++) {
		s.process.terminal = bits & 1;
		s.process.interactive = bits & 2;
		s.process.no_new_privs = bits & 4;
		s.privileged = bits & 8;
		s.ephemeral = bits & 16;
		round_trip(&s);
	}
	spec_fini(&s);
}

static void user_survives_as_typed(void **state)
{
	static const char *const USERS[] = { "0", "1000", "1000:1000", "nobody", "1000:staff",
					     "root:0", "99999999999", "007", ":5", "a:b:c" };
	struct spec s;

	(void)state;
	spec_init(&s);
	for (size_t i = 0; i < N_ELEMS(USERS); i++) {
		str_set(&s.process.user, USERS[i]);
		round_trip(&s);
	}
	spec_fini(&s);
}

/* File names and arguments are bytes; also those that look like what the escapes are made of. */
static void bytes_survive(void **state)
{
	static const char *const BYTES[] = {
		"\xff", "caf\xe9", "\xc3", "\xf4\x8f\xbe\x80", "\xf4\x8f\xbc\x80", "\xed\xa0\x80",
		"\x01u64:5", "\x01u64:\xff", "\xf4\x8f", "\xf4\x8f\xbf\xbf\xff", "\xc0\x80",
		"\xf4\x90\x80\x80", "\"\x01u64:5", "\\\"\x01u64:12",
	};
	struct spec s;

	(void)state;
	for (size_t i = 0; i < N_ELEMS(BYTES); i++) {
		spec_init(&s);
		set_all(&s);
		strv_add(&s.process.args, BYTES[i]);
		strv_addf(&s.process.env, "K%s=%s", BYTES[i], BYTES[i]);
		strv_addf(&s.annotations, "k%s=%s", BYTES[i], BYTES[i]);
		str_set(&s.mounts[0].destination, BYTES[i]);
		str_set(&s.mounts[1].source, BYTES[i]);
		str_set(&s.process.user, BYTES[i]);
		str_set(&s.process.cwd, BYTES[i]);
		str_set(&s.name, BYTES[i]);
		str_set(&s.paths[1].path, BYTES[i]);
		str_set(&s.paths[1].target, BYTES[i]);
		str_set(&s.devices[1].path, BYTES[i]);
		str_set(&s.devices[1].source, BYTES[(i + 1) % N_ELEMS(BYTES)]);
		round_trip(&s);
		spec_fini(&s);
	}
}

static void other_runtimes_understand_it(void **state)
{
	char *text;
	struct spec s;

	(void)state;
	spec_init(&s);
	set_all(&s);
	str_set(&s.process.user, "1000:5");
	text = write_text(&s);
	assert_non_null(strstr(text, "\"ociVersion\": \"1.0.2\""));
	assert_non_null(strstr(text, "\"uid\": 1000,"));
	assert_non_null(strstr(text, "\"gid\": 5"));
	assert_non_null(strstr(text, "\"soft\": 18446744073709551615"));
	assert_non_null(strstr(text, "\"CAP_CHECKPOINT_RESTORE\""));
	assert_null(strstr(text, "\"type\": \"network\""));
	assert_non_null(strstr(text, "\"umask\": 63"));
	assert_non_null(strstr(text, "\"oomScoreAdj\": -17"));
	assert_non_null(strstr(text, "\"domain\": \"LINUX32\""));
	assert_non_null(strstr(text, "\"kernel.sem\": \"1 2 3 4\""));
	assert_non_null(strstr(text, "\"domainname\": \"example.org\""));
	assert_non_null(strstr(text, "\"path\": \"/proc/1/ns/pid\""));
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
	s.root.kind = ROOT_HOST;
	text = write_text(&s);
	assert_non_null(strstr(text, "\"path\": \"rootfs\""));
	assert_non_null(strstr(text, "\"org.lichen.root-kind\": \"host\""));
	free(text);
	spec_fini(&s);
}

/* ---- files of others ---- */

static const char STRANGER[] =
	"{\"ociVersion\":\"1.2.0\",\"future\":{\"x\":[1,2.5,null,18446744073709551615]},"
	"\"domainname\":\"example.org\","
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},"
	" \"user\":{\"uid\":1000,\"gid\":100,\"umask\":18,\"additionalGids\":[5]},"
	" \"args\":[\"sh\",\"-c\",\"true\"],\"env\":[\"A=b\"],\"cwd\":\"/w\","
	" \"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_FUTURE\"],\"permitted\":[\"CAP_KILL\"],"
	"  \"inheritable\":[\"CAP_KILL\"],\"later\":[\"x\"]},"
	" \"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615,\"why\":\"z\"}],"
	" \"apparmorProfile\":\"p\",\"selinuxLabel\":\"\",\"oomScoreAdj\":100},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true,\"extra\":1},"
	"\"hooks\":{\"poststop\":[{\"path\":\"/bin/x\"}]},"
	"\"mounts\":["
	" {\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	" {\"destination\":\"/data\",\"type\":\"none\",\"source\":\"/d\",\"options\":[\"rbind\",\"ro\"],"
	"  \"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]},"
	" {\"destination\":\"/data\",\"source\":\"/e\",\"options\":[\"bind\"],\"second\":true}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"uts\",\"odd\":1},{\"type\":\"mount\"},"
	"  {\"type\":\"network\",\"path\":\"/run/netns/a\"},{\"type\":\"user\",\"path\":\"\"}],"
	" \"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1,\"u\":1}],"
	" \"timeOffsets\":{\"boottime\":{\"secs\":-7,\"tick\":1},\"tai\":{\"secs\":1}},"
	" \"resources\":{\"memory\":{\"limit\":8388608,\"kernel\":1},\"network\":{\"classID\":1}},\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"u\",\"major\":10,\"minor\":229,\"fileMode\":438,\"new\":1}],"
	" \"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"},\"sysctl\":{\"a\":\"b\"},"
	" \"rootfsPropagation\":\"slave\",\"cgroupsPath\":\"/x\",\"mountLabel\":null},"
	"\"annotations\":{\"org.lichen.privileged\":\"true\",\"org.lichen.root-kind\":\"host\","
	" \"org.lichen.ids\":\"single\",\"org.lichen.user\":\"0\",\"org.lichen.escaped\":\"bytes\","
	" \"org.lichen.new\":\"x\",\"org.lichen.caps-unnamed\":\"1:1:1:1:1\",\"mine\":\"yes\","
	" \"a=b\":\"c\"}}";

static void strangers_fields_are_read(void **state)
{
	struct spec s;

	(void)state;
	must_read(STRANGER, OCI_STRANGER, &s, NULL);
	assert_true(s.process.terminal && !s.process.no_new_privs && s.root.readonly);
	assert_string_equal(s.process.user, "1000:100");
	assert_string_equal(s.process.args.v[2], "true");
	assert_string_equal(s.process.cwd, "/w");
	assert_true(s.process.caps.bounding == 1 << 5 && s.process.caps.effective == 0);
	assert_true(s.process.rlimits[0].hard == UINT64_MAX);
	assert_string_equal(s.root.path, "rootfs");
	assert_int_equal(s.n_mounts, 3);
	assert_string_equal(s.mounts[1].type, "bind");
	assert_string_equal(s.mounts[2].type, "bind");
	assert_int_equal(s.ns[NS_UTS].mode, NS_PRIVATE);
	assert_int_equal(s.ns[NS_USER].mode, NS_PRIVATE);
	assert_int_equal(s.ns[NS_PID].mode, NS_HOST);
	assert_int_equal(s.ns[NS_NETWORK].mode, NS_PATH);
	assert_string_equal(s.ns[NS_NETWORK].path, "/run/netns/a");
	assert_int_equal(id_map_outside(&s.uids, 0), 1000);
	assert_true(s.time.has_offsets && s.time.boottime_s == -7 && s.time.monotonic_s == 0);
	assert_int_equal(s.masked_paths.n, 0); /* OCI's default, not ours */
	spec_fini(&s);
}

static void strangers_annotations_are_not_obeyed(void **state)
{
	AUTO_STRV struct strv warnings = { 0 };
	struct spec s, back;
	char *text;

	(void)state;
	must_read(STRANGER, OCI_STRANGER, &s, &warnings);
	assert_false(s.privileged);
	assert_int_equal(s.root.kind, ROOT_DIR);
	assert_int_equal(s.ids, IDS_SINGLE); /* allowed */
	assert_true(has_warning(&warnings, "annotations.org.lichen.privileged: ignored"));
	assert_true(has_warning(&warnings, "annotations.org.lichen.root-kind: ignored"));
	assert_true(has_warning(&warnings, "annotations.org.lichen.user: ignored"));
	assert_true(has_warning(&warnings, "annotations.org.lichen.escaped: ignored"));
	assert_true(has_warning(&warnings, "annotations.org.lichen.caps-unnamed: ignored"));
	assert_true(has_warning(&warnings, "annotations.org.lichen.new: ignored"));
	assert_false(has_warning(&warnings, "annotations.org.lichen.ids"));
	assert_int_equal(s.annotations.n, 1);
	assert_string_equal(s.annotations.v[0], "mine=yes");

	/* nor once the file has been saved as ours */
	text = write_text(&s);
	must_read(text, OCI_TRUSTED, &back, NULL);
	assert_null(strstr(text, "org.lichen.new"));
	same_spec(&s, &back);
	assert_false(back.privileged);
	spec_fini(&back);
	spec_fini(&s);
	free(text);
}

static void nothing_is_ignored_silently(void **state)
{
	static const char *const NAMED[] = {
		"future: ", "process.consoleSize: ",
		"process.capabilities.bounding[1]: ",
		"process.capabilities.later: ", "process.capabilities: inheritable",
		"process.rlimits[0].why: ", "process.apparmorProfile: ",
		"root.extra: ", "hooks: ", "mounts[1].uidMappings: ", "mounts[2].second: ",
		"linux.namespaces[0].odd: ", "linux.uidMappings[0].u: ",
		"linux.timeOffsets.boottime.tick: ", "linux.timeOffsets.tai: ",
		"linux.resources.network: ", "linux.resources.memory.kernel: ", "linux.devices[0].new: ",
		"linux.rootfsPropagation: ", "linux.cgroupsPath: ",
		"linux.seccomp: this profile is kept, but not applied yet",
	};
	AUTO_STRV struct strv warnings = { 0 };
	struct spec s;

	(void)state;
	must_read(STRANGER, OCI_STRANGER, &s, &warnings);
	for (size_t i = 0; i < N_ELEMS(NAMED); i++)
		if (!has_warning(&warnings, NAMED[i]))
			fail_msg("no warning about %s", NAMED[i]);
	assert_int_equal(warnings.n, N_ELEMS(NAMED) + 6);
	assert_string_equal(s.process.groups, "5");
	assert_false(has_warning(&warnings, "selinuxLabel")); /* empty: asks for nothing */
	assert_false(has_warning(&warnings, "mountLabel"));
	spec_fini(&s);
}

static void unknown_fields_are_kept(void **state)
{
	static const char *const KEPT[] = {
		"\"future\": {", "2.5,", "18446744073709551615\n    ]", "\"ociVersion\": \"1.2.0\"",
		"\"consoleSize\"", "\"umask\": 18", "\"additionalGids\"", "\"CAP_FUTURE\"", "\"later\"",
		"\"why\": \"z\"", "\"apparmorProfile\"", "\"extra\": 1", "\"hooks\"", "\"hostID\": 1,",
		"\"second\": true", "\"odd\": 1", "\"u\": 1", "\"tick\": 1", "\"tai\"", "\"resources\"",
		"\"devices\"", "\"SCMP_ACT_ERRNO\"", "\"sysctl\"", "\"rootfsPropagation\"",
		"\"a=b\": \"c\"", "\"mine\": \"yes\"",
	};
	struct spec s, back;
	char *text, *again;

	(void)state;
	must_read(STRANGER, OCI_STRANGER, &s, NULL);
	text = write_text(&s);
	for (size_t i = 0; i < N_ELEMS(KEPT); i++)
		if (!strstr(text, KEPT[i]))
			fail_msg("%s is lost in %s", KEPT[i], text);
	must_read(text, OCI_TRUSTED, &back, NULL);
	again = write_text(&back);
	assert_string_equal(text, again);
	spec_fini(&back);
	spec_fini(&s);
	free(text);
	free(again);
}

/* The members that we do not know go with their entry, also when its neighbour is gone. */
static void unknown_members_follow_their_entry(void **state)
{
	struct spec s;
	char *text;

	(void)state;
	must_read("{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"/r\"},\"mounts\":["
		  "{\"destination\":\"/a\",\"who\":\"first\"},{\"destination\":\"/b\",\"who\":\"other\"}]}",
		  OCI_STRANGER, &s, NULL);
	str_set(&s.mounts[0].destination, "/b");
	str_set(&s.mounts[1].destination, "/c");
	text = write_text(&s);
	assert_null(strstr(text, "\"first\""));
	assert_non_null(strstr(text, "\"destination\": \"/b\",\n      \"who\": \"other\""));
	free(text);
	spec_fini(&s);
}

/* ---- refusals ---- */

#define DOC(rest) "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"}," rest "}"

static const struct {
	const char *text, *says;
} BAD[] = {
	{ "", "config.json: line 1" },
	{ "[]", "config.json: expected an object" },
	{ "5", "config.json: line 1" },
	{ "{\"a\":1,\"a\":2}", "duplicate object key" },
	{ "{\"a\":\"\\u0000\"}", "\\u0000 is not allowed" },
	{ "{\"a\\u0000\":1}", "NUL byte in object key" },
	{ "{\"a\":\"\xff\"}", "unable to decode byte 0xff" },
	{ "{} x", "config.json: line 1" },
	{ "{}", "ociVersion: expected a string, found nothing" },
	{ "{\"ociVersion\":2}", "ociVersion: expected a string, found a number" },
	{ "{\"ociVersion\":\"2.0\"}", "ociVersion: expected 1.x, found '2.0'" },
	{ "{\"ociVersion\":\"1.0.2\"}", "root.path: expected a string, found nothing" },
	{ "{\"ociVersion\":\"1.0.2\",\"root\":[]}", "root: expected an object, found an array" },
	{ DOC("\"process\":5"), "process: expected an object, found a number" },
	{ DOC("\"process\":{\"args\":\"sh\"}"),
	  "process.args: expected an array of strings, found a string" },
	{ DOC("\"process\":{\"args\":[\"a\",\"b\",3]}"),
	  "process.args[2]: expected a string, found a number" },
	{ DOC("\"process\":{\"args\":[18446744073709551615]}"),
	  "process.args[0]: expected a string, found a number" },
	{ DOC("\"process\":{\"args\":[1.5]}"), "process.args[0]: expected a string, found a fraction" },
	{ DOC("\"process\":{\"args\":[null]}"), "process.args[0]: expected a string, found null" },
	{ DOC("\"process\":{\"terminal\":\"yes\"}"),
	  "process.terminal: expected true or false, found a string" },
	{ DOC("\"process\":{\"user\":1000}"), "process.user: expected an object, found a number" },
	{ DOC("\"process\":{\"user\":{\"uid\":-1}}"),
	  "process.user.uid: expected an integer from 0 to 4294967295, found -1" },
	{ DOC("\"process\":{\"user\":{\"uid\":4294967296}}"), "found 4294967296" },
	{ DOC("\"process\":{\"user\":{\"uid\":\"root\"}}"), "process.user.uid: expected an integer" },
	{ DOC("\"process\":{\"capabilities\":[]}"), "process.capabilities: expected an object" },
	{ DOC("\"process\":{\"capabilities\":{\"ambient\":{}}}"), "process.capabilities.ambient: " },
	{ DOC("\"process\":{\"rlimits\":{}}"), "process.rlimits: expected an array" },
	{ DOC("\"process\":{\"rlimits\":[1]}"), "process.rlimits[0]: expected an object" },
	{ DOC("\"process\":{\"rlimits\":[{}]}"), "process.rlimits[0].type: expected a string" },
	{ DOC("\"process\":{\"rlimits\":[{\"type\":\"x\",\"soft\":1.5,\"hard\":1}]}"),
	  "process.rlimits[0].soft: expected an integer from 0 to 18446744073709551615, found a fraction" },
	{ DOC("\"process\":{\"rlimits\":[{\"type\":\"x\",\"soft\":18446744073709551616,\"hard\":1}]}"),
	  "too big integer" },
	{ DOC("\"hostname\":false"), "hostname: expected a string, found false" },
	{ DOC("\"mounts\":[{}]"), "mounts[0].destination: expected a string, found nothing" },
	{ DOC("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"ro\",{}]}]"),
	  "mounts[0].options[1]: expected a string, found an object" },
	{ DOC("\"linux\":{\"namespaces\":[{\"type\":\"net\"}]}"),
	  "linux.namespaces[0].type: 'net' is not a namespace" },
	{ DOC("\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}"),
	  "linux.namespaces[1].type: 'pid' is given twice" },
	{ DOC("\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1}]}"),
	  "linux.uidMappings[0].size: expected an integer from 0 to 4294967295, found nothing" },
	{ DOC("\"linux\":{\"timeOffsets\":{\"monotonic\":{\"secs\":\"1\"}}}"),
	  "linux.timeOffsets.monotonic.secs: expected an integer, found a string" },
	{ DOC("\"linux\":{\"timeOffsets\":{\"boottime\":3}}"),
	  "linux.timeOffsets.boottime: expected an object" },
	{ DOC("\"annotations\":{\"a\":1}"), "annotations.a: expected a string, found a number" },
	{ DOC("\"annotations\":[]"), "annotations: expected an object, found an array" },
	{ DOC("\"annotations\":{\"org.lichen.ids\":\"best\"}"),
	  "annotations.org.lichen.ids: expected one of auto, range, single, found 'best'" },
	{ DOC("\"x\":\"\\u0001u64:5\""), "control character 1" },
	{ DOC("\"x\":{\"\\u0001u64:5\":1}"), "expected another name" },
	{ DOC("18446744073709551615:\"\\u0001u64:5\""), "expected another name" },
};

static void refusals_say_where_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMS(BAD); i++) {
		struct err e = { 0 };
		struct spec s;

		if (read_text(BAD[i].text, OCI_STRANGER, &s, NULL, &e) == 0)
			fail_msg("row %zu was taken: %s", i, BAD[i].text);
		if (!strstr(e.what, BAD[i].says))
			fail_msg("row %zu: expected '%s', found '%s'", i, BAD[i].says, e.what);
		assert_int_equal(e.kind, ERR_SPEC);
		spec_fini(&s);
	}
}

static void refuses(const struct buf *text, const char *says)
{
	struct err e = { 0 };
	struct spec s;

	spec_init(&s);
	assert_int_equal(oci_read(text->s, text->len, OCI_STRANGER, &s, NULL, &e), -1);
	if (!strstr(e.what, says))
		fail_msg("expected '%s', found '%s'", says, e.what);
	spec_fini(&s);
}

static void add_times(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_add(b, s);
}

static void sizes_are_capped(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "{\"x\":");
	add_times(&b, "[", 3000);
	add_times(&b, "]", 3000);
	buf_add(&b, "}");
	refuses(&b, "maximum parsing depth reached");
	buf_fini(&b);

	buf_add(&b, "{\"process\":{\"args\":[\"\"");
	add_times(&b, ",\"\"", 65536);
	buf_add(&b, "]}}");
	refuses(&b, "process.args: an array is larger than 65536 items");
	buf_fini(&b);

	/* limits are compared with each other */
	buf_add(&b, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[0");
	add_times(&b, ",0", 1024);
	buf_add(&b, "]}}}}");
	refuses(&b, "throttleReadBpsDevice: expected at most 1024 devices");
	buf_fini(&b);

	buf_add(&b, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":{\"unified\":{\"a.b\":\"\"");
	for (int i = 0; i < 1024; i++)
		buf_addf(&b, ",\"a.%d\":\"1\"", i);
	buf_add(&b, "}}}}");
	refuses(&b, "linux.resources.unified: expected at most 1024 files");
	buf_fini(&b);

	buf_add(&b, "{\"hostname\":\"");
	add_times(&b, "0123456789abcdef", 65537);
	buf_add(&b, "\"}");
	refuses(&b, "hostname: a string is larger than 1048576 bytes");
	buf_fini(&b);

	add_times(&b, "        ", OCI_MAX_BYTES / 8 + 1);
	refuses(&b, "larger than 8388608 bytes");
	buf_fini(&b);
}

static void a_nul_byte_is_refused(void **state)
{
	static const char TEXT[] = DOC("\"hostname\":\"a\0b\"");
	static const char TAIL[] = DOC("\"hostname\":\"a\"") "\0{";
	struct buf b = { 0 };

	(void)state;
	buf_addn(&b, TEXT, sizeof(TEXT) - 1);
	refuses(&b, "config.json: line 1");
	buf_fini(&b);
	buf_addn(&b, TAIL, sizeof(TAIL) - 1);
	refuses(&b, "config.json: line 1");
	buf_fini(&b);
}

static void warnings_are_capped(void **state)
{
	AUTO_STRV struct strv warnings = { 0 };
	struct buf b = { 0 };
	struct spec s;

	(void)state;
	buf_add(&b, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"}");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, ",\"x%d\":1", i);
	buf_add(&b, "}");
	must_read(b.s, OCI_STRANGER, &s, &warnings);
	assert_int_equal(warnings.n, 101);
	assert_true(has_warning(&warnings, "more such fields"));
	spec_fini(&s);
	buf_fini(&b);
}

/* Go writes null for an empty slice or map. */
static void null_is_absent(void **state)
{
	struct spec s;
	char *text;

	(void)state;
	must_read("{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":null,\"user\":{\"uid\":null},"
		  "\"capabilities\":{\"bounding\":null},\"rlimits\":null},\"root\":{\"path\":\"/r\"},"
		  "\"mounts\":[{\"destination\":\"/a\",\"options\":null,\"type\":null}],"
		  "\"linux\":null,\"annotations\":null,\"hooks\":null}",
		  OCI_STRANGER, &s, NULL);
	assert_int_equal(s.process.args.n, 0);
	assert_int_equal(s.ns[NS_USER].mode, NS_HOST);
	assert_null(s.process.user);
	text = write_text(&s);
	assert_non_null(strstr(text, "\"hooks\": null"));
	free(text);
	spec_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_survive),
		cmocka_unit_test(volumes_survive), cmocka_unit_test(every_field_survives),
		cmocka_unit_test(every_word_survives),
		cmocka_unit_test(user_survives_as_typed),
		cmocka_unit_test(bytes_survive),
		cmocka_unit_test(other_runtimes_understand_it),
		cmocka_unit_test(strangers_fields_are_read),
		cmocka_unit_test(strangers_annotations_are_not_obeyed),
		cmocka_unit_test(nothing_is_ignored_silently),
		cmocka_unit_test(unknown_fields_are_kept),
		cmocka_unit_test(unknown_members_follow_their_entry),
		cmocka_unit_test(refusals_say_where_and_why),
		cmocka_unit_test(sizes_are_capped),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(warnings_are_capped),
		cmocka_unit_test(null_is_absent),
	};

	return cmocka_run_group_tests_name("oci", tests, NULL, NULL);
}
