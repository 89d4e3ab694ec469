/* SPDX-License-Identifier: Apache-2.0 */
/* cli/opts.c - the table of options, and the parser that obeys it */

#include "cli/opts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/args.h"
#include "run/imager.h"
#include "spec/spec.h"

/* ---- the table ---- */

static const char *const names_ids[] = {
	[IDS_AUTO] = "auto", [IDS_RANGE] = "range", [IDS_SINGLE] = "single", NULL,
};
static const char *const names_groups[] = {
	[GROUPS_AUTO] = "auto", [GROUPS_KEEP] = "keep", [GROUPS_DROP] = "drop", NULL,
};
static const char *const names_overlay[] = {
	[OVERLAY_AUTO] = "auto", [OVERLAY_KERNEL] = "kernel", [OVERLAY_FUSE] = "fuse", [OVERLAY_COPY] = "copy", NULL,
};
static const char *const names_cgroup_manager[] = {
	[CGROUP_AUTO] = "auto", [CGROUP_CGROUPFS] = "cgroupfs", [CGROUP_SYSTEMD] = "systemd", [CGROUP_OFF] = "none", NULL,
};
static const char *const names_pull[] = { [PULL_MISSING] = "missing", [PULL_ALWAYS] = "always", [PULL_NEVER] = "never", NULL };
static const char *const names_image_volume[] = {
	[VOLUME_ANONYMOUS] = "anonymous", [VOLUME_TMPFS] = "tmpfs", [VOLUME_IGNORE] = "ignore", NULL,
};
static const char *const names_save_format[] = {
	[SINK_DOCKER_ARCHIVE] = "docker-archive", [SINK_OCI_ARCHIVE] = "oci-archive", [SINK_OCI_DIR] = "oci-dir", NULL,
};
static const char *const names_platform[] = {
	"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x", NULL,
};
static const char *const names_filter[] = { "reference=", "before=", "since=", "until=", "dangling=true", "dangling=false", "label=", NULL };
static const char *const names_filter_volume[] = { "name=", "label=", "dangling=true", "dangling=false", NULL };
static const char *const names_filter_prune[] = { "until=", "label=", NULL };
static const char *const names_filter_label[] = { "label=", NULL };
static const char *const names_type[] = { "image", NULL };
static const char *const names_network[] = { "none", "host", NULL };
static const char *const names_ns[] = { "private", "host", NULL };
static const char *const names_userns[] = { "private", "keep-id", "nomap", NULL };
static const char *const names_landlock[] = { "ro:", "rx:", "rw:", "rwx:", "x:", "tcp-bind:", "tcp-connect:", "scope",
					     "scope:signals", "scope:abstract", NULL };
static const char *const names_security[] = {
	"seccomp=unconfined", "no-new-privileges", "no-new-privileges=false", "mask=", "unmask=ALL", "unmask=", "nested", NULL,
};
static const char *const names_mount[] = {
	"type=bind,source=", "type=volume,source=", "type=tmpfs,target=", "type=overlay,lowerdir=", "type=mqueue,target=", "type=devpts,target=", NULL,
};

static const char *const names_ulimit[] = {
	"as=", "core=", "cpu=", "data=", "fsize=", "locks=", "memlock=", "msgqueue=", "nice=", "nofile=", "nproc=",
	"rss=", "rtprio=", "rttime=", "sigpending=", "stack=", NULL,
};
static const char *const names_personality[] = {
	"linux32", "linux64", "addr-no-randomize", "addr-compat-layout", "read-implies-exec", "uname-2.6", NULL,
};

static const struct opt OPTS[] = {
#define OPT(verbs, letter, name, argument, type, field, words, group, help, hint, manual) \
	{ verbs, letter, name, argument, OPT_##type, offsetof(struct args, field), words, \
	  group, help, hint, manual },
#include "cli/opts.def"
#undef OPT
};

