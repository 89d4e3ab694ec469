/* SPDX-License-Identifier: Apache-2.0 */
/* spec/mountopts.c - the table of mount option words */

#include "spec/mountopts.h"

#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* Linux 5.14 */
#endif

#define NOTHING	   .set = 0
#define SET(bit)   .set = MOUNT_ATTR_##bit
#define CLEAR(bit) .clear = MOUNT_ATTR_##bit
#define ATIME(bit) .set = MOUNT_ATTR_##bit, .clear = MOUNT_ATTR__ATIME
#define ATIME_DEFAULT ATIME(RELATIME)
#define REC	   .recursive = true
/* MS_* of sys/mount.h, which must not be included beside linux/mount.h before glibc 2.37 */
#define UNBINDABLE .propagation = 1UL << 17
#define PRIVATE	   .propagation = 1UL << 18
#define SLAVE	   .propagation = 1UL << 19
#define SHARED	   .propagation = 1UL << 20

#define NO_LABELS "lichen does not change SELinux labels; leave it out"
#define NO_CHOWN  "lichen does not change the owner of host files; use --userns or --uidmap"
#define NO_IDMAP  "idmapped mounts are not among lichen's mount options; use --uidmap and --gidmap"
#define NO_COPY	  "lichen does not copy the image's files into a mount"

/* Sorted by strcmp(); tests/unit/test_spec.c checks it. */
static const struct mountopt TABLE[] = {
	{ "O", .refused = "write --mount type=overlay,lowerdir=SRC,target=DST" },
	{ "U", .refused = NO_CHOWN },
	{ "Z", .refused = NO_LABELS },
	{ "atime", ATIME_DEFAULT },
	{ "bind", .is_bind = true },
	{ "cached", NOTHING },		/* docker on other systems; nothing here */
	{ "consistent", NOTHING },
	{ "copy", .refused = NO_COPY },
	{ "defaults", NOTHING },
	{ "delegated", NOTHING },
	{ "dev", CLEAR(NODEV) },
	{ "diratime", CLEAR(NODIRATIME) },
	{ "exec", CLEAR(NOEXEC) },
	{ "idmap", .refused = NO_IDMAP },
	{ "loud", NOTHING },
	{ "noatime", ATIME(NOATIME) },
	{ "nocopy", NOTHING },		/* of a volume: cli/run_mount.c has it; else nothing is copied anyway */
	{ "nodev", SET(NODEV) },
	{ "nodiratime", SET(NODIRATIME) },
	{ "noexec", SET(NOEXEC) },
	{ "norelatime", ATIME_DEFAULT },
	{ "nostrictatime", ATIME_DEFAULT },
	{ "nosuid", SET(NOSUID) },
	{ "nosymfollow", SET(NOSYMFOLLOW) },
	{ "private", PRIVATE },
	{ "ratime", ATIME_DEFAULT, REC },
	{ "rbind", .is_bind = true, REC },
	{ "rdev", CLEAR(NODEV), REC },
	{ "rdiratime", CLEAR(NODIRATIME), REC },
	{ "relatime", ATIME(RELATIME) },
	{ "remount", .refused = "a mount is made once; give the options where it is made" },
	{ "rexec", CLEAR(NOEXEC), REC },
	{ "ridmap", .refused = NO_IDMAP },
	{ "rnoatime", ATIME(NOATIME), REC },
	{ "rnodev", SET(NODEV), REC },
	{ "rnodiratime", SET(NODIRATIME), REC },
	{ "rnoexec", SET(NOEXEC), REC },
	{ "rnorelatime", ATIME_DEFAULT, REC },
	{ "rnostrictatime", ATIME_DEFAULT, REC },
	{ "rnosuid", SET(NOSUID), REC },
	{ "rnosymfollow", SET(NOSYMFOLLOW), REC },
	{ "ro", SET(RDONLY) },
	{ "rprivate", PRIVATE, REC },
	{ "rrelatime", ATIME(RELATIME), REC },
	{ "rro", SET(RDONLY), REC },
	{ "rrw", CLEAR(RDONLY), REC },
	{ "rshared", SHARED, REC },
	{ "rslave", SLAVE, REC },
	{ "rstrictatime", ATIME(STRICTATIME), REC },
	{ "rsuid", CLEAR(NOSUID), REC },
	{ "rsymfollow", CLEAR(NOSYMFOLLOW), REC },
	{ "runbindable", UNBINDABLE, REC },
	{ "rw", CLEAR(RDONLY) },
	{ "shared", SHARED },
	{ "silent", NOTHING },
	{ "slave", SLAVE },
	{ "strictatime", ATIME(STRICTATIME) },
	{ "suid", CLEAR(NOSUID) },
	{ "symfollow", CLEAR(NOSYMFOLLOW) },
	{ "tmpcopyup", .refused = NO_COPY },	/* of a tmpfs: spec/check.c and plan/mounts.c have it */
	{ "unbindable", UNBINDABLE },
	{ "z", .refused = NO_LABELS },
};

static int by_word(const void *key, const void *row)
{
	return strcmp(key, ((const struct mountopt *)row)->word);
}

int mountopt_find(const char *word, const struct mountopt **out)
{
	*out = bsearch(word, TABLE, N_ELEMS(TABLE), sizeof(TABLE[0]), by_word);
	return *out ? 0 : -1;
}

const char *mountopt_nearest(const char *word)
{
	const char *words[N_ELEMS(TABLE)];
	size_t n = 0;

	for (size_t i = 0; i < N_ELEMS(TABLE); i++)
		if (!TABLE[i].refused)
			words[n++] = TABLE[i].word;
	return str_nearest(word, words, n);
}

const struct mountopt *mountopt_table(size_t *n)
{
	*n = N_ELEMS(TABLE);
	return TABLE;
}
