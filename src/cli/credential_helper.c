/* SPDX-License-Identifier: Apache-2.0 */
/* cli/credential_helper.c - docker-credential-NAME: programs that keep passwords */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "cli/credentials.h"

enum { HELPER_TIMEOUT_MS = 60000 /* one may ask a person to unlock it */, HELPER_OUT_MAX = 1 << 16 };

static const char NOT_FOUND[] = "credentials not found in native keychain";
static const char TOKEN_USER[] = "<token>";	/* the secret is a token then */

/* The program, in a directory of $PATH that is named from the root. Owned, or NULL with @e. */
static char *find(const char *name, struct err *e)
{
	AUTO_STRV struct strv dirs = { 0 };
	const char *path = getenv("PATH");

	if (!str_is_name(name)) {
		(void)!err_set(e, ERR_STATE, "'%.64s' cannot be the name of a credential helper", name);
		return NULL;
	}
	strv_split(&dirs, path ? path : "", ':');
	for (size_t i = 0; i < dirs.n; i++) {
		AUTO_FREE char *full = str_fmt("%s/docker-credential-%s", dirs.v[i], name);

		if (dirs.v[i][0] == '/' && access(full, X_OK) == 0)
			return ptr_take(&full);
	}
	err_set(e, ERR_HOST, "the credential helper docker-credential-%s is not in $PATH", name);
	e->errnum = ENOENT;
	return NULL;
}

/* docker.io is known by the address of its old index. */
static const char *server_of(const char *registry)
{
	return str_eq(registry, "docker.io") ? "https://index.docker.io/v1/" : registry;
}

/* @out: what it printed, also where it failed; owned by the caller; NULL */
static int call(const char *name, const char *action, const char *input, char **out, struct err *e)
{
	const struct child_how how = { .wants_stdout = true, .env = environ, .input = input, .timeout_ms = HELPER_TIMEOUT_MS };
	AUTO_FREE char *path = find(name, e);
	const char *argv[] = { path, action, NULL };
	struct child c;

	*out = NULL;
	if (!path)
		return -1;
	if (child_spawn_how(&c, argv, &how, e) < 0 || child_wait(&c, out, e) < 0)
		return -1;
	if (*out && strlen(*out) > HELPER_OUT_MAX)
		return err_set(e, ERR_HOST, "docker-credential-%s printed too much", name);
	return 0;
}

/* Whether it says that it has nothing, which is no error. */
static bool has_nothing(const char *said, struct err *e)
{
	if (!said || !strstr(said, NOT_FOUND))
		return false;
	err_clear(e);
	return true;
}

/* Helpers say on standard output why they fail. */
static int failed(const char *name, char *said, struct err *e)
{
	if (e->kind == ERR_HOST && said && *said && e->errnum != ENOENT) {
		said[strcspn(said, "\n")] = '\0';
		return err_set(e, ERR_HOST, "docker-credential-%s: %.200s", name, said);
	}
	return -1;
}

int helper_get(const char *name, const char *registry, struct credentials *c, struct err *e)
{
	AUTO_FREE char *said = NULL;
	const char *user, *secret;
	json_t *v;

	if (call(name, "get", server_of(registry), &said, e) < 0)
		return has_nothing(said, e) ? 0 : failed(name, said, e);
	v = json_loads(said ? said : "", 0, NULL);
	user = json_string_value(json_object_get(v, "Username"));
	secret = json_string_value(json_object_get(v, "Secret"));
	if (!user || !secret) {
		json_decref(v);
		return err_set(e, ERR_HOST, "docker-credential-%s: what it printed has no Username and Secret", name);
	}
	if (str_eq(user, TOKEN_USER)) {
		c->token = str_dup(secret);
	} else {
		c->username = str_dup(user);
		c->password = str_dup(secret);
	}
	c->from = str_fmt("docker-credential-%s", name);
	json_decref(v);
	return 1;
}

int helper_store(const char *name, const char *registry, const struct credentials *c, struct err *e)
{
	AUTO_FREE char *said = NULL;
	AUTO_BUF struct buf in = { 0 };

	buf_add(&in, "{\"ServerURL\":");
	buf_add_json(&in, server_of(registry));
	buf_add(&in, ",\"Username\":");
	buf_add_json(&in, c->token ? TOKEN_USER : c->username);
	buf_add(&in, ",\"Secret\":");
	buf_add_json(&in, c->token ? c->token : c->password);
	buf_add(&in, "}");
	return call(name, "store", in.s, &said, e) < 0 ? failed(name, said, e) : 0;
}

int helper_erase(const char *name, const char *registry, struct err *e)
{
	AUTO_FREE char *said = NULL;

	if (call(name, "erase", server_of(registry), &said, e) == 0 || has_nothing(said, e))
		return 0;
	return failed(name, said, e);
}
