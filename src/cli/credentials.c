/* SPDX-License-Identifier: Apache-2.0 */
/* cli/credentials.c - names and passwords for registries, where docker and podman keep theirs */

#include "cli/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

enum { FILES_MAX = 4, FILE_BYTES_MAX = 1 << 20 };

void credentials_fini(struct credentials *c)
{
	free(c->username);
	free(c->password);
	free(c->token);
	free(c->from);
	*c = (struct credentials){ 0 };
}

/* ---- files ---- */

struct auth_file {
	char *path;		/* owned */
	bool is_dockers;	/* read only */
};

struct auth_files {
	struct auth_file v[FILES_MAX];
	size_t n;
};

static void auth_files_fini(struct auth_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].path);
}

#define AUTO_FILES __attribute__((cleanup(auth_files_fini)))

static const char *from_env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void add_file(struct auth_files *f, bool is_dockers, char *path)
{
	f->v[f->n++] = (struct auth_file){ path, is_dockers };
}

/* In the order in which they are read. The first that is there at all is the one to write to. */
static void list_files(struct auth_files *f)
{
	const char *home = from_env("HOME"), *config = from_env("XDG_CONFIG_HOME"), *run = from_env("XDG_RUNTIME_DIR");
	const char *docker = from_env("DOCKER_CONFIG"), *file = from_env("REGISTRY_AUTH_FILE");

	*f = (struct auth_files){ 0 };
	if (file)
		add_file(f, false, str_dup(file));
	if (run && access(run, W_OK) == 0)
		add_file(f, false, str_fmt("%s/containers/auth.json", run));
	if (config || home)
		add_file(f, false, config ? str_fmt("%s/containers/auth.json", config) : str_fmt("%s/.config/containers/auth.json", home));
	if (docker || home)
		add_file(f, true, docker ? str_fmt("%s/config.json", docker) : str_fmt("%s/.docker/config.json", home));
}

/* A new reference; NULL: there is no such file, and with @e filled: it cannot be read. */
static json_t *read_file(const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	json_error_t why;
	json_t *v;
	size_t len;

	err_clear(e);
	if (fd_read_file(AT_FDCWD, path, FILE_BYTES_MAX, &text, &len) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			(void)!err_sys(e, "read", path, "reading the credentials of registries");
		return NULL;
	}
	/* an empty file is what `touch` makes, and podman takes it */
	if (!text[strspn(text, " \t\r\n")])
		return json_object();
	v = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!v || !json_is_object(v)) {
		err_set(e, ERR_STATE, "%s: line %d: %s", path, v ? 1 : why.line, v ? "it is no JSON object" : why.text);
		err_hint(e, "it holds the credentials of registries; REGISTRY_AUTH_FILE names another one, --creds gives them here");
		json_decref(v);
		return NULL;
	}
	return v;
}

static int make_parents(const char *path, struct err *e)
{
	AUTO_FREE char *dir = str_dup(path);

	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0700) < 0 && errno != EEXIST && errno != EROFS)
			return err_sys(e, "mkdir", dir, "making the directory for credentials");
		*p = '/';
	}
	return 0;
}

/* By rename, and for us alone. @dir: the directory, which is locked. */
static int write_file(int dir, const char *path, const json_t *v, struct err *e)
{
	const char *leaf = strrchr(path, '/') + 1;
	AUTO_FREE char *new = str_fmt(".%s.%d", leaf, (int)getpid());
	char *text = json_dumps(v, JSON_INDENT(8));
	AUTO_CLOSE int fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	rc = fd < 0 || !text || fd_write_all(fd, text, strlen(text)) < 0 || fd_write_all(fd, "\n", 1) < 0 || fsync(fd) < 0 ||
	     renameat(dir, new, dir, leaf) < 0 ? -1 : 0;
	if (rc < 0) {
		err_sys(e, "write", path, "writing the credentials of registries");
		if (fd >= 0)
			unlinkat(dir, new, 0);
	}
	free(text);
	return rc;
}