/* Each field has the C type that its row's type writes. */
#define CTYPE_FLAG bool *
#define CTYPE_TRI  enum tri *
#define CTYPE_STR  const char **
#define CTYPE_TEXT const char **
#define CTYPE_LIST struct strv *
#define CTYPE_ENUM int *
#define OPT(verbs, letter, name, argument, type, field, ...)                                     \
	_Static_assert(_Generic(&((struct args *)0)->field, CTYPE_##type : 1, default : 0),      \
		       "--" name ": the field's type is not that of the option");
#include "cli/opts.def"
#undef OPT

#define NO_DETACH      "lichen only runs in the foreground in this version; a shell's & or systemd-run sends it behind"
#define NO_ENCRYPTED   "encrypted images are not read"
#define NO_NETWORK     "there is only --network none, host, ns:PATH or container:NAME in this version"
#define NO_HEALTH      "leave it out: a sandbox lasts as long as its command, in the foreground, and its exit status tells"
#define NO_LABELS      "leave it out: nothing would read it, as a sandbox is gone with its command"
#define NO_POLICY      "leave it out: the label is the caller's; an administrator's policy sets others"
#define WINDOWS_ONLY   "leave it out: docker has it for Windows only"
#define OWN_NAMESPACES "leave it out: a sandbox always has all namespaces of its own"

static const struct peer {
	const char *word, *instead;
} PEERS[] = {
#define PEER(word, instead) { word, instead },
#define PEER_ALIAS(word, name)
#define PEER_VERB(word)
#include "cli/peers.def"
#undef PEER
#undef PEER_ALIAS
};

/* Taken where they are typed, and shown nowhere. */
static const struct alias {
	const char *word, *name;
} ALIASES[] = {
#define PEER(word, instead)
#define PEER_ALIAS(word, name) { word, name },
#include "cli/peers.def"
#undef PEER
#undef PEER_ALIAS
#undef PEER_VERB
};

static bool is_of(const struct opt *o, const struct verb *v)
{
	return (o->verbs >> v->id & 1) != 0;
}

const struct opt *opts_next(const struct verb *v, const struct opt *prev)
{
	for (const struct opt *o = prev ? prev + 1 : OPTS; o < OPTS + N_ELEMS(OPTS); o++)
		if (is_of(o, v))
			return o;
	return NULL;
}

void args_fini(struct args *a)
{
	for (size_t i = 0; i < N_ELEMS(OPTS); i++)
		if (OPTS[i].type == OPT_LIST)
			strv_fini((struct strv *)(void *)((char *)a + OPTS[i].offset));
	strv_fini(&a->profile_words);
}

/* ---- errors ---- */

enum { SHOWN = 64 };	/* an option as typed, cut where longer */

struct parser {
	const struct verb *v;
	int argc, next;		/* argv[next] is not yet looked at */
	char **argv;
	struct args *out;
	struct err *e;
	char typed[SHOWN];	/* the option at hand: "--name", "-e" */
};

/* "VERB: MESSAGE", with the hint @instead (may be empty) and where to read more. */
static PRINTF(3, 4) int fail(const struct parser *p, const char *instead, const char *fmt, ...)
{
	const char *name = p->v->name, *gap = *name ? " " : "";
	char text[sizeof(p->e->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(p->e, ERR_USAGE, "%s%s%s", name, *name ? ": " : "", text);
	return err_hint(p->e, "%s%ssee 'lichen%s%s --help'", instead, *instead ? "\n" : "", gap, name);
}

static const struct peer *peer_find(const char *typed)
{
	for (size_t i = 0; i < N_ELEMS(PEERS); i++)
		if (str_eq(PEERS[i].word, typed))
			return &PEERS[i];
	return NULL;
}

static const struct opt *find_long(const struct verb *v, const char *name)
{
	for (size_t i = 0; i < N_ELEMS(ALIASES); i++)
		if (str_eq(ALIASES[i].word, name))
			name = ALIASES[i].name;
	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o))
		if (str_eq(o->name, name))
			return o;
	return NULL;
}

static const struct opt *find_short(const struct verb *v, char letter)
{
	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o))
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

/* "did you mean '--cap-add' or '--cap-drop'?": all that @name abbreviates, else the nearest. */
static void suggest(const struct parser *p, const char *name, struct buf *out)
{
	const char *words[N_ELEMS(OPTS)], *near;
	size_t n = 0, found = 0;

	for (const struct opt *o = opts_next(p->v, NULL); o; o = opts_next(p->v, o)) {
		words[n++] = o->name;
		if (strlen(name) < 2 || !str_starts(o->name, name) || found == 4)
			continue;
		buf_addf(out, "%s'--%s'", found++ ? " or " : "did you mean ", o->name);
	}
	near = found || !*name ? NULL : str_nearest(name, words, n);
	if (near)
		buf_addf(out, "did you mean '--%s'", near);
	if (found || near)
		buf_add(out, "?");
}

/* The other verbs that have the option, as "'lichen run' and 'lichen doctor'", where they are
 * many the first of them; empty: none. */
