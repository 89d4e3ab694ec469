/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_internal.h - what the files of the imager share */
#ifndef RUN_IMAGER_INTERNAL_H
#define RUN_IMAGER_INTERNAL_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "run/imager.h"
#include "spec/image_msg.h"
#include "store/images.h"

enum { IMAGER_TICK_MS = 100, IMAGER_WORKERS_MAX = 8, IMAGER_MSG_FDS = 2 };

/* ---- imager_helper.c: one process of lichen-image or lichen-registry, none of whose words is believed ---- */

struct image_helper {
	const char *program;		/* IMAGE_PROGRAM, REGISTRY_PROGRAM */
	const char *job;		/* what it does, for errors: "which brings the image"; borrowed */
	const struct imager_view *view;	/* borrowed; may be NULL */
	pid_t pid;			/* 0: none */
	int pidfd, sock, said;		/* said: its standard error */
	struct image_msg *out;		/* what it has not taken yet; owned */
	size_t n_out;
	size_t n_warnings, n_steps;	/* that it said so far */
};

/* Closed and empty; helper_end() may follow. */
void helper_init(struct image_helper *h, const char *program, const char *job, const struct imager_view *view);

struct in_map_server;

/**
 * helper_start() - Start the program for @task
 * @inside:	of helper_serve(), for the same task: root inside that map; NULL: as the caller, without capabilities
 * Errors:	HOST where it is not installed; SYS
 */
NODISCARD int helper_start(struct image_helper *h, const char *task, struct in_map_server *inside, struct err *e);
/* What starts @program for @task inside a map, each time in a process of its own. */
NODISCARD int helper_serve(struct in_map_server *s, const char *program, const char *task, const struct id_map *uids,
			   const struct id_map *gids, struct err *e);

/* The request, one JSON object; @fds stay the caller's. */
NODISCARD int helper_ask(struct image_helper *h, const struct buf *request, const int *fds, size_t n_fds, struct err *e);

/* Sends a message without waiting for its taker; what is not taken goes with helper_push(). */
void helper_say(struct image_helper *h, const struct image_msg *m);
NODISCARD int helper_push(struct image_helper *h, struct err *e);
short helper_events(const struct image_helper *h);	/* that poll(2) is to look for at h->sock */

/**
 * helper_hear() - The next message, which has come already
 * @fds:	IMAGER_MSG_FDS, owned by the caller; @n_fds: how many came
 * Return: 1; 0: there is none now, or it was one that the view took (STEP, WARN); -1 with @e: it
 * failed, as it says itself; PEER: it died, or what it said is no message
 * Texts and digests are ended.
 */
NODISCARD int helper_hear(struct image_helper *h, struct image_msg *m, int *fds, size_t *n_fds, struct err *e);

/* Ends it: waits a moment where it @is_done, kills it otherwise; leaves nothing. */
void helper_end(struct image_helper *h, bool is_done);

/* Fields of a request; a NULL or 0 or false is left out, but of a count. */
void request_open(struct buf *b);
void request_str(struct buf *b, const char *key, const char *value);
void request_number(struct buf *b, const char *key, uint64_t value);
void request_count(struct buf *b, const char *key, uint64_t value);
void request_flag(struct buf *b, const char *key, bool value);
void request_json(struct buf *b, const char *key, const char *json);
void request_close(struct buf *b);
/* How to reach a registry. */
void request_registry(struct buf *b, const struct imager_registry *r);
/* Frees a request, in which there may be a password. */
void request_fini(struct buf *b);

/* ---- imager_wait.c: the caller's signals, and the view ---- */

struct imager_stop {
	sigset_t before;
	bool is_ours;		/* nobody looked for signals */
};

/* From now on signals are looked for by imager_wait(); where the caller does so already, nothing changes. */
NODISCARD int imager_stop_begin(struct imager_stop *s, struct err *e);
/* Before anything is cleaned up: from now on no signal stops it. */
void imager_stop_clean(int rc);
/* @rc, @e: how it ended; a signal that came is taken, and the process will end by it (base/stop.h). */
int imager_stop_end(struct imager_stop *s, int rc, const struct err *e);
/* poll(2) for at most a tick. SIGNAL where we are asked to end. */
NODISCARD int imager_wait(struct pollfd *p, size_t n, const struct imager_view *view, const char *when, struct err *e);

