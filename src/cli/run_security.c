/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_security.c - options of `lichen run` about privileges: capabilities, filter, masks */

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/run_mount.h"
#include "cli/run_spec.h"
#include "spec/landlock.h"
#include "spec/spec.h"

static int change_caps(uint64_t *mask, const struct strv *words, bool adds, struct err *e)
{
	const char *option = adds ? "--cap-add" : "--cap-drop";

	for (size_t i = 0; i < words->n; i++) {
		int cap;

		if (strcasecmp(words->v[i], "all") == 0) {
			*mask = adds ? (UINT64_C(1) << cap_count()) - 1 : 0;
			continue;
		}
		cap = cap_from_name(words->v[i]);
		if (cap < 0) {
			const char *near = cap_nearest(words->v[i]);

			err_set(e, ERR_USAGE, "%s: '%s' is not a capability", option, words->v[i]);
			return near ? err_hint(e, "did you mean %s ?", near) : err_hint(e, "see capabilities(7), or ALL");
		}
		*mask = adds ? *mask | UINT64_C(1) << cap : *mask & ~(UINT64_C(1) << cap);
	}
	return 0;
}

static int take_landlock(struct spec *s, const struct args *a, struct err *e)
{
	struct landlock_rule r;

	for (size_t i = 0; i < a->landlock.n; i++) {
		if (landlock_parse(a->landlock.v[i], &r, e) < 0)
			return -1;
		strv_add(&s->landlock, a->landlock.v[i]);
	}
	return 0;
}

/* --no-userns: no namespaces, so nothing that needs one. */
static int take_bare(struct spec *s, const struct args *a, struct err *e)
{
	const struct {
		const char *option;
		bool is_given;
	} without[] = {
		{ "-v", a->volumes.n }, { "--tmpfs", a->tmpfs.n }, { "-u", a->user }, { "-h", a->hostname },
		{ "--ids", a->ids }, { "--network", a->network }, { "--read-only", a->readonly },
		{ "--overlay", a->overlay }, { "--cap-add", a->cap_add.n }, { "--privileged", a->privileged },
		{ "--cow", a->cow }, { "--overlay-keep", a->overlay_keep }, { "--init", a->init == TRI_TRUE },
		{ "--sysctl", a->sysctls.n }, { "--add-host", a->add_hosts.n }, { "--dns", a->dns.n },
		{ "--dns-search", a->dns_search.n }, { "--dns-option", a->dns_options.n },
		{ "--shm-size", a->shm_size }, { "--domainname", a->domainname },
		{ "--mount", a->mounts.n }, { "--file", a->files.n }, { "--symlink", a->symlinks.n }, { "--dir", a->dirs.n },
		{ "--device", a->devices.n },
		{ "--pid", a->pid }, { "--ipc", a->ipc }, { "--uts", a->uts }, { "--cgroupns", a->cgroupns },
		{ "--userns", a->userns }, { "--time", a->time }, { "--uidmap", a->uidmap.n }, { "--gidmap", a->gidmap.n },
		{ "--groups", a->groups }, { "--group-add", a->group_add.n },
	};

	if (!a->landlock.n) {
		err_set(e, ERR_USAGE, "--no-userns is only for use with --landlock: without namespaces and without rules "
				      "nothing would be isolated");
		return err_hint(e, "for example --no-userns --landlock rx:/usr --landlock ro:/etc --landlock rw:/tmp");
	}
	if (s->root.kind != ROOT_HOST) {
		err_set(e, ERR_USAGE, "--no-userns: only 'host' can be run without namespaces, not %s",
			s->root.path ? s->root.path : "a root of programs");
		return err_hint(e, "a root file system needs a mount namespace; `lichen doctor` says what forbids it here");
	}
	for (size_t i = 0; i < N_ELEMS(without); i++)
		if (without[i].is_given) {
			err_set(e, ERR_USAGE, "%s needs namespaces, and --no-userns makes none", without[i].option);
			return err_hint(e, "leave one of the two out");
		}
	for (size_t t = 0; t < NS_TYPES; t++)
		s->ns[t].mode = NS_HOST;
	strv_fini(&s->masked_paths);
	strv_fini(&s->readonly_paths);
	return 0;
}

/* ---- --security-opt ---- */

static int bad(struct err *e, const char *option, const char *rule)
{
	return err_set(e, ERR_USAGE, "--security-opt %s: %s", option, rule);
}

