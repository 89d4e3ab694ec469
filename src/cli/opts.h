/* SPDX-License-Identifier: Apache-2.0 */
/* cli/opts.h - the tables of verbs and options, and the parser that obeys them
 *
 * The rows stand in cli/verbs.def and cli/opts.def; help, completions and the manual's
 * lists are made from the same rows (cli/help.c, cli/gen_main.c).
 */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct args;

/* VERB_GLOBAL stands for what comes before the verb. */
enum verb_id {
	VERB_GLOBAL,
#define VERB(id, ...) VERB_##id,
#include "cli/verbs.def"
	VERB_COUNT
};

enum { VERBS_MAX = 64 };
_Static_assert((int)VERB_COUNT <= (int)VERBS_MAX, "verbs.def has more rows than a mask of verbs has bits");

/* Masks for the first column of opts.def. Constants of an enum are ints in C17; wider ones are
 * what gcc and clang have always taken and C23 allows. No macro could be made from the rows, and
 * no object is a constant expression. */
__extension__ enum verb_mask {
	V_GLOBAL = UINT64_C(1) << VERB_GLOBAL,
#define VERB(id, ...) V_##id = UINT64_C(1) << VERB_##id,
#include "cli/verbs.def"
	V_ALL = ~UINT64_C(0) >> (VERBS_MAX - VERB_COUNT)
};

/* Who has the options of limits. */
#define LIMIT_VERBS (V_RUN | V_UPDATE | V_CGROUP_CREATE | V_CGROUP_SET | V_CGROUP_EXEC)

/* All that look for groups. */
#define CGROUP_VERBS (V_CGROUP_TREE | V_CGROUP_LS | V_CGROUP_SHOW | V_CGROUP_CREATE | V_CGROUP_SET | V_CGROUP_EXEC | V_CGROUP_RM)

/* Verbs about images, whose name may be one word or two. */
#define PULL_VERBS (V_PULL | V_IMAGE_PULL)
#define PUSH_VERBS (V_PUSH | V_IMAGE_PUSH)
#define LS_VERBS (V_IMAGES | V_IMAGE_LS)
#define RMI_VERBS (V_RMI | V_IMAGE_RM)
#define HISTORY_VERBS (V_HISTORY | V_IMAGE_HISTORY)
#define INSPECT_VERBS (V_INSPECT | V_IMAGE_INSPECT)
#define LOAD_VERBS (V_LOAD | V_IMAGE_LOAD)
#define SAVE_VERBS (V_SAVE | V_IMAGE_SAVE)
#define IMPORT_VERBS (V_IMPORT | V_IMAGE_IMPORT)
#define IMAGE_VERBS (PULL_VERBS | PUSH_VERBS | LS_VERBS | RMI_VERBS | V_TAG | V_IMAGE_TAG | HISTORY_VERBS | INSPECT_VERBS | LOAD_VERBS | SAVE_VERBS | IMPORT_VERBS | V_LOGIN | V_LOGOUT)

#define VOLUME_VERBS (V_VOLUME_CREATE | V_VOLUME_LS | V_VOLUME_INSPECT | V_VOLUME_RM | V_VOLUME_PRUNE)

/* About all that lichen keeps. */
#define SYSTEM_VERBS (V_IMAGE_PRUNE | V_SYSTEM_DF | V_SYSTEM_PRUNE | V_SYSTEM_VERIFY)

/* Who unpacks images. */
#define BRING_VERBS (V_RUN | PULL_VERBS | LOAD_VERBS | IMPORT_VERBS)

/* Who speaks with registries. */
#define REGISTRY_VERBS (V_RUN | PULL_VERBS | PUSH_VERBS | V_LOGIN)

struct verb {
	enum verb_id id;
	const char *name;	/* one word, or two and a space: "cgroup tree"; "" for VERB_GLOBAL */
	int min, max;		/* operands; max -1: any number */
	const char *arguments, *section, *summary, *about;	/* never NULL; section "": internal */
};

