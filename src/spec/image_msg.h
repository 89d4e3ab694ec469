/* SPDX-License-Identifier: Apache-2.0 */
/* spec/image_msg.h - what the launcher, lichen-image and lichen-registry say to each other
 *
 * A SOCK_SEQPACKET pair, descriptor 3 of the helper. The first packet is the launcher's request, JSON of at most
 * IMAGE_REQUEST_MAX bytes, with descriptors; all others are one struct image_msg, some with descriptors.
 * Whoever receives one ends its texts itself and believes nothing in it.
 *
 *   lichen-image source    brings images of archives and directories        (caller's ids, no network)
 *   lichen-registry source brings images of registries                      (likewise, and network)
 *
 *      launcher                                     source
 *         │ ── request, fds {images/, tmp, archive} ─► │
 *         │ ◄──────────── IMSG_DRAFT (record) ──────── │   one an image, @total of them; layers in their order, digests as far as known
 *         │ ── IMSG_WANT index total ... IMSG_GO ────► │   which layers' blobs are lacking; index counts over all drafts'
 *         │ ◄── IMSG_BLOB index (file, counter) ────── │   begins to come; the file grows, the counter tells how far it is good
 *         │ ◄── IMSG_PROGRESS index done total ─────── │
 *         │ ◄── IMSG_BLOB_DONE index digest size ───── │   verified, and lies below blobs/
 *         │                                            │   where WANT's @total was 1 (a source may hash it all the same):
 *         │ ◄── IMSG_BLOB_READ index size ──────────── │      all is there, not hashed: whoever unpacks it does that
 *         │ ── IMSG_DIGEST index digest ─────────────► │      what came out; then BLOB_DONE, as above
 *         │ ── IMSG_DIFF index diff_id ──────────────► │   only where the draft had none
 *         │ ◄──────────── IMSG_IMAGE (record) ──────── │   the same images in the same order, complete; config and manifest are blobs
 *         │ ◄──────────── IMSG_DONE ────────────────── │
 *
 *   lichen-image unpack    makes one layer's tree      (root inside the id map; no network; sees nothing but the tree)
 *
 *         │ ── request, fds {tree, blob, counter} ───► │
 *         │ ◄── IMSG_PROGRESS 0 done total ─────────── │   bytes of the blob
 *         │ ◄── IMSG_LAYER (owners) ────────────────── │   digest, diff id in text, done: bytes, total: entries, index: devices left out
 *         │ ◄── IMSG_DONE                              │
 *
 *   lichen-image sink      save                        (as source; reads blobs)
 *   lichen-registry sink   push                        (as source; reads blobs)
 *   lichen-registry tags   lists a repository's
 *   lichen-registry login  asks a registry whether it takes a name and password
 *   lichen-image verify    reads blobs again (caller's ids), or a layer's tree beside its blob (root inside the id map)
 *
 *         │ ── request, fds {images/} or {tree, blob, owners} ─► │
 *         │ ◄── IMSG_PROGRESS index done total ───────────────── │
 *         │ ◄── IMSG_BLOB_DONE index digest text ─────────────── │   a blob and what is wrong with it, "": nothing; of a tree one a difference
 *         │ ◄──────────── IMSG_DONE ──────────────────────────── │
 *
 * tmp is a directory below images/tmp that the launcher holds: the source makes its files there and renames what is
 * verified below blobs/. archive is the file or directory that the request is about, where it is about one.
 *
 * In place of anything: IMSG_ERROR, after which the helper ends. IMSG_WARN and IMSG_STEP may come at any time.
 * The counter is a pipe: uint64_t numbers, native, the bytes of the file that are good so far; the writer never blocks
 * on it and may leave numbers out, but writes UINT64_MAX when the whole is there. Its end without that: the source
 * has given up. Without a counter (-1 is not sent: one descriptor less) the file is whole.
 */
#ifndef SPEC_IMAGE_MSG_H
#define SPEC_IMAGE_MSG_H

#include <stdint.h>

#include "base/err.h"
#include "spec/reference.h"

enum { IMAGE_TALK_FD = 3, IMAGE_REQUEST_MAX = 1 << 17 };

/* The programs, below pkglibexecdir. */
#define IMAGE_PROGRAM "lichen-image"
#define REGISTRY_PROGRAM "lichen-registry"

#define IMAGE_BLOB_WHOLE UINT64_MAX

enum image_msg_kind {
	IMSG_NONE,
	IMSG_STEP,	/* @text: what is being done now, for people */
	IMSG_WARN,	/* @text */
	IMSG_ERROR,	/* @err */
	IMSG_DRAFT,	/* fd: a memfd with a record (spec/image.h); @total: how many drafts there are (0: this one) */
	IMSG_WANT,	/* @index; @total: 1: IMSG_DIGEST will come */
	IMSG_GO,
	IMSG_BLOB,	/* @index, @total; fds: file, counter */
	IMSG_PROGRESS,	/* @index, @done, @total (0: not known) */
	IMSG_BLOB_DONE,	/* @index, @digest, @total */
	IMSG_DIFF,	/* @index, @digest: the diff id */
	IMSG_IMAGE,	/* fd: a memfd with a record; @index: which draft's */
	IMSG_LAYER,	/* see above; fd: a memfd, the list of recorded owners (decision 019), with one id only */
	IMSG_DONE,	/* @text: what there is to say about it, or ""; of login, fd: a memfd, the identity token; of tags, a line each */
	IMSG_BLOB_READ,	/* @index, @total: its size */
	IMSG_DIGEST,	/* @index, @digest: of the blob */
	IMSG_KINDS
};

struct image_msg {
	uint32_t kind;
	uint32_t index;
	uint64_t done, total;
	char digest[DIGEST_MAX];
	char text[512];
	struct err err;
};

#endif
