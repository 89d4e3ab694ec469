/* SPDX-License-Identifier: Apache-2.0 */
/* image/source.c - the task "source": what is the same wherever images come from
 *
 * The request is one object:
 *
 *   kind		"docker-archive" "oci-archive" "oci" "tar" "directory" "path" (told by content); of lichen-registry "registry"
 *   platform		"linux/arm64/v8"; without it this machine's
 *   all		true: every image of an archive; else one, which has to be told apart where there are more
 *   ref		docker-archive: the name of the one, full or as the archive has it
 *   number		docker-archive: or how manieth it is, from 0
 *   tag		oci, oci-archive: its name there
 *   config		tar, directory: what the image says about a start, as a record (spec/image.h) has it
 *   blob_bytes		the most that one blob may have
 *   max_memory		of the window of zstd and xz, of what is decompressed here; 128 MiB
 *   total_bytes	and all of them, and what is decompressed on the way
 *
 * fds: images/, tmp, and the archive: a file, a pipe, or a directory.
 * What a registry's request has beside is in registry.c.
 */

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "image_config.h"
#include "manifest.h"
#include "tasks.h"

#define BLOB_BYTES (UINT64_C(32) << 30)
#define TOTAL_BYTES (UINT64_C(256) << 30)

void source_path(struct source *s, int fd, bool writes)
{
	if (s->n_paths < SOURCE_PATHS_MAX)
		s->paths[s->n_paths++] = (struct confine_path){ fd, writes };
}

/* ---- images ---- */

void source_image_fini(struct source_image *one)
{
	image_fini(&one->im);
	free(one->config);
	free(one->manifest);
	*one = (struct source_image){ 0 };
}

/* It may be meant (an emulator), so it is only said. */
static int warn_platform(struct source *s, const struct image *im, struct err *e)
{
	struct platform have = { 0 };
	const struct platform *want = &s->platform;

	str_copy(have.os, sizeof(have.os), im->os);
	str_copy(have.arch, sizeof(have.arch), im->architecture);
	str_copy(have.variant, sizeof(have.variant), im->variant ? im->variant : "");
	if (platform_fits(&have, want))
		return 0;
	return talk_warn(s->talk, "the image is for %s/%s, not for %s/%s", have.os, have.arch, want->os, want->arch) < 0
		? err_set(e, ERR_PEER, "lichen has ended") : 0;
}

int source_add(struct source *s, struct source_image *one, void *const *wheres, struct err *e)
{
	char id[DIGEST_MAX];

	if (s->n_images == SOURCE_IMAGES_MAX)
		return err_set(e, ERR_STATE, "there are more than %d images", SOURCE_IMAGES_MAX);
	if (one->im.n_layers > IMAGE_LAYERS_MAX)
		return err_set(e, ERR_STATE, "an image of %zu layers: the kernel's overlay takes %d", one->im.n_layers, IMAGE_LAYERS_MAX);
	if (one->config) {
		if (digest_of(one->config, one->config_len, one->im.id, id, e) < 0)
			return -1;
		if (one->im.id[0] && !str_eq(one->im.id, id))
			return err_set(e, ERR_STATE, "the image's config is not what its digest says: %s was expected, and it is %s",
				       one->im.id, id);
		str_copy(one->im.id, sizeof(one->im.id), id);
	}
	if (one->im.os && one->im.architecture && warn_platform(s, &one->im, e) < 0)
		return -1;
	if (one->manifest && digest_of(one->manifest, one->manifest_len, one->im.manifest, one->im.manifest, e) < 0)
		return -1;
	one->first = (uint32_t)s->n_layers;
	s->layers = mem_grow(s->layers, s->n_layers + one->im.n_layers, sizeof(*s->layers));
	for (size_t i = 0; i < one->im.n_layers; i++)
		s->layers[s->n_layers++] = (struct source_layer){
			.image = (uint32_t)s->n_images, .at = (uint32_t)i, .where = wheres ? wheres[i] : NULL
		};
	s->images = mem_grow(s->images, s->n_images + 1, sizeof(*s->images));
	s->images[s->n_images++] = *one;
	*one = (struct source_image){ 0 };
	return 0;
}

struct image_layer *source_layer_of(struct source *s, const struct source_layer *l)
{
	return &s->images[l->image].im.layers[l->at];
}

uint32_t source_index(const struct source *s, const struct source_layer *l)
{
	return l->is_wanted ? (uint32_t)(l - s->layers) : BLOB_QUIET;
}

bool source_lacks(struct source *s, const struct source_layer *l)
{
	return !l->is_done && (l->is_wanted || !source_layer_of(s, l)->digest[0]);
}

