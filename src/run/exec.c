/* SPDX-License-Identifier: Apache-2.0 */
/* run/exec.c - lichen exec: asks the supervisor, relays streams and signals, waits */

#include "run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "run/control.h"
#include "run/relay.h"
#include "run/update.h"
#include "run/wait.h"
#include "spec/control_msg.h"
#include "spec/oci.h"

enum { TAG_SIGNAL = 1 << 16, TAG_CONN = 2 << 16, TAG_RELAY = 3 << 16, TAG_MASK = 0xff << 16, ASKED_FDS = 4 };

struct client {
	const struct exec_wish *wish;
	struct run_dir rd;
	struct relay *relay;
	int child_fds[3];
	int conn, signal_fd, epoll_fd;
	bool has_begun, has_ended, is_asked, is_interrupted;
	int status;
};

/* What the supervisor and __exec say. */
struct packet {
	struct control_msg head;
	union {
		struct err err;
		char text[1024];
	} u;
};

/* ---- asking ---- */

static int check_state(const struct client *c, struct err *e)
{
	struct run_state state;
	int rc = 0;

	if (store_read_state(&c->rd, &state, e) < 0)
		return -1;
	if (str_eq(state.status, "created")) {
		err_set(e, ERR_STATE, "it is created, but does not run yet");
		rc = err_hint(e, "'lichen start %.12s' lets it run", c->rd.id);
	} else if (!str_eq(state.status, "running")) {
		rc = err_set(e, ERR_STATE, "it does not run: it is %s", state.status ? state.status : "being made");
	} else if (run_is_paused(&c->rd)) {
		err_set(e, ERR_STATE, "it is paused, and no process of it goes on");
		rc = err_hint(e, "'lichen unpause %.12s' lets it go on", c->rd.id);
	}
	run_state_fini(&state);
	return rc;
}

