/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_save.c - lichen save, push: images go out */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/image_job.h"
#include "cli/verbs.h"

/* ---- what goes ---- */

struct cargo {
	struct strv ids, names;	/* an empty name: none */
	const char **id_list, **name_list;
};

static void cargo_fini(struct cargo *c)
{
	strv_fini(&c->ids);
	strv_fini(&c->names);
	free(c->id_list);
	free(c->name_list);
}

/* By its name an image keeps that one, by its id it has none there, as docker does. */
static int find_cargo(struct cargo *c, struct image_place *p, char *const *words, size_t n, struct err *e)
{
	c->id_list = mem_alloc(n * sizeof(*c->id_list));
	c->name_list = mem_alloc(n * sizeof(*c->name_list));
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *id = NULL, *name = NULL;

		if (place_need(p, words[i], &id, &name, e) < 0)
			return -1;
		strv_add(&c->ids, id);
		strv_add(&c->names, name && !strchr(name, '@') ? name : "");
	}
	for (size_t i = 0; i < n; i++) {
		c->id_list[i] = c->ids.v[i];
		c->name_list[i] = *c->names.v[i] ? c->names.v[i] : NULL;
	}
	return 0;
}

/* ---- save ---- */

struct target {
	int fd;
	char *path, *partial;	/* the file, and what it is called until it is whole; owned; NULL */
	bool is_made;		/* it was not there: a link led to it */
};

static int open_directory(struct target *t, const char *path, struct err *e)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir", path, "--output %s", path);
	t->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->fd < 0 ? err_sys(e, "open", path, "--output %s", path) : 0;
}

/* As open(2) takes @path: a link stays, and what it leads to is written. Owned; NULL with errno */
static char *follow(struct target *t, const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return str_dup(path);
	if (stat(path, &st) < 0 && errno == ENOENT) {
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
		if (fd < 0)
			return NULL;
		close(fd);
		t->is_made = true;
	}
	return path_real(path);
}

/* A file that is there keeps its contents until the new one is whole; what is no file is written to as it is. */
static int open_file(struct target *t, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		t->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return t->fd < 0 ? err_sys(e, "open", path, "--output %s", path) : 0;
	}
	t->path = follow(t, path);
	if (!t->path)
		return err_sys(e, "open", path, "--output %s", path);
	t->partial = str_fmt("%s.%d.part", t->path, (int)getpid());
	t->fd = open(t->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (t->fd >= 0)
		return 0;
	err_sys(e, "open", path, "--output %s", path);
	free(ptr_take(&t->partial));
	return -1;
}

static bool is_file(const struct args *a)
{
	return a->output && !str_eq(a->output, "-");
}

static int check_target(const struct args *a, struct err *e)
{
	if (a->save_format == SINK_OCI_DIR && !is_file(a)) {
		err_set(e, ERR_USAGE, "save: --format oci-dir needs -o DIR");
		return err_hint(e, "for example lichen save --format oci-dir -o ./image %.64s", a->operands[0]);
	}
	if (!is_file(a) && isatty(STDOUT_FILENO)) {
		err_set(e, ERR_USAGE, "save: an archive is not written to a terminal");
		return err_hint(e, "name a file, -o FILE, or redirect it: lichen save %.64s >FILE", a->operands[0]);
	}
	return 0;
}

static int open_target(struct target *t, const struct args *a, struct err *e)
{
	t->fd = -1;
	if (a->save_format == SINK_OCI_DIR)
		return open_directory(t, a->output, e);
	if (is_file(a))
		return open_file(t, a->output, e);
	t->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return t->fd < 0 ? err_sys(e, "fcntl", "standard output", "save") : 0;
}

static int close_target(struct target *t, int rc, struct err *e)
{
	if (rc == 0 && t->partial && rename(t->partial, t->path) < 0)
		rc = err_sys(e, "rename", t->path, "--output %s", t->path);
	if (rc < 0 && t->partial)
		unlink(t->partial);
	if (rc < 0 && t->path && t->is_made)
		unlink(t->path);
	auto_close(&t->fd);
	free(t->path);
	free(t->partial);
	return rc;
}