struct source_layer *source_next(struct source *s, size_t *at)
{
	while (*at < s->n_layers) {
		struct source_layer *l = &s->layers[(*at)++];

		if (source_lacks(s, l))
			return l;
	}
	return NULL;
}

/* Whether two layers have the same bytes, as far as one knows before they are read. */
static bool is_same(struct source *s, const struct source_layer *a, const struct source_layer *b)
{
	const struct image_layer *x = source_layer_of(s, a), *y = source_layer_of(s, b);

	return (x->digest[0] && str_eq(x->digest, y->digest)) || (a->where && a->where == b->where);
}

void source_brought(struct source *s, struct source_layer *l, const char *digest, uint64_t size)
{
	l->is_told = l->is_wanted;
	for (size_t i = 0; i < s->n_layers; i++) {
		struct image_layer *other = source_layer_of(s, &s->layers[i]);

		if (&s->layers[i] != l && !is_same(s, l, &s->layers[i]))
			continue;
		s->layers[i].is_done = true;
		str_copy(other->digest, sizeof(other->digest), digest);
		other->size = size;
	}
}

void source_left(struct source *s, struct source_layer *l, uint64_t size)
{
	l->left_size = size;
	for (size_t i = 0; i < s->n_layers; i++)
		if (&s->layers[i] == l || is_same(s, l, &s->layers[i]))
			s->layers[i].is_done = true;
}

/* ---- what is said ---- */

static int tell_image(struct source *s, enum image_msg_kind kind, size_t i, struct err *e)
{
	AUTO_BUF struct buf b = { 0 };
	struct image_msg m = { .kind = kind, .index = (uint32_t)i, .total = s->n_images };

	image_write(&s->images[i].im, &b);
	if (b.len > IMAGE_RECORD_MAX)
		return err_set(e, ERR_STATE, "what an image says about itself is more than %d MiB", IMAGE_RECORD_MAX >> 20);
	return talk_memfd(s->talk, &m, b.s, b.len, e);
}

static int ask_what_is_wanted(struct source *s, struct err *e)
{
	struct image_msg m;

	for (size_t i = 0; i < s->n_images; i++)
		if (tell_image(s, IMSG_DRAFT, i, e) < 0)
			return -1;
	for (;;) {
		if (talk_recv(s->talk, &m, e) < 0)
			return -1;
		if (m.kind == IMSG_GO)
			return 0;
		if (m.kind != IMSG_WANT || m.index >= s->n_layers)
			return err_set(e, ERR_PEER, "lichen says what no source expects");
		s->layers[m.index].is_wanted = true;
		s->layers[m.index].leaves_digest = m.total == 1;
	}
}

/* Those whose bytes came for another. */
static int tell_twins(struct source *s, struct err *e)
{
	for (size_t i = 0; i < s->n_layers; i++)
		if (s->layers[i].is_wanted && !s->layers[i].is_told &&
		    blob_tell(&s->place, (uint32_t)i, source_layer_of(s, &s->layers[i])->digest, e) < 0)
			return -1;
	return 0;
}

/* ---- the end: configs and manifests ---- */

static bool lacks_digest(struct source *s)
{
	for (size_t i = 0; i < s->n_layers; i++)
		if (s->layers[i].left[0])
			return true;
	return false;
}

static bool lacks_diff_id(struct source *s)
{
	for (size_t i = 0; i < s->n_layers; i++)
		if (!source_layer_of(s, &s->layers[i])->diff_id[0])
			return true;
	return false;
}

/* Digests and diff ids come as layers are unpacked, in any order. */
static int hear_of_layer(struct source *s, struct err *e)
{
	struct source_layer *l;
	struct image_msg m;

	if (talk_recv(s->talk, &m, e) < 0)
		return -1;
	l = m.index < s->n_layers ? &s->layers[m.index] : NULL;
	if (l && m.kind == IMSG_DIFF && digest_is_valid(m.digest) && !source_layer_of(s, l)->diff_id[0]) {
		str_copy(source_layer_of(s, l)->diff_id, DIGEST_MAX, m.digest);
		return 0;
	}
	if (!l || m.kind != IMSG_DIGEST || !digest_is_valid(m.digest) || !l->left[0])
		return err_set(e, ERR_PEER, "lichen says what no source expects");
	if (blob_name(&s->place, m.index, l->left, l->left_size, source_layer_of(s, l)->digest, m.digest, e) < 0)
		return -1;
	source_brought(s, l, m.digest, l->left_size);
	return 0;
}

