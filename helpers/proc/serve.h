/* SPDX-License-Identifier: Apache-2.0 */
/* proc/serve.h - the file system: one directory of read-only files, one thread */
#ifndef PROC_SERVE_H
#define PROC_SERVE_H

#include "box.h"

struct fuse_session;

enum {
	HANDLES_MAX = 256,		/* open files; one more is refused with ENFILE */
	HANDLE_BYTES_MAX = 16 << 20,	/* that they hold together; then a read is refused with ENOMEM */
};

/* An open file: what it held when it was last read from its beginning. */
struct handle {
	bool is_open;
	enum proc_file file;
	struct buf text;	/* empty: not read yet */
};

struct server {
	struct box box;
	struct fuse_session *session;	/* owned */
	int device, timer;		/* /dev/fuse, not blocking; the timer is owned */
	struct handle handles[HANDLES_MAX];
	size_t held;			/* bytes, of all handles */
	int64_t started;		/* seconds since 1970: the files' time stamps */
};

/* Takes the descriptor of /dev/fuse, whose mount was made by somebody else. The box is started. */
NODISCARD int server_open(struct server *s, int device, struct err *e);

/* Answers until the file system is unmounted. */
NODISCARD int server_loop(struct server *s, struct err *e);

#endif