/* Opens and locks the directory of @path, which then is the file's own, behind links. */
static int lock_directory(char **path, struct err *e)
{
	AUTO_FREE char *dir = NULL;
	AUTO_CLOSE int fd = -1;
	char *real;

	if ((*path)[0] != '/') {
		AUTO_FREE char *cwd = path_real(".");
		AUTO_FREE char *full = str_fmt("%s/%s", cwd ? cwd : "", *path);

		str_set(path, full);
	}
	if (make_parents(*path, e) < 0)
		return -1;
	real = path_real(*path);
	if (real) {
		free(*path);
		*path = real;
	}
	dir = str_dupn(*path, (size_t)(strrchr(*path, '/') - *path) + 1);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, "open", dir, "writing the credentials of registries");
	return fd_take(&fd);
}

/* ---- keys ---- */

char *credentials_key(const char *text)
{
	static const char *const OLD_NAMES[] = { "index.docker.io", "registry-1.docker.io" };
	const bool has_scheme = str_starts(text, "https://") || str_starts(text, "http://");
	const char *start = has_scheme ? strstr(text, "://") + 3 : text;
	size_t host = strcspn(start, "/"), len = has_scheme ? host : strlen(start);
	AUTO_FREE char *key = NULL;

	while (len && start[len - 1] == '/')
		len--;
	/* the version of the protocol is no namespace */
	if (len == host + 3 && start[host + 1] == 'v' && (start[host + 2] == '1' || start[host + 2] == '2'))
		len = host;
	key = str_dupn(start, len);
	for (size_t i = 0; i < N_ELEMS(OLD_NAMES); i++)
		if (str_starts(key, OLD_NAMES[i]) && (len == host || len > host) && strlen(OLD_NAMES[i]) == host)
			return str_fmt("docker.io%s", key + host);
	return ptr_take(&key);
}

/* The member of @map whose key is the longest beginning of @name. */
static json_t *best(json_t *map, const char *name)
{
	json_t *found = NULL, *v;
	size_t longest = 0;
	const char *typed;

	json_object_foreach(map, typed, v) {
		AUTO_FREE char *key = credentials_key(typed);
		const size_t n = strlen(key);

		if (n && n >= longest && str_starts(name, key) && (!name[n] || name[n] == '/')) {
			found = v;
			longest = n;
		}
	}
	return found;
}

/* ---- finding ---- */

static int bad_entry(const char *path, const char *registry, struct err *e)
{
	return err_set(e, ERR_STATE, "%s: the entry for %s has an \"auth\" that is not base64 of USER:PASSWORD", path, registry);
}

static int take_entry(const char *path, const char *registry, const json_t *entry, struct credentials *c, struct err *e)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	const char *token = json_string_value(json_object_get(entry, "identitytoken"));
	const char *user = json_string_value(json_object_get(entry, "username"));
	const char *password = json_string_value(json_object_get(entry, "password"));
	AUTO_FREE char *plain = NULL;
	size_t len = 0;

	if (auth && *auth) {
		char *colon;

		plain = base64_decode(auth, &len);
		colon = plain ? strchr(plain, ':') : NULL;
		if (!colon || strlen(plain) != len)
			return bad_entry(path, registry, e);
		*colon = '\0';
		user = plain;
		password = colon + 1;
	}
	if ((!user || !password) && !(token && *token))
		return 0;
	if (token && *token)
		c->token = str_dup(token);
	c->username = str_dup(user);
	c->password = token && *token ? NULL : str_dup(password);
	c->from = str_dup(path);
	return 1;
}

