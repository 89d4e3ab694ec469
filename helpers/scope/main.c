/* SPDX-License-Identifier: Apache-2.0 */
/* scope/main.c - lichen-scope: asks a systemd for a transient scope, over D-Bus
 *
 *	lichen-scope start  --unit NAME.scope --slice NAME.slice --description TEXT --pid PID
 *	lichen-scope attach --unit NAME.scope --subgroup /PATH --pid PID
 *	lichen-scope stop   --unit NAME.scope
 *	lichen-scope show   --unit NAME.scope
 *
 * Started by the launcher where it sits in no cgroup that was delegated to it. A process of its
 * own: the launcher does not link libsystemd. It runs as the user, outside any sandbox, and trusts
 * the user's own systemd.
 *
 * Where it looks: /run/user/UID/systemd/private, then $DBUS_SESSION_BUS_ADDRESS (sockets only) or
 * else /run/user/UID/bus; $XDG_RUNTIME_DIR stands for /run/user/UID where it is the user's own
 * with mode 0700. --system: /run/systemd/private, then the system bus.
 *
 * Exit status: 0 done; 1 failed; 2 no such unit; 3 no systemd answers.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "bus.h"
#include "names.h"
#include "unit.h"

enum { TIMEOUT_DEFAULT = 30, TIMEOUT_MAX = 3600 };
enum status { FAILED = 1, NO_SUCH_UNIT = 2, NOBODY_ANSWERS = 3 };

static const char USAGE[] =
	"usage: lichen-scope start --unit NAME.scope --slice NAME.slice --description TEXT --pid PID\n"
	"       lichen-scope attach --unit NAME.scope --subgroup /PATH --pid PID\n"
	"       lichen-scope stop --unit NAME.scope\n"
	"       lichen-scope show --unit NAME.scope\n"
	"\n"
	"Asks the user's systemd for a transient scope that is delegated.\n"
	"\n"
	"  start    makes the scope, with the process in it, and prints its cgroup\n"
	"  attach   moves the process to a cgroup below the scope's that is there already\n"
	"  stop     ends all its processes; a scope that is not there is no error\n"
	"  show     prints ControlGroup= and ActiveState=\n"
	"\n"
	"  --system            the system's systemd instead, for root\n"
	"  --timeout SECONDS   for all that is done (default: 30)\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 no such unit, 3 no systemd answers.\n";

static const struct option OPTIONS[] = {
	{ "description", required_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' },
	{ "pid", required_argument, NULL, 'p' },	 { "slice", required_argument, NULL, 's' },
	{ "subgroup", required_argument, NULL, 'g' },	 { "system", no_argument, NULL, 'S' },
	{ "timeout", required_argument, NULL, 't' },	 { "unit", required_argument, NULL, 'u' },
	{ NULL, 0, NULL, 0 },
};

struct command {
	const char *name;
	const char *needs;	/* of OPTIONS; --system and --timeout are everybody's */
	int (*run)(struct manager *m, const struct request *rq, struct err *e);
};

static const struct command COMMANDS[] = {
	{ "start", "usdp", unit_start },
	{ "attach", "ugp", unit_attach },
	{ "stop", "u", unit_stop },
	{ "show", "u", unit_show },
};

/* ---- the command line ---- */

static int number_parse(const char *option, const char *s, long max, long *out, struct err *e)
{
	char *end;

	errno = 0;
	*out = strtol(s, &end, 10);
	if (errno || end == s || *end || *out < 1 || *out > max)
		return err_set(e, ERR_USAGE, "%s: '%s' is no number from 1 to %ld", option, s, max);
	return 0;
}

static const char *option_name(char c)
{
	const struct option *o = OPTIONS;

	while (o->name && o->val != c)
		o++;
	return o->name;
}

