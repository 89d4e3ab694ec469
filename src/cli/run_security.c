/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_security.c - options of `lichen run` about privileges: capabilities, filter, masks */

#include <string.h>
#include <strings.h>

#include "cli/args.h"
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

int take_security(struct spec *s, const struct args *a, struct err *e)
{
	static const char *const words[] = { "seccomp=unconfined", "no-new-privileges", "no-new-privileges=true",
					     "no-new-privileges=false", "seccomp=default" };
	uint64_t caps = s->root.kind == ROOT_HOST ? 0 : s->process.caps.bounding;

	if (a->privileged) {
		s->privileged = true;
		s->process.no_new_privs = false;
		strv_fini(&s->masked_paths);
		strv_fini(&s->readonly_paths);
		caps = (UINT64_C(1) << cap_count()) - 1;
	}
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
	s->process.caps = (struct spec_caps){ .bounding = caps, .effective = caps, .permitted = caps };
	for (size_t i = 0; i < a->security_opts.n; i++) {
		const char *o = a->security_opts.v[i];

		if (str_eq(o, "seccomp=unconfined"))
			s->seccomp = SECCOMP_UNCONFINED;
		else if (str_eq(o, "seccomp=default"))
			s->seccomp = SECCOMP_DEFAULT;
		else if (str_eq(o, "no-new-privileges") || str_eq(o, "no-new-privileges=true") || str_eq(o, "no-new-privileges:true"))
			s->process.no_new_privs = true;
		else if (str_eq(o, "no-new-privileges=false") || str_eq(o, "no-new-privileges:false"))
			s->process.no_new_privs = false;
		else {
			const char *near = str_nearest(o, words, N_ELEMS(words));

			err_set(e, ERR_USAGE, "--security-opt %s: expected seccomp=unconfined or no-new-privileges[=true|false]", o);
			return near ? err_hint(e, "did you mean %s ?", near) : -1;
		}
	}
	return 0;
}
