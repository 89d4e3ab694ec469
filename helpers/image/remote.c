/* SPDX-License-Identifier: Apache-2.0 */
/* image/remote.c - one repository of one registry, with who asks */

#include "remote.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

enum { CACERT_MAX = 4 << 20 };

/* A variable of the environment, which is what the launcher passed on; NULL: not set, or empty. */
static const char *env(const char *name, const char *other)
{
	const char *s = getenv(name);

	if ((!s || !s[0]) && other)
		s = getenv(other);
	return s && s[0] ? s : NULL;
}

/* ---- files ---- */

/* The resolver of the C library with its modules, and OpenSSL with the authorities. Each as it is: /etc as a whole
 * has a good deal that root may read and nobody needs here. */
static const char *const FILES[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/ld.so.cache",
	"/run/systemd/resolve", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ssl", "/etc/pki", "/etc/ca-certificates",
	"/etc/crypto-policies", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki",
	"/var/lib/ca-certificates", "/dev/urandom",
};

/* More certificates, from a file of the caller's. */
static int add_certificates(struct remote_files *f, const char *path, const char *whose, struct err *e)
{
	AUTO_FREE char *text = NULL, *before = ptr_take(&f->cacert);

	if (fd_read_any(path, CACERT_MAX, &text, NULL) < 0)
		return err_sys(e, "open", path, "reading the certificates of %s", whose);
	f->cacert = str_fmt("%s\n%s", before ? before : "", text);
	return 0;
}

static void open_path(struct remote_files *f, const char *path)
{
	int fd = f->n_paths < REMOTE_PATHS_MAX ? open(path, O_PATH | O_CLOEXEC) : -1;

	if (fd >= 0)	/* what is not there is not needed */
		f->paths[f->n_paths++] = (struct confine_path){ .fd = fd };
}

int remote_files(const struct talk *t, struct remote_files *f, struct err *e)
{
	const char *cacert = talk_str(t, "cacert"), *file = env("SSL_CERT_FILE", NULL);

	*f = (struct remote_files){ .cadir = env("SSL_CERT_DIR", NULL) };
	if (cacert && cacert[0] && cacert[0] != '/')
		f->cacert = str_dup(cacert);
	if (cacert && cacert[0] == '/' && add_certificates(f, cacert, "--cacert", e) < 0)
		return -1;
	if (file && add_certificates(f, file, "SSL_CERT_FILE", e) < 0)
		return -1;
	for (size_t i = 0; i < N_ELEMS(FILES); i++)
		open_path(f, FILES[i]);
	if (f->cadir)
		open_path(f, f->cadir);
	return 0;
}

void remote_files_fini(struct remote_files *f)
{
	for (size_t i = 0; i < f->n_paths; i++)
		auto_close(&f->paths[i].fd);
	auto_free(&f->cacert);
	f->n_paths = 0;
}

int remote_confine(const struct remote_files *f, int images, struct err *e)
{
	struct confine_path paths[REMOTE_PATHS_MAX + 1];
	size_t n = f->n_paths;

	memcpy(paths, f->paths, n * sizeof(*paths));
	paths[n++] = (struct confine_path){ .fd = images };
	return confine_paths(paths, n, true, e) < 0 || confine_end(0, CONFINE_NET, e) < 0 ? -1 : 0;
}

/* ---- the request ---- */

static const json_t *mirror_of(const struct talk *t, int i)
{
	return i < 0 ? t->request : json_array_get(json_object_get(t->request, "mirrors"), (size_t)i);
}

size_t remote_mirrors(const struct talk *t)
{
	size_t n = json_array_size(json_object_get(t->request, "mirrors"));

	return n < REMOTE_MIRRORS_MAX ? n : REMOTE_MIRRORS_MAX;
}

unsigned remote_connections(const struct talk *t)
{
	uint64_t n = talk_number(t, "connections");

	return n == 0 ? REMOTE_CONNECTIONS : n > REMOTE_CONNECTIONS_MAX ? REMOTE_CONNECTIONS_MAX : (unsigned)n;
}

