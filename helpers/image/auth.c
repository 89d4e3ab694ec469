/* SPDX-License-Identifier: Apache-2.0 */
/* image/auth.c - how a registry is told who asks */

/* a name of OpenSSL's, too, for a type that is of no use here */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "auth.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

enum { TOKEN_MAX = 32 << 10, LIFE_S = 60, LIFE_MAX_S = 86400, MARGIN_MS = 5000 };

static bool has_password(const struct auth *a)
{
	return a->username && a->password;
}

static char *basic(const struct auth *a)
{
	AUTO_FREE char *plain = str_fmt("%s:%s", a->username, a->password);
	size_t len = strlen(plain);
	AUTO_FREE unsigned char *text = mem_alloc(len / 3 * 4 + 5);

	EVP_EncodeBlock(text, (const unsigned char *)plain, (int)len);
	explicit_bzero(plain, len);
	return str_fmt("Basic %s", (const char *)text);
}

/* What a service gives becomes a header: nothing that could end one. */
static bool is_token_text(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n == 0 || n > TOKEN_MAX)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

/* ---- the token service ---- */

static int check_realm(struct auth *a, const char *realm, struct url *u, struct err *e)
{
	if (url_parse(realm, NULL, u, e) < 0)
		return err_wrap(e, "%s names a token service", a->registry);
	if (a->origin.is_https && !u->is_https)
		return err_set(e, ERR_PEER, "%s names a token service without encryption, %s: nothing is sent there", a->registry, u->shown);
	if (!a->origin.is_loopback && u->is_loopback)	/* what else is local, http.c knows */
		return err_set(e, ERR_PEER, "%s names a token service on this machine, %s: nothing is sent there", a->registry, u->shown);
	if (http_is_allowed(a->http, u, e) < 0)
		return err_wrap(e, "%s names a token service", a->registry);
	if (!a->is_told && a->say && !str_eq(u->host, a->origin.host)) {
		AUTO_FREE char *text = str_fmt("%s sends us to %s for a token", a->registry, u->host);

		a->say(a->say_arg, text);
	}
	a->is_told = true;
	return 0;
}

static void add_form(struct buf *out, const char *name, const char *value)
{
	AUTO_FREE char *v = url_escape(value);

	buf_addf(out, "%s%s=%s", out->len ? "&" : "", name, v);
}

/* An identity token is exchanged for one that is valid for minutes (OAuth 2's refresh_token grant). */
static void ask_with_identity(const struct auth *a, const struct url *realm, struct http_call *c, struct buf *form)
{
	AUTO_BUF struct buf scopes = { 0 };

	for (size_t i = 0; i < a->scopes.n; i++)
		buf_addf(&scopes, "%s%s", i ? " " : "", a->scopes.v[i]);
	if (!a->scopes.n && a->challenge.scope)
		buf_add(&scopes, a->challenge.scope);
	add_form(form, "grant_type", "refresh_token");
	add_form(form, "client_id", "lichen");
	if (a->challenge.service)
		add_form(form, "service", a->challenge.service);
	if (scopes.len)
		add_form(form, "scope", scopes.s);
	add_form(form, "refresh_token", a->identity_token);
	c->method = "POST";
	c->url = str_dup(realm->text);
	c->body = form->s;
	c->body_len = form->len;
	strv_add(&c->headers, "Content-Type: application/x-www-form-urlencoded");
}

static void ask_with_password(const struct auth *a, const struct url *realm, struct http_call *c)
{
	struct buf url = { 0 };

	buf_add(&url, realm->text);
	if (a->challenge.service)
		url_add_query(&url, "service", a->challenge.service);
	for (size_t i = 0; i < a->scopes.n; i++)
		url_add_query(&url, "scope", a->scopes.v[i]);
	if (!a->scopes.n && a->challenge.scope)
		url_add_query(&url, "scope", a->challenge.scope);
	if (has_password(a)) {
		url_add_query(&url, "account", a->username);
		c->authorization = basic(a);
	}
	if (a->wants_identity) {
		url_add_query(&url, "client_id", "lichen");
		url_add_query(&url, "offline_token", "true");
	}
	c->method = "GET";
	c->url = buf_take(&url);
}