static int finish_image(struct source *s, struct source_image *one, struct err *e)
{
	AUTO_BUF struct buf b = { 0 };

	if (!one->config) {
		config_make(&one->im, &b);
		one->config_len = b.len;
		one->config = buf_take(&b);
	}
	if (blob_put(&s->place, one->config, one->config_len, one->im.id, one->im.id, e) < 0)
		return err_wrap(e, "the image's config");
	if (!one->manifest) {
		manifest_make(&one->im, one->config_len, &b);
		one->manifest_len = b.len;
		one->manifest = buf_take(&b);
	}
	return blob_put(&s->place, one->manifest, one->manifest_len, one->im.manifest, one->im.manifest, e) < 0
		? err_wrap(e, "the image's manifest") : 0;
}

static int finish(struct source *s, struct err *e)
{
	struct image_msg done = { .kind = IMSG_DONE };

	while (lacks_digest(s))
		if (hear_of_layer(s, e) < 0)
			return -1;
	if (tell_twins(s, e) < 0)
		return -1;
	while (lacks_diff_id(s))
		if (hear_of_layer(s, e) < 0)
			return -1;
	for (size_t i = 0; i < s->n_images; i++)
		if (finish_image(s, &s->images[i], e) < 0)
			return -1;
	for (size_t i = 0; i < s->n_images; i++)
		if (tell_image(s, IMSG_IMAGE, i, e) < 0)
			return -1;
	return talk_send(s->talk, &done, NULL, 0, e);
}

/* ---- the task ---- */

static const struct source_ops *find_kind(const struct talk *t)
{
	const char *kind = talk_str(t, "kind");

	for (size_t i = 0; kind && SOURCE_KINDS[i]; i++)
		if (str_eq(SOURCE_KINDS[i]->kind, kind))
			return SOURCE_KINDS[i];
	return NULL;
}

/* Of @wanted what this process has. */
static uint64_t held_caps(uint64_t wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (!wanted || syscall(SYS_capget, &header, data) < 0)
		return 0;
	return wanted & ((uint64_t)data[1].permitted << 32 | data[0].permitted);
}

/* All of the store that a source writes to, but what is its own: records, names and trees are the launcher's. */
static int open_blobs(struct source *s, struct err *e)
{
	int fd = -1;

	if (mkdirat(s->place.images, "blobs", 0700) == 0 || errno == EEXIST)
		fd = openat(s->place.images, "blobs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "openat", "blobs", "making room for blobs");
	source_path(s, fd, true);
	return fd;
}

static int run(struct source *s, struct err *e)
{
	AUTO_CLOSE int blobs = -1;
	struct stat st;

	setlocale(LC_CTYPE, "C.UTF-8");	/* libarchive takes names through the locale */
	signal(SIGPIPE, SIG_IGN);	/* of a counter that nobody reads any longer */
	source_path(s, s->place.tmp, true);
	if (fstat(s->archive, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		source_path(s, s->archive, false);	/* Landlock takes no pipes */
	if (confine_begin(s->talk->fds, TALK_FDS, e) < 0)
		return -1;
	blobs = open_blobs(s, e);
	if (blobs < 0 || digest_prepare(e) < 0 || (s->ops->open && s->ops->open(s, e) < 0) ||
	    confine_paths(s->paths, s->n_paths, s->ops->connects, e) < 0 ||
	    confine_end(held_caps(s->ops->caps), s->ops->connects ? CONFINE_NET : CONFINE_FILES, e) < 0)
		return -1;
	if (s->ops->list(s, e) < 0 || ask_what_is_wanted(s, e) < 0 || s->ops->fetch(s, e) < 0)
		return -1;
	return finish(s, e);
}

int task_source(struct talk *t, struct err *e)
{
	uint64_t one = talk_number(t, "blob_bytes"), all = talk_number(t, "total_bytes");
	struct source s = { .talk = t, .ops = find_kind(t), .archive = t->fds[2] };
	int r;

	s.place = (struct blob_place){
		.talk = t, .images = t->fds[0], .tmp = t->fds[1], .one_max = one ? one : BLOB_BYTES, .all_max = all ? all : TOTAL_BYTES
	};
	if (platform_parse(talk_str(t, "platform"), &s.platform, e) < 0)
		return -1;
	if (!s.ops || t->fds[0] < 0 || t->fds[1] < 0 || (!s.ops->connects && t->fds[2] < 0))
		return err_set(e, ERR_PEER, "the request names no source of images, or a descriptor is missing");
	r = run(&s, e);
	if (s.ops->close)
		s.ops->close(&s);
	for (size_t i = 0; i < s.n_images; i++)
		source_image_fini(&s.images[i]);
	free(s.images);
	free(s.layers);
	return r;
}
