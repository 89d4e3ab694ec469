/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/fake-systemd.c - answers one connection as a systemd would, or as it should not
 *
 *	fake-systemd SOCKET [WORD...]
 *
 * Listens on SOCKET (the name is there once it can be connected), and prints each call with its
 * arguments. A client that says Hello is told that this is a bus. Words:
 *
 *	job=RESULT	how a job ends (default: done); "never": it does not
 *	early		the job ends before the call that made it is answered
 *	error=NAME	the answer to StartTransientUnit, StopUnit, GetUnit and AttachProcessesToUnit
 *	unknown=NAME	a property that this version does not know; more than once
 *	cgroup=PATH	the unit's ControlGroup
 *	state=WORD	the unit's ActiveState
 *	silent		a method of the manager is never answered
 *	die=call	the connection ends when the method is called; die=reply: when it is answered
 *	garbage		what is said is not D-Bus; mute: nothing is said
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define JOB	"/org/freedesktop/systemd1/job/7"
#define OTHER	"/org/freedesktop/systemd1/job/70"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define GARBAGE "HTTP/1.1 400 Bad Request\r\nServer: none\r\nContent-Length: 0\r\n\r\n"
#define SECONDS 40	/* then it ends, whatever the test does */

static struct {
	const char *job, *error, *cgroup, *state, *die;
	const char *unknown[8];
	size_t n_unknown;
	bool early, silent, garbage, mute;
} how = { .job = "done", .cgroup = "/user.slice/lichen.slice/x.scope", .state = "active", .die = "" };

static bool is_bus;	/* the client said Hello */

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "fake-systemd: %s: %s\n", what, strerror(-r));
	exit(1);
}

static bool is_word(const char *word, const char *name)
{
	return !strcmp(word, name);
}

static const char *value_of(const char *word, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(word, key, n) && word[n] == '=' ? word + n + 1 : NULL;
}

static void take_word(const char *word)
{
	const char *v;

	if ((v = value_of(word, "job")))
		how.job = v;
	else if ((v = value_of(word, "error")))
		how.error = v;
	else if ((v = value_of(word, "cgroup")))
		how.cgroup = v;
	else if ((v = value_of(word, "state")))
		how.state = v;
	else if ((v = value_of(word, "die")))
		how.die = v;
	else if ((v = value_of(word, "unknown")) && how.n_unknown < sizeof(how.unknown) / sizeof(how.unknown[0]))
		how.unknown[how.n_unknown++] = v;
	else if (is_word(word, "early"))
		how.early = true;
	else if (is_word(word, "silent"))
		how.silent = true;
	else if (is_word(word, "garbage"))
		how.garbage = true;
	else if (is_word(word, "mute"))
		how.mute = true;
	else
		check(-EINVAL, word);
}

/* ---- what is said ---- */

static void send_removed(sd_bus *bus, unsigned id, const char *path, const char *result)
{
	sd_bus_message *m = NULL;

	check(sd_bus_message_new_signal(bus, &m, "/org/freedesktop/systemd1", MANAGER, "JobRemoved"), "signal");
	check(sd_bus_message_append(m, "uoss", id, path, "x.scope", result), "signal");
	if (is_bus)	/* the unique name, as a bus would put it */
		check(sd_bus_message_set_sender(m, ":1.0"), "signal");
	check(sd_bus_send_to(bus, m, NULL, NULL), "signal");
	sd_bus_message_unref(m);
}

static void send_result(sd_bus *bus)
{
	send_removed(bus, 70, OTHER, "failed");
	if (!is_word(how.job, "never"))
		send_removed(bus, 7, JOB, how.job);
}

static void print_value(sd_bus_message *m, const char *type)
{
	const char *s;
	uint64_t t;
	uint32_t u;
	int b;

	check(sd_bus_message_enter_container(m, 'v', type), "variant");
	if (is_word(type, "s")) {
		check(sd_bus_message_read(m, "s", &s), "string");
		printf("%s", s);
	} else if (is_word(type, "b")) {
		check(sd_bus_message_read(m, "b", &b), "boolean");
		printf("%s", b ? "true" : "false");
	} else if (is_word(type, "t")) {
		check(sd_bus_message_read(m, "t", &t), "number");
		printf("%llu", (unsigned long long)t);
	} else if (is_word(type, "au")) {
		check(sd_bus_message_read(m, "au", 1, &u), "numbers");
		printf("[%u]", u);
	} else {
		check(-EINVAL, type);
	}
	check(sd_bus_message_exit_container(m), "variant");
}

/* Prints the properties. Return: the one that is unknown, or NULL */
static const char *print_properties(sd_bus_message *m)
{
	const char *unknown = NULL, *name, *type;

	check(sd_bus_message_enter_container(m, 'a', "(sv)"), "properties");
	while (sd_bus_message_enter_container(m, 'r', "sv") > 0) {
		check(sd_bus_message_read(m, "s", &name), "name");
		check(sd_bus_message_peek_type(m, NULL, &type), "type");
		printf(" %s=", name);
		print_value(m, type);
		check(sd_bus_message_exit_container(m), "property");
		for (size_t i = 0; i < how.n_unknown; i++)
			if (is_word(how.unknown[i], name))
				unknown = how.unknown[i];
	}
	check(sd_bus_message_exit_container(m), "properties");
	return unknown;
}

