/* SPDX-License-Identifier: Apache-2.0 */
/* cli/change.c - --change of import */

#include "cli/change.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

static int wrong(const char *text, const char *what, struct err *e)
{
	return err_set(e, ERR_USAGE, "--change '%.100s': %s", text, what);
}

/* Words between blanks; quotes and backslashes as a shell has them. */
static void split_words(struct strv *out, const char *s)
{
	while (*(s += strspn(s, " \t"))) {
		AUTO_BUF struct buf word = { 0 };
		char quote = '\0';

		for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
			if (quote ? *s == quote : *s == '"' || *s == '\'')
				quote = quote ? '\0' : *s;
			else if (*s == '\\' && s[1] && quote != '\'')
				buf_addn(&word, ++s, 1);
			else
				buf_addn(&word, s, 1);
		}
		strv_add(out, word.s ? word.s : "");
	}
}

/* Sets KEY in a list of KEY=VALUE. */
static void set_pair(struct strv *list, const char *key, const char *value)
{
	AUTO_FREE char *entry = str_fmt("%s=%s", key, value);
	const size_t len = strlen(key) + 1;

	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->v[i], entry, len) == 0) {
			str_set(&list->v[i], entry);
			return;
		}
	strv_add(list, entry);
}

/* KEY=VALUE ..., or the old form KEY VALUE. */
static int add_pairs(struct strv *list, const char *text, const char *rest, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	split_words(&words, rest);
	if (!strchr(words.v[0], '=')) {
		const char *value = rest + strcspn(rest, " \t");

		if (!*value || !*words.v[0])
			return wrong(text, "expected KEY=VALUE", e);
		set_pair(list, words.v[0], value + strspn(value, " \t"));
		return 0;
	}
	for (size_t i = 0; i < words.n; i++) {
		char *eq = strchr(words.v[i], '=');

		if (!eq || eq == words.v[i])
			return wrong(text, "expected KEY=VALUE", e);
		*eq = '\0';
		set_pair(list, words.v[i], eq + 1);
	}
	return 0;
}

/* A JSON array of words; 0: it is none, and nothing is changed. */
static int take_array(struct strv *list, const char *text, const char *rest, struct err *e)
{
	json_t *array = rest[0] == '[' ? json_loads(rest, 0, NULL) : NULL, *x;
	size_t i;
	int rc = 1;

	if (!json_is_array(array)) {
		json_decref(array);
		return 0;
	}
	json_array_foreach(array, i, x) {
		if (!json_is_string(x))
			rc = wrong(text, "expected an array of strings", e);
		else
			strv_add(list, json_string_value(x));
	}
	json_decref(array);
	return rc;
}

/* CMD and ENTRYPOINT: an array, or a line for the shell. */
static int take_command(struct strv *list, const char *text, const char *rest, struct err *e)
{
	int rc;

	strv_fini(list);
	rc = take_array(list, text, rest, e);
	if (rc == 0) {
		strv_add(list, "/bin/sh");
		strv_add(list, "-c");
		strv_add(list, rest);
	}
	return rc < 0 ? -1 : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* VOLUME and EXPOSE: a list without what is there already. */
static int add_words(struct strv *list, const char *text, const char *rest, const char *behind, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };
	int rc = take_array(&words, text, rest, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		split_words(&words, rest);
	for (size_t i = 0; i < words.n; i++) {
		AUTO_FREE char *word = str_fmt("%s%s", words.v[i], strchr(words.v[i], '/') ? "" : behind);

		if (!strv_has(list, word))
			strv_add(list, word);
	}
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_text);
	return 0;
}

static int do_labels(struct image *im, const char *text, const char *rest, struct err *e)
{
	if (add_pairs(&im->labels, text, rest, e) < 0)
		return -1;
	qsort(im->labels.v, im->labels.n, sizeof(*im->labels.v), by_text);
	return 0;
}

int change_apply(struct image *im, const char *text, struct err *e)
{
	static const char *const WORDS[] = { "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR" };
	enum { CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR, NONE };
	const char *start = text + strspn(text, " \t");
	/* CMD=/bin/sh is podman's form */
	const size_t len = strcspn(start, " \t=");
	const char *rest = start + len + (start[len] == '=') + strspn(start + len + (start[len] == '='), " \t");
	size_t which = 0;

	while (which < NONE && (strlen(WORDS[which]) != len || strncasecmp(WORDS[which], start, len) != 0))
		which++;
	if (which == NONE) {
		(void)!wrong(text, "there is no such instruction", e);
		return err_hint(e, "known are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR; for example "
				   "--change 'CMD [\"sh\"]'");
	}
	if (!*rest)
		return wrong(text, "there is nothing behind it", e);
	switch (which) {
	case CMD:
		return take_command(&im->cmd, text, rest, e);
	case ENTRYPOINT:
		return take_command(&im->entrypoint, text, rest, e);
	case ENV:
		return add_pairs(&im->env, text, rest, e);
	case EXPOSE:
		return add_words(&im->exposed_ports, text, rest, "/tcp", e);
	case LABEL:
		return do_labels(im, text, rest, e);
	case ONBUILD:
		strv_add(&im->onbuild, rest);
		return 0;
	case STOPSIGNAL:
		str_set(&im->stop_signal, rest);
		return 0;
	case USER:
		str_set(&im->user, rest);
		return 0;
	case VOLUME:
		return add_words(&im->volumes, text, rest, "", e);
	default:
		str_set(&im->working_dir, rest);
		return 0;
	}
}
