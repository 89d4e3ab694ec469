/* SPDX-License-Identifier: Apache-2.0 */
/* bench/pairs.c - commands measured side by side: one run of each per round, so that noise meets all
 *
 *	pairs -n ROUNDS -r ROW [-t TITLE] [-p PROGRAM] [-c NAME/NAME]... [-s NAME,NAME...] NAME COMMAND [ARG...] --- NAME COMMAND [ARG...] ...
 *
 * Prints min, median and p99 in milliseconds, the ratio of each median to the first one's, and the
 * median of the processor time that it took with all it waited for (not what the kernel does for
 * nobody, and no waiting), and the most memory that one process of it had; then the same as one line of JSON. -c compares two more closely: the
 * median of all rounds' ratios and differences. On a machine with other work the times are worth
 * little, these and the processor time more. -p names what runs before each, unmeasured, and makes all anew.
 * -s names the stages that the first command has: how many times the slowest of them it takes, and how many at least,
 * where all processors of this machine share the processor time of all stages, and nothing else is done.
 * A command that fails ends it: a time of failures is none.
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { COMMANDS_MAX = 8, COMPARED_MAX = 12, WARM_UP = 5, WARM_UP_FEW = 2, WARM_UP_ANEW = 1, FEW_ROUNDS = 50 };

struct command {
	const char *name;
	char **argv;
	struct times {
		double *ms, *cpu;	/* of each round; sorted in the end */
	} t;
	long peak_kib;		/* of its largest process, in all rounds */
};

/* -c */
struct compared {
	const char *names;
	const struct command *a, *b;
	double ratio, difference, cpu_ratio;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double in_ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

/* Milliseconds from before the spawn to after the wait; returns those of a processor. */
static double run_once(struct command *c, posix_spawn_file_actions_t *quiet, double *ms)
{
	double start = now_ms();
	struct rusage used = { 0 };
	int status = 0, rc;
	pid_t pid;

	rc = posix_spawnp(&pid, c->argv[0], quiet, NULL, c->argv, environ);
	if (rc) {
		fprintf(stderr, "pairs: %s: cannot start %s: %s\n", c->name, c->argv[0], strerror(rc));
		exit(2);
	}
	while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
		;
	*ms = now_ms() - start;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "pairs: %s ended with %s %d\n", c->name, WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		exit(2);
	}
	if (used.ru_maxrss > c->peak_kib)
		c->peak_kib = used.ru_maxrss;
	return in_ms(used.ru_utime) + in_ms(used.ru_stime);
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

static const struct command *find(const struct command *v, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(v[i].name) == len && strncmp(v[i].name, name, len) == 0)
			return &v[i];
	fprintf(stderr, "pairs: -c %s: no command is called %.*s\n", name, (int)len, name);
	exit(2);
}

static void find_both(struct compared *c, const struct command *v, size_t n)
{
	const size_t len = strcspn(c->names, "/");
	const char *second = c->names + len + (c->names[len] == '/');

	c->a = find(v, n, c->names, len);
	c->b = find(v, n, second, strlen(second));
}

static double median_of(double *v, size_t n)
{
	qsort(v, n, sizeof(double), by_size);
	return quantile(v, n, 0.5);
}

/* Before the times are sorted: round by round. */
static void compare(struct compared *c, size_t rounds)
{
	double *ratios = calloc(rounds, sizeof(double)), *differences = calloc(rounds, sizeof(double)),
	       *cpu = calloc(rounds, sizeof(double));

	if (!ratios || !differences || !cpu)
		exit(2);
	for (size_t r = 0; r < rounds; r++) {
		ratios[r] = c->a->t.ms[r] / c->b->t.ms[r];
		differences[r] = c->a->t.ms[r] - c->b->t.ms[r];
		cpu[r] = c->a->t.cpu[r] / c->b->t.cpu[r];
	}
	c->ratio = median_of(ratios, rounds);
	c->difference = median_of(differences, rounds);
	c->cpu_ratio = median_of(cpu, rounds);
	free(ratios);
	free(differences);
	free(cpu);
}

