/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_ns.c - options of `lichen run` about namespaces and ids */

#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "spec/idwish.h"
#include "spec/spec.h"

/* ---- one namespace: host, private, ns:PATH, container:NAME ---- */

/* What an option calls the namespace of the sandbox's own; podman and docker have several. */
static const struct ns_option {
	enum ns_type type;
	const char *name;	/* of the option, with dashes */
	const char *own[4];	/* words for a new one */
	bool has_host;
	const char *more[3];	/* words that are not about a namespace to join */
} NS_OPTIONS[] = {
	{ NS_USER, "--userns", { "private", NULL }, false, { "keep-id", "nomap", NULL } },
	{ NS_PID, "--pid", { "private", NULL }, true, { NULL } },
	{ NS_NETWORK, "--network", { "none", "private", NULL }, true, { NULL } },
	{ NS_IPC, "--ipc", { "private", "shareable", NULL }, true, { NULL } },
	{ NS_UTS, "--uts", { "private", NULL }, true, { NULL } },
	{ NS_CGROUP, "--cgroupns", { "private", NULL }, true, { NULL } },
};

static int wrong_word(const struct ns_option *o, const char *word, struct err *e)
{
	const char *words[8], *near;
	AUTO_BUF struct buf all = { 0 };
	size_t n = 0;

	if (o->type == NS_IPC && str_eq(word, "none")) {
		err_set(e, ERR_USAGE, "--ipc=none is not part of this version: a namespace of its own always has a /dev/shm");
		return err_hint(e, "--tmpfs /dev/shm:ro makes one that holds nothing");
	}
	for (size_t i = 0; o->own[i]; i++)
		words[n++] = o->own[i];
	for (size_t i = 0; o->more[i]; i++)
		words[n++] = o->more[i];
	if (o->has_host)
		words[n++] = "host";
	for (size_t i = 0; i < n; i++)
		buf_addf(&all, "%s, ", words[i]);
	err_set(e, ERR_USAGE, "%s: '%.64s' is no %s namespace; expected %sns:PATH or container:NAME", o->name, word,
		ns_name(o->type), all.s);
	if (word[0] == '/')
		return err_hint(e, "did you mean ns:%.200s ?", word);
	near = str_nearest(word, words, n);
	if (near)
		return err_hint(e, "did you mean %s ?", near);
	return str_is_name(word) ? err_hint(e, "the namespace of a sandbox with that name is container:%.64s", word) : -1;
}

static int set_ns(struct spec *s, const struct ns_option *o, const char *word, struct err *e)
{
	struct spec_ns *ns = &s->ns[o->type];

	for (size_t i = 0; o->own[i]; i++)
		if (str_eq(word, o->own[i])) {
			ns->mode = NS_PRIVATE;
			return 0;
		}
	if (o->has_host && str_eq(word, "host")) {
		ns->mode = NS_HOST;
		return 0;
	}
	if (str_starts(word, "ns:")) {
		AUTO_FREE char *path = NULL;

		if (!word[3])
			return err_set(e, ERR_USAGE, "%s=%s: the path is missing; expected ns:PATH", o->name, word);
		/* not resolved: the links below /proc/PID/ns are no paths */
		path = word[3] == '/' ? str_dup(word + 3) : NULL;
		if (!path) {
			err_set(e, ERR_USAGE, "%s=%s: expected an absolute path behind ns:", o->name, word);
			return err_hint(e, "for example %s=ns:/proc/PID/ns/...", o->name);
		}
		ns->mode = NS_PATH;
		ns->path = ptr_take(&path);
		return 0;
	}
	if (str_starts(word, "container:")) {
		if (!str_is_name(word + strlen("container:"))) {
			err_set(e, ERR_USAGE, "%s=%.64s: expected the name or id of a sandbox behind container:", o->name, word);
			return err_hint(e, "a running sandbox gets its name with --name");
		}
		ns->mode = NS_PATH;
		ns->container = str_dup(word + strlen("container:"));
		return 0;
	}
	return wrong_word(o, word, e);
}

static int set_network(struct spec *s, const char *word, struct err *e)
{
	static const char *const later[] = { "slirp", "slirp4netns", "pasta", "bridge", "default" };

	if (!word) {
		log_info("network: none (loopback only)");
		return 0;
	}
	for (size_t i = 0; i < N_ELEMS(later); i++)
		if (str_eq(word, later[i])) {
			err_set(e, ERR_USAGE, "--network=%s is not part of this version", word);
			return err_hint(e, "none has loopback only, host is this machine's, container:NAME another sandbox's");
		}
	return set_ns(s, &NS_OPTIONS[2], word, e);
}

static int set_userns(struct spec *s, const char *word, struct err *e)
{
	if (str_eq(word, "host")) {
		err_set(e, ERR_USAGE, "--userns=host: there always is a user namespace, on which all the other walls stand");
		return err_hint(e, "--no-userns --landlock is what runs a command without one");
	}
	if (str_eq(word, "auto") || str_starts(word, "auto:")) {
		err_set(e, ERR_USAGE, "--userns=auto is not part of this version: no range is set aside for one sandbox");
		return err_hint(e, "nomap leaves the caller out as well");
	}
	if (str_starts(word, "keep-id") || str_eq(word, "nomap")) {
		enum userns_wish kind;
		int64_t uid, gid;

		s->userns = str_dup(word);
		return userns_wish_parse(word, &kind, &uid, &gid, e);
	}
	s->userns_private = str_eq(word, "private");
	return set_ns(s, &NS_OPTIONS[0], word, e);
}

