/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_mount.h - the words of --mount, and what it shares with -v */
#ifndef CLI_RUN_MOUNT_H
#define CLI_RUN_MOUNT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct spec;
struct spec_mount;

/**
 * csv_split() - One record of comma-separated values
 * @out:	the fields are appended
 *
 * As docker and podman read --mount: a field in double quotes may have commas in it, and
 * two double quotes there are one. The quotes may also begin behind the first '=' of a field.
 * Errors:	USAGE, for a quote that does not end or that something follows
 */
NODISCARD int csv_split(struct strv *out, const char *text, struct err *e);

/**
 * mount_parse() - --mount KEY=VALUE,... -> a mount of the spec
 * Opens the sources: the real names, and what they mean at this moment.
 * Errors:	USAGE, naming the key, what was expected, the nearest right word; SYS open
 */
NODISCARD int mount_parse(struct spec *s, const char *text, struct err *e);

/* The same of --tmpfs @text, which is @target[:@options]. */
NODISCARD int tmpfs_parse(struct spec *s, const char *text, const char *target, const char *options, struct err *e);

/* cli/run_volume.c: a named volume on @dst, without options yet; NULL with @e (USAGE: no name of one). @text: as typed, for errors */
struct spec_mount *volume_add(struct spec *s, const char *option, const char *text, const char *name, const char *dst, struct err *e);
/* cli/run_volume.c: an anonymous one (spec_add_anonymous()). */
NODISCARD int volume_add_anonymous(struct spec *s, const char *option, const char *dst, struct err *e);

/* cli/run_devices.c: --device /dev/X[:/dev/Y[:rwm]]; a directory stands for the devices in it. */
NODISCARD int device_parse(struct spec *s, const char *text, struct err *e);

/* Opens a source of this machine once, for what is mounted to be compared with (spec_mount.fds).
 * @word begins with /, ./, ../ or ~/. The real name, owned, or NULL with @e. */
char *source_open(const char *word, const char *what, int *fd, struct err *e);

/* Appends a word of mount options; what takes a right away holds for the mounts below, too. */
void mount_add_word(struct spec_mount *m, const char *word);

/* A number in octal up to 07777; -1: it is none. */
int mode_parse(const char *s);

/* The descriptor that the caller of lichen handed down as @word; -1 with @e. */
int inherited_fd(const char *word, const char *option, struct err *e);

/* Splits at ':' but for "\:", which stands for a colon in a name. */
void split_colons(struct strv *out, const char *s);

NODISCARD int check_destination(const char *option, const char *dst, struct err *e);

#endif
