/* SPDX-License-Identifier: Apache-2.0 */
/* scope/bus.c - a connection to a systemd, and calls of its methods */

#include "bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

#define SERVICE	  "org.freedesktop.systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t manager_left(const struct manager *m)
{
	uint64_t t = now();

	return t < m->deadline ? m->deadline - t : 0;
}

/* ---- where it may be ---- */

/* The value of an address: everything but what D-Bus lets stand as it is becomes %NN. */
static void add_escaped(struct buf *out, const char *path)
{
	static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/.*";

	for (; *path; path++)
		if (strchr(PLAIN, *path))
			buf_addn(out, path, 1);
		else
			buf_addf(out, "%%%02x", (unsigned char)*path);
}

static void add_address(struct strv *out, const char *dir, const char *name)
{
	AUTO_BUF struct buf address = { 0 };

	buf_add(&address, "unix:path=");
	add_escaped(&address, dir);
	buf_addf(&address, "/%s", name);
	strv_add(out, address.s);
}

/* A directory where only this user could put a socket. */
static bool is_private(const char *dir)
{
	struct stat st;

	return dir[0] == '/' && !lstat(dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       (st.st_mode & 07777) == 0700;
}

/* Sockets only: unixexec: would run a program, others go over the network. */
static bool is_of_sockets(const char *addresses)
{
	AUTO_STRV struct strv parts = { 0 };

	strv_split(&parts, addresses, ';');
	for (size_t i = 0; i < parts.n; i++)
		if (!str_starts(parts.v[i], "unix:"))
			return false;
	return parts.n != 0;
}

/* The first one is a private socket, the others are buses. */
static void list_addresses(bool is_system, struct strv *out)
{
	const char *dir = getenv("XDG_RUNTIME_DIR"), *bus = getenv("DBUS_SESSION_BUS_ADDRESS");
	AUTO_FREE char *usual = str_fmt("/run/user/%u", getuid());

	if (is_system) {
		add_address(out, "/run", "systemd/private");
		add_address(out, "/run", "dbus/system_bus_socket");
		return;
	}
	if (!dir || !is_private(dir))
		dir = usual;
	add_address(out, dir, "systemd/private");
	if (bus && is_of_sockets(bus))
		strv_add(out, bus);
	else
		add_address(out, dir, "bus");
}

/* ---- connecting ---- */

/* Until the other side has said who it is, and a bus has given us a name. */
static int wait_until_ready(struct manager *m)
{
	int r;

	while (!(r = sd_bus_is_ready(m->bus))) {
		r = sd_bus_process(m->bus, NULL);
		if (r < 0)
			return r;
		if (r)
			continue;
		if (!manager_left(m))
			return -ETIMEDOUT;
		r = sd_bus_wait(m->bus, manager_left(m));
		if (r < 0 && r != -EINTR)
			return r;
	}
	return r < 0 ? r : 0;
}

/* Pids are told as numbers, so both sides have to count alike. */
static int check_peer(const struct manager *m, struct buf *why)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(sd_bus_get_fd(m->bus), SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		buf_addf(why, "SO_PEERCRED: %s", strerror(errno));
		return -1;
	}
	if (!peer.pid) {
		buf_add(why, "it is in another pid namespace, where our pids mean nothing");
		return -1;
	}
	if (m->is_direct && peer.uid && peer.uid != getuid()) {
		buf_addf(why, "it belongs to user %u", peer.uid);
		return -1;
	}
	return 0;
}