static int take_option(int c, struct request *rq, struct err *e)
{
	long n;

	switch (c) {
	case 'd':
		rq->description = optarg;
		return 0;
	case 'g':
		rq->subgroup = optarg;
		return names_check_subgroup(optarg, e);
	case 'p':
		if (number_parse("--pid", optarg, 1 << 22, &n, e))
			return -1;
		rq->pid = (pid_t)n;
		return 0;
	case 's':
		rq->slice = optarg;
		return names_check_unit("--slice", optarg, ".slice", e);
	case 'S':
		rq->is_system = true;
		return 0;
	case 't':
		if (number_parse("--timeout", optarg, TIMEOUT_MAX, &n, e))
			return -1;
		rq->timeout = (unsigned)n;
		return 0;
	default:
		rq->unit = optarg;
		return names_check_unit("--unit", optarg, ".scope", e);
	}
}

static int check_options(const struct command *cmd, const char *given, struct err *e)
{
	for (const char *c = cmd->needs; *c; c++)
		if (!strchr(given, *c))
			return err_set(e, ERR_USAGE, "%s needs --%s; see --help", cmd->name, option_name(*c));
	for (const char *c = given; *c; c++)
		if (!strchr(cmd->needs, *c) && *c != 'S' && *c != 't')
			return err_set(e, ERR_USAGE, "%s takes no --%s; see --help", cmd->name, option_name(*c));
	return 0;
}

/* Return: 0, 1 where there is nothing more to do, -1 with @e */
static int args_parse(int argc, char **argv, const struct command **cmd, struct request *rq, struct err *e)
{
	const char *word = argc > 1 ? argv[1] : "";
	AUTO_BUF struct buf given = { 0 };
	int c;

	if (str_eq(word, "--help")) {
		fputs(USAGE, stdout);
		return 1;
	}
	for (size_t i = 0; i < N_ELEMS(COMMANDS); i++)
		if (str_eq(word, COMMANDS[i].name))
			*cmd = &COMMANDS[i];
	if (!*cmd)
		return err_set(e, ERR_USAGE, "'%s' is not start, attach, stop or show; see --help", word);
	opterr = 0;
	while ((c = getopt_long(argc - 1, argv + 1, "", OPTIONS, NULL)) != -1) {
		char letter = (char)c;

		if (c == 'h') {
			fputs(USAGE, stdout);
			return 1;
		}
		if (c == '?')
			return err_set(e, ERR_USAGE, "'%s': unknown, or its value is missing; see --help", argv[optind]);
		buf_addn(&given, &letter, 1);
		if (take_option(c, rq, e))
			return -1;
	}
	if (optind < argc - 1)
		return err_set(e, ERR_USAGE, "'%s' is one word too many; see --help", argv[optind + 1]);
	return check_options(*cmd, given.s ? given.s : "", e);
}

/* ---- the program ---- */

/* Who starts us for itself does not live to use the scope if it is killed meanwhile, and its number may
 * soon be another process's. */
static int end_with(pid_t pid, struct err *e)
{
	if (pid != getppid())
		return 0;
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", "PR_SET_PDEATHSIG", "ending with the process");
	return pid == getppid() ? 0 : err_set(e, ERR_STATE, "process %d has ended", (int)pid);
}

static int run(int argc, char **argv, struct err *e)
{
	struct request rq = { .timeout = TIMEOUT_DEFAULT };
	const struct command *cmd = NULL;
	struct manager m = { 0 };
	int r = args_parse(argc, argv, &cmd, &rq, e);

	if (r)
		return r < 0 ? -1 : 0;
	/* Nothing is executed here; this holds also where somebody else has a say in the library. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "prctl", NULL, "giving up privileges");
	if (end_with(rq.pid, e))
		return -1;
	if (manager_open(&m, rq.is_system, rq.timeout, e))
		return -1;
	r = cmd->run(&m, &rq, e);
	manager_close(&m);
	if (!r && fflush(stdout))
		return err_sys(e, "write", NULL, "standard output");
	return r;
}

static enum status exit_status(const struct err *e)
{
	if (e->kind == ERR_NOTFOUND)
		return NO_SUCH_UNIT;
	return e->kind == ERR_HOST ? NOBODY_ANSWERS : FAILED;
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf line = { 0 };
	struct err e = { 0 };

	if (!run(argc, argv, &e))
		return 0;
	err_print_line(&e, &line);
	fprintf(stderr, "lichen-scope: %s\n", line.s);
	return (int)exit_status(&e);
}
