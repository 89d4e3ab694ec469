/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/profile.c - a seccomp profile as docker and podman write it, read from JSON */

#include "profile.h"

#include <errno.h>
#include <jansson.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "names.h"

enum {
	DEPTH_MAX = 16,
	RULES_MAX = 4096,
	NAMES_MAX = 16384,	/* over all rules */
	WORD_MAX = 64,		/* bytes of one name */
	ERRNO_MAX = 4095,	/* the kernel's MAX_ERRNO */
};

static void json_free(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}
#define AUTO_JSON __attribute__((cleanup(json_free)))

static const char *const CMP_NAMES[CMPS] = {
	[CMP_NE] = "SCMP_CMP_NE", [CMP_LT] = "SCMP_CMP_LT", [CMP_LE] = "SCMP_CMP_LE",
	[CMP_EQ] = "SCMP_CMP_EQ", [CMP_GE] = "SCMP_CMP_GE", [CMP_GT] = "SCMP_CMP_GT",
	[CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static const struct {
	const char *name;
	uint32_t ret;
} ACTIONS[] = {
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
};

/* What an object may hold: a key that is not here is a slip of the pen that would
 * silently make a filter weaker ("exludes"), so it is an error. */
static int keys_check(const json_t *obj, const char *path, const char *const *keys, size_t n, struct err *e)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return err_set(e, ERR_SPEC, "%s: an object is needed", path);
	json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
		size_t i = 0;

		while (i < n && !str_eq(keys[i], key))
			i++;
		if (i == n)
			return err_set(e, ERR_SPEC, "%s: unknown key '%.40s'", path, key);
	}
	return 0;
}

/* A string of moderate length; *out is borrowed and NULL where the key is absent or null. */
static int string_get(const json_t *obj, const char *path, const char *key, const char **out, struct err *e)
{
	const json_t *j = json_object_get(obj, key);

	*out = NULL;
	if (!j || json_is_null(j))
		return 0;
	if (!json_is_string(j) || json_string_length(j) > WORD_MAX)
		return err_set(e, ERR_SPEC, "%s.%s: a string of at most %d bytes is needed", path, key, WORD_MAX);
	*out = json_string_value(j);
	return 0;
}

/* A number from 0 to @max; *out stays as it is where the key is absent or null. */
static int number_get(const json_t *obj, const char *path, const char *key, uint64_t max, uint64_t *out,
		      struct err *e)
{
	const json_t *j = json_object_get(obj, key);

	if (!j || json_is_null(j))
		return 0;
	if (!json_is_integer(j) || json_integer_value(j) < 0 || (uint64_t)json_integer_value(j) > max)
		return err_set(e, ERR_SPEC, "%s.%s: a whole number from 0 to %llu is needed", path, key,
			       (unsigned long long)max);
	*out = (uint64_t)json_integer_value(j);
	return 0;
}

/* An array, or NULL where the key is absent or null. */
static int array_get(const json_t *obj, const char *path, const char *key, size_t max, const json_t **out,
		     struct err *e)
{
	const json_t *j = json_object_get(obj, key);

	*out = NULL;
	if (!j || json_is_null(j))
		return 0;
	if (!json_is_array(j))
		return err_set(e, ERR_SPEC, "%s.%s: an array is needed", path, key);
	if (json_array_size(j) > max)
		return err_set(e, ERR_SPEC, "%s.%s: more than %zu elements", path, key, max);
	*out = j;
	return 0;
}

static int strings_get(const json_t *obj, const char *path, const char *key, struct strv *out, struct err *e)
{
	const json_t *array;

	if (array_get(obj, path, key, NAMES_MAX, &array, e))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *j = json_array_get(array, i);

		if (!json_is_string(j) || !json_string_length(j) || json_string_length(j) > WORD_MAX)
			return err_set(e, ERR_SPEC, "%s.%s[%zu]: a string of 1 to %d bytes is needed", path,
				       key, i, WORD_MAX);
		strv_add(out, json_string_value(j));
	}
	return 0;
}

/* The keys of an action: docker says "errnoRet": 1, podman "errno": "EPERM" beside it. */
struct action_keys {
	const char *action, *number, *name;
};
static const struct action_keys RULE_ACTION = { "action", "errnoRet", "errno" };
static const struct action_keys DEFAULT_ACTION = { "defaultAction", "defaultErrnoRet", "defaultErrno" };

