/* SPDX-License-Identifier: Apache-2.0 */
/* image/ring.h - one thread fills chunks, one or two read each of them
 *
 * Bounded: who fills waits for the slowest reader, so that the memory is the same for every layer. It waits until half
 * is free again, so that threads do not take turns at every chunk.
 */
#ifndef IMAGE_RING_H
#define IMAGE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { RING_CHUNK = 256 << 10, RING_CHUNKS = 16, RING_READERS = 2 };

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t more, room;	/* for readers; for who fills */
	unsigned char *mem;		/* @n_chunks of RING_CHUNK bytes; owned */
	unsigned n_chunks;
	size_t len[RING_CHUNKS];
	uint64_t filled;		/* chunks, ever */
	uint64_t read[RING_READERS];	/* that this reader has given back */
	bool holds[RING_READERS];	/* it has one in its hands */
	unsigned n_readers;
	bool is_ended, is_broken;	/* by who fills: all is there; nothing will come any more */
};

/* @n_chunks: at most RING_CHUNKS */
void ring_init(struct ring *r, unsigned n_chunks, unsigned n_readers);
void ring_fini(struct ring *r);

/* Who fills: a chunk of RING_CHUNK bytes to fill, once every reader has given it back. */
unsigned char *ring_chunk(struct ring *r);
void ring_push(struct ring *r, size_t len);
void ring_end(struct ring *r, bool is_broken);

/* A reader: the next chunk, valid until its next call. Return: length, 0 at the end, -1 it is broken */
ssize_t ring_next(struct ring *r, unsigned reader, const unsigned char **data);

#endif