static int answer_job(sd_bus_message *m)
{
	sd_bus *bus = sd_bus_message_get_bus(m);

	if (how.early)
		send_result(bus);
	check(sd_bus_reply_method_return(m, "o", JOB), "reply");
	if (is_word(how.die, "reply")) {
		sd_bus_flush(bus);
		exit(0);
	}
	if (!how.early)
		send_result(bus);
	return 1;
}

static int answer_start(sd_bus_message *m)
{
	const char *unit, *mode, *unknown;

	check(sd_bus_message_read(m, "ss", &unit, &mode), "arguments");
	printf("StartTransientUnit %s %s", unit, mode);
	unknown = print_properties(m);
	putchar('\n');
	if (unknown)
		return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_PROPERTY_READ_ONLY,
						  "Cannot set property %s, or unknown property.", unknown);
	return 0;
}

static void print_call(sd_bus_message *m, const char *member)
{
	const char *a, *b;
	uint32_t pid;

	if (is_word(member, "StopUnit")) {
		check(sd_bus_message_read(m, "ss", &a, &b), "arguments");
		printf("StopUnit %s %s\n", a, b);
	} else if (is_word(member, "GetUnit")) {
		check(sd_bus_message_read(m, "s", &a), "arguments");
		printf("GetUnit %s\n", a);
	} else if (is_word(member, "AttachProcessesToUnit")) {
		check(sd_bus_message_read(m, "ssau", &a, &b, 1, &pid), "arguments");
		printf("AttachProcessesToUnit %s %s [%u]\n", a, b, pid);
	} else {
		printf("%s\n", member);
	}
}

static int answer_property(sd_bus_message *m)
{
	const char *interface, *name;

	check(sd_bus_message_read(m, "ss", &interface, &name), "arguments");
	printf("Get %s %s %s\n", sd_bus_message_get_path(m), interface, name);
	return sd_bus_reply_method_return(m, "v", "s", is_word(name, "ControlGroup") ? how.cgroup : how.state);
}

static int answer_manager(sd_bus_message *m, const char *member)
{
	int r = 0;

	if (sd_bus_message_get_auto_start(m))
		puts("would start a service");
	if (is_word(member, "StartTransientUnit"))
		r = answer_start(m);
	else
		print_call(m, member);
	if (r)
		return r;
	fflush(stdout);
	if (is_word(how.die, "call"))
		exit(0);
	if (how.silent)
		return 1;
	if (how.error)
		return sd_bus_reply_method_errorf(m, how.error, "it said so\nin two lines");
	if (is_word(member, "GetUnit"))
		return sd_bus_reply_method_return(m, "o", "/org/freedesktop/systemd1/unit/x_2escope");
	if (is_word(member, "AttachProcessesToUnit"))
		return sd_bus_reply_method_return(m, NULL);
	return answer_job(m);
}

static int on_message(sd_bus_message *m, void *data, sd_bus_error *ignored)
{
	const char *member = sd_bus_message_get_member(m), *interface = sd_bus_message_get_interface(m);

	(void)data;
	(void)ignored;
	if (!member || !interface || is_word(interface, "org.freedesktop.DBus.Local"))
		return 0;
	if (is_word(interface, "org.freedesktop.DBus")) {
		printf("bus %s\n", member);
		is_bus = true;
		return is_word(member, "Hello") ? sd_bus_reply_method_return(m, "s", ":1.1") :
						  sd_bus_reply_method_return(m, NULL);
	}
	if (is_word(interface, "org.freedesktop.DBus.Properties"))
		return answer_property(m);
	if (is_word(interface, "org.freedesktop.systemd1.Job")) {
		printf("%s %s\n", member, sd_bus_message_get_path(m));
		return 1;
	}
	return answer_manager(m, member);
}

/* ---- the connection ---- */

static int accept_one(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

	if (fd < 0 || (size_t)snprintf(name.sun_path, sizeof(name.sun_path), "%s.new", path) >= sizeof(name.sun_path))
		check(-ENAMETOOLONG, path);
	unlink(name.sun_path);
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, 8) < 0 || rename(name.sun_path, path) < 0)
		check(-errno, path);
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	close(fd);
	return client;
}

static void speak(int fd)
{
	sd_id128_t id = { .bytes = { 1 } };
	sd_bus *bus = NULL;
	int r;

	check(sd_bus_new(&bus), "sd_bus_new");
	check(sd_bus_set_fd(bus, fd, fd), "sd_bus_set_fd");
	check(sd_bus_set_server(bus, 1, id), "sd_bus_set_server");
	check(sd_bus_add_filter(bus, NULL, on_message, NULL), "sd_bus_add_filter");
	check(sd_bus_start(bus), "sd_bus_start");
	while ((r = sd_bus_process(bus, NULL)) >= 0) {
		fflush(stdout);
		if (!r && sd_bus_wait(bus, UINT64_MAX) < 0)
			break;
	}
	sd_bus_unref(bus);
}

int main(int argc, char **argv)
{
	char chunk[4096];
	int fd;

	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++)
		take_word(argv[i]);
	alarm(SECONDS);
	fd = accept_one(argv[1]);
	if (fd < 0)
		return 1;
	if (how.garbage && write(fd, GARBAGE, strlen(GARBAGE)) < 0)
		return 1;
	if (how.garbage || how.mute)
		while (read(fd, chunk, sizeof(chunk)) > 0)
			;
	else
		speak(fd);
	return 0;
}