static int errno_get(const json_t *obj, const char *path, const struct action_keys *keys, uint64_t *out,
		     struct err *e)
{
	const char *name;

	*out = EPERM;	/* as the format says */
	if (string_get(obj, path, keys->name, &name, e))
		return -1;
	if (name) {
		uint64_t n = 1;

		while (n < 256 && !str_eq(strerrorname_np((int)n), name))
			n++;
		if (n == 256)
			return err_set(e, ERR_SPEC, "%s.%s: '%s' is no errno", path, keys->name, name);
		*out = n;
	}
	return number_get(obj, path, keys->number, ERRNO_MAX, out, e);
}

static int action_get(const json_t *obj, const char *path, const struct action_keys *keys, uint32_t *out,
		      struct err *e)
{
	const char *name;
	uint64_t data;

	if (string_get(obj, path, keys->action, &name, e) || errno_get(obj, path, keys, &data, e))
		return -1;
	if (!name)
		return err_set(e, ERR_SPEC, "%s.%s is missing", path, keys->action);
	for (size_t i = 0; i < N_ELEMS(ACTIONS); i++) {
		if (!str_eq(ACTIONS[i].name, name))
			continue;
		*out = ACTIONS[i].ret;
		if (*out == SECCOMP_RET_ERRNO || *out == SECCOMP_RET_TRACE)
			*out |= (uint32_t)data;
		return 0;
	}
	return err_set(e, ERR_SPEC, "%s.%s: '%s' is no action that is supported", path, keys->action, name);
}

static int cond_parse(const json_t *j, const char *path, struct cond *c, struct err *e)
{
	static const char *const KEYS[] = { "index", "value", "valueTwo", "op" };
	uint64_t index = UINT64_MAX;
	const char *op;

	*c = (struct cond){ .op = CMPS };
	if (keys_check(j, path, KEYS, N_ELEMS(KEYS), e) || number_get(j, path, "index", 5, &index, e) ||
	    number_get(j, path, "value", INT64_MAX, &c->value, e) ||
	    number_get(j, path, "valueTwo", INT64_MAX, &c->value_two, e) || string_get(j, path, "op", &op, e))
		return -1;
	if (index == UINT64_MAX)
		return err_set(e, ERR_SPEC, "%s.index is missing", path);
	c->index = (unsigned)index;
	for (unsigned i = 0; i < CMPS; i++)
		if (str_eq(CMP_NAMES[i], op))
			c->op = (enum cmp)i;
	if (c->op == CMPS)
		return err_set(e, ERR_SPEC, "%s.op: '%s' is no comparison", path, op ? op : "");
	return 0;
}

int kernel_parse(const char *s)
{
	unsigned major, minor;
	char end;

	if (sscanf(s, "%3u.%3u%c", &major, &minor, &end) != 2 || major > 255 || minor > 255)
		return -1;
	return (int)(major << 8 | minor);
}

static int when_parse(const json_t *rule, const char *rule_path, const char *key, struct when *w, struct err *e)
{
	static const char *const KEYS[] = { "caps", "arches", "minKernel" };
	AUTO_FREE char *path = str_fmt("%s.%s", rule_path, key);
	AUTO_STRV struct strv caps = { 0 };
	const json_t *j = json_object_get(rule, key);
	const char *kernel;

	if (!j || json_is_null(j))
		return 0;
	if (keys_check(j, path, KEYS, N_ELEMS(KEYS), e) || strings_get(j, path, "caps", &caps, e) ||
	    strings_get(j, path, "arches", &w->arches, e) || string_get(j, path, "minKernel", &kernel, e))
		return -1;
	for (size_t i = 0; i < caps.n; i++) {
		int n = cap_number(caps.v[i]);

		if (n < 0)
			return err_set(e, ERR_SPEC, "%s.caps[%zu]: '%s' is no capability", path, i, caps.v[i]);
		w->caps |= UINT64_C(1) << n;
	}
	if (kernel) {
		int version = kernel_parse(kernel);

		if (version < 0)
			return err_set(e, ERR_SPEC, "%s.minKernel: '%s' is not like \"4.8\"", path, kernel);
		w->min_kernel = (unsigned)version;
	}
	return 0;
}

static void rule_fini(struct rule *r)
{
	strv_fini(&r->names);
	strv_fini(&r->includes.arches);
	strv_fini(&r->excludes.arches);
}