static void owners(const char *name, char letter, struct buf *out)
{
	enum { SOME = 4 };
	size_t n = 0;

	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		if (name ? !find_long(v, name) : !find_short(v, letter))
			continue;
		if (n++ < SOME)
			buf_addf(out, "%s'lichen%s%s'", out->len ? " and " : "", *v->name ? " " : "", v->name);
	}
	if (n > SOME)
		buf_add(out, " and others");
}

/* @name or @letter, as typed in p->typed, is no option of the verb. @where: "" or " (in '-itx')" */
static int unknown(const struct parser *p, const char *name, char letter, const char *where)
{
	const struct peer *peer = peer_find(p->typed);
	const char *instead = peer ? peer->instead : "";
	AUTO_BUF struct buf hint = { 0 }, others = { 0 };

	owners(name, letter, &others);
	if (others.len && p->v->id == VERB_GLOBAL)
		return fail(p, peer ? instead : "give it after the verb",
			    "option '%s'%s is one of %s, not one that stands before the verb", p->typed,
			    where, others.s);
	if (others.len)
		return fail(p, instead, "option '%s'%s is one of %s, not of 'lichen %s'",
			    p->typed, where, others.s, p->v->name);
	if (peer)
		return fail(p, instead, "there is no option '%s'%s in this version of lichen",
			    p->typed, where);
	if (name)
		suggest(p, name, &hint);
	return fail(p, hint.s ? hint.s : "", "there is no option '%s'%s%s", p->typed, where,
		    p->v->id == VERB_GLOBAL ? " before the verb" : "");
}

/* ---- values ---- */

static int set_flag(const struct parser *p, const struct opt *o, void *field, const char *value)
{
	static const struct {
		const char *word;
		bool value;
	} WORDS[] = {
		{ "true", true }, { "false", false }, { "1", true }, { "0", false },
	};

	(void)o;
	for (size_t i = 0; i < N_ELEMS(WORDS); i++)
		if (str_eq(value, WORDS[i].word)) {
			*(bool *)field = WORDS[i].value;
			return 0;
		}
	return fail(p, "", "option '%s' takes no value but true or false, and was given '%.64s'", p->typed,
		    value);
}

static int set_tri(const struct parser *p, const struct opt *o, void *field, const char *value)
{
	bool is_on = false;

	if (set_flag(p, o, &is_on, value))
		return -1;
	*(enum tri *)field = is_on ? TRI_TRUE : TRI_FALSE;
	return 0;
}

static int set_str(const struct parser *p, const struct opt *o, void *field, const char *value)
{
	(void)p;
	(void)o;
	*(const char **)field = value;
	return 0;
}

static int set_list(const struct parser *p, const struct opt *o, void *field, const char *value)
{
	(void)p;
	(void)o;
	strv_add(field, value);
	return 0;
}

static int set_enum(const struct parser *p, const struct opt *o, void *field, const char *value)
{
	AUTO_BUF struct buf valid = { 0 }, hint = { 0 };
	const struct peer *peer = peer_find(p->typed);
	const char *near;
	int n;

	for (n = 0; o->words[n]; n++) {
		if (str_eq(value, o->words[n])) {
			*(int *)field = n;
			return 0;
		}
		buf_addf(&valid, "%s%s", n ? ", " : "", o->words[n]);
	}
	near = str_nearest(value, o->words, (size_t)n);
	if (near)
		buf_addf(&hint, "did you mean '%s'?", near);
	else if (peer)
		buf_add(&hint, peer->instead);
	return fail(p, hint.s ? hint.s : "", "option '%s' takes one of %s, and was given '%.64s'", p->typed,
		    valid.s, value);
}

static int (*const SET[OPT_TYPES])(const struct parser *, const struct opt *, void *, const char *) = {
	[OPT_FLAG] = set_flag,
	[OPT_TRI] = set_tri,
	[OPT_STR] = set_str,
	[OPT_TEXT] = set_str,
	[OPT_LIST] = set_list,
	[OPT_ENUM] = set_enum,
};

