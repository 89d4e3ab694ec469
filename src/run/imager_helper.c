/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_helper.c - one process of lichen-image or lichen-registry: its start, its words, its end
 *
 * It reads what strangers wrote, so what it says is a stranger's, too: every length, kind and text is
 * looked at here, and whoever asked decides whether the message may come now (imager_state.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/securebits.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/imager_internal.h"
#include "run/internal.h"
#include "run/supervise.h"
#include "steps/process.h"

enum { END_WAIT_MS = 2000, SAID_MAX = 2048, FIRST_FREE_FD = 16, WARNINGS_MAX = 20, SHOWN_STEPS_MAX = 1000 };

void helper_init(struct image_helper *h, const char *program, const char *job, const struct imager_view *view)
{
	*h = (struct image_helper){ .program = program, .job = job, .view = view, .pidfd = -1, .sock = -1, .said = -1 };
}

/* ---- in the new process ---- */

struct beginning {
	const char *program, *task;
	int sock, said;
	bool is_inside;		/* root of an id map, which needs its capabilities */
};

/* What libcurl and libcrypto ask the environment for. */
static const char *const PASSED[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
				      "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR" };

static void make_environment(struct strv *env)
{
	strv_add(env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < N_ELEMS(PASSED); i++) {
		const char *value = getenv(PASSED[i]);

		if (value)
			strv_addf(env, "%s=%s", PASSED[i], value);
	}
}

/* The machine's root keeps nothing of its power but that its files are its own: execve(2) would give it all back. */
static int drop_privileges(struct err *e)
{
	if (geteuid() != 0)
		return 0;
	for (unsigned long n = 0; prctl(PR_CAPBSET_READ, n, 0UL, 0UL, 0UL) >= 0; n++)
		if (prctl(PR_CAPBSET_DROP, n, 0UL, 0UL, 0UL) < 0)
			return err_sys(e, "prctl", NULL, "dropping capabilities");
	if (prctl(PR_SET_SECUREBITS, (unsigned long)(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED), 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "dropping capabilities");
	return 0;
}

static int begin(const void *arg, struct err *e)
{
	const struct beginning *b = arg;
	AUTO_STRV struct strv env = { 0 };
	char *const argv[] = { (char *)(uintptr_t)b->program, (char *)(uintptr_t)b->task, NULL };
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* out of the way of the numbers that they get */
	const int from[] = { fcntl(null, F_DUPFD_CLOEXEC, FIRST_FREE_FD), fcntl(b->said, F_DUPFD_CLOEXEC, FIRST_FREE_FD),
			     fcntl(b->sock, F_DUPFD_CLOEXEC, FIRST_FREE_FD) };

	for (size_t i = 0; i < N_ELEMS(from); i++)
		if (from[i] < 0)
			return err_sys(e, "fcntl", NULL, "starting a helper for images");
	/* again: a change of ids has cleared it */
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	make_environment(&env);
	if (!b->is_inside && drop_privileges(e) < 0)
		return -1;
	if (signals_reset(true, e) < 0)
		return -1;
	if (dup2(from[0], STDIN_FILENO) < 0 || dup2(from[0], STDOUT_FILENO) < 0 || dup2(from[1], STDERR_FILENO) < 0 ||
	    dup2(from[2], IMAGE_TALK_FD) < 0 || sys_close_range(IMAGE_TALK_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(e, "dup2", NULL, "starting a helper for images");
	execve(b->program, argv, env.v);
	return err_sys(e, "execve", b->program, "starting a helper for images");
}

/* ---- the launcher's side of the start ---- */

static char *find_program(const char *name, struct err *e)
{
	AUTO_FREE char *path = helper_path(name);

	if (access(path, X_OK) == 0)
		return ptr_take(&path);
	err_sys(e, "access", path, "%s, which reads and writes images, is not installed", name);
	e->kind = ERR_HOST;
	err_hint(e, "it comes with lichen where that was built with libarchive, libcurl, OpenSSL, ISA-L, zstd, liblzma and bzip2: "
		    "install their development packages, and configure and build again");
	return NULL;
}

/* What could not even begin says so where its program would have. */
static int say_failure(const struct beginning *b, int rc, const struct err *e)
{
	AUTO_BUF struct buf line = { 0 };

	if (rc < 0) {
		err_print_line(e, &line);
		(void)!fd_write_all(b->said, line.s, line.len);
	}
	return EXIT_LICHEN;
}

static int start_here(struct image_helper *h, const struct beginning *b, struct err *e)
{
	h->pid = fork();
	if (h->pid < 0) {
		h->pid = 0;
		return err_sys(e, "fork", NULL, "starting a helper for images");
	}
	if (h->pid == 0)
		_exit(say_failure(b, begin(b, e), e));
	return 0;
}

static int begin_inside(const void *arg, const int *fds, size_t n)
{
	struct beginning b = *(const struct beginning *)arg;
	struct err e = { 0 };

	if (n != IN_MAP_FDS)
		return EXIT_LICHEN;
	b.sock = fds[0];
	b.said = fds[1];
	return say_failure(&b, begin(&b, &e), &e);
}

int helper_serve(struct in_map_server *s, const char *program, const char *task, const struct id_map *uids, const struct id_map *gids,
		 struct err *e)
{
	AUTO_FREE char *path = find_program(program, e);
	const struct beginning b = { .program = path, .task = task, .is_inside = true };

	return path ? in_map_serve(s, uids, gids, begin_inside, &b, e) : -1;
}

static int start_inside(struct image_helper *h, const struct beginning *b, struct in_map_server *inside, struct err *e)
{
	const int fds[IN_MAP_FDS] = { b->sock, b->said };

	h->pid = in_map_server_start(inside, fds, IN_MAP_FDS, e);
	if (h->pid > 0)
		return 0;
	h->pid = 0;
	return -1;
}

int helper_start(struct image_helper *h, const char *task, struct in_map_server *inside, struct err *e)
{
	AUTO_FREE char *program = inside ? NULL : find_program(h->program, e);
	AUTO_CLOSE int theirs = -1, words = -1;
	struct beginning b = { .program = program, .task = task };
	int sv[2], p[2], rc;

	if (!program && !inside)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, "socketpair", NULL, "starting a helper for images");
	h->sock = sv[0];
	b.sock = theirs = sv[1];
	/* its end does not block: what nobody reads is lost */
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, "pipe2", NULL, "starting a helper for images");
	h->said = p[0];
	b.said = words = p[1];
	if (fcntl(h->sock, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "fcntl", NULL, "starting a helper for images");
	rc = inside ? start_inside(h, &b, inside, e) : start_here(h, &b, e);
	if (rc < 0)
		return -1;
	h->pidfd = sys_pidfd_open(h->pid, 0);
	return h->pidfd < 0 ? err_sys(e, "pidfd_open", NULL, "starting a helper for images") : 0;
}

/* ---- warnings ---- */

static void tell(void (*say)(void *, const char *), void *arg, const char *text)
{
	AUTO_BUF struct buf safe = { 0 };

	buf_add_safe(&safe, text);
	say(arg, safe.s ? safe.s : "");
}

static void warn(const struct image_helper *h, const char *text)
{
	const struct imager_view *v = h->view;

	if (v && v->warn)
		tell(v->warn, v->arg, text);
	else
		log_warn("%s", text);
}

/* What was not shown is counted. */
static void show_rest(struct image_helper *h)
{
	char text[80];

	if (h->n_warnings <= WARNINGS_MAX)
		return;
	snprintf(text, sizeof(text), "... and %zu more", h->n_warnings - WARNINGS_MAX);
	h->n_warnings = 0;
	warn(h, text);
}

/* ---- its end ---- */

/* The last line that it printed; "" where there is none. */
static void last_words(const struct image_helper *h, char *line, size_t size)
{
	char text[SAID_MAX + 1];
	ssize_t n = read(h->said, text, SAID_MAX);
	AUTO_BUF struct buf safe = { 0 };
	char *start;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = '\0';
	start = strrchr(text, '\n');
	buf_add_safe(&safe, start ? start + 1 : text);
	snprintf(line, size, "%s%.200s", safe.len ? ": " : "", safe.len ? safe.s : "");
}

static bool has_ended(const struct image_helper *h, int timeout_ms)
{
	struct pollfd p = { .fd = h->pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static void reap(struct image_helper *h, bool is_done, int *status)
{
	*status = 0;
	if (h->pid && (h->pidfd < 0 || !has_ended(h, is_done ? END_WAIT_MS : 0)))
		kill(h->pid, SIGKILL); /* our own child, not yet waited for */
	while (h->pid && waitpid(h->pid, status, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
}

/* It has closed its socket without a word. */
static int explain_end(struct image_helper *h, struct err *e)
{
	char line[256];
	int status;

	reap(h, true, &status);
	last_words(h, line, sizeof(line));
	if (WIFSIGNALED(status)) {
		err_set(e, ERR_PEER, "%s, %s, was killed by signal %d (%s)%s", h->program, h->job, WTERMSIG(status),
			strsignal(WTERMSIG(status)), line);
		if (WTERMSIG(status) == SIGKILL)
			err_hint(e, "where nobody killed it, memory was short: see 'dmesg', or the limits of this login");
		return -1;
	}
	err_set(e, ERR_PEER, "%s, %s, ended with status %d before it was done%s", h->program, h->job, WEXITSTATUS(status), line);
	if (strstr(line, "shared librar"))
		err_hint(e, "a library that it was built with has been removed: install lichen's dependencies again");
	return -1;
}

void helper_end(struct image_helper *h, bool is_done)
{
	int status;

	show_rest(h);
	auto_close(&h->sock);
	reap(h, is_done, &status);
	auto_close(&h->pidfd);
	auto_close(&h->said);
	free(h->out);
	h->out = NULL;
	h->n_out = 0;
}

/* ---- words to it ---- */

int helper_ask(struct image_helper *h, const struct buf *request, const int *fds, size_t n_fds, struct err *e)
{
	if (request->len > IMAGE_REQUEST_MAX)
		return err_set(e, ERR_SPEC, "what %s is asked for is longer than %d bytes: there are too many or too long options", h->program,
			       IMAGE_REQUEST_MAX);
	if (fd_send(h->sock, request->s, request->len, fds, n_fds) == 0)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		return explain_end(h, e);
	return err_sys(e, "sendmsg", NULL, "asking %s", h->program);
}

void helper_say(struct image_helper *h, const struct image_msg *m)
{
	h->out = mem_grow(h->out, h->n_out + 1, sizeof(*h->out));
	h->out[h->n_out++] = *m;
}

int helper_push(struct image_helper *h, struct err *e)
{
	size_t sent = 0;

	while (sent < h->n_out && fd_send(h->sock, &h->out[sent], sizeof(*h->out), NULL, 0) == 0)
		sent++;
	if (sent < h->n_out && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
		return err_sys(e, "sendmsg", NULL, "telling %s", h->program);
	/* of a dead one, its end is heard */
	if (sent < h->n_out && errno != EAGAIN)
		sent = h->n_out;
	memmove(h->out, h->out + sent, (h->n_out - sent) * sizeof(*h->out));
	h->n_out -= sent;
	return 0;
}

short helper_events(const struct image_helper *h)
{
	return h->n_out ? POLLIN | POLLOUT : POLLIN;
}

/* ---- words from it ---- */

static void make_safe(char *text, size_t size)
{
	AUTO_BUF struct buf safe = { 0 };

	text[size - 1] = '\0';
	buf_add_safe(&safe, text);
	str_copy(text, size, safe.s ? safe.s : "");
}

/* The error of a process that may be a stranger's by now: numbers in their range, texts ended, no pointer. */
static int take_error(const struct image_helper *h, struct err *said, struct err *e)
{
	static const enum err_kind may_be[] = { ERR_USAGE, ERR_SPEC, ERR_HOST, ERR_SYS, ERR_STATE, ERR_PEER };
	enum err_kind kind = ERR_PEER;

	for (size_t i = 0; i < N_ELEMS(may_be); i++)
		if (said->kind == may_be[i])
			kind = may_be[i];
	make_safe(said->op, sizeof(said->op));
	make_safe(said->path, sizeof(said->path));
	said->what[sizeof(said->what) - 1] = '\0';
	said->hint[sizeof(said->hint) - 1] = '\0';
	if (!said->what[0])
		return err_set(e, ERR_PEER, "%s, %s, has failed and does not say why", h->program, h->job);
	*e = *said;
	e->kind = kind;
	e->errnum = said->errnum > 0 && said->errnum < 4096 ? said->errnum : 0;
	e->place[0] = '\0';
	e->file = NULL;
	e->line = e->sig = 0;
	return -1;
}

/* STEP and WARN, which may come at any time, and as often as a stranger likes. */
static void show(struct image_helper *h, const struct image_msg *m)
{
	const struct imager_view *v = h->view;

	if (m->kind == IMSG_STEP && h->n_steps++ < SHOWN_STEPS_MAX && v && v->step)
		tell(v->step, v->arg, m->text);
	if (m->kind == IMSG_WARN && h->n_warnings++ < WARNINGS_MAX)
		warn(h, m->text);
}

int helper_hear(struct image_helper *h, struct image_msg *m, int *fds, size_t *n_fds, struct err *e)
{
	size_t got = IMAGER_MSG_FDS;
	ssize_t n = fd_recv(h->sock, m, sizeof(*m), fds, &got);
	bool is_message;

	*n_fds = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* it ended without having read what we sent; what it sent is still there (unix(7)) */
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n <= 0)
		return explain_end(h, e);
	is_message = n == (ssize_t)sizeof(*m) && m->kind > IMSG_NONE && m->kind < IMSG_KINDS;
	m->text[sizeof(m->text) - 1] = '\0';
	m->digest[sizeof(m->digest) - 1] = '\0';
	if (is_message && m->kind != IMSG_ERROR && m->kind != IMSG_STEP && m->kind != IMSG_WARN) {
		*n_fds = got;
		return 1;
	}
	for (size_t i = 0; i < got; i++)
		close(fds[i]);
	if (!is_message)
		return err_set(e, ERR_PEER, "%s, %s, said something that is no message", h->program, h->job);
	if (m->kind == IMSG_ERROR)
		return take_error(h, &m->err, e);
	show(h, m);
	return 0;
}

/* ---- requests ---- */

static void add_key(struct buf *b, const char *key)
{
	if (b->s[b->len - 1] != '{')
		buf_add(b, ",");
	buf_addf(b, "\"%s\":", key);
}

void request_open(struct buf *b)
{
	buf_add(b, "{");
}

void request_str(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	add_key(b, key);
	buf_add_json(b, value);
}

void request_count(struct buf *b, const char *key, uint64_t value)
{
	add_key(b, key);
	buf_addf(b, "%llu", (unsigned long long)value);
}

void request_number(struct buf *b, const char *key, uint64_t value)
{
	if (value)
		request_count(b, key, value);
}

void request_flag(struct buf *b, const char *key, bool value)
{
	if (!value)
		return;
	add_key(b, key);
	buf_add(b, "true");
}

void request_json(struct buf *b, const char *key, const char *json)
{
	if (!json)
		return;
	add_key(b, key);
	buf_add(b, json);
}

void request_close(struct buf *b)
{
	buf_add(b, "}");
}

static void request_mirrors(struct buf *b, const struct imager_registry *r)
{
	struct buf all = { 0 };

	buf_add(&all, "[");
	for (size_t i = 0; i < r->n_mirrors; i++) {
		const struct imager_mirror *m = &r->mirrors[i];
		struct buf one = { 0 };

		request_open(&one);
		request_str(&one, "registry", m->registry);
		request_str(&one, "repository", m->repository);
		request_str(&one, "username", m->username);
		request_str(&one, "password", m->password);
		request_str(&one, "identityToken", m->identity_token);
		request_flag(&one, "insecure", m->is_insecure);
		request_close(&one);
		buf_addf(&all, "%s%s", i ? "," : "", one.s);
		request_fini(&one);
	}
	buf_add(&all, "]");
	request_json(b, "mirrors", all.s);
	request_fini(&all);
}

void request_registry(struct buf *b, const struct imager_registry *r)
{
	if (r->n_mirrors)
		request_mirrors(b, r);
	request_str(b, "username", r->username);
	request_str(b, "password", r->password);
	request_str(b, "identityToken", r->identity_token);
	request_str(b, "cacert", r->cacert);
	request_flag(b, "insecure", r->is_insecure);
	request_number(b, "connections", r->connections);
}

void request_fini(struct buf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->cap);
	buf_fini(b);
}