/* Return: 0, or -1 and the reason in @why; @is_there: somebody answered, and would not do */
static int try_address(struct manager *m, const char *address, struct buf *why, bool *is_there)
{
	int r = sd_bus_new(&m->bus);

	if (r >= 0)
		r = sd_bus_set_address(m->bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(m->bus, !m->is_direct);
	if (r >= 0)
		r = sd_bus_start(m->bus);
	if (r >= 0)
		r = wait_until_ready(m);
	if (r >= 0 && !check_peer(m, why))
		return 0;
	*is_there = *is_there || (r != -ENOENT && r != -ECONNREFUSED);
	if (r == -ETIMEDOUT)
		buf_addf(why, "no answer within %u s", m->seconds);
	else if (r == -ECONNRESET || r == -ENOTCONN || r == -EPERM || r == -EPROTO)
		buf_addf(why, "what listens there does not speak D-Bus with us: %s", strerror(-r));
	else if (r < 0)
		buf_add(why, strerror(-r));
	manager_close(m);
	return -1;
}

int manager_open(struct manager *m, bool is_system, unsigned seconds, struct err *e)
{
	AUTO_STRV struct strv addresses = { 0 };
	AUTO_BUF struct buf tried = { 0 };
	bool is_there = false;

	*m = (struct manager){ .is_system = is_system, .seconds = seconds, .deadline = now() + seconds * UINT64_C(1000000) };
	if (is_system)
		str_copy(m->whose, sizeof(m->whose), "the system's systemd");
	else
		snprintf(m->whose, sizeof(m->whose), "the systemd of user %u", getuid());
	list_addresses(is_system, &addresses);
	for (size_t i = 0; i < addresses.n; i++) {
		AUTO_BUF struct buf why = { 0 };
		const char *shown = addresses.v[i];

		m->is_direct = !i;
		if (!try_address(m, shown, &why, &is_there))
			return 0;
		shown += str_starts(shown, "unix:path=") ? strlen("unix:path=") : 0;
		buf_addf(&tried, "%s%.100s (%s)", i ? ", nor on " : "", shown, why.s);
		if (!manager_left(m))
			break;
	}
	err_set(e, ERR_HOST, "%s does not answer on %s", m->whose, tried.s);
	if (is_there)
		return -1;
	if (is_system)
		return err_hint(e, "was this machine started by systemd, and is /run its own?");
	return err_hint(e, "no systemd of this user runs: log in with a session (not su or sudo), or loginctl enable-linger");
}

void manager_close(struct manager *m)
{
	m->bus = sd_bus_close_unref(m->bus);
}

/* ---- calls ---- */

/* Errors of D-Bus that mean something to the caller or to the user. */
static const struct {
	const char *name;
	enum err_kind kind;
	const char *cause;
} CAUSES[] = {
	{ "org.freedesktop.systemd1.UnitExists", ERR_STATE,
	  "a unit of this name is there already: stop it, or take another name" },
	{ "org.freedesktop.systemd1.NoSuchUnit", ERR_NOTFOUND, "it has ended, or was never started" },
	{ "org.freedesktop.systemd1.NoSuchProcess", ERR_STATE, "the process has ended" },
	{ SD_BUS_ERROR_UNIX_PROCESS_ID_UNKNOWN, ERR_STATE, "the process has ended" },
	{ SD_BUS_ERROR_FILE_NOT_FOUND, ERR_STATE, "a subgroup has to be made before" },
	{ SD_BUS_ERROR_ACCESS_DENIED, ERR_STATE, "polkit or the bus does not let this user do it" },
	{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ERR_STATE, "polkit wants a password; ask as root" },
	{ SD_BUS_ERROR_AUTH_FAILED, ERR_STATE, "polkit does not let this user do it" },
	{ SD_BUS_ERROR_SERVICE_UNKNOWN, ERR_HOST, "a bus is there, and no systemd on it" },
	{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, ERR_HOST, "a bus is there, and no systemd on it" },
	{ SD_BUS_ERROR_UNKNOWN_METHOD, ERR_STATE, "this systemd is too old; version 238 or later is needed" },
};

int manager_err(const struct manager *m, int r, const char *doing, struct err *e)
{
	if (r == -ETIMEDOUT)
		return err_set(e, ERR_PEER, "%s: %s gave no answer within %u s", doing, m->whose, m->seconds);
	if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE)
		return err_set(e, ERR_PEER, "%s: the connection to %s ended", doing, m->whose);
	return err_set(e, ERR_PEER, "%s: talking to %s: %s", doing, m->whose, strerror(-r));
}

/* What the other side sent as an error, or libsystemd made of a failure of its own. */
static int call_err(const struct manager *m, int r, const char *doing, const sd_bus_error *answer, struct err *e)
{
	const char *text = answer->message ? answer->message : "without a message";

	for (size_t i = 0; i < N_ELEMS(CAUSES); i++) {
		if (!sd_bus_error_has_name(answer, CAUSES[i].name))
			continue;
		err_set(e, CAUSES[i].kind, "%s: %s: %s: %s", doing, m->whose, answer->name, text);
		return err_hint(e, "%s", CAUSES[i].cause);
	}
	if (r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || !answer->name)
		return manager_err(m, r, doing, e);
	return err_set(e, ERR_STATE, "%s: %s: %s: %s", doing, m->whose, answer->name, text);
}

sd_bus_message *manager_call(struct manager *m, const char *path, const char *method, struct err *e)
{
	const char *space = strchr(method, ' ');
	AUTO_FREE char *interface = space ? str_dupn(method, (size_t)(space - method)) : str_dup(INTERFACE);
	sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(m->bus, &call, SERVICE, path, interface, space ? space + 1 : method);

	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, 0);
	if (r >= 0)
		return call;
	sd_bus_message_unref(call);
	manager_err(m, r, method, e);
	return NULL;
}

int manager_send(struct manager *m, sd_bus_message *call, const char *unit, sd_bus_message **reply, bool *unknown,
		 struct err *e)
{
	AUTO_FREE char *doing = str_fmt("%s of %s", sd_bus_message_get_member(call), unit);
	sd_bus_error answer = SD_BUS_ERROR_NULL;
	uint64_t left = manager_left(m);
	int r;

	/* 0 would be the library's own limit */
	r = left ? sd_bus_call(m->bus, call, left, &answer, reply) : -ETIMEDOUT;
	if (r >= 0)
		return 0;
	if (unknown)
		*unknown = sd_bus_error_has_name(&answer, SD_BUS_ERROR_PROPERTY_READ_ONLY) ||
			   sd_bus_error_has_name(&answer, SD_BUS_ERROR_UNKNOWN_PROPERTY);
	call_err(m, r, doing, &answer, e);
	sd_bus_error_free(&answer);
	return -1;
}