static int look_in(const char *path, json_t *file, const char *registry, const char *name, struct credentials *c, struct err *e)
{
	const char *helper = json_string_value(best(json_object_get(file, "credHelpers"), registry));
	const char *store = json_string_value(json_object_get(file, "credsStore"));
	const json_t *entry = best(json_object_get(file, "auths"), name);
	int rc = helper && *helper ? helper_get(helper, registry, c, e) : 0;

	if (rc < 0)
		return err_wrap(e, "%s: credentials for %s", path, registry);
	if (rc == 0 && entry)
		rc = take_entry(path, registry, entry, c, e);
	if (rc || !store || !*store)
		return rc;
	rc = helper_get(store, registry, c, e);
	if (rc >= 0)
		return rc;
	/* left behind by something that is gone, it must not keep anybody from what is public */
	if (e->errnum == ENOENT) {
		log_warn("%s: its credsStore is left out: docker-credential-%.64s is not in $PATH", path, store);
		return 0;
	}
	return err_wrap(e, "%s: credentials for %s", path, registry);
}

int credentials_find(const char *registry, const char *repository, struct credentials *c, struct err *e)
{
	AUTO_FREE char *name = repository ? str_fmt("%s/%s", registry, repository) : str_dup(registry);
	AUTO_FILES struct auth_files files;
	int rc = 0;

	*c = (struct credentials){ 0 };
	list_files(&files);
	for (size_t i = 0; rc == 0 && i < files.n; i++) {
		json_t *file = read_file(files.v[i].path, e);

		if (!file && e->kind)
			return -1;
		if (file)
			rc = look_in(files.v[i].path, file, registry, name, c, e);
		json_decref(file);
	}
	return rc;
}

/* ---- keeping ---- */

static json_t *member(json_t *of, const char *key)
{
	json_t *v = json_object_get(of, key);

	if (!json_is_object(v)) {
		json_object_set_new(of, key, json_object());
		v = json_object_get(of, key);
	}
	return v;
}

/* With a token there is no password to be kept. */
static json_t *entry_of(const struct credentials *c)
{
	AUTO_BUF struct buf plain = { 0 }, auth = { 0 };
	json_t *entry = json_object();

	buf_addf(&plain, "%s:%s", c->username ? c->username : "", c->password && !c->token ? c->password : "");
	base64_add(&auth, plain.s, plain.len);
	json_object_set_new(entry, "auth", json_string(auth.s));
	if (c->token)
		json_object_set_new(entry, "identitytoken", json_string(c->token));
	return entry;
}

/* Takes out all keys that mean @registry; whether there was one. */
static bool drop_key(json_t *auths, const char *registry)
{
	AUTO_STRV struct strv gone = { 0 };
	const char *typed;
	json_t *v;

	json_object_foreach(auths, typed, v) {
		AUTO_FREE char *key = credentials_key(typed);

		if (str_eq(key, registry))
			strv_add(&gone, typed);
	}
	for (size_t i = 0; i < gone.n; i++)
		json_object_del(auths, gone.v[i]);
	return gone.n > 0;
}

static int store_in(char **path, const char *registry, const struct credentials *c, char **where, struct err *e)
{
	AUTO_CLOSE int dir = lock_directory(path, e);
	json_t *file = dir < 0 ? NULL : read_file(*path, e);
	const char *helper;
	int rc;

	if (dir < 0 || (!file && e->kind))
		return -1;
	if (!file)
		file = json_object();
	helper = json_string_value(best(json_object_get(file, "credHelpers"), registry));
	if (!helper || !*helper)
		helper = json_string_value(json_object_get(file, "credsStore"));
	if (helper && *helper) {
		rc = helper_store(helper, registry, c, e);
		*where = str_fmt("docker-credential-%s", helper);
		/* as docker does: the name without the secret, so that it is known whom the helper has something for */
		if (rc == 0) {
			(void)drop_key(member(file, "auths"), registry);
			json_object_set_new(member(file, "auths"), registry, json_object());
			rc = write_file(dir, *path, file, e);
		} else {
			rc = err_wrap(e, "%s names a credential helper", *path);
		}
	} else {
		(void)drop_key(member(file, "auths"), registry);
		json_object_set_new(member(file, "auths"), registry, entry_of(c));
		rc = write_file(dir, *path, file, e);
		*where = str_dup(*path);
	}
	json_decref(file);
	return rc;
}

