/* SPDX-License-Identifier: Apache-2.0 */
/* bench/pairs.c - commands measured side by side: one run of each per round, so that noise meets all
 *
 *	pairs -n ROUNDS -r ROW [-t TITLE] NAME COMMAND [ARG...] --- NAME COMMAND [ARG...] ...
 *
 * Prints min, median and p99 in milliseconds and the ratio of each median to the first one's,
 * then the same as one line of JSON. A command that fails ends it: a time of failures is none.
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { COMMANDS_MAX = 8, WARM_UP = 5 };

struct command {
	const char *name;
	char **argv;
	double *ms;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Milliseconds from before the spawn to after the wait. */
static double run_once(const struct command *c, posix_spawn_file_actions_t *quiet)
{
	double start = now_ms(), end;
	int status = 0, rc;
	pid_t pid;

	rc = posix_spawnp(&pid, c->argv[0], quiet, NULL, c->argv, environ);
	if (rc) {
		fprintf(stderr, "pairs: %s: cannot start %s: %s\n", c->name, c->argv[0], strerror(rc));
		exit(2);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	end = now_ms();
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "pairs: %s ended with %s %d\n", c->name, WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		exit(2);
	}
	return end - start;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
	return sorted[(size_t)(q * (double)(n - 1) + 0.5)];
}

static void report(const char *row, const char *title, struct command *v, size_t n, size_t rounds)
{
	double first = 0;

	printf("row %s%s%s (%zu rounds, ms)\n  %-34s %8s %8s %8s %8s\n", row, *title ? ": " : "", title, rounds,
	       "command", "min", "median", "p99", "ratio");
	for (size_t i = 0; i < n; i++) {
		double median;

		qsort(v[i].ms, rounds, sizeof(double), by_size);
		median = quantile(v[i].ms, rounds, 0.5);
		if (i == 0)
			first = median;
		printf("  %-34s %8.3f %8.3f %8.3f %8.3f\n", v[i].name, v[i].ms[0], median,
		       quantile(v[i].ms, rounds, 0.99), median / first);
	}
	printf("{\"row\":\"%s\",\"rounds\":%zu,\"unit\":\"ms\",\"commands\":[", row, rounds);
	for (size_t i = 0; i < n; i++) {
		double median = quantile(v[i].ms, rounds, 0.5);

		printf("%s{\"name\":\"%s\",\"min\":%.4f,\"median\":%.4f,\"p99\":%.4f,\"ratio\":%.4f}", i ? "," : "",
		       v[i].name, v[i].ms[0], median, quantile(v[i].ms, rounds, 0.99), median / first);
	}
	printf("]}\n");
}

static size_t parse(char **argv, struct command *v)
{
	size_t n = 0;

	while (*argv && n < COMMANDS_MAX) {
		v[n].name = *argv++;
		v[n].argv = argv;
		while (*argv && strcmp(*argv, "---") != 0)
			argv++;
		if (v[n].argv == argv)
			return 0; /* a name without a command */
		n++;
		if (*argv)
			*argv++ = NULL;
	}
	return *argv ? 0 : n;
}

int main(int argc, char **argv)
{
	struct command v[COMMANDS_MAX] = { 0 };
	const char *row = "?", *title = "";
	posix_spawn_file_actions_t quiet;
	size_t n, rounds = 200;
	int o;

	while ((o = getopt(argc, argv, "+n:r:t:")) != -1) {
		if (o == 'n')
			rounds = strtoul(optarg, NULL, 10);
		else if (o == 'r')
			row = optarg;
		else if (o == 't')
			title = optarg;
		else
			optind = argc;
	}
	n = parse(argv + optind, v);
	if (n == 0 || rounds == 0) {
		fprintf(stderr, "usage: pairs -n ROUNDS -r ROW [-t TITLE] NAME COMMAND... --- NAME COMMAND...\n");
		return 2;
	}
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < n; i++) {
		v[i].ms = calloc(rounds, sizeof(double));
		if (!v[i].ms)
			return 2;
		for (int w = 0; w < WARM_UP; w++)
			run_once(&v[i], &quiet);
	}
	/* who begins changes: what one leaves for the kernel to clean up falls on the next */
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < n; i++) {
			struct command *c = &v[(i + r) % n];

			c->ms[r] = run_once(c, &quiet);
		}
	report(row, title, v, n, rounds);
	for (size_t i = 0; i < n; i++)
		free(v[i].ms);
	posix_spawn_file_actions_destroy(&quiet);
	return 0;
}
