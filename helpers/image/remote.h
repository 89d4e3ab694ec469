/* SPDX-License-Identifier: Apache-2.0 */
/* image/remote.h - one repository of one registry (the distribution specification), with who asks
 *
 * The request says:
 *
 *   registry "docker.io", repository "library/alpine"
 *   username, password, identityToken	who asks; none: nobody
 *   insecure true			neither certificates nor https are asked for
 *   cacert				certificates in PEM, or the absolute path of a file with them
 *   connections			layers at once (3)
 *   connect_ms, stall_ms, tries, pause_ms	see http.h
 *   mirrors [{registry, repository, username, password, identityToken, insecure}]
 *					asked before the registry, in order; the repository is as here, where none is said
 *
 * The environment: http_proxy, https_proxy, all_proxy, no_proxy (all but the first in capitals, too), SSL_CERT_FILE,
 * SSL_CERT_DIR.
 */
#ifndef IMAGE_REMOTE_H
#define IMAGE_REMOTE_H

#include <jansson.h>
#include <stdbool.h>

#include "auth.h"
#include "base/err.h"
#include "confine.h"
#include "http.h"
#include "talk.h"

enum { REMOTE_CONNECTIONS = 3, REMOTE_CONNECTIONS_MAX = 16, REMOTE_MIRRORS_MAX = 16, REMOTE_PATHS_MAX = 24 };

struct remote {
	struct talk *talk;	/* borrowed */
	struct http *http;	/* owned */
	struct auth auth;
	char *registry;		/* as people say it; owned */
	char *repository;	/* owned; NULL: none, a login */
	char *base;		/* "https://registry-1.docker.io/v2/"; owned */
	bool is_mirror;
	bool is_insecure;	/* as the request says */
};

/* One request and how often it was made. */
struct remote_call {
	struct http_call http;
	unsigned tried;
};

/* What has to be read before and after the confinement. */
struct remote_files {
	char *cacert;		/* of the request and of SSL_CERT_FILE; owned; NULL */
	const char *cadir;	/* SSL_CERT_DIR; of the environment; NULL */
	struct confine_path paths[REMOTE_PATHS_MAX];	/* owned */
	size_t n_paths;
};

/* Opens what a resolver and TLS read, and reads the file of "cacert". Before the confinement. Errors: SYS */
NODISCARD int remote_files(const struct talk *t, struct remote_files *f, struct err *e);
void remote_files_fini(struct remote_files *f);
/* Before a stranger's byte is read, by a task that is no source. @images: is read; -1: not needed */
NODISCARD int remote_confine(const struct remote_files *f, int images, struct err *e);

/**
 * remote_open() - Finds the registry, and what it wants to know
 * @mirror:	-1: the registry itself; else which of "mirrors"
 * @actions:	"pull", "pull,push"; NULL for a login: no repository
 * Errors:	PEER: it is not reached; it is none. @r is closed then
 */
NODISCARD int remote_open(struct remote *r, struct talk *t, const struct remote_files *f, int mirror, const char *actions,
			  struct err *e);
void remote_close(struct remote *r);
size_t remote_mirrors(const struct talk *t);

/* "https://.../v2/NAME/" and what @fmt makes. Owned. */
char *remote_url(const struct remote *r, const char *fmt, ...) PRINTF(2, 3);

/* Starts it, with who asks; it is finished in http_next(), and final when remote_again() returned 0. */
NODISCARD int remote_start(struct remote *r, struct remote_call *c, struct err *e);
/* A finished call: 1 it was started again, with what a 401 asked for; 0 final; -1 */
NODISCARD int remote_again(struct remote *r, struct remote_call *c, struct err *e);
/* All of it. Return: 0 there is an answer, whatever its status; -1 */
NODISCARD int remote_ask(struct remote *r, struct remote_call *c, struct err *e);
/* The error of an answer that is none of success. -1 */
int remote_refused(const struct remote *r, const struct remote_call *c, const char *what, struct err *e);
void remote_call_fini(struct remote_call *c);

unsigned remote_connections(const struct talk *t);

#define AUTO_REMOTE_CALL __attribute__((cleanup(remote_call_fini)))

#endif