static void report_text(const struct command *v, size_t n, const struct compared *c, size_t n_compared, size_t rounds)
{
	const double first = quantile(v[0].t.ms, rounds, 0.5);

	printf("  %-34s %8s %8s %8s %8s %8s %8s\n", "command", "min", "median", "p99", "ratio", "cpu", "peak MiB");
	for (size_t i = 0; i < n; i++) {
		double median = quantile(v[i].t.ms, rounds, 0.5);

		printf("  %-34s %8.3f %8.3f %8.3f %8.3f %8.3f %8.1f\n", v[i].name, v[i].t.ms[0], median,
		       quantile(v[i].t.ms, rounds, 0.99), median / first, quantile(v[i].t.cpu, rounds, 0.5),
		       (double)v[i].peak_kib / 1024);
	}
	for (size_t i = 0; i < n_compared; i++)
		printf("  %s to %s, round by round: ratio %.3f, %+.3f ms, of processor time %.3f\n", c[i].a->name, c[i].b->name,
		       c[i].ratio, c[i].difference, c[i].cpu_ratio);
}

static void report_json(const char *row, const struct command *v, size_t n, const struct compared *c, size_t n_compared,
			size_t rounds)
{
	const double first = quantile(v[0].t.ms, rounds, 0.5);

	printf("{\"row\":\"%s\",\"rounds\":%zu,\"unit\":\"ms\",\"commands\":[", row, rounds);
	for (size_t i = 0; i < n; i++) {
		double median = quantile(v[i].t.ms, rounds, 0.5);

		printf("%s{\"name\":\"%s\",\"min\":%.4f,\"median\":%.4f,\"p99\":%.4f,\"ratio\":%.4f,\"cpu\":%.4f,\"peak_kib\":%ld}", i ? "," : "",
		       v[i].name, v[i].t.ms[0], median, quantile(v[i].t.ms, rounds, 0.99), median / first,
		       quantile(v[i].t.cpu, rounds, 0.5), v[i].peak_kib);
	}
	printf("]%s", n_compared ? ",\"compared\":[" : "");
	for (size_t i = 0; i < n_compared; i++)
		printf("%s{\"of\":\"%s\",\"to\":\"%s\",\"ratio\":%.4f,\"difference\":%.4f,\"cpu_ratio\":%.4f}", i ? "," : "",
		       c[i].a->name, c[i].b->name, c[i].ratio, c[i].difference, c[i].cpu_ratio);
	printf("%s}\n", n_compared ? "]" : "");
}

/* Medians; the times are sorted. @names is taken apart. */
static void report_stages(const char *row, char *names, const struct command *v, size_t n, size_t rounds)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const struct command *slowest = NULL;
	double most = 0, most_cpu = 0, all = 0, ratio, least;

	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		const struct command *c = find(v, n, name, strlen(name));
		double ms = quantile(c->t.ms, rounds, 0.5), cpu = quantile(c->t.cpu, rounds, 0.5);

		all += cpu;
		most_cpu = cpu > most_cpu ? cpu : most_cpu;
		if (ms > most) {
			most = ms;
			slowest = c;
		}
	}
	if (!slowest)
		return;
	ratio = quantile(v[0].t.ms, rounds, 0.5) / most;
	least = all / (double)processors / most_cpu;
	least = least < 1 ? 1 : least;
	printf("  %s takes %.2f times its slowest stage, %s; %ld processors cannot do all stages in less than %.2f\n", v[0].name, ratio,
	       slowest->name, processors, least);
	printf("{\"row\":\"%s-stages\",\"slowest\":\"%s\",\"ratio\":%.4f,\"least\":%.4f}\n", row, slowest->name, ratio, least);
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