/* ---- --time ---- */

/* "[-]SECONDS[.FRACTION]"; a negative fraction counts down from the second below. */
static int parse_clock(const char *text, int64_t *secs, uint32_t *nanosecs)
{
	bool is_negative = text[0] == '-';
	const char *s = text + is_negative;
	uint64_t n = 0;
	uint32_t ns = 0;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > 10000000000)
			return -1;
	}
	if (*s == '.') {
		uint32_t unit = 100000000;

		if (!*++s)
			return -1;
		for (; *s >= '0' && *s <= '9' && unit; s++, unit /= 10)
			ns += (uint32_t)(*s - '0') * unit;
	}
	if (*s)
		return -1;
	*secs = is_negative ? -(int64_t)n : (int64_t)n;
	*nanosecs = ns;
	if (is_negative && ns) {
		*secs -= 1;
		*nanosecs = 1000000000 - ns;
	}
	return 0;
}

static int set_time(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	bool has[2] = { false, false };

	strv_split(&parts, text, ',');
	for (size_t i = 0; i < parts.n; i++) {
		static const char *const clocks[2] = { "monotonic", "boottime" };
		size_t len = strcspn(parts.v[i], "="), k = 0;
		AUTO_FREE char *key = str_dupn(parts.v[i], len);

		while (k < 2 && !str_eq(key, clocks[k]))
			k++;
		if (k == 2) {
			const char *near = str_nearest(key, clocks, 2);

			err_set(e, ERR_USAGE, "--time %s: '%.40s' is no clock that can be set; expected monotonic=SECONDS or "
					      "boottime=SECONDS", text, key);
			if (str_eq(key, "realtime"))
				return err_hint(e, "the kernel has no offset for the time of day");
			return near ? err_hint(e, "did you mean %s ?", near) : -1;
		}
		if (has[k])
			return err_set(e, ERR_USAGE, "--time %s: %s is given twice", text, clocks[k]);
		has[k] = true;
		if (!parts.v[i][len] || parse_clock(parts.v[i] + len + 1, k ? &s->time.boottime_s : &s->time.monotonic_s,
						    k ? &s->time.boottime_ns : &s->time.monotonic_ns) < 0) {
			err_set(e, ERR_USAGE, "--time %s: %s: expected seconds, as in %s=86400 or %s=-3600.5", text, clocks[k],
				clocks[k], clocks[k]);
			return err_hint(e, "they are added to the clock");
		}
	}
	s->time.has_offsets = true;
	return 0;
}

/* ---- ids ---- */

static char *join_words(const struct strv *sv)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < sv->n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", sv->v[i]);
	return sv->n ? buf_take(&b) : NULL;
}

static int set_maps(struct spec *s, const struct args *a, struct err *e)
{
	struct id_wishes w = { 0 };
	int rc = 0;

	s->uidmap = join_words(&a->uidmap);
	s->gidmap = join_words(&a->gidmap);
	if ((s->uidmap && id_wishes_parse("--uidmap", s->uidmap, &w, e) < 0) ||
	    (s->gidmap && id_wishes_parse("--gidmap", s->gidmap, &w, e) < 0))
		rc = -1;
	id_wishes_fini(&w);
	s->subuidname = str_dup(a->subuidname);
	s->subgidname = str_dup(a->subgidname);
	return rc;
}

static int set_groups(struct spec *s, const struct args *a, struct err *e)
{
	const struct strv *sv = &a->group_add;

	s->groups = (enum groups_mode)a->groups;
	for (size_t i = 0; i < sv->n; i++) {
		if (strchr(sv->v[i], ','))
			return err_set(e, ERR_USAGE, "--group-add %s: expected one group; the option can be repeated", sv->v[i]);
		if (!str_eq(sv->v[i], "keep-groups"))
			continue;
		if (sv->n > 1)
			return err_set(e, ERR_USAGE, "--group-add keep-groups: no other group can be added to the caller's own");
		if (s->groups == GROUPS_DROP)
			return err_set(e, ERR_USAGE, "--group-add keep-groups contradicts --groups=drop");
		s->groups = GROUPS_KEEP;
		return 0;
	}
	s->process.groups = join_words(sv);
	return 0;
}

/* ---- all of it ---- */

int take_namespaces(struct spec *s, const struct args *a, struct err *e)
{
	const char *const words[] = { a->userns, a->pid, NULL, a->ipc, a->uts, a->cgroupns };

	s->ids = (enum ids_mode)a->ids;
	s->hostname = str_dup(a->hostname);
	for (size_t i = 0; i < N_ELEMS(words); i++)
		if (words[i] && (i == 0 ? set_userns(s, words[i], e) : set_ns(s, &NS_OPTIONS[i], words[i], e)) < 0)
			return -1;
	if ((a->time && set_time(s, a->time, e) < 0) || set_maps(s, a, e) < 0 || set_groups(s, a, e) < 0)
		return -1;
	return set_network(s, a->network, e);
}