/* An empty rule at the end; the struct profile owns it. */
static struct rule *rule_add(struct profile *p)
{
	p->rules = mem_grow(p->rules, p->n_rules + 1, sizeof(*p->rules));
	p->rules[p->n_rules] = (struct rule){ 0 };
	return &p->rules[p->n_rules++];
}

/* The rule at @at has been parsed and has conditions @conds. Where an argument occurs
 * twice each condition becomes a rule of its own, as in runc and crun. */
static void rule_split(struct profile *p, size_t at, const struct cond *conds, size_t n)
{
	unsigned seen = 0;
	bool twice = false;

	for (size_t i = 0; i < n; i++) {
		twice = twice || (seen & 1u << conds[i].index);
		seen |= 1u << conds[i].index;
	}
	if (!twice) {	/* then there are six at most */
		for (size_t i = 0; i < n; i++)
			p->rules[at].conds[i] = conds[i];
		p->rules[at].n_conds = n;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct rule *r = i ? rule_add(p) : &p->rules[at];
		const struct rule *first = &p->rules[at];

		r->conds[0] = conds[i];
		r->n_conds = 1;
		if (!i)
			continue;
		r->ret = first->ret;
		strv_copy(&r->names, &first->names);
		r->includes = first->includes;
		r->excludes = first->excludes;
		r->includes.arches = r->excludes.arches = (struct strv){ 0 };
		strv_copy(&r->includes.arches, &first->includes.arches);
		strv_copy(&r->excludes.arches, &first->excludes.arches);
	}
}

static int rule_parse(const json_t *j, const char *path, struct profile *p, struct err *e)
{
	static const char *const KEYS[] = { "names", "name",	 "action",   "errnoRet", "errno",
					    "args",  "includes", "excludes", "comment" };
	struct cond conds[16];
	size_t at = p->n_rules;
	struct rule *r = rule_add(p);
	const json_t *args;
	const char *name;

	if (keys_check(j, path, KEYS, N_ELEMS(KEYS), e) || strings_get(j, path, "names", &r->names, e) ||
	    string_get(j, path, "name", &name, e) ||
	    action_get(j, path, &RULE_ACTION, &r->ret, e) ||
	    when_parse(j, path, "includes", &r->includes, e) ||
	    when_parse(j, path, "excludes", &r->excludes, e) ||
	    array_get(j, path, "args", N_ELEMS(conds), &args, e))
		return -1;
	if (name && r->names.n)
		return err_set(e, ERR_SPEC, "%s: 'name' and 'names' cannot both be given", path);
	if (name)	/* docker's older form */
		strv_add(&r->names, name);
	if (!r->names.n)
		return err_set(e, ERR_SPEC, "%s.names is missing or empty", path);
	for (size_t i = 0; i < json_array_size(args); i++) {
		AUTO_FREE char *arg_path = str_fmt("%s.args[%zu]", path, i);

		if (cond_parse(json_array_get(args, i), arg_path, &conds[i], e))
			return -1;
	}
	rule_split(p, at, conds, json_array_size(args));
	return 0;
}

/* "SCMP_ARCH_X86_64" -> "x86_64", owned; NULL where it is no such word. */
static char *arch_word(const char *s)
{
	char *out;

	if (!s || !str_starts(s, "SCMP_ARCH_") || !s[10])
		return NULL;
	out = str_dup(s + 10);
	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return out;
}

static int archs_parse(const json_t *root, struct profile *p, struct err *e)
{
	static const char *const KEYS[] = { "architecture", "subArchitectures" };
	const json_t *map;

	if (array_get(root, "profile", "archMap", N_ELEMS(p->archs), &map, e))
		return -1;
	for (size_t i = 0; i < json_array_size(map); i++) {
		AUTO_FREE char *path = str_fmt("archMap[%zu]", i);
		AUTO_STRV struct strv subs = { 0 };
		const json_t *j = json_array_get(map, i);
		const char *name;

		if (keys_check(j, path, KEYS, N_ELEMS(KEYS), e) ||
		    string_get(j, path, "architecture", &name, e) ||
		    strings_get(j, path, "subArchitectures", &subs, e))
			return -1;
		p->archs[i].arch = arch_word(name);
		p->n_archs = i + 1;
		if (!p->archs[i].arch)
			return err_set(e, ERR_SPEC, "%s.architecture: a word SCMP_ARCH_... is needed", path);
		for (size_t k = 0; k < subs.n; k++) {
			char *word = arch_word(subs.v[k]);

			if (!word)
				return err_set(e, ERR_SPEC, "%s.subArchitectures[%zu]: a word SCMP_ARCH_... is needed",
					       path, k);
			strv_add_take(&p->archs[i].subs, word);
		}
	}
	return 0;
}