static int take_paths(struct strv *out, const char *option, const char *list, struct err *e)
{
	split_colons(out, list);
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i][0] != '/') {
			bad(e, option, "expected absolute paths inside, separated by colons");
			return err_hint(e, "'%s' is none; for example mask=/proc/cpuinfo:/etc/machine-id", out->v[i]);
		}
	return 0;
}

static int set_mask(struct spec *s, const char *option, const char *value, struct err *e)
{
	AUTO_STRV struct strv paths = { 0 };

	if (take_paths(&paths, option, value, e) < 0)
		return -1;
	for (size_t i = 0; i < paths.n; i++) {
		AUTO_FREE char *path = path_clean(paths.v[i]);

		if (!path[1]) {
			bad(e, option, "the root itself cannot be masked");
			return err_hint(e, "name what is below it: mask=/etc/machine-id");
		}
		strv_add_take(&s->masked_paths, ptr_take(&path));
	}
	return 0;
}

/* Removes what a pattern of fnmatch(3) fits; podman writes unmask=/proc/\*. */
static size_t drop_paths(struct strv *from, const char *pattern)
{
	struct strv kept = { 0 };
	size_t before = from->n;

	for (size_t i = 0; i < from->n; i++)
		if (fnmatch(pattern, from->v[i], 0) != 0)
			strv_add(&kept, from->v[i]);
	strv_fini(from);
	*from = kept;
	return before - kept.n;
}

static int set_unmask(struct spec *s, const char *option, const char *value, struct err *e)
{
	AUTO_STRV struct strv paths = { 0 };

	if (strcasecmp(value, "all") == 0) {
		strv_fini(&s->masked_paths);
		strv_fini(&s->readonly_paths);
		return 0;
	}
	if (take_paths(&paths, option, value, e) < 0)
		return -1;
	for (size_t i = 0; i < paths.n; i++) {
		AUTO_FREE char *path = path_clean(paths.v[i]);
		const char *near;

		/* not short of one: both lists have to lose what fits */
		if (drop_paths(&s->masked_paths, path) + drop_paths(&s->readonly_paths, path))
			continue;
		near = str_nearest(path, (const char *const *)s->masked_paths.v, s->masked_paths.n);
		if (!near)
			near = str_nearest(path, (const char *const *)s->readonly_paths.v, s->readonly_paths.n);
		bad(e, option, "neither masked nor read-only");
		return near ? err_hint(e, "did you mean %s ?", near)
			    : err_hint(e, "%s is as it is; unmask=ALL uncovers everything", path);
	}
	return 0;
}

static int set_nnp(struct spec *s, const char *option, const char *value, struct err *e)
{
	if (*value && !str_eq(value, "true") && !str_eq(value, "false"))
		return bad(e, option, "expected no-new-privileges, with =true or =false");
	s->process.no_new_privs = !str_eq(value, "false");
	return 0;
}

static int set_seccomp(struct spec *s, const char *option, const char *value, struct err *e)
{
	static const char *const words[] = { "unconfined", "default", "builtin" };
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (!*value) {
		bad(e, option, "expected a profile's file, or unconfined");
		return err_hint(e, "for example seccomp=./profile.json");
	}
	str_set(&s->seccomp_profile, NULL);
	s->seccomp = str_eq(value, "unconfined") ? SECCOMP_UNCONFINED : SECCOMP_DEFAULT;
	for (size_t i = 0; i < N_ELEMS(words); i++)
		if (str_eq(value, words[i]))
			return 0;
	s->seccomp_profile = source_open(value, "the seccomp profile", &fd, e);
	if (!s->seccomp_profile) {
		const char *near = str_nearest(value, words, N_ELEMS(words));

		err_wrap(e, "--security-opt %s", option);
		return e->errnum == ENOENT && near ? err_hint(e, "did you mean seccomp=%s ?", near) : -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		bad(e, option, "not a regular file");
		return err_hint(e, "a profile is read more than once: write it to a file first");
	}
	s->seccomp = SECCOMP_PROFILE;
	return 0;
}

/* A nested sandbox mounts a proc and a sysfs of its own, which the kernel allows only where
 * nothing of the ones that it sees is covered (mount_too_revealing()). */
static int set_nested(struct spec *s, const char *option, const char *value, struct err *e)
{
	if (*value)
		return bad(e, option, "'nested' takes no value");
	s->nested = true;
	return set_unmask(s, option, "ALL", e);
}

static int set_label(struct spec *s, const char *option, const char *value, struct err *e)
{
	(void)s;
	if (str_eq(value, "disable") || str_eq(value, "nested"))
		return 0; /* there never is one */
	bad(e, option, "lichen sets no SELinux labels");
	return err_hint(e, "leave it out; label=disable is accepted and changes nothing");
}

