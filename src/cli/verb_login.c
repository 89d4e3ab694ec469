/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_login.c - lichen login, logout */

#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/credentials.h"
#include "cli/help.h"
#include "cli/image_job.h"
#include "cli/verbs.h"
#include "spec/reference.h"

enum { PASSWORD_MAX = 1 << 16 };

/* The registry that is meant; owned, or NULL with @e. */
static char *registry_of(const struct args *a, struct err *e)
{
	char *key = a->n_operands ? credentials_key(a->operands[0]) : str_dup("docker.io");

	if (registry_is_valid(key))
		return key;
	err_set(e, ERR_USAGE, "'%.100s' is not a registry", a->operands[0]);
	err_hint(e, "expected HOST or HOST:PORT, such as docker.io or localhost:5000");
	free(key);
	return NULL;
}

static int print(const char *text, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	buf_addf(&out, "%s\n", text);
	return help_print(&out, e);
}

static int print_login(const char *registry, struct err *e)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	int rc = credentials_find(registry, NULL, &c, e);

	if (rc < 0)
		return -1;
	if (rc == 0 || !c.username) {
		err_set(e, ERR_STATE, "not logged in to %s", registry);
		return err_hint(e, "'lichen login %s' keeps a name and password", registry);
	}
	return print(c.username, e);
}

/* ---- what is asked for ---- */

/* One line of standard input. */
static char *password_of_stdin(struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (fd_read_any("/dev/stdin", PASSWORD_MAX, &text, &len) < 0) {
		(void)!err_sys(e, "read", "standard input", "--password-stdin");
		return NULL;
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	if (!len || strlen(text) != len) {
		(void)!err_set(e, ERR_USAGE, "--password-stdin: standard input has no password");
		return NULL;
	}
	return ptr_take(&text);
}

static char *password_of(const struct args *a, struct err *e)
{
	if (a->password_stdin)
		return password_of_stdin(e);
	if (!a->password)
		return credentials_ask("Password: ", true, e);
	log_warn("-p: other users of this machine can see the command line; --password-stdin is better");
	return str_dup(a->password);
}

static int ask(const struct args *a, struct credentials *c, struct err *e)
{
	if (a->password_stdin && a->password)
		return err_set(e, ERR_USAGE, "login: --password and --password-stdin: one of them");
	if (a->password_stdin && !a->username)
		return err_set(e, ERR_USAGE, "login: --password-stdin needs a name: -u USER");
	c->username = a->username ? str_dup(a->username) : credentials_ask("Username: ", false, e);
	if (!c->username)
		return -1;
	if (!*c->username || strchr(c->username, ':'))
		return err_set(e, ERR_USAGE, "login: a name is not empty, and has no colon");
	c->password = password_of(a, e);
	return c->password ? 0 : -1;
}

/* ---- the verbs ---- */

/* --cacert and --tls-verify hold for the question, too; what is kept already is not looked at. */
static int try_login(const char *registry, const struct args *a, struct credentials *c, struct err *e)
{
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct image_ref ref = { .registry = str_dup(registry) };
	struct imager_registry how;
	int rc = place_open(&p, false, e);

	if (rc == 0)
		rc = registry_access(&p, a, &ref, &how, e);
	ref_fini(&ref);
	if (rc < 0)
		return -1;
	how.username = c->username;
	how.password = c->password;
	return imager_login(registry, &how, &c->token, e) < 0 ? err_wrap(e, "login to %s", registry) : 0;
}

static int login(const char *registry, const struct args *a, struct err *e)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	AUTO_FREE char *where = NULL;

	if (ask(a, &c, e) < 0 || try_login(registry, a, &c, e) < 0 || credentials_store(registry, &c, &where, e) < 0)
		return -1;
	log_info("the credentials for %s are in %s", registry, where);
	return print("Login Succeeded!", e);
}

int verb_login(const struct args *a, int *status, struct err *e)
{
	AUTO_FREE char *registry = registry_of(a, e);

	*status = 0;
	if (!registry)
		return -1;
	return a->get_login ? print_login(registry, e) : login(registry, a, e);
}

/* docker's own file is docker's to change. */
static void say_left(const char *registry)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	struct err ignored = { 0 };

	if (credentials_find(registry, NULL, &c, &ignored) > 0)
		log_warn("%s still has credentials for %s, which 'docker logout' takes away", c.from, registry);
}

static int logout_all(struct err *e)
{
	AUTO_STRV struct strv gone = { 0 };

	if (credentials_erase(NULL, &gone, e) < 0)
		return -1;
	for (size_t i = 0; i < gone.n; i++)
		say_left(gone.v[i]);
	return print(gone.n ? "Removed login credentials for all registries" : "There were no login credentials", e);
}

int verb_logout(const struct args *a, int *status, struct err *e)
{
	AUTO_STRV struct strv gone = { 0 };
	AUTO_FREE char *registry = NULL, *text = NULL;

	*status = 0;
	if (a->all && a->n_operands)
		return err_set(e, ERR_USAGE, "logout: %s and --all: one of them", a->operands[0]);
	if (a->all)
		return logout_all(e);
	registry = registry_of(a, e);
	if (!registry || credentials_erase(registry, &gone, e) < 0)
		return -1;
	say_left(registry);
	text = str_fmt(gone.n ? "Removed login credentials for %s" : "Not logged in to %s", registry);
	return print(text, e);
}