static int take_token(struct auth *a, const struct http_call *c, struct err *e)
{
	json_t *answer = c->text.len ? json_loadb(c->text.s, c->text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *token = json_string_value(json_object_get(answer, "token"));
	const char *identity = json_string_value(json_object_get(answer, "refresh_token"));
	json_int_t life = json_integer_value(json_object_get(answer, "expires_in"));
	int r = 0;

	if (!token || !token[0])
		token = json_string_value(json_object_get(answer, "access_token"));
	if (is_token_text(token)) {
		str_set(&a->token, token);
		life = life <= 0 ? LIFE_S : life > LIFE_MAX_S ? LIFE_MAX_S : life;
		a->until_ms = http_now_ms() + life * 1000;
	} else {
		r = err_set(e, ERR_PEER, "the token service at %s gives no token", c->at.host);
	}
	if (r == 0 && a->wants_identity && is_token_text(identity))
		str_set(&a->identity, identity);
	json_decref(answer);
	return r;
}

static int get_token(struct auth *a, struct err *e)
{
	__attribute__((cleanup(http_call_fini))) struct http_call c = { 0 };
	__attribute__((cleanup(url_fini))) struct url realm = { 0 };
	AUTO_BUF struct buf form = { 0 };
	int r;

	auto_free(&a->token);
	if (check_realm(a, a->challenge.realm, &realm, e) < 0)
		return -1;
	if (a->identity_token)
		ask_with_identity(a, &realm, &c, &form);
	else
		ask_with_password(a, &realm, &c);
	http_start(a->http, &c);
	r = http_wait(a->http, &c);
	if (form.s)
		explicit_bzero(form.s, form.len);
	if (r < 0) {
		*e = c.err;
		return err_wrap(e, "asking for a token");
	}
	if (c.status != 200)
		return auth_refused(a, &c, "asking for a token", e);
	return take_token(a, &c, e);
}

/* ---- the calls ---- */

int auth_prepare(struct auth *a, struct http_call *c, struct err *e)
{
	auto_free(&c->authorization);
	if (a->challenge.wants_bearer) {
		if ((!a->token || http_now_ms() + MARGIN_MS >= a->until_ms) && get_token(a, e) < 0)
			return -1;
		c->authorization = str_fmt("Bearer %s", a->token);
	} else if (a->challenge.wants_basic && has_password(a)) {
		c->authorization = basic(a);
	}
	return 0;
}

int auth_answer(struct auth *a, struct http_call *c, unsigned tried, struct err *e)
{
	struct challenge fresh = { 0 };

	/* whoever we were sent on to has no say in where the password goes */
	if (!url_same_origin(&c->at, &a->origin))
		return 0;
	for (const char *h = NULL; (h = http_header(c, "www-authenticate", h));)
		challenge_add(&fresh, h);
	if (fresh.others.n && !fresh.wants_bearer && !fresh.wants_basic) {
		err_set(e, ERR_PEER, "%s %s: %s wants to be asked by \"%.64s\"; lichen has basic and bearer", c->method, c->at.shown,
			a->registry, fresh.others.v[0]);
		challenge_fini(&fresh);
		return -1;
	}
	if (tried >= AUTH_TRIES || !(fresh.wants_bearer || (fresh.wants_basic && has_password(a)))) {
		challenge_fini(&fresh);
		return 0;
	}
	challenge_fini(&a->challenge);
	a->challenge = fresh;
	auto_free(&a->token);	/* it was not taken, whatever its time says */
	return auth_prepare(a, c, e) < 0 ? -1 : 1;
}

int auth_refused(const struct auth *a, const struct http_call *c, const char *what, struct err *e)
{
	http_refused(c, what, e);
	if (c->status != 401 && c->status != 403 && !(c->status == 400 && a->identity_token))
		return -1;
	if (!url_same_origin(&c->at, &a->origin) && c->at.host && !str_eq(c->method, "POST") && !c->authorization)
		return err_hint(e, "%s is where %s keeps its layers: it is the registry's trouble. Try again later.", c->at.host, a->registry);
	if (!has_password(a) && !a->identity_token)
		return err_hint(e, "Is the name right? A private image needs `lichen login %s` first.", a->registry);
	return err_hint(e, "%s does not take the name and password that are stored or given for it, or they may not do this: "
			"`lichen login %s` stores others.", a->registry, a->registry);
}

void auth_fini(struct auth *a)
{
	challenge_fini(&a->challenge);
	strv_fini(&a->scopes);
	url_fini(&a->origin);
	if (a->token)
		explicit_bzero(a->token, strlen(a->token));
	free(a->token);
	free(a->identity);
	*a = (struct auth){ 0 };
}