/* The request as a file in memory. */
static int write_request(const struct spec *rq, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("lichen-exec", MFD_CLOEXEC);
	AUTO_BUF struct buf json = { 0 };

	oci_write(rq, &json);
	if (json.len > OCI_MAX_BYTES) {
		err_set(e, ERR_SPEC, "arguments and environment are too long together: %zu bytes, at most %d are possible", json.len,
			OCI_MAX_BYTES);
		return -1;
	}
	if (fd < 0 || fd_write_all(fd, json.s, json.len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "memfd_create", NULL, "writing down what is asked for");
	return fd_take(&fd);
}

static int flags_of(const struct client *c)
{
	const enum log_level level = log_get_level();

	return (c->wish->rq->process.terminal ? EXEC_TERMINAL : 0) | (c->wish->is_detached ? EXEC_DETACHED : 0) |
	       (level >= LOG_LEVEL_INFO ? EXEC_VERBOSE : 0) | (level >= LOG_LEVEL_DEBUG ? EXEC_DEBUG : 0);
}

static int ask(struct client *c, struct err *e)
{
	const struct control_msg m = { .version = CONTROL_VERSION, .kind = CTL_EXEC, .a = flags_of(c) };
	AUTO_CLOSE int request = write_request(c->wish->rq, e), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[ASKED_FDS] = { request, null, null, null };

	if (request < 0)
		return -1;
	if (null < 0)
		return err_sys(e, "open", "/dev/null", "for the command's streams");
	for (int i = 0; i < 3; i++)
		if (c->child_fds[i] >= 0)
			fds[1 + i] = c->child_fds[i];
	if (fd_send(c->conn, &m, sizeof(m), fds, ASKED_FDS) < 0)
		return err_sys(e, "sendmsg", c->rd.live, "asking its supervisor");
	for (int i = 0; i < 3; i++)
		auto_close(&c->child_fds[i]);
	return 0;
}

/* ---- answers ---- */

static int take_console(struct client *c, int *fds, size_t n, struct err *e)
{
	int fd;

	if (n != 1)
		return err_set(e, ERR_PEER, "the terminal came without a descriptor");
	if (!c->relay)	/* nobody looks at it */
		return 0;
	fd = fds[0];
	fds[0] = -1;
	return relay_console(c->relay, fd, e);
}

static int take_packet(struct client *c, struct packet *p, size_t len, int *fds, size_t n, struct err *e)
{
	switch (p->head.kind) {
	case CTL_CONSOLE:
		return take_console(c, fds, n, e);
	case CTL_BEGUN:
		c->has_begun = true;
		c->has_ended = c->wish->is_detached;
		return c->has_ended ? 0 : relay_watch(c->relay, c->epoll_fd, TAG_RELAY, e);
	case CTL_ENDED:
		c->has_ended = true;
		c->status = p->head.a;
		return 0;
	case CTL_LOG:
		p->u.text[len - sizeof(p->head) < sizeof(p->u.text) ? len - sizeof(p->head) : sizeof(p->u.text) - 1] = '\0';
		log_line((enum log_level)p->head.a, p->u.text);
		return 0;
	case CTL_ERROR:
		if (len < sizeof(p->head) + sizeof(struct err))
			return err_set(e, ERR_PEER, "half an error came");
		*e = p->u.err;
		e->file = NULL;
		e->what[sizeof(e->what) - 1] = e->hint[sizeof(e->hint) - 1] = e->path[sizeof(e->path) - 1] = '\0';
		e->op[sizeof(e->op) - 1] = e->place[sizeof(e->place) - 1] = '\0';
		if (e->kind <= ERR_NONE || e->kind >= ERR_KINDS)
			e->kind = ERR_PEER;
		return -1;
	default:
		return err_set(e, ERR_PEER, "its supervisor says something unknown (%u)", p->head.kind);
	}
}

/* The sandbox may end, and with it whoever would have said so. */
static int take_eof(struct client *c, struct err *e)
{
	if (!c->has_begun) {
		err_set(e, ERR_PEER, "the sandbox ended, or its supervisor, before the command was run");
		return -1;
	}
	log_info("the sandbox has ended, and the command with it");
	c->has_ended = true;
	c->status = EXIT_SIGNAL + SIGKILL;
	return 0;
}

static int take_answer(struct client *c, struct err *e)
{
	struct packet p = { 0 };
	int fds[2], rc;
	size_t n = N_ELEMS(fds);
	ssize_t len = fd_recv(c->conn, &p, sizeof(p), fds, &n);

	if (len <= 0)
		return take_eof(c, e);
	if ((size_t)len < sizeof(p.head) || p.head.version != CONTROL_VERSION) {
		rc = err_set(e, ERR_STATE, "its supervisor speaks another language");
		err_hint(e, "it was started by another version of lichen");
	} else {
		rc = take_packet(c, &p, (size_t)len, fds, n, e);
	}
	for (size_t i = 0; i < n; i++)
		auto_close(&fds[i]);
	return rc;
}

/* ---- signals ---- */

static void pass_on(const struct client *c, int sig)
{
	const struct control_msg m = { .version = CONTROL_VERSION, .kind = CTL_SIGNAL, .a = sig };
	int rc = fd_send(c->conn, &m, sizeof(m), NULL, 0);

	(void)rc; /* it has ended, which is read next */
}

static void take_signal(struct client *c)
{
	struct signalfd_siginfo si;
	int sig;

	/* PIPE and XFSZ of what the relay writes are our own */
	if (read(c->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si) || si.ssi_pid == (uint32_t)getpid())
		return;
	sig = (int)si.ssi_signo;
	switch (sig) {
	case SIGCHLD:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
		return;
	case SIGWINCH:
		relay_resize(c->relay);
		return;
	case SIGTSTP:
		pass_on(c, SIGTSTP);
		relay_suspend(c->relay);
		stop_self();
		relay_resume(c->relay);
		pass_on(c, SIGCONT);
		return;
	case SIGCONT:
		relay_continued(c->relay);
		break;
	default:
		break;
	}
	c->is_asked = c->is_asked || stop_ends(sig);
	c->is_interrupted = c->is_interrupted || sig == SIGINT;
	if (run_is_paused(&c->rd) && stop_ends(sig))
		log_warn("the sandbox is paused: %s arrives when it goes on, with 'lichen unpause %.12s'", signal_name(sig), c->rd.id);
	pass_on(c, sig);
}

/* ---- the wait ---- */

static int watch(const struct client *c, int fd, unsigned tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int wait_for_end_of_it(struct client *c, struct err *e)
{
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0 || watch(c, c->conn, TAG_CONN) < 0 || watch(c, c->signal_fd, TAG_SIGNAL) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching the command");
	while (!c->has_ended) {
		struct epoll_event ev[8];
		int n = epoll_wait(c->epoll_fd, ev, 8, -1);

		for (int i = 0; i < n && !c->has_ended; i++) {
			const unsigned tag = (unsigned)ev[i].data.u64;

			if ((tag & TAG_MASK) == TAG_RELAY)
				relay_event(c->relay, tag & 0xffff, ev[i].events);
			else if (tag == TAG_SIGNAL)
				take_signal(c);
			else if (take_answer(c, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int run_in(struct client *c, struct err *e)
{
	const struct spec_process *p = &c->wish->rq->process;

	if (signals_take(&c->signal_fd, e) < 0)
		return -1;
	if (!c->wish->is_detached && relay_new(&c->relay, p->terminal, p->interactive, c->child_fds, e) < 0)
		return -1;
	c->conn = control_connect(&c->rd, e);
	if (c->conn < 0 || ask(c, e) < 0 || wait_for_end_of_it(c, e) < 0)
		return -1;
	if (!c->relay)
		return 0;
	relay_drain(c->relay, c->is_asked);
	if (c->is_interrupted && c->status == EXIT_SIGNAL + SIGINT && !p->terminal)
		stop_die_of(SIGINT);	/* a shell's loop goes on behind what only exits with 130 */
	if (c->status == 0 && relay_has_lost(c->relay))
		c->status = EXIT_LICHEN;
	return 0;
}

static int find(struct client *c, struct store *st, struct err *e)
{
	struct facts f = { 0 };
	int rc = facts_read(&f, false, e);

	if (rc == 0)
		rc = store_open(st, f.uid, f.home, e);
	facts_fini(&f);
	if (rc < 0)
		return -1;
	rc = store_find(st, c->wish->ref, &c->rd, e);
	store_close(st);
	return rc == 0 ? check_state(c, e) : -1;
}

int run_exec(const struct exec_wish *w, int *status, struct err *e)
{
	struct client c = { .wish = w, .rd = { .lock_fd = -1, .data_fd = -1 }, .child_fds = { -1, -1, -1 }, .conn = -1, .signal_fd = -1,
			    .epoll_fd = -1 };
	struct store st;
	int rc = find(&c, &st, e);

	if (rc == 0)
		rc = run_in(&c, e);
	stop_disarm();
	if (c.relay)
		relay_free(c.relay);
	for (int i = 0; i < 3; i++)
		auto_close(&c.child_fds[i]);
	auto_close(&c.conn);
	auto_close(&c.signal_fd);
	auto_close(&c.epoll_fd);
	run_dir_fini(&c.rd);
	*status = c.status;
	return rc < 0 ? err_wrap(e, "cannot run %s in %s", w->rq->process.args.v[0], w->ref) : 0;
}