/* @attached: the value in the same word, or NULL: "true" for a flag, else the next word. */
static int take(struct parser *p, const struct opt *o, const char *attached)
{
	void *field = (char *)p->out + o->offset;
	const char *value = attached;

	if (!value && !o->argument)
		value = "true";
	if (!value) {
		const char *next = p->next < p->argc ? p->argv[p->next] : NULL;
		const struct peer *peer = peer_find(p->typed);

		if (!next)
			return fail(p, peer ? peer->instead : "",
				    "option '%s' needs a value: %s", p->typed, o->argument);
		if (str_starts(next, "--") && find_long(p->v, next + 2)) {
			AUTO_FREE char *hint = str_fmt("where '%s' is meant as the value, write '--%s=%s'",
						       next, o->name, next);
			return fail(p, hint, "option '%s' needs a value: %s; what follows is the option '%s'",
				    p->typed, o->argument, next);
		}
		value = next;
		p->next++;
	}
	if (!*value && o->argument && o->type != OPT_TEXT)
		return fail(p, "", "option '%s' needs a value: %s; what it was given is empty", p->typed,
			    o->argument);
	return SET[o->type](p, o, field, value);
}

/* ---- words ---- */

/* "--name", "--name=value" */
static int parse_long(struct parser *p, const char *word)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	AUTO_FREE char *name = str_dupn(word + 2, len - 2);
	const struct opt *o;

	snprintf(p->typed, sizeof(p->typed), "--%s", name);
	o = find_long(p->v, name);
	if (!o)
		return unknown(p, name, 0, "");
	return take(p, o, eq ? eq + 1 : NULL);
}

/* "-it", "-eKEY=VALUE", "-w=DIR" as docker has it, "-i=false" */
static int parse_shorts(struct parser *p, const char *word)
{
	for (const char *s = word + 1; *s; s++) {
		const struct opt *o = find_short(p->v, *s);
		const char *rest = s[1] ? s + 1 : NULL;

		snprintf(p->typed, sizeof(p->typed), "-%c", *s);
		if (!o && s == word + 1 && find_long(p->v, word + 1)) {
			AUTO_FREE char *hint = str_fmt("did you mean '-%s'?", word);

			return fail(p, hint, "there is no option '%.48s'", word);
		}
		if (!o) {
			char where[SHOWN] = "";

			if (word[2])
				snprintf(where, sizeof(where), " (in '%.48s')", word);
			return unknown(p, NULL, *s, where);
		}
		if (rest && *rest == '=')
			return take(p, o, rest + 1);
		if (o->argument)
			return take(p, o, rest);
		if (take(p, o, NULL))
			return -1;
	}
	return 0;
}

static int parse_words(struct parser *p)
{
	while (p->next < p->argc) {
		const char *word = p->argv[p->next];
		int rc;

		if (word[0] != '-' || !word[1])
			break;
		p->next++;
		if (str_eq(word, "--"))
			break;
		rc = word[1] == '-' ? parse_long(p, word) : parse_shorts(p, word);
		if (rc)
			return -1;
	}
	return 0;
}

/* How an error is told must not depend on whether it stands before --json. */
static void look_ahead(struct parser *p)
{
	for (int i = p->next; i < p->argc; i++) {
		const char *word = p->argv[i];

		if (word[0] != '-' || str_eq(word, "--"))
			break;
		if (str_eq(word, "--json") && find_long(p->v, "json"))
			p->out->json = true;
		if (str_eq(word, "--debug") && find_long(p->v, "debug"))
			p->out->debug = true;
	}
}

int opts_parse(const struct verb *v, int argc, char **argv, struct args *out, struct err *e)
{
	struct parser p = { .v = v, .argc = argc, .argv = argv, .out = out, .e = e };

	if (parse_words(&p)) {
		look_ahead(&p);
		return -1;
	}
	out->operands = argv + p.next;
	out->n_operands = argc - p.next;
	return 0;
}

/* ---- operands ---- */

int opts_check_operands(const struct verb *v, const struct args *a, struct err *e)
{
	struct parser p = { .v = v, .e = e };
	/* --rootfs-from is there instead of the first operand */
	int missing = (a->rootfs_from.n ? 0 : v->min) - a->n_operands;

	if (missing > 0) {
		const char *word = v->arguments;
		size_t len;

		for (int i = 0; i < a->n_operands && strchr(word, ' '); i++)
			word = strchr(word, ' ') + 1;
		len = strcspn(word, " ");
		return fail(&p, "", "%.*s is missing; expected: lichen %s [OPTIONS] %s", (int)len, word, v->name,
			    v->arguments);
	}
	if (v->max >= 0 && a->n_operands > v->max)
		return fail(&p, "", "'%.64s' is too much; expected: lichen %s [OPTIONS]%s%s",
			    a->operands[v->max], v->name, *v->arguments ? " " : "", v->arguments);
	return 0;
}