static int set_apparmor(struct spec *s, const char *option, const char *value, struct err *e)
{
	(void)s;
	if (str_eq(value, "unconfined"))
		return 0;
	bad(e, option, "lichen changes to no AppArmor profile");
	return err_hint(e, "leave it out; start lichen itself under one with aa-exec -p %s", *value ? value : "PROFILE");
}

static int set_systempaths(struct spec *s, const char *option, const char *value, struct err *e)
{
	return str_eq(value, "unconfined") ? set_unmask(s, option, "ALL", e)
					   : bad(e, option, "expected systempaths=unconfined");
}

/* Docker writes KEY=VALUE, and KEY:VALUE of old. */
static const struct {
	const char *key;
	int (*set)(struct spec *s, const char *option, const char *value, struct err *e);
	bool mounts;	/* not without namespaces */
} OPTIONS[] = {
	{ "seccomp", set_seccomp, false }, { "no-new-privileges", set_nnp, false }, { "mask", set_mask, true },
	{ "unmask", set_unmask, true },	   { "nested", set_nested, true },	    { "label", set_label, false },
	{ "apparmor", set_apparmor, false }, { "systempaths", set_systempaths, true },
};

static int take_option(struct spec *s, const char *option, struct err *e)
{
	AUTO_FREE char *key = str_dupn(option, strcspn(option, "=:"));
	const char *value = option + strlen(key), *names[N_ELEMS(OPTIONS)], *near;

	for (size_t i = 0; i < N_ELEMS(OPTIONS); i++) {
		names[i] = OPTIONS[i].key;
		if (!str_eq(key, OPTIONS[i].key))
			continue;
		if (!OPTIONS[i].mounts || !spec_is_bare(s))
			return OPTIONS[i].set(s, option, *value ? value + 1 : value, e);
		err_set(e, ERR_USAGE, "--security-opt %s needs namespaces, and --no-userns makes none", key);
		return err_hint(e, "leave one of the two out");
	}
	near = str_nearest(key, names, N_ELEMS(names));
	bad(e, option, "expected seccomp=, mask=, unmask=, nested or no-new-privileges");
	return near ? err_hint(e, "did you mean %s%s ?", near, value) : -1;
}

int take_security(struct spec *s, const struct args *a, struct err *e)
{
	uint64_t caps = s->root.kind == ROOT_HOST ? 0 : s->process.caps.bounding, added = 0;

	if (a->privileged) {
		s->privileged = true;
		s->process.no_new_privs = false;
		strv_fini(&s->masked_paths);
		strv_fini(&s->readonly_paths);
		caps = (UINT64_C(1) << cap_count()) - 1;
	}
	for (size_t i = 0; i < a->cap_drop.n; i++)
		for (size_t k = 0; k < a->cap_add.n && strcasecmp(a->cap_drop.v[i], "all") == 0; k++)
			if (strcasecmp(a->cap_add.v[k], "all") == 0)
				return err_set(e, ERR_USAGE, "--cap-add %s and --cap-drop %s: all cannot be added and dropped",
					       a->cap_add.v[k], a->cap_drop.v[i]);
	/* ALL first, as docker: --cap-drop ALL --cap-add X is X, in whatever order */
	for (int pass = 0; pass < 2; pass++) {
		struct strv all = { 0 }, rest = { 0 };
		int rc = 0;

		for (size_t i = 0; i < a->cap_drop.n; i++)
			strv_add(strcasecmp(a->cap_drop.v[i], "all") == 0 ? &all : &rest, a->cap_drop.v[i]);
		if (pass == 0)
			rc = change_caps(&caps, &all, false, e);
		else
			rc = change_caps(&caps, &a->cap_add, true, e) < 0 ? -1 : change_caps(&caps, &rest, false, e);
		strv_fini(&all);
		strv_fini(&rest);
		if (rc < 0)
			return -1;
	}
	if (take_landlock(s, a, e) < 0 || (a->no_userns && take_bare(s, a, e) < 0))
		return -1;
	if (change_caps(&added, &a->cap_add, true, e) < 0)
		return -1;
	/* what is named reaches a command that is not root, too, as with podman and bubblewrap: in the
	 * bounding set alone it would do nothing */
	added &= caps;
	s->process.caps = (struct spec_caps){ .bounding = caps, .effective = caps, .permitted = caps,
					      .inheritable = added, .ambient = added };
	for (size_t i = 0; i < a->security_opts.n; i++)
		if (take_option(s, a->security_opts.v[i], e) < 0)
			return -1;
	return 0;
}
