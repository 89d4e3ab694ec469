/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/stack.c - runs a command on layers, as an image that is made of them
 *
 *	stack [OPTION...] LAYER[:LAYER...]|IMAGE COMMAND [ARG...]
 *
 * LAYER is an absolute directory, the topmost first; LAYER@N is LAYER/1 to LAYER/N. IMAGE is a
 * full reference, or an id.
 *	-n		prints the plan
 *	-r		read-only
 *	-V		says which rungs are taken
 *	-i IDS		range, single
 *	-o OVERLAY	kernel, fuse, copy
 *	-u USER
 *	-v SOURCE:PLACE	a volume
 *	-k DIR		the writable layer is kept there
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/dispatch.h"
#include "run/run.h"

static unsigned word(const char *const *words, unsigned n, const char *text)
{
	for (unsigned i = 0; i < n; i++)
		if (str_eq(words[i], text))
			return i;
	fprintf(stderr, "stack: %s is not known\n", text);
	return 0;
}

static void add_volume(struct spec *s, char *text)
{
	struct spec_mount *m = spec_add_mount(s);
	char *colon = strchr(text, ':');

	m->type = str_dup("bind");
	m->destination = str_dup(colon ? colon + 1 : text);
	m->source = colon ? str_dupn(text, (size_t)(colon - text)) : str_dup(text);
}

static void add_layers(struct strv *lowers, const char *text)
{
	struct strv words = { 0 };

	strv_split(&words, text, ':');
	for (size_t i = 0; i < words.n; i++) {
		char *at = strchr(words.v[i], '@');
		int n = at ? atoi(at + 1) : 0;

		if (!at)
			strv_add(lowers, words.v[i]);
		for (int k = 1; k <= n; k++)
			strv_addf(lowers, "%.*s/%d", (int)(at - words.v[i]), words.v[i], k);
	}
	strv_fini(&words);
}

static int options(struct spec *s, int argc, char **argv, bool *is_dry)
{
	static const char *const ids[] = { "auto", "range", "single" }, *const overlays[] = { "auto", "kernel", "fuse", "copy" };
	int ch;

	while ((ch = getopt(argc, argv, "+nrVi:o:u:v:k:")) >= 0) {
		switch (ch) {
		case 'n':
			*is_dry = true;
			break;
		case 'r':
			s->root.readonly = true;
			break;
		case 'V':
			log_set_level(LOG_LEVEL_INFO);
			break;
		case 'i':
			s->ids = (enum ids_mode)word(ids, N_ELEMS(ids), optarg);
			break;
		case 'o':
			s->overlay = (enum overlay_mode)word(overlays, N_ELEMS(overlays), optarg);
			break;
		case 'u':
			str_set(&s->process.user, optarg);
			break;
		case 'v':
			add_volume(s, optarg);
			break;
		case 'k':
			str_set(&s->root.layer, optarg);
			break;
		default:
			return -1;
		}
	}
	return argc - optind < 2 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct run_end end = { 0 };
	struct err e = { 0 };
	bool is_dry = false;
	struct spec s;
	int rc;

	signal(SIGCHLD, SIG_DFL);
	spec_init(&s);
	s.root.kind = ROOT_IMAGE;
	s.ephemeral = true;
	str_set(&s.root.image, "stack");
	str_set(&s.root.image_id, "sha256:0000000000000000000000000000000000000000000000000000000000000000");
	strv_add(&s.process.env, "PATH=/bin");
	if (options(&s, argc, argv, &is_dry) < 0) {
		fprintf(stderr, "usage: stack [OPTION...] LAYER[:LAYER...] COMMAND [ARG...]\n");
		return 2;
	}
	if (argv[optind][0] == '/') {
		add_layers(&s.root.lowers, argv[optind]);
	} else {
		str_set(&s.root.image, argv[optind]);
		str_set(&s.root.image_id, NULL);
	}
	for (int i = optind + 1; i < argc; i++)
		strv_add(&s.process.args, argv[i]);
	rc = is_dry ? run_dry(&s, false, &e) : run_foreground(&s, NULL, &end, &e);
	if (rc < 0)
		cli_show_error(&e, false);
	spec_fini(&s);
	return rc < 0 ? err_status(&e) : end.status;
}