/* OCI's and docker's older form: the architectures beside the machine's own, which is always there. */
static int listed_parse(const json_t *root, struct profile *p, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	if (strings_get(root, "profile", "architectures", &words, e))
		return -1;
	if (words.n && p->n_archs)
		return err_set(e, ERR_SPEC, "profile: either 'architectures' or 'archMap', not both");
	p->has_list = words.n;
	for (size_t i = 0; i < words.n; i++) {
		char *word = arch_word(words.v[i]);

		if (!word)
			return err_set(e, ERR_SPEC, "profile.architectures[%zu]: a word SCMP_ARCH_... is needed", i);
		strv_add_take(&p->listed, word);
	}
	return 0;
}

/* Of the flags of seccomp(2) one means nothing here, as the program has one thread when the
 * filter is loaded; the others would change what it does. */
static int flags_check(const json_t *root, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	if (strings_get(root, "profile", "flags", &words, e))
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if (!str_eq(words.v[i], "SECCOMP_FILTER_FLAG_TSYNC"))
			return err_set(e, ERR_SPEC, "profile.flags[%zu]: '%s' is not supported", i, words.v[i]);
	return 0;
}

/* Brackets inside brackets, outside strings; jansson itself would recurse 2048 times. */
static bool is_too_deep(const char *text, size_t len)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
		} else if (text[i] == '"') {
			in_string = true;
		} else if (text[i] == '[' || text[i] == '{') {
			if (++depth > DEPTH_MAX)
				return true;
		} else if ((text[i] == ']' || text[i] == '}') && depth) {
			depth--;
		}
	}
	return false;
}

int profile_parse(const char *text, size_t len, struct profile *p, struct err *e)
{
	static const char *const KEYS[] = { "defaultAction", "defaultErrnoRet", "defaultErrno", "archMap",
					    "syscalls",	     "architectures",	"flags" };
	AUTO_JSON json_t *root = NULL;
	const json_t *rules;
	json_error_t error;
	size_t n_names = 0;

	*p = (struct profile){ 0 };
	if (len > PROFILE_BYTES_MAX)
		return err_set(e, ERR_SPEC, "larger than %d bytes", PROFILE_BYTES_MAX);
	if (is_too_deep(text, len))
		return err_set(e, ERR_SPEC, "more than %d brackets inside each other", DEPTH_MAX);
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return err_set(e, ERR_SPEC, "line %d, column %d: %s", error.line, error.column, error.text);
	if (keys_check(root, "profile", KEYS, N_ELEMS(KEYS), e) ||
	    action_get(root, "profile", &DEFAULT_ACTION, &p->default_ret, e) ||
	    archs_parse(root, p, e) || listed_parse(root, p, e) || flags_check(root, e) || array_get(root, "profile", "syscalls", RULES_MAX, &rules, e))
		return -1;
	for (size_t i = 0; i < json_array_size(rules); i++) {
		AUTO_FREE char *path = str_fmt("syscalls[%zu]", i);
		size_t at = p->n_rules;

		if (rule_parse(json_array_get(rules, i), path, p, e))
			return -1;
		while (at < p->n_rules)
			n_names += p->rules[at++].names.n;
		if (n_names > NAMES_MAX)
			return err_set(e, ERR_SPEC, "%s: more than %d names in all", path, NAMES_MAX);
	}
	return 0;
}

uint64_t profile_caps(const struct profile *p)
{
	uint64_t caps = 0;

	for (size_t i = 0; i < p->n_rules; i++)
		caps |= p->rules[i].includes.caps | p->rules[i].excludes.caps;
	return caps;
}

void profile_fini(struct profile *p)
{
	for (size_t i = 0; i < p->n_rules; i++)
		rule_fini(&p->rules[i]);
	for (size_t i = 0; i < p->n_archs; i++) {
		free(p->archs[i].arch);
		strv_fini(&p->archs[i].subs);
	}
	free(p->rules);
	strv_fini(&p->listed);
	*p = (struct profile){ 0 };
}
