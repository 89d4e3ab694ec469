/* SPDX-License-Identifier: Apache-2.0 */
/* cli/credentials.h - names and passwords for registries, where docker and podman keep theirs
 *
 * Files, in this order:
 *	$REGISTRY_AUTH_FILE			of containers-auth.json(5)
 *	$XDG_RUNTIME_DIR/containers/auth.json
 *	$XDG_CONFIG_HOME/containers/auth.json	else ~/.config
 *	~/.docker/config.json			$DOCKER_CONFIG/config.json
 *
 * "auths" has registries, or registries with a namespace: the longest that fits counts. "credHelpers" and "credsStore" name
 * programs, docker-credential-NAME, that are looked for in $PATH and asked by docker's protocol.
 */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct credentials {
	char *username, *password;	/* owned; NULL: none */
	char *token;			/* an identity token in place of the password; owned; NULL */
	char *from;			/* the file or helper, for --verbose; owned; NULL */
};

void credentials_fini(struct credentials *c);
#define AUTO_CREDENTIALS __attribute__((cleanup(credentials_fini)))

/* "USER[:PASSWORD]" of --creds; without a password it is asked for on the terminal. Errors: USAGE, SYS, SIGNAL */
NODISCARD int credentials_given(const char *text, struct credentials *c, struct err *e);

/* Asks on the terminal; @is_secret: what is typed is not shown. NULL with @e: HOST where there is no terminal, SIGNAL. Owned. */
char *credentials_ask(const char *prompt, bool is_secret, struct err *e);

/**
 * credentials_find() - What is kept for a repository
 * @repository:	"library/alpine"; NULL: the registry as a whole
 * Return: 1; 0 there is nothing; -1 with @e: a file that cannot be read, or is no JSON; a helper that fails
 */
NODISCARD int credentials_find(const char *registry, const char *repository, struct credentials *c, struct err *e);

/**
 * credentials_store() - Keep @c for @registry
 * In the first of the files that are ours to write (docker's is not), by rename and mode 0600; what else it holds stays.
 * Where that file names a helper for the registry, the helper has it.
 * @where:	what has it now; owned by the caller
 */
NODISCARD int credentials_store(const char *registry, const struct credentials *c, char **where, struct err *e);

/* Forgets those of @registry (NULL: of all of them) in every file but docker's. @registries: those that were there. */
NODISCARD int credentials_erase(const char *registry, struct strv *registries, struct err *e);

/* The registries that files have something for; what cannot be read is left out. */
void credentials_list(struct strv *registries, struct err *ignored);

/* "docker.io" of "https://index.docker.io/v1/", "ghcr.io/me" of "ghcr.io/me/": how a key of "auths" is compared. Owned; pure. */
char *credentials_key(const char *text);

/* ---- helpers (cli/credential_helper.c) ---- */

/* @name: the NAME of docker-credential-NAME. 1, 0: it has nothing, -1 with @e: HOST, ENOENT where there is no such program */
NODISCARD int helper_get(const char *name, const char *registry, struct credentials *c, struct err *e);
NODISCARD int helper_store(const char *name, const char *registry, const struct credentials *c, struct err *e);
NODISCARD int helper_erase(const char *name, const char *registry, struct err *e);

#endif
