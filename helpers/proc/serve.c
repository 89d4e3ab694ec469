/* SPDX-License-Identifier: Apache-2.0 */
/* proc/serve.c - the file system: one directory of read-only files, one thread
 *
 * Who asks is a payload that may be hostile. Inodes are fixed, so lookups hold nothing; an open
 * file holds a slot of a table. Files are read past the page cache (direct_io), each time from
 * the beginning anew, and from there on out of what was made then: small reads fit together.
 * What is not among OPERATIONS, libfuse refuses with ENOSYS: there is nothing to change here.
 */

#define FUSE_USE_VERSION 31

#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"

enum { FIRST_INO = FUSE_ROOT_ID + 1 };

/* Names and attributes do not change as long as this lasts. */
static const double FOREVER = 86400.0;

static struct server *server_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ---- names and attributes ---- */

static bool attributes(const struct server *s, fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){ .st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0444 };
	st->st_atim.tv_sec = st->st_mtim.tv_sec = st->st_ctim.tv_sec = (time_t)s->started;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0555;
		st->st_nlink = 2;
	}
	return ino >= FUSE_ROOT_ID && ino < FIRST_INO + FILES;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want = 0;	/* no splicing through pipes, which the filter forbids */
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .attr_timeout = FOREVER, .entry_timeout = FOREVER };

	for (size_t i = 0; parent == FUSE_ROOT_ID && i < FILES; i++) {
		if (!str_eq(name, FILE_NAMES[i]))
			continue;
		entry.ino = FIRST_INO + i;
		attributes(server_of(req), entry.ino, &entry.attr);
		fuse_reply_entry(req, &entry);
		return;
	}
	fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (attributes(server_of(req), ino, &st))
		fuse_reply_attr(req, &st, FOREVER);
	else
		fuse_reply_err(req, ENOENT);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	static const char *const DOTS[] = { ".", ".." };
	char entries[1024];
	size_t n = 0, room = size < sizeof(entries) ? size : sizeof(entries);

	(void)fi;
	if (ino != FUSE_ROOT_ID) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	for (size_t i = off > 0 ? (size_t)off : 0; i < N_ELEMS(DOTS) + FILES; i++) {
		bool is_file = i >= N_ELEMS(DOTS);
		size_t file = is_file ? i - N_ELEMS(DOTS) : 0, length;
		struct stat st;

		attributes(server_of(req), is_file ? FIRST_INO + file : FUSE_ROOT_ID, &st);
		length = fuse_add_direntry(req, entries + n, room - n, is_file ? FILE_NAMES[file] : DOTS[i], &st,
					   (off_t)i + 1);
		if (length > room - n)
			break;
		n += length;
	}
	fuse_reply_buf(req, entries, n);
}

/* ---- open files ---- */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	size_t i = 0;

	if (ino < FIRST_INO || ino >= FIRST_INO + FILES) {
		fuse_reply_err(req, ino == FUSE_ROOT_ID ? EISDIR : ENOENT);
		return;
	}
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EACCES);
		return;
	}
	while (i < HANDLES_MAX && s->handles[i].is_open)
		i++;
	if (i == HANDLES_MAX) {
		fuse_reply_err(req, ENFILE);
		return;
	}
	s->handles[i] = (struct handle){ .is_open = true, .file = (enum proc_file)(ino - FIRST_INO) };
	fi->fh = i;
	fi->direct_io = 1;
	/* an open that was interrupted is never released */
	if (fuse_reply_open(req, fi) == -ENOENT)
		s->handles[i].is_open = false;
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct server *s = server_of(req);

	(void)ino;
	if (fi->fh < HANDLES_MAX && s->handles[fi->fh].is_open) {
		struct handle *h = &s->handles[fi->fh];

		s->held -= h->text.cap;
		buf_fini(&h->text);
		h->is_open = false;
	}
	fuse_reply_err(req, 0);
}

/* Makes the text anew, in memory that is counted. */
static bool refresh(struct server *s, struct handle *h)
{
	s->held -= h->text.cap;
	box_show(&s->box, h->file, &h->text);
	s->held += h->text.cap;
	if (s->held <= HANDLE_BYTES_MAX)
		return true;
	s->held -= h->text.cap;
	buf_fini(&h->text);
	return false;
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	struct handle *h = fi->fh < HANDLES_MAX ? &s->handles[fi->fh] : NULL;
	size_t at = off > 0 ? (size_t)off : 0;

	(void)ino;
	if (!h || !h->is_open) {
		fuse_reply_err(req, EBADF);
		return;
	}
	if ((at == 0 || !h->text.s) && !refresh(s, h)) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (at > h->text.len)
		at = h->text.len;
	fuse_reply_buf(req, h->text.s ? h->text.s + at : NULL, h->text.len - at < size ? h->text.len - at : size);
}

static const struct fuse_lowlevel_ops OPERATIONS = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.readdir = op_readdir,
	.open = op_open,
	.release = op_release,
	.read = op_read,
};

/* ---- the loop ---- */

int server_open(struct server *s, int device, struct err *e)
{
	static char name[] = "lichen-proc";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	const struct itimerspec every = { .it_interval.tv_sec = LOAD_SECONDS, .it_value.tv_sec = LOAD_SECONDS };
	char path[32];
	int flags = fcntl(device, F_GETFL);

	s->device = device;
	s->started = time(NULL);
	if (flags < 0 || fcntl(device, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, "fcntl", NULL, "taking the device (--fuse-fd)");
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer < 0 || timerfd_settime(s->timer, 0, &every, NULL) < 0)
		return err_sys(e, "timerfd_create", NULL, "a timer for the load");
	s->session = fuse_session_new(&args, &OPERATIONS, sizeof(OPERATIONS), s);
	if (!s->session)
		return err_set(e, ERR_HOST, "libfuse makes no session; its reason stands above");
	snprintf(path, sizeof(path), "/dev/fd/%d", device);
	if (fuse_session_mount(s->session, path) < 0)
		return err_set(e, ERR_HOST, "libfuse does not take %s, an open /dev/fuse that is mounted already; its reason "
					    "stands above (3.3 or later is needed)", path);
	return 0;
}

static void tick(struct server *s)
{
	uint64_t times;

	if (read(s->timer, &times, sizeof(times)) == (ssize_t)sizeof(times))
		box_tick(&s->box);
}

/* One request. */
static int answer(struct server *s, struct fuse_buf *request, struct err *e)
{
	int n = fuse_session_receive_buf(s->session, request);

	if (n > 0)
		fuse_session_process_buf(s->session, request);
	if (n >= 0 || n == -EINTR || n == -EAGAIN)
		return 0;
	errno = -n;
	return err_sys(e, "read", "/dev/fuse", "waiting for a request");
}

int server_loop(struct server *s, struct err *e)
{
	struct fuse_buf request = { 0 };
	int r = 0;

	while (r == 0 && !fuse_session_exited(s->session)) {
		struct pollfd p[] = { { .fd = s->device, .events = POLLIN }, { .fd = s->timer, .events = POLLIN } };
		int n = poll(p, N_ELEMS(p), -1);

		if (n < 0 && errno != EINTR)
			r = err_sys(e, "poll", "/dev/fuse", "waiting for a request");
		if (n > 0 && p[1].revents)
			tick(s);
		if (n > 0 && p[0].revents)
			r = answer(s, &request, e);
	}
	free(request.mem);
	return r;
}
