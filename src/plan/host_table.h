/* SPDX-License-Identifier: Apache-2.0 */
/* plan/host_table.h - what of this machine a `host` sandbox sees, and what it may write
 *
 * Everything that is not here is absent: homes, /root, /run, /srv, /mnt, mail, spools.
 * run/root.c looks which rows exist; plan/build.c makes steps of them.
 */
#ifndef PLAN_HOST_TABLE_H
#define PLAN_HOST_TABLE_H

/* Shown read-only, the same on both sides: a symbolic link as the same link, anything
 * else as a recursive bind. */
static const char *const HOST_SHOWN[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec", "/etc", "/opt", "/nix", "/gnu",
	"/var/lib/dpkg", "/var/lib/alternatives", "/var/lib/rpm", "/var/lib/pacman", "/var/lib/apk", "/var/lib/texmf",
	"/var/lib/ghc", "/var/cache/fontconfig", "/var/cache/man", "/var/db/pkg",
};

/* Shown directories whose files may hold secrets that a supplementary group can read: they
 * are looked through when the caller has such groups (/usr is what a package ships). */
static const char *const HOST_SECRET_PLACES[] = { "/etc", "/opt", "/usr/local" };

/* Covered where the caller could read them. */
static const char *const HOST_MASKED[] = {
	"/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key",
	"/etc/ssh/ssh_host_dsa_key", "/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-",
};

/* Writable and private. */
static const struct {
	const char *path, *data;
} HOST_SCRATCH[] = {
	{ "/tmp", "mode=1777" }, { "/var/tmp", "mode=1777" }, { "/run", "mode=0755" },
};

#endif
