/* SPDX-License-Identifier: Apache-2.0 */
/* run/join.c - namespaces that exist already: opened, proved to be the caller's, before anything starts
 *
 * A namespace may be joined only from within the user namespace that owns it (setns(2)).
 * So what is joined decides in which user namespace the sandbox stands:
 *
 *    owner is the caller's own user namespace	only real root may join; the sandbox's is a new one
 *    owner is another one			it is entered too, and its id map is the sandbox's
 *
 * The kernel tells the owner (NS_GET_USERNS) and whose that is (NS_GET_OWNER_UID), so
 * that neither paths nor pids are believed.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/fuse.h"
#include "run/internal.h"
#include "run/share.h"

/* "network namespace of web", "network namespace /run/x" */
static char *what_is(const struct spec *s, enum ns_type t)
{
	const struct spec_ns *ns = &s->ns[t];

	return str_fmt("%s namespace %s%s", ns_name(t), ns->container ? "of " : "", ns->container ? ns->container : ns->path);
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* ---- opening ---- */

/* The descriptors of one sandbox; asked for once. */
struct answer {
	const char *name;	/* borrowed; NULL: not asked yet */
	struct share_answer a;
};

static int ask(struct answer *x, const char *name, const struct spec *s, struct store *st, struct err *e)
{
	struct run_dir rd = { .lock_fd = -1 };
	int rc;

	if (str_eq(x->name, name))
		return 0;
	if (!st)
		return err_set(e, ERR_STATE, "container:%s: there is no store to look it up in", name);
	if (x->name)
		share_answer_fini(&x->a);
	x->name = NULL;
	if (store_find(st, name, &rd, e) < 0)
		return err_wrap(e, "container:%s", name);
	rc = str_eq(rd.id, s->id) ? err_set(e, ERR_SPEC, "a sandbox cannot join itself") : share_ask(&rd, &x->a, e);
	run_dir_fini(&rd);
	if (rc < 0)
		return err_wrap(e, "container:%s", name);
	x->name = name;
	return 0;
}

/* Takes the descriptor for @t from the answer, or finds that the other uses the host's. */
static int take_answer(struct answer *x, struct plan_input *in, struct spec *s, enum ns_type t, struct err *e)
{
	struct spec_ns *ns = &s->ns[t];

	if (x->a.fds[t] >= 0) {
		AUTO_FREE char *path = str_fmt("/proc/%d/ns/%s", (int)x->a.pid, ns_file_name(t));

		in->joined[t] = fcntl(x->a.fds[t], F_DUPFD_CLOEXEC, 0);
		if (in->joined[t] < 0)
			return err_sys(e, "fcntl", path, "keeping a namespace");
		str_set(&ns->path, path);
		return 0;
	}
	if (!x->a.host[t])
		return err_set(e, ERR_STATE, "container:%s has no %s namespace to share", x->name, ns_name(t));
	ns->mode = NS_HOST;
	return 0;
}

/* A descriptor of the kind @t; for the user namespace also by any namespace that it owns. */
static int check_kind(struct plan_input *in, const struct spec *s, enum ns_type t, struct err *e)
{
	AUTO_FREE char *what = what_is(s, t);
	int kind = ioctl(in->joined[t], NS_GET_NSTYPE);

	if (kind < 0) {
		err_set(e, ERR_SPEC, "%s: that is not a namespace", what);
		return err_hint(e, "expected a file such as /proc/PID/ns/%s, or one on which it is mounted", ns_file_name(t));
	}
	if (kind == ns_clone_flag(t))
		return 0;
	if (t == NS_USER) {
		int owner = ioctl(in->joined[t], NS_GET_USERNS);

		if (owner < 0)
			return err_sys(e, "ioctl", s->ns[t].path, "%s: finding its owner", what);
		close(in->joined[t]);
		in->joined[t] = owner;
		return fd_cloexec(owner, true) < 0 ? err_sys(e, "fcntl", s->ns[t].path, "keeping a namespace") : 0;
	}
	for (enum ns_type k = 0; k < NS_TYPES; k++)
		if (kind == ns_clone_flag(k)) {
			err_set(e, ERR_SPEC, "%s: that is a namespace of another kind, %s", what, ns_name(k));
			return err_hint(e, "expected a file such as /proc/PID/ns/%s", ns_file_name(t));
		}
	return err_set(e, ERR_SPEC, "%s: that is a namespace of an unknown kind", what);
}

static int open_one(struct plan_input *in, struct spec *s, enum ns_type t, struct answer *x, struct store *st,
		    struct err *e)
{
	struct spec_ns *ns = &s->ns[t];

	if (ns->container)
		return ask(x, ns->container, s, st, e) < 0 ? -1 : take_answer(x, in, s, t, e);
	/* a FIFO or a device must not make us wait */
	in->joined[t] = open(ns->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (in->joined[t] < 0) {
		err_sys(e, "open", ns->path, "the %s namespace to join", ns_name(t));
		return errno == EACCES ? err_hint(e, "its process is another user's, or is not dumpable") : -1;
	}
	return check_kind(in, s, t, e);
}

static int open_all(struct plan_input *in, struct spec *s, struct store *st, struct err *e)
{
	struct answer x = { 0 };
	int rc = 0;

	for (enum ns_type t = 0; t < NS_TYPES && rc == 0; t++)
		if (s->ns[t].mode == NS_PATH)
			rc = open_one(in, s, t, &x, st, e);
	if (x.name)
		share_answer_fini(&x.a);
	return rc;
}

/* ---- owners ---- */

/* Is it a user namespace that the caller made? The machine's own is nobody's to enter. */
static int check_user(int fd, const char *what, const struct facts *f, struct err *e)
{
	uid_t uid;

	if (ioctl(fd, NS_GET_OWNER_UID, &uid) < 0)
		return err_sys(e, "ioctl", what, "finding whose it is");
	if (uid == f->uid)
		return 0;
	err_set(e, ERR_SPEC, "%s: its user namespace belongs to uid %u, not to you (%u)", what, uid, f->uid);
	return err_hint(e, "a sandbox joins only what the same user made");
}

/* The owner of one namespace in *@owner: -1 where that is the user namespace we are in. */
static int find_owner(const struct plan_input *in, const struct spec *s, enum ns_type t, int own, const struct facts *f,
		      int *owner, struct err *e)
{
	AUTO_FREE char *what = what_is(s, t);
	AUTO_CLOSE int fd = ioctl(in->joined[t], NS_GET_USERNS);

	*owner = -1;
	if (fd < 0) {
		err_sys(e, "ioctl", what, "finding its owner");
		return e->errnum == EPERM ? err_hint(e, "it belongs to a user namespace outside the one you are in: only "
							"who is in that one can join it") : -1;
	}
	if (fd_cloexec(fd, true) < 0)
		return err_sys(e, "fcntl", what, "keeping a namespace");
	if (is_same(fd, own)) {
		if (f->is_root)
			return 0;
		err_set(e, ERR_SPEC, "%s belongs to this machine, not to you", what);
		return err_hint(e, "only root can join it; 'host' stands for the namespace that you are in yourself");
	}
	if (check_user(fd, what, f, e) < 0)
		return -1;
	*owner = fd_take(&fd);
	return 0;
}

static int two_owners(const struct spec *s, enum ns_type a, enum ns_type b, struct err *e)
{
	AUTO_FREE char *x = what_is(s, a), *y = what_is(s, b);

	err_set(e, ERR_SPEC, "%s and %s belong to different user namespaces: nobody can join both", x, y);
	return err_hint(e, "join namespaces of one sandbox, or of sandboxes that share a user namespace "
			   "(--userns=container:NAME)");
}

/* The user namespace follows the owner, where that is another one. */
static int follow(struct plan_input *in, struct spec *s, enum ns_type t, int owner, struct err *e)
{
	const char *option = s->userns_private ? "--userns=private" : s->userns ? "--userns"
			     : s->uidmap || s->gidmap ? "--uidmap and --gidmap"
			     : s->subuidname || s->subgidname ? "--subuidname and --subgidname"
			     : s->ids == IDS_RANGE || s->ids == IDS_SINGLE ? "--ids" : NULL;

	if (option) {
		AUTO_FREE char *what = what_is(s, t);

		err_set(e, ERR_SPEC, "%s can be joined only in the user namespace that owns it", what);
		return err_hint(e, "leave %s out: the user namespace and its ids are the other's then", option);
	}
	in->joined[NS_USER] = fcntl(owner, F_DUPFD_CLOEXEC, 0);
	if (in->joined[NS_USER] < 0)
		return err_sys(e, "fcntl", NULL, "keeping a namespace");
	s->ns[NS_USER].mode = NS_PATH;
	str_set(&s->ns[NS_USER].path, s->ns[t].path);
	str_set(&s->ns[NS_USER].container, s->ns[t].container);
	return 0;
}

static int check_owners(struct plan_input *in, struct spec *s, const struct facts *f, struct err *e)
{
	AUTO_CLOSE int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	enum ns_type first = NS_USER;

	if (own < 0)
		return err_sys(e, "open", "/proc/self/ns/user", "the user namespace that we are in");
	if (s->ns[NS_USER].mode == NS_PATH) {
		AUTO_FREE char *what = what_is(s, NS_USER);

		if (is_same(in->joined[NS_USER], own)) {
			err_set(e, ERR_SPEC, "%s is the one that you are in", what);
			return err_hint(e, "a sandbox has a user namespace of its own: leave --userns out");
		}
		if (check_user(in->joined[NS_USER], what, f, e) < 0)
			return -1;
	}
	for (enum ns_type t = NS_MOUNT; t < NS_TYPES; t++) {
		AUTO_CLOSE int owner = -1;

		if (s->ns[t].mode != NS_PATH)
			continue;
		if (find_owner(in, s, t, own, f, &owner, e) < 0)
			return -1;
		if (s->ns[NS_USER].mode == NS_PATH) {
			if (owner < 0 || !is_same(owner, in->joined[NS_USER]))
				return two_owners(s, first, t, e);
		} else if (owner >= 0 && !(f->is_root && s->userns_private)) {
			if (first != NS_USER)
				return two_owners(s, first, t, e);
			if (follow(in, s, t, owner, e) < 0)
				return -1;
		} else if (t == NS_PID) {
			err_set(e, ERR_SPEC, "a pid namespace can be joined only together with the user namespace that owns it");
			return err_hint(e, "a /proc of it could not be mounted otherwise: leave --userns=private out");
		}
		first = t;
	}
	return 0;
}

/* ---- what is inside ---- */

struct inside {
	int errnum;		/* 0: it is in */
	char hostname[65];
};

/* ---- child: in the user and uts namespaces that are joined; ends with the socket ---- */
static void look_inside(const struct plan_input *in, int sock)
{
	struct inside m = { 0 };
	struct utsname u;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* steps/join.c says why */
	if ((in->joined[NS_USER] >= 0 && setns(in->joined[NS_USER], CLONE_NEWUSER) < 0) ||
	    (in->joined[NS_UTS] >= 0 && setns(in->joined[NS_UTS], CLONE_NEWUTS) < 0))
		m.errnum = errno;
	else if (uname(&u) == 0)
		str_copy(m.hostname, sizeof(m.hostname), u.nodename);
	if (fd_send(sock, &m, sizeof(m), NULL, 0) == 0)
		(void)!read(sock, &byte, 1);
	_exit(0);
}

/* A map as the reader sees it: the ids outside are those of the user namespace we are in. */
static int read_map(pid_t pid, const char *file, struct id_map *out, struct err *e)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/%s", (int)pid, file), *text = NULL;
	unsigned a, b, n;
	int len;

	if (fd_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return err_sys(e, "read", path, "the ids of the user namespace that is joined");
	for (const char *s = text; sscanf(s, "%u %u %u%n", &a, &b, &n, &len) == 3; s += len)
		if (b != UINT32_MAX)
			id_map_add(out, a, b, n);
	if (out->n)
		return 0;
	err_set(e, ERR_STATE, "the user namespace that is joined has no ids (%s is empty)", file);
	return err_hint(e, "nobody has written its maps yet");
}

static int read_inside(struct plan_input *in, struct err *e)
{
	struct hs ours, theirs;
	struct inside m;
	ssize_t n;
	pid_t pid;
	int rc = 0;

	pid = hs_fork(&ours, &theirs, "looking into the namespaces that are joined", e);
	if (pid < 0)
		return -1;
	if (pid == 0)
		look_inside(in, theirs.sock);
	n = fd_recv(ours.sock, &m, sizeof(m), NULL, NULL);
	if (n != (ssize_t)sizeof(m)) {
		rc = err_set(e, ERR_PEER, "the process that looked into the namespaces to be joined died");
	} else if (m.errnum) {
		errno = m.errnum;
		rc = err_sys(e, "setns", "user", "joining the user namespace");
	} else {
		if (in->joined[NS_USER] >= 0 && (read_map(pid, "uid_map", &in->uids, e) < 0 ||
						 read_map(pid, "gid_map", &in->gids, e) < 0))
			rc = -1;
		if (rc == 0 && in->joined[NS_UTS] >= 0)
			in->hostname = str_dup(m.hostname);
	}
	hs_close(&ours);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}

/* ---- all of it ---- */

static void look_at_host(struct plan_input *in, const struct spec *s)
{
	const char *path;

	for (enum ns_type t = 0; t < NS_TYPES; t++)
		if (s->ns[t].mode == NS_HOST) {
			for (size_t i = 0; (path = plan_shared_path(i)); i++)
				if (access(path, F_OK) < 0)
					strv_add(&in->host_lacks, path);
			return;
		}
}

/* A server of the other's root lives in its user namespace, and in the machine's pid namespace: who
 * is in both can trace it, and it has the machine's files. */
static int check_server(const struct plan_input *in, const struct spec *s, struct err *e)
{
	AUTO_CLOSE int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	const bool is_visible = s->ns[NS_PID].mode == NS_HOST || (in->joined[NS_PID] >= 0 && is_same(in->joined[NS_PID], own));

	if (in->joined[NS_USER] < 0 || !is_visible || !fuse_serves_in(in->joined[NS_USER]))
		return 0;
	err_set(e, ERR_SPEC, "with --pid=host the fuse-overlayfs of the sandbox that is joined could be traced from inside");
	return err_hint(e, "leave --pid out, or start the other one with --overlay=kernel");
}

int join_resolve(struct plan_input *in, struct spec *s, const struct facts *f, struct store *st, struct err *e)
{
	bool is_any = false;

	for (size_t t = 0; t < NS_TYPES; t++) {
		in->joined[t] = -1;
		is_any = is_any || s->ns[t].mode == NS_PATH;
	}
	in->has_joined = true;
	if (is_any && (open_all(in, s, st, e) < 0 || check_owners(in, s, f, e) < 0))
		return -1;
	if (is_any && check_server(in, s, e) < 0)
		return -1;
	look_at_host(in, s);
	if (in->joined[NS_USER] < 0 && in->joined[NS_UTS] < 0)
		return 0;
	if (in->joined[NS_USER] >= 0)
		in->how = IDMAP_JOINED;
	return read_inside(in, e);
}