static int save(struct image_place *p, const struct cargo *c, const struct args *a, int fd, struct err *e)
{
	const struct args shown = { .quiet = !a->output, .verbose = a->verbose };
	struct imager_out out = { .kind = (enum sink_kind)a->save_format, .ids = c->id_list, .names = c->name_list, .n = c->ids.n, .fd = fd };
	struct imager_job caps = { 0 };
	struct pull_view view;
	int rc = job_options(&caps, a, e);

	if (rc == 0)
		rc = pull_view_open(&view, &shown, a->n_operands == 1 ? a->operands[0] : "images", e);
	if (rc < 0)
		return -1;
	out.memory = caps.caps.memory;
	out.view = &view.view;
	rc = imager_send(&p->images, &out, NULL, e);
	pull_view_close(&view);
	return rc;
}

int verb_save(const struct args *a, int *status, struct err *e)
{
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct target t = { .fd = -1 };
	struct cargo c = { 0 };
	int rc = check_target(a, e);

	*status = 0;
	if (rc == 0)
		rc = place_open(&p, false, e);
	if (rc == 0)
		rc = find_cargo(&c, &p, a->operands, (size_t)a->n_operands, e);
	if (rc == 0)
		rc = open_target(&t, a, e);
	if (rc == 0)
		rc = save(&p, &c, a, t.fd, e);
	rc = close_target(&t, rc, e);
	cargo_fini(&c);
	return rc;
}

/* ---- push ---- */

/* Where to: the second operand, which may have docker:// before it, else the image's own name. */
static int find_destination(struct image_place *p, const struct args *a, const char *name, struct image_ref *ref, struct err *e)
{
	const char *word = a->n_operands > 1 ? a->operands[1] : NULL;
	AUTO_FREE char *full = NULL;

	if (word && str_starts(word, "docker://"))
		word += strlen("docker://");
	if (!word && !name) {
		err_set(e, ERR_USAGE, "push: '%s' is an id, and says nothing of where it is to go", a->operands[0]);
		return err_hint(e, "give a destination: lichen push %.32s registry.example.org/name:tag", a->operands[0]);
	}
	full = word ? place_new_name(p, word, e) : str_dup(name);
	return full ? ref_parse(full, ref, e) : -1;
}

/* The repository by whose name the image is here, where that is of the same registry: its layers may be there. Owned; NULL */
static char *repository_beside(const char *name, const struct image_ref *to)
{
	AUTO_REF struct image_ref own = { 0 };
	struct err ignored = { 0 };

	if (!name || ref_parse(name, &own, &ignored) < 0 || !str_eq(own.registry, to->registry) || str_eq(own.repository, to->repository))
		return NULL;
	return str_dup(own.repository);
}

/* @name: by which the image was found; NULL: its id */
static int send(struct image_place *p, const struct args *a, const char *id, const char *name, const struct image_ref *ref, struct err *e)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	AUTO_FREE char *full = ref_format(ref), *shown = ref_familiar(ref), *digest = NULL, *from = repository_beside(name, ref);
	const char *const names[] = { full };
	struct imager_out out = { .kind = SINK_REGISTRY, .ids = &id, .names = names, .n = 1, .fd = -1, .ref = *ref, .from = from };
	struct pull_view view;
	AUTO_BUF struct buf text = { 0 };
	int rc = registry_options(p, a, ref, &c, &out.registry, e);

	if (rc == 0)
		rc = pull_view_open(&view, a, shown, e);
	if (rc < 0)
		return -1;
	out.view = &view.view;
	rc = imager_send(&p->images, &out, &digest, e);
	pull_view_close(&view);
	if (rc < 0)
		return err_wrap(e, "%s", full);
	if (a->json)
		return print_image_event("pushed", full, digest ? digest : "", e);
	buf_addf(&text, "%s\n", digest ? digest : "");
	return help_print(&text, e);
}

int verb_push(const struct args *a, int *status, struct err *e)
{
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	AUTO_FREE char *id = NULL, *name = NULL;
	struct image_ref ref = { 0 };
	int rc = place_open(&p, false, e);

	*status = 0;
	if (rc == 0)
		rc = place_need(&p, a->operands[0], &id, &name, e);
	if (rc == 0)
		rc = find_destination(&p, a, name, &ref, e);
	if (rc == 0)
		rc = send(&p, a, id, name, &ref, e);
	ref_fini(&ref);
	return rc;
}