/* In another order each round: what one leaves for the kernel to clean up falls on the next. */
static void shuffle(size_t *order, size_t n)
{
	static uint32_t seed = 1;

	for (size_t i = n - 1; i > 0; i--) {
		size_t j, kept = order[i];

		seed = seed * 1664525 + 1013904223;
		j = (seed >> 16) % (i + 1);
		order[i] = order[j];
		order[j] = kept;
	}
}

static double run_anew(struct command *c, struct command *before, posix_spawn_file_actions_t *quiet, double *ms)
{
	if (before->argv)
		run_once(before, quiet, ms);
	return run_once(c, quiet, ms);
}

static void measure(struct command *v, size_t n, size_t rounds, struct command *before)
{
	const int warm_up = before->argv ? WARM_UP_ANEW : rounds < FEW_ROUNDS ? WARM_UP_FEW : WARM_UP;
	posix_spawn_file_actions_t quiet;
	size_t order[COMMANDS_MAX];

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < n; i++) {
		double ignored;

		order[i] = i;
		for (int w = 0; w < warm_up; w++)
			run_anew(&v[i], before, &quiet, &ignored);
	}
	for (size_t r = 0; r < rounds; r++) {
		shuffle(order, n);
		for (size_t i = 0; i < n; i++) {
			struct times *t = &v[order[i]].t;

			t->cpu[r] = run_anew(&v[order[i]], before, &quiet, &t->ms[r]);
		}
	}
	posix_spawn_file_actions_destroy(&quiet);
}

int main(int argc, char **argv)
{
	struct command v[COMMANDS_MAX] = { 0 };
	struct compared compared[COMPARED_MAX] = { 0 };
	struct command before = { .name = "-p" };
	char *before_argv[2] = { 0 };
	const char *row = "?", *title = "";
	char *stages = NULL;
	size_t n, n_compared = 0, rounds = 200;
	int o;

	while ((o = getopt(argc, argv, "+n:r:t:p:c:s:")) != -1) {
		if (o == 'n')
			rounds = strtoul(optarg, NULL, 10);
		else if (o == 'r')
			row = optarg;
		else if (o == 't')
			title = optarg;
		else if (o == 'p')
			before_argv[0] = optarg, before.argv = before_argv;
		else if (o == 's')
			stages = optarg;
		else if (o == 'c' && n_compared < COMPARED_MAX)
			compared[n_compared++].names = optarg;
		else
			optind = argc;
	}
	n = parse(argv + optind, v);
	if (n == 0 || rounds == 0) {
		fprintf(stderr, "usage: pairs -n ROUNDS -r ROW [-t TITLE] [-p PROGRAM] [-c NAME/NAME]... [-s NAME,NAME...] NAME COMMAND... --- NAME COMMAND...\n");
		return 2;
	}
	for (size_t i = 0; i < n_compared; i++)
		find_both(&compared[i], v, n);
	for (size_t i = 0; i < n; i++) {
		v[i].t.ms = calloc(rounds, sizeof(double));
		v[i].t.cpu = calloc(rounds, sizeof(double));
		if (!v[i].t.ms || !v[i].t.cpu)
			return 2;
	}
	measure(v, n, rounds, &before);
	for (size_t i = 0; i < n_compared; i++)
		compare(&compared[i], rounds);
	for (size_t i = 0; i < n; i++) {
		qsort(v[i].t.ms, rounds, sizeof(double), by_size);
		qsort(v[i].t.cpu, rounds, sizeof(double), by_size);
	}
	printf("row %s%s%s (%zu rounds, ms)\n", row, *title ? ": " : "", title, rounds);
	report_text(v, n, compared, n_compared, rounds);
	report_json(row, v, n, compared, n_compared, rounds);
	if (stages)
		report_stages(row, stages, v, n, rounds);
	for (size_t i = 0; i < n; i++) {
		free(v[i].t.ms);
		free(v[i].t.cpu);
	}
	return 0;
}