int credentials_store(const char *registry, const struct credentials *c, char **where, struct err *e)
{
	AUTO_FILES struct auth_files files;

	*where = NULL;
	list_files(&files);
	if (!files.n || files.v[0].is_dockers) {
		err_set(e, ERR_HOST, "there is no place for the credentials of %s", registry);
		return err_hint(e, "set REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR or HOME");
	}
	return store_in(&files.v[0].path, registry, c, where, e);
}

/* ---- forgetting ---- */

/* The registries that are named in a map of the file. */
static void add_keys(json_t *map, struct strv *out)
{
	const char *typed;
	json_t *v;

	json_object_foreach(map, typed, v) {
		AUTO_FREE char *key = credentials_key(typed);

		if (!strv_has(out, key))
			strv_add(out, key);
	}
}

/* 1: it had something, which is gone; 0: it had nothing, or is itself gone; -1 with @e */
static int erase_by_helper(const char *helper, const char *registry, struct err *e)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	const int rc = helper_get(helper, registry, &c, e);

	if (rc < 0 && e->errnum == ENOENT) {
		log_warn("docker-credential-%.64s is not in $PATH, and keeps what it may have for %s", helper, registry);
		err_clear(e);
		return 0;
	}
	if (rc <= 0)
		return rc;
	return helper_erase(helper, registry, e) < 0 ? -1 : 1;
}

static int erase_one(json_t *file, const char *registry, bool *is_changed, struct strv *gone, struct err *e)
{
	const char *helper = json_string_value(best(json_object_get(file, "credHelpers"), registry));
	const char *store = json_string_value(json_object_get(file, "credsStore"));
	const bool was_there = drop_key(json_object_get(file, "auths"), registry);
	int rc = 0;

	if (!helper || !*helper)
		helper = store;
	if (helper && *helper)
		rc = erase_by_helper(helper, registry, e);
	*is_changed = *is_changed || was_there;
	if (rc >= 0 && (was_there || rc) && !strv_has(gone, registry))
		strv_add(gone, registry);
	return rc < 0 ? -1 : 0;
}

static int erase_in(char **path, const char *registry, struct strv *gone, struct err *e)
{
	AUTO_STRV struct strv wanted = { 0 };
	AUTO_CLOSE int dir = access(*path, F_OK) == 0 ? lock_directory(path, e) : -1;
	json_t *file = dir < 0 ? NULL : read_file(*path, e);
	bool is_changed = false;
	int rc = 0;

	if (!file)
		return e->kind ? -1 : 0;
	if (registry) {
		strv_add(&wanted, registry);
	} else {
		add_keys(json_object_get(file, "auths"), &wanted);
		add_keys(json_object_get(file, "credHelpers"), &wanted);
	}
	for (size_t i = 0; rc == 0 && i < wanted.n; i++)
		rc = erase_one(file, wanted.v[i], &is_changed, gone, e);
	if (rc == 0 && is_changed)
		rc = write_file(dir, *path, file, e);
	json_decref(file);
	return rc;
}

int credentials_erase(const char *registry, struct strv *registries, struct err *e)
{
	AUTO_FILES struct auth_files files;

	err_clear(e);
	list_files(&files);
	for (size_t i = 0; i < files.n; i++)
		if (!files.v[i].is_dockers && erase_in(&files.v[i].path, registry, registries, e) < 0)
			return -1;
	return 0;
}

void credentials_list(struct strv *registries, struct err *ignored)
{
	AUTO_FILES struct auth_files files;

	list_files(&files);
	for (size_t i = 0; i < files.n; i++) {
		json_t *file = read_file(files.v[i].path, ignored);

		add_keys(json_object_get(file, "auths"), registries);
		add_keys(json_object_get(file, "credHelpers"), registries);
		json_decref(file);
	}
}
