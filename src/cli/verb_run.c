/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_run.c - `lichen run`: from options to a spec */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/near.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/limit_options.h"
#include "cli/pull_view.h"
#include "cli/run_spec.h"
#include "cli/verbs.h"
#include "run/run.h"
#include "spec/image.h"
#include "spec/spec.h"

/* Of what is made for the sandbox; as docker's, of what is made in it. */
enum { FILES_UMASK = 022 };

char *host_path(const char *word, const char *what, struct err *e)
{
	AUTO_FREE char *full = NULL;
	char *real;

	if (word[0] == '~') {
		const char *home = getenv("HOME");

		full = str_fmt("%s%s", home ? home : "", word + 1);
	}
	real = path_real(full ? full : word);
	if (!real) {
		err_sys(e, "open", full ? full : word, "%s", what);
		if (e->errnum == ENOENT)
			near_hint(full ? full : word, "there is no such file or directory on this machine; nothing is made for you", e);
	}
	return real;
}

/* ---- the root file system ---- */

static int set_image(struct spec *s, const char *word)
{
	s->root.kind = ROOT_IMAGE;
	s->root.image = str_dup(word);
	return 0;
}

static int set_root(struct spec *s, const struct args *a, struct err *e)
{
	const char *word = a->operands[0];
	AUTO_FREE char *path = NULL;
	struct stat st;

	if (str_eq(word, "host")) {
		s->root.kind = ROOT_HOST;
		return 0;
	}
	if (!is_path_word(word))
		return set_image(s, word);
	path = host_path(word, "the root file system", e);
	if (!path)
		return -1;
	/* what is neither is told of later, as every directory that cannot be used */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return set_image(s, word);
	s->root.path = ptr_take(&path);
	return 0;
}

/* As host_path(), but the last part may be missing: it is made when the sandbox starts. */
static char *new_path(const char *word, const char *what, struct err *e)
{
	AUTO_FREE char *full = path_real(word), *whole = NULL, *parent = NULL, *real = NULL;
	size_t len = strlen(word);
	char *slash;

	if (full || errno != ENOENT)
		return full ? ptr_take(&full) : host_path(word, what, e);
	while (len > 1 && word[len - 1] == '/')
		len--;
	whole = str_dupn(word, len);
	slash = strrchr(whole, '/');
	parent = slash ? str_dupn(whole, slash == whole ? 1 : (size_t)(slash - whole)) : str_dup(".");
	real = host_path(parent, what, e);
	return real ? str_fmt("%s/%s", str_eq(real, "/") ? "" : real, slash ? slash + 1 : whole) : NULL;
}

/* What is written over the root: whether at all, how, and where it stays. */
static int set_layer(struct spec *s, const struct args *a, struct err *e)
{
	const bool has_layer = spec_has_tree(s) ? !a->readonly : a->cow;

	s->root.readonly = a->readonly;
	s->root.cow = a->cow;
	s->overlay = (enum overlay_mode)a->overlay;
	if (a->cow && s->root.kind != ROOT_HOST) {
		err_set(e, ERR_USAGE, "--cow is for 'host'");
		return err_hint(e, "a directory has a writable layer by itself");
	}
	if (a->cow && a->readonly)
		return err_set(e, ERR_USAGE, "--cow and --read-only exclude each other");
	if (a->cow && (s->overlay == OVERLAY_KERNEL || s->overlay == OVERLAY_COPY)) {
		err_set(e, ERR_USAGE, "--cow is done by fuse-overlayfs, and --overlay=%s asks for something else",
			s->overlay == OVERLAY_COPY ? "copy" : "kernel");
		return err_hint(e, "files of this machine's root belong to an id that does not exist inside: only a file "
				   "system that squashes owners can change them");
	}
	if (a->overlay && s->root.kind == ROOT_HOST && !a->cow && !a->no_userns) {
		err_set(e, ERR_USAGE, "--overlay is for a directory, or for host with --cow: host without it is read-only");
		return err_hint(e, "leave it out, or give --cow");
	}
	if (!a->overlay_keep)
		return 0;
	if (!has_layer) {
		err_set(e, ERR_USAGE, "--overlay-keep %s: there is no writable layer to keep", a->overlay_keep);
		return err_hint(e, spec_has_tree(s) ? "leave out --read-only"
				   : s->root.kind == ROOT_BINS ? "a root of programs is made anew at every start: keep files in a volume, -v"
							       : "give --cow as well, with host");
	}
	if (s->overlay == OVERLAY_COPY)
		return err_set(e, ERR_USAGE, "--overlay-keep and --overlay=copy exclude each other: a copy has no layer");
	s->root.layer = new_path(a->overlay_keep, "--overlay-keep", e);
	return s->root.layer ? 0 : -1;
}