/* ---- imager_unpack.c: the layers that are unpacked, a worker each ---- */

enum unpack_state {
	UNPACK_NOT,		/* nothing to do, or nothing to read yet */
	UNPACK_READY,		/* waits for a free worker */
	UNPACK_RUNS,
	UNPACK_MADE,		/* lies in tmp/, both digests are known */
	UNPACK_COMMITTED,
};

struct unpack_layer {
	enum unpack_state state;
	char digest[DIGEST_MAX];	/* of the blob, "" while it is not known; of UNPACK_MADE what unpack computed */
	char diff_id[DIGEST_MAX];	/* likewise */
	uint64_t size;			/* of the blob; 0: not known */
	int file, counter;		/* of a blob that still grows; -1: it lies in the store */
	bool is_whole;			/* the blob has come: its progress is that of unpacking */
	struct image_helper helper;
	struct image_tmp tmp;
	struct layer_info info;
	bool has_said;			/* IMSG_LAYER has come */
};

struct unpacker {
	struct images *im;
	const struct id_map *uids, *gids;	/* of the run; borrowed */
	struct id_map root_uids, root_gids;	/* in which layers are unpacked: root is inside */
	char *cls;			/* owned */
	const struct imager_caps *caps;	/* borrowed; may be NULL */
	const struct imager_view *view;
	struct in_map_server *inside;	/* starts the workers; NULL: none was needed yet; owned */
	struct unpack_layer *v;
	size_t n, n_running, n_max;
};

NODISCARD int unpacker_init(struct unpacker *u, struct images *im, const struct id_map *uids, const struct id_map *gids, size_t n,
			    uint32_t caller_uid, const struct imager_caps *caps, const struct imager_view *view, struct err *e);
/* Kills what runs, removes what is half. */
void unpacker_fini(struct unpacker *u);
/* Layer @i can be read now: from @file as far as @counter says (both taken), or from the store (-1). */
void unpacker_give(struct unpacker *u, size_t i, const char *digest, const char *diff_id, uint64_t size, int file, int counter);
/* All of layer @i's blob is there, but not in the store yet. */
void unpacker_read(struct unpacker *u, size_t i, uint64_t size);
/* The blob has come: whoever has not begun reads it from the store. */
void unpacker_whole(struct unpacker *u, size_t i, const char *digest, uint64_t size);
NODISCARD int unpacker_start(struct unpacker *u, struct err *e);
/* Fills @p with what is to be waited for, and @which with whose; at most IMAGER_WORKERS_MAX. */
size_t unpacker_poll(const struct unpacker *u, struct pollfd *p, size_t *which);
/* What came for layer @i. 1: it is made now; 0; -1 with @e */
NODISCARD int unpacker_hear(struct unpacker *u, size_t i, struct err *e);
/* Whether something runs or waits. */
bool unpacker_is_busy(const struct unpacker *u);
/* Commits layer @i, which is made, and takes it for use. */
NODISCARD int unpacker_commit(struct unpacker *u, size_t i, struct layer_use *use, struct err *e);

/* ---- imager_wait.c: words ---- */

enum { IMAGER_LABEL_MAX = 16 };
/* What is shown of a digest: 12 digits, "" where there is none. */
const char *imager_label(const char *digest, char out[IMAGER_LABEL_MAX]);
uint64_t imager_free_bytes(const struct images *im);	/* UINT64_MAX: not known */
/* Says what to do where the disk is full, in an error that is filled already; -1 */
int imager_no_room(const struct images *im, struct err *e);

/* ---- imager_commit.c ---- */

struct coming;
/* All have come: records and names of @coming's images; @ids: the caller's. @program: who brought them, for errors.
 * Errors: PEER where it has not brought all; STATE, SYS */
NODISCARD int imager_commit(struct images *im, const struct imager_job *job, const struct coming *coming, const char *program,
			    struct strv *ids, struct err *e);

/* ---- imager.c ---- */

/* Opens the file or directory that the words mean ("-": standard input), without waiting for who writes to a FIFO.
 * Errors: SYS, with the nearest name there is */
NODISCARD int imager_open_source(const struct image_source *s, struct err *e);

#endif