/* Verbs of two words with the same first one. */
struct verb_group {
	const char *name, *summary;	/* never NULL */
};

enum opt_type { OPT_FLAG, OPT_TRI, OPT_STR, OPT_TEXT, OPT_LIST, OPT_ENUM, OPT_TYPES };

/* What completion offers as value of an option. */
enum opt_hint {
	HINT_NONE,
	HINT_FILE,
	HINT_DIR,
	HINT_WORDS,	/* opt.words */
	HINT_CAP,	/* names of capabilities, and ALL */
	HINT_VOLUME,	/* SRC:DST[:OPTIONS] */
	HINT_ENV,	/* names of the caller's variables */
	HINT_CONTAINER,	/* names and short ids of running sandboxes */
	HINT_GROUP,	/* names of cgroups that lichen made */
	HINT_IMAGE,	/* names of images */
	HINTS
};

struct opt {
	uint64_t verbs;			/* V_* */
	char letter;			/* 0: none */
	const char *name;		/* without dashes */
	const char *argument;		/* NULL with OPT_FLAG and OPT_TRI only */
	enum opt_type type;
	size_t offset;			/* of the field in struct args */
	const char *const *words;	/* NULL-terminated, or NULL */
	const char *group, *help;
	enum opt_hint hint;
	const char *manual;		/* or NULL */
};

/* The next verb behind @prev, NULL at the end; behind NULL comes verb_global(). Internal
 * verbs are left out. */
const struct verb *verbs_next(const struct verb *prev);
const struct verb *verb_global(void);
const struct verb *verb_find(const char *name);	/* "run", "cgroup tree", internal ones too; NULL: no such verb */

/* The next group behind @prev (NULL: the first); NULL at the end. */
const struct verb_group *groups_next(const struct verb_group *prev);
const struct verb_group *group_find(const char *name);		/* NULL: no such group */
const struct verb_group *group_of(const struct verb *v);	/* NULL: a verb of one word */

/* The next verb of @g behind @prev (NULL: the first); NULL at the end. */
const struct verb *group_next(const struct verb_group *g, const struct verb *prev);

/* "tree" of "cgroup tree", "run" of "run". */
const char *verb_last_word(const struct verb *v);

/* The next option of @v behind @prev (NULL: the first); NULL at the end. */
const struct opt *opts_next(const struct verb *v, const struct opt *prev);

/**
 * opts_parse() - Parse the options of a verb
 * @v:		whose options are valid
 * @argc:	number of words in @argv, neither program nor verb among them
 * @argv:	borrowed for as long as @out lives
 * @out:	zeroed by the caller, or filled by an earlier parse to which this one adds;
 *		released by args_fini(), also after a failure
 *
 * Parsing ends behind "--" or at the first word that is no option; the rest becomes
 * @out's operands and is not looked at. Long options take "--x=y" and "--x y", short
 * ones cluster ("-it") and take "-xy", "-x=y" and "-x y"; flags take "=true" and
 * "=false". Abbreviations are suggested, never taken. After a failure @out->json and
 * @out->debug are still set where they stand later among the options.
 * Errors:	USAGE with the option as typed, what was expected and the nearest right word
 */
NODISCARD int opts_parse(const struct verb *v, int argc, char **argv, struct args *out,
			 struct err *e);

/* Are there as many operands as @v wants? Errors: USAGE, naming the missing or the first extra one. */
NODISCARD int opts_check_operands(const struct verb *v, const struct args *a, struct err *e);

/**
 * verb_of_words() - The verb that a command line begins with
 * @words:	borrowed; what stands behind the verb is not looked at
 * @taken:	how many of the words are the verb's name, 1 or 2
 *
 * Errors:	USAGE with the nearest verb; for a group without a verb of its own, all that it has
 * Return:	NULL with @e
 */
const struct verb *verb_of_words(char *const *words, int n, int *taken, struct err *e);

#endif