static const char *word(const json_t *of, const char *key)
{
	const char *s = json_string_value(json_object_get(of, key));

	return s && s[0] ? s : NULL;
}

static unsigned limited(const struct talk *t, const char *key)
{
	uint64_t n = talk_number(t, key);

	return n > 3600000 ? 3600000 : (unsigned)n;
}

static void say(void *arg, const char *text)
{
	const struct talk *t = arg;

	if (talk_step(t, "%s", text) < 0)
		return;	/* the next message that matters fails as well */
}

static int make_http(struct remote *r, const struct remote_files *f, const json_t *of, struct err *e)
{
	const struct http_options o = {
		.cacert = f->cacert,
		.cadir = f->cadir,
		.is_insecure = json_is_true(json_object_get(of, "insecure")),
		.http_proxy = env("http_proxy", NULL),	/* HTTP_PROXY is what a client of a CGI can set */
		.https_proxy = env("https_proxy", "HTTPS_PROXY"),
		.all_proxy = env("all_proxy", "ALL_PROXY"),
		.no_proxy = env("no_proxy", "NO_PROXY"),
		.connect_ms = limited(r->talk, "connect_ms"),
		.stall_ms = limited(r->talk, "stall_ms"),
		.tries = limited(r->talk, "tries"),
		.pause_ms = limited(r->talk, "pause_ms"),
		.say = say,
		.say_arg = r->talk,
	};

	r->is_insecure = o.is_insecure;
	return http_new(&o, &r->http, e);
}

static void make_auth(struct remote *r, const json_t *of, const char *actions)
{
	r->auth = (struct auth){
		.http = r->http,
		.username = word(of, "username"),
		.password = word(of, "password"),
		.identity_token = word(of, "identityToken"),
		.registry = r->registry,
		.wants_identity = actions == NULL,
		.say = say,
		.say_arg = r->talk,
	};
	if (actions)
		strv_addf(&r->auth.scopes, "repository:%s:%s", r->repository, actions);
}

/* ---- where it is ---- */

/* Return: 0 a registry answers at @base, 1 somebody else does or nobody, with @e. @spoke_tls: with TLS, whoever it is */
static int knock(struct remote *r, const char *base, bool *spoke_tls, struct err *e)
{
	AUTO_REMOTE_CALL struct remote_call c = { .http = { .method = "GET" } };

	c.http.url = str_dup(base);
	http_start(r->http, &c.http);
	if (http_wait(r->http, &c.http) < 0) {
		*spoke_tls = c.http.spoke_tls;
		*e = c.http.err;
		return 1;
	}
	*spoke_tls = c.http.spoke_tls;
	url_fini(&r->auth.origin);
	if (url_parse(base, NULL, &r->auth.origin, e) < 0)
		return 1;
	if (c.http.status == 401) {
		/* whoever we were sent on to has no say in where the password goes; the registry itself will be asked again */
		if (!url_same_origin(&c.http.at, &r->auth.origin))
			return 0;
		for (const char *h = NULL; (h = http_header(&c.http, "www-authenticate", h));)
			challenge_add(&r->auth.challenge, h);
		return 0;
	}
	if (c.http.status == 200)
		return 0;
	http_refused(&c.http, "looking for a registry", e);
	err_hint(e, "%s does not speak the registry's protocol, version 2, there.", r->registry);
	return 1;
}

/* As docker does: https, and http only where that is allowed and nothing else is there. What speaks TLS on this machine's
 * loopback and shows a certificate that nobody believes gets nothing by HTTP either. */
