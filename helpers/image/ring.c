/* SPDX-License-Identifier: Apache-2.0 */
/* image/ring.c - one thread fills chunks, one or two read each of them */

#include "ring.h"

#include <stdlib.h>

#include "base/str.h"

void ring_init(struct ring *r, unsigned n_chunks, unsigned n_readers)
{
	*r = (struct ring){ .n_readers = n_readers, .n_chunks = n_chunks, .mem = mem_alloc((size_t)RING_CHUNK * n_chunks) };
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->more, NULL);
	pthread_cond_init(&r->room, NULL);
}

void ring_fini(struct ring *r)
{
	free(r->mem);
	r->mem = NULL;
	pthread_cond_destroy(&r->room);
	pthread_cond_destroy(&r->more);
	pthread_mutex_destroy(&r->lock);
}

/* Chunks that the slowest reader has before it. */
static uint64_t pending(const struct ring *r)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < r->n_readers; i++)
		if (r->filled - r->read[i] > most)
			most = r->filled - r->read[i];
	return most;
}

unsigned char *ring_chunk(struct ring *r)
{
	unsigned char *chunk;

	pthread_mutex_lock(&r->lock);
	if (pending(r) == r->n_chunks)
		while (pending(r) > r->n_chunks / 2)
			pthread_cond_wait(&r->room, &r->lock);
	chunk = r->mem + r->filled % r->n_chunks * RING_CHUNK;
	pthread_mutex_unlock(&r->lock);
	return chunk;
}

void ring_push(struct ring *r, size_t len)
{
	pthread_mutex_lock(&r->lock);
	r->len[r->filled++ % r->n_chunks] = len;
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->lock);
}

void ring_end(struct ring *r, bool is_broken)
{
	pthread_mutex_lock(&r->lock);
	r->is_ended = true;
	r->is_broken = is_broken;
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->lock);
}

ssize_t ring_next(struct ring *r, unsigned reader, const unsigned char **data)
{
	ssize_t len;

	pthread_mutex_lock(&r->lock);
	if (r->holds[reader]) {
		r->read[reader]++;
		r->holds[reader] = false;
		if (pending(r) <= r->n_chunks / 2)
			pthread_cond_signal(&r->room);
	}
	while (!r->is_ended && r->read[reader] == r->filled)
		pthread_cond_wait(&r->more, &r->lock);
	if (r->read[reader] < r->filled) {
		*data = r->mem + r->read[reader] % r->n_chunks * RING_CHUNK;
		len = (ssize_t)r->len[r->read[reader] % r->n_chunks];
		r->holds[reader] = true;
	} else {
		len = r->is_broken ? -1 : 0;
	}
	pthread_mutex_unlock(&r->lock);
	return len;
}
