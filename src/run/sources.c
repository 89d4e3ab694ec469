/* SPDX-License-Identifier: Apache-2.0 */
/* run/sources.c - what is mounted inside: opened once, and what the run itself has to give */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/internal.h"
#include "spec/mountopts.h"

/* The descriptor is kept until the run has ended: what is mounted later by name is compared
 * with it (steps/mount.c), and no inode's number comes to mean another file. */
static int open_source(const char *path, const char *what, int flags, int *fd, struct err *e)
{
	*fd = open(path, O_PATH | O_CLOEXEC | flags);
	if (*fd >= 0)
		return 0;
	err_sys(e, "open", path, "%s", what);
	return e->errnum == ENOENT ? err_hint(e, "a missing source is never made; mkdir it first") : -1;
}

/* --file: a file of the run's own directory, removed with it. */
static int write_data(struct spec_mount *m, size_t index, const struct plan_input *in, const struct run_dir *rd,
		      struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/mount.%zu.file", in->state_dir, index);
	AUTO_CLOSE int fd = -1;

	str_set(&m->source, path);
	if (!rd)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fd_write_all(fd, m->data.bytes, m->data.len) < 0 || fchmod(fd, m->data.mode) < 0)
		return err_sys(e, "write", path, "the file for %s", m->destination);
	/* the data stay: a start that fails is tried once more with another directory */
	for (size_t i = 0; i < m->n_fds; i++)
		auto_close(&m->fds[i]);
	m->n_fds = 0;
	return 0;
}

/* The writable layer of an overlay that is thrown away. */
static int make_scratch(size_t index, const struct plan_input *in, struct err *e)
{
	static const char *const leaves[] = { "upper", "work" };

	for (size_t i = 0; i < N_ELEMS(leaves); i++) {
		AUTO_FREE char *path = str_fmt("%s/mount.%zu.%s", in->state_dir, index, leaves[i]);

		if (mkdir(path, 0755) < 0)
			return err_sys(e, "mkdir", path, "making the place of an overlay's writable layer");
	}
	return 0;
}

static int look_at_layers(struct spec_mount *m, size_t index, const struct plan_input *in, const struct run_dir *rd,
			  struct err *e)
{
	struct spec_layers l;
	int rc = 0;

	spec_layers(m, &l);
	if (in->is_root) {
		err_set(e, ERR_SPEC, "mount on %s: as root, an overlay's directories would need their ids mapped", m->destination);
		rc = err_hint(e, "start lichen as the user who owns them, or mount the overlay yourself and show it with -v");
	}
	for (size_t i = m->n_fds; rc == 0 && i < l.lower.n + (l.upper ? 2 : 0); i++) {
		const char *path = i < l.lower.n ? l.lower.v[i] : i == l.lower.n ? l.upper : l.work;
		int fd;

		rc = open_source(path, "a directory of an overlay", O_DIRECTORY, &fd, e);
		if (rc == 0)
			spec_mount_add_fd(m, fd);
	}
	if (rc == 0 && !l.upper && rd)
		rc = make_scratch(index, in, e);
	spec_layers_fini(&l);
	return rc;
}

/* Whether mounts can come in at all: the tags of the host's mount in mountinfo(5). */
static bool is_shared_on_host(int fd)
{
	AUTO_FREE char *text = NULL, *key = NULL;
	struct statx st;
	char *line, *end;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID) ||
	    fd_read_file(AT_FDCWD, "/proc/self/mountinfo", FD_READ_MAX, &text, NULL) < 0)
		return true;
	key = str_fmt("%llu ", (unsigned long long)st.stx_mnt_id);
	for (line = text; line && *line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (!str_starts(line, key))
			continue;
		if (end)
			*end = '\0';
		return strstr(line, " shared:") || strstr(line, " master:");
	}
	return true;
}

static void look_at_propagation(const struct spec_mount *m)
{
	for (size_t i = 0; i < m->options.n; i++) {
		const char *word = m->options.v[i];
		bool is_shared = str_eq(word, "shared") || str_eq(word, "rshared");

		if (!is_shared && !str_eq(word, "slave") && !str_eq(word, "rslave"))
			continue;
		if (is_shared)
			log_warn("%s on %s: what is mounted inside is seen by sandboxes inside, not by this machine: mounts of a "
				 "user namespace only receive", word, m->destination);
		if (m->n_fds && !is_shared_on_host(m->fds[0]))
			log_warn("%s on %s: %s lies on a mount that is private here, so that nothing comes in (mount --make-shared "
				 "is what an administrator would do)", word, m->destination, m->source);
	}
}

int sources_look(struct plan_input *in, struct spec *s, const struct run_dir *rd, struct err *e)
{
	in->source_is_dir = mem_alloc((s->n_mounts + 1) * sizeof(bool));
	for (size_t i = 0; i < s->n_mounts; i++) {
		struct spec_mount *m = &s->mounts[i];
		struct stat st;
		int fd;

		in->source_is_dir[i] = true;
		if (str_eq(m->type, "overlay") && look_at_layers(m, i, in, rd, e) < 0)
			return -1;
		if (!str_eq(m->type, "bind"))
			continue;
		if (m->data.is_set) {
			in->source_is_dir[i] = false;
			if (write_data(m, i, in, rd, e) < 0)
				return -1;
			if (!rd)
				continue;
		}
		/* of a dry run, which makes no volume */
		if (m->volume && !m->n_fds)
			continue;
		if (!m->n_fds) {
			if (open_source(m->source, "the source of a volume", 0, &fd, e) < 0)
				return -1;
			spec_mount_add_fd(m, fd);
		}
		if (fstat(m->fds[0], &st) < 0)
			return err_sys(e, "fstat", m->source, "the source of a volume");
		in->source_is_dir[i] = S_ISDIR(st.st_mode);
		look_at_propagation(m);
	}
	return 0;
}