static int find_base(struct remote *r, const char *host, struct err *e)
{
	AUTO_FREE char *https = str_fmt("https://%s/v2/", host), *http = str_fmt("http://%s/v2/", host);
	__attribute__((cleanup(url_fini))) struct url plain = { 0 };
	bool spoke_tls = false;
	struct err no;

	if (url_parse(https, NULL, &plain, e) < 0)
		return err_wrap(e, "the registry \"%s\"", host);
	url_fini(&plain);
	if (knock(r, https, &spoke_tls, e) == 0) {
		r->base = ptr_take(&https);
		return 0;
	}
	if (spoke_tls && !r->is_insecure)
		return -1;
	if (url_parse(http, NULL, &plain, &no) < 0 || http_is_allowed(r->http, &plain, &no) < 0 || knock(r, http, &spoke_tls, &no) != 0)
		return -1;	/* what https said: that is what people want to have */
	r->base = ptr_take(&http);
	return 0;
}

int remote_open(struct remote *r, struct talk *t, const struct remote_files *f, int mirror, const char *actions, struct err *e)
{
	const json_t *of = mirror_of(t, mirror);
	const char *host = word(of, "registry"), *repository = talk_str(t, "repository"), *there = word(of, "repository");

	*r = (struct remote){ .talk = t, .is_mirror = mirror >= 0 };
	if (!host || (actions && !repository))
		return err_set(e, ERR_PEER, "the request names no registry, or no repository");
	r->registry = str_dup(host);
	if (actions)
		r->repository = str_dup(there ? there : repository);
	if (make_http(r, f, of, e) == 0) {
		make_auth(r, of, actions);
		if (find_base(r, str_eq(host, "docker.io") ? "registry-1.docker.io" : host, e) == 0)
			return 0;
	}
	remote_close(r);
	return -1;
}

void remote_close(struct remote *r)
{
	auth_fini(&r->auth);
	http_free(r->http);
	free(r->registry);
	free(r->repository);
	free(r->base);
	*r = (struct remote){ 0 };
}

char *remote_url(const struct remote *r, const char *fmt, ...)
{
	AUTO_FREE char *tail = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&tail, fmt, ap);
	va_end(ap);
	if (n < 0)
		tail = NULL;
	return str_fmt("%s%s/%s", r->base, r->repository, n < 0 ? "" : tail);
}

/* ---- calls ---- */

int remote_start(struct remote *r, struct remote_call *c, struct err *e)
{
	__attribute__((cleanup(url_fini))) struct url to = { 0 };

	if (url_parse(c->http.url, NULL, &to, e) < 0)
		return -1;
	if (r->auth.origin.is_https && !to.is_https)
		return err_set(e, ERR_PEER, "%s sends us from https to %s", r->registry, to.shown);
	auto_free(&c->http.authorization);
	/* an upload may go elsewhere: who asks is the registry's business only */
	if (url_same_origin(&to, &r->auth.origin) && auth_prepare(&r->auth, &c->http, e) < 0)
		return -1;
	c->tried++;
	http_start(r->http, &c->http);
	return 0;
}

int remote_again(struct remote *r, struct remote_call *c, struct err *e)
{
	int again;

	if (c->http.result < 0) {
		*e = c->http.err;
		return -1;
	}
	if (c->http.status != 401)
		return 0;
	again = auth_answer(&r->auth, &c->http, c->tried, e);
	if (again == 1) {
		c->tried++;
		http_start(r->http, &c->http);
	}
	return again;
}

int remote_ask(struct remote *r, struct remote_call *c, struct err *e)
{
	int again;

	c->tried = 0;
	if (remote_start(r, c, e) < 0)
		return -1;
	do {
		if (http_wait(r->http, &c->http) < 0) {
			*e = c->http.err;
			return -1;
		}
		again = remote_again(r, c, e);
	} while (again == 1);
	return again;
}

int remote_refused(const struct remote *r, const struct remote_call *c, const char *what, struct err *e)
{
	return auth_refused(&r->auth, &c->http, what, e);
}

void remote_call_fini(struct remote_call *c)
{
	http_call_fini(&c->http);
	c->tried = 0;
}