/* @caller: the mask that we were started with. What runs on this machine's own files takes it over;
 * a root file system of its own has docker's. */
static void set_umask(struct spec *s, mode_t caller)
{
	if (s->process.has_umask || s->root.kind != ROOT_HOST || caller == FILES_UMASK)
		return;
	s->process.has_umask = true;
	s->process.umask = caller;
}

/* @im: what the image says, where it is one. */
static int make_spec(struct spec *s, const struct args *a, struct image *im, struct err *e)
{
	if ((a->rootfs_from.n ? take_bins(s, a, e) : set_root(s, a, e)) < 0)
		return -1;
	if (set_layer(s, a, e) < 0)
		return -1;
	s->name = str_dup(a->name);
	if (a->name && !str_is_name(a->name))
		return err_set(e, ERR_USAGE, "--name %s: expected [A-Za-z0-9][A-Za-z0-9_.-]*", a->name);
	if (take_namespaces(s, a, e) < 0 || take_mounts(s, a, e) < 0 || take_security(s, a, e) < 0 ||
	    take_limits(s, a, e) < 0 || take_cgroup(s, a, e) < 0 || take_hosts(s, a, e) < 0)
		return -1;
	if (take_process(s, a, e) < 0)
		return -1;
	if (s->root.kind != ROOT_IMAGE)
		return 0;
	return take_image(s, a, im, e) < 0 ? -1 : apply_image(s, a, im, e);
}

/* What no namespace isolates is said at every start, to people and to programs. */
static int say_not_isolated(const struct spec *s, bool json, struct err *e)
{
	AUTO_STRV struct strv what = { 0 };
	AUTO_BUF struct buf b = { 0 };

	spec_not_isolated(s, sys_landlock_abi(), &what);
	if (!json) {
		for (size_t i = 0; i < what.n; i++)
			buf_addf(&b, "%s%s", i ? "; " : "", what.v[i]);
		log_warn("--no-userns: there are no namespaces; not isolated are: %s", b.s);
		return 0;
	}
	buf_add(&b, "{\"warning\":{\"what\":\"there are no namespaces\",\"not_isolated\":[");
	for (size_t i = 0; i < what.n; i++) {
		buf_add(&b, i ? "," : "");
		buf_add_json(&b, what.v[i]);
	}
	buf_add(&b, "]}}\n");
	return fd_write_all(STDERR_FILENO, b.s, b.len) < 0 ? err_sys(e, "write", "standard error", "warning") : 0;
}

/* The command's own words about its end are on standard error, too; ours follow. */
int say_end(const struct run_end *end, bool json, struct err *e)
{
	AUTO_BUF struct buf b = { 0 };

	if (!json) {
		log_warn("%s", end->text);
		return 0;
	}
	run_end_json(end, &b);
	return fd_write_all(STDERR_FILENO, b.s, b.len) < 0 ? err_sys(e, "write", "standard error", "saying how it ended") : 0;
}

int verb_run(const struct args *a, int *status, struct err *e)
{
	const mode_t caller = umask(FILES_UMASK);
	struct image im = { 0 };
	struct spec s;
	int rc;

	spec_init(&s);
	rc = make_spec(&s, a, &im, e);
	image_fini(&im);
	set_umask(&s, caller);
	if (rc == 0 && spec_is_bare(&s))
		rc = say_not_isolated(&s, a->json, e);
	if (rc == 0 && a->dry_run) {
		rc = run_dry(&s, a->json, e);
		*status = 0;
	} else if (rc == 0) {
		struct run_end end = { 0 };
		struct pull_view view;

		pull_view_later(&view, a->quiet || a->json, s.root.image);
		rc = run_foreground(&s, &view.view, &end, e);
		*status = end.status;
		if (rc == 0 && end.text[0])
			rc = say_end(&end, a->json, e);
	}
	spec_fini(&s);
	return rc;
}
