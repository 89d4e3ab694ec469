/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/probe.c - what a functional test asks from inside a sandbox, as one static program
 *
 *	probe plain COMMAND...	runs COMMAND with all signals at their default, none blocked
 *	probe group COMMAND...	the same in a process group of its own, as a shell's job
 *	probe ignore N COMMAND...	runs COMMAND with signal N ignored
 *	probe hold FILE [WORD]	clears its PDEATHSIG, leaves the session, ignores what can be ignored,
 *				does so in a child as well, writes "ready" to FILE and waits for ever
 *	probe fds		prints every open descriptor above 2 and where it leads
 *	probe call NAME...	makes each call, prints NAME and "ok" or the errno's name
 *	probe open PATH...	opens each for writing (without changing it), prints the same
 *	probe winsize		prints ROWS COLUMNS of the terminal on descriptor 0
 *	probe opaque DIR...	marks each: overlays show nothing of lower layers in it
 *	probe layers DIR N	makes DIR/1 (the topmost) to DIR/N, each a layer with its number in /n and /d/NUMBER
 *	probe json FILE		succeeds where FILE is one JSON value and nothing else
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FDS = 1024, DEPTH = 64, JSON_MAX = 4 << 20 };

static const char *errno_name(int n)
{
	static const struct {
		int n;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },   { EACCES, "EACCES" }, { ENOSYS, "ENOSYS" }, { EROFS, "EROFS" },
		{ ENOENT, "ENOENT" }, { EINVAL, "EINVAL" }, { ENOTTY, "ENOTTY" }, { EIO, "EIO" },
		{ EBADF, "EBADF" },   { EFAULT, "EFAULT" }, { EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ ENOTDIR, "ENOTDIR" }, { ENXIO, "ENXIO" }, { EISDIR, "EISDIR" },
	};
	static char other[16];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].n == n)
			return names[i].name;
	snprintf(other, sizeof(other), "errno-%d", n);
	return other;
}

static void result(const char *what, long rc)
{
	printf("%s %s\n", what, rc < 0 ? errno_name(errno) : "ok");
	fflush(stdout);
}

static int plain(char **argv)
{
	sigset_t none;

	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

static int ignore(int n, char **argv)
{
	signal(n, SIG_IGN);
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

static int hold(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	pid_t child;

	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, 0);
	setsid();
	child = fork();
	if (fd < 0 || child < 0) {
		perror(file);
		return 1;
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, 0);
		setsid();
	} else if (write(fd, "ready\n", 6) != 6) {
		return 1;
	}
	/* Descriptor kept open: it is what the leak check sees. */
	for (;;)
		pause();
}

static int fds(void)
{
	char link[64], target[512];
	ssize_t n;

	for (int fd = 3; fd < FDS; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("%d %s\n", fd, target);
	}
	return 0;
}

static int opaque(char **dirs, int n)
{
	for (int i = 0; i < n; i++)
		if (setxattr(dirs[i], "user.overlay.opaque", "y", 1, 0) < 0) {
			perror(dirs[i]);
			return 1;
		}
	return 0;
}

static int number_file(const char *path, int n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), rc = fd < 0 ? -1 : dprintf(fd, "%d\n", n);

	return fd < 0 || close(fd) < 0 || rc < 0 ? -1 : 0;
}

static int layers(const char *dir, int n)
{
	char path[4096];

	for (int i = 1; i <= n; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		if (mkdir(path, 0755) < 0)
			break;
		snprintf(path, sizeof(path), "%s/%d/n", dir, i);
		if (number_file(path, i) < 0)
			break;
		snprintf(path, sizeof(path), "%s/%d/d", dir, i);
		if (mkdir(path, 0755) < 0)
			break;
		snprintf(path, sizeof(path), "%s/%d/d/%d", dir, i, i);
		if (number_file(path, i) < 0)
			break;
		if (i == n)
			return 0;
	}
	perror(path);
	return 1;
}

static long call(const char *name)
{
	static const struct {
		const char *name;
		int family;
	} families[] = {
		{ "socket-unix", AF_UNIX }, { "socket-inet", AF_INET }, { "socket-vsock", 40 /* AF_VSOCK */ },
		{ "socket-alg", 38 /* AF_ALG */ },
	};
	char c = 'x';

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strcmp(name, families[i].name) == 0)
			return socket(families[i].family, SOCK_STREAM, 0);
	/* Unfiltered, this is ENOTTY where descriptor 0 is no terminal. */
	if (strcmp(name, "tiocsti") == 0)
		return syscall(SYS_ioctl, 0, (unsigned long)TIOCSTI, &c);
	if (strcmp(name, "tiocsti-high") == 0) /* the kernel drops the upper half, a filter must too */
		return syscall(SYS_ioctl, 0, (unsigned long)TIOCSTI | 1ul << (sizeof(long) * 8 - 1), &c);
	if (strcmp(name, "tioclinux") == 0)
		return syscall(SYS_ioctl, 0, 0x541cul, &c);
	if (strcmp(name, "unshare-user") == 0)
		return unshare(CLONE_NEWUSER);
	if (strcmp(name, "setns") == 0) /* unfiltered: EBADF */
		return setns(-1, 0);
	if (strcmp(name, "mount") == 0)
		return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0ul, NULL);
#ifdef SYS_clone3
	if (strcmp(name, "clone3") == 0) /* unfiltered: EINVAL or EFAULT */
		return syscall(SYS_clone3, NULL, 0ul);
#endif
#ifdef SYS_io_uring_setup
	if (strcmp(name, "io_uring") == 0) /* unfiltered: EFAULT or EINVAL */
		return syscall(SYS_io_uring_setup, 1u, NULL);
#endif
#ifdef SYS_keyctl
	if (strcmp(name, "keyctl") == 0) /* KEYCTL_GET_KEYRING_ID, of the session */
		return syscall(SYS_keyctl, 0ul, -3l, 1ul, 0ul, 0ul);
#endif
#ifdef SYS_bpf
	if (strcmp(name, "bpf") == 0)
		return syscall(SYS_bpf, 0, NULL, 0);
#endif
	fprintf(stderr, "probe: no call '%s'\n", name);
	exit(2);
}

/* A system call by its number: "syscall 110 0 5". */
static int by_number(char **argv, int argc)
{
	long args[6] = { 0 };

	for (int i = 1; i < argc && i <= 6; i++)
		args[i - 1] = strtol(argv[i], NULL, 0);
	result(argv[0], syscall(strtol(argv[0], NULL, 0), args[0], args[1], args[2], args[3], args[4], args[5]));
	return 0;
}

/* Exchanges two names as fast as it goes, until it is killed. */
static int swap(const char *a, const char *b)
{
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2u /* RENAME_EXCHANGE */) < 0)
			return 1;
}

static int winsize(void)
{
	struct winsize w;

	if (ioctl(0, TIOCGWINSZ, &w) < 0) {
		perror("TIOCGWINSZ");
		return 1;
	}
	printf("%d %d\n", w.ws_row, w.ws_col);
	return 0;
}

/* ---- JSON, looked at and not understood ---- */

static void space(const char **p)
{
	while (**p == ' ' || **p == '\t' || **p == '\n' || **p == '\r')
		(*p)++;
}

static bool json_string(const char **p)
{
	if (*(*p)++ != '"')
		return false;
	for (; **p != '"'; (*p)++) {
		if ((unsigned char)**p < 0x20)
			return false;
		if (**p != '\\')
			continue;
		(*p)++;
		if (**p == 'u') {
			for (int i = 0; i < 4; i++)
				if (!isxdigit((unsigned char)*++*p))
					return false;
		} else if (!**p || !strchr("\"\\/bfnrt", **p)) {
			return false;
		}
	}
	(*p)++;
	return true;
}

static bool json_number(const char **p)
{
	const char *digits;

	if (**p == '-')
		(*p)++;
	digits = *p;
	while (isdigit((unsigned char)**p))
		(*p)++;
	if (*p == digits || (*digits == '0' && *p - digits > 1))
		return false;
	if (**p == '.')
		for (digits = ++*p; isdigit((unsigned char)**p);)
			(*p)++;
	if (*p == digits && (*p)[-1] == '.')
		return false;
	if (**p != 'e' && **p != 'E')
		return true;
	(*p)++;
	if (**p == '+' || **p == '-')
		(*p)++;
	for (digits = *p; isdigit((unsigned char)**p);)
		(*p)++;
	return *p != digits;
}

static bool json_value(const char **p, int depth)
{
	static const char *const words[] = { "true", "false", "null" };
	char open = **p, close = open == '{' ? '}' : ']';

	if (open == '"')
		return json_string(p);
	for (size_t i = 0; i < 3; i++)
		if (strncmp(*p, words[i], strlen(words[i])) == 0) {
			*p += strlen(words[i]);
			return true;
		}
	if (open != '{' && open != '[')
		return json_number(p);
	if (depth == DEPTH)
		return false;
	(*p)++;
	space(p);
	if (**p == close) {
		(*p)++;
		return true;
	}
	for (;;) {
		space(p);
		if (open == '{') {
			if (!json_string(p))
				return false;
			space(p);
			if (*(*p)++ != ':')
				return false;
			space(p);
		}
		if (!json_value(p, depth + 1))
			return false;
		space(p);
		if (**p == close) {
			(*p)++;
			return true;
		}
		if (*(*p)++ != ',')
			return false;
	}
}

static int json(const char *file)
{
	char *text = malloc(JSON_MAX);
	const char *p = text;
	FILE *f = fopen(file, "re");
	size_t n;
	bool is_good;

	if (!f || !text) {
		perror(file);
		return 2;
	}
	n = fread(text, 1, JSON_MAX - 1, f);
	fclose(f);
	text[n] = '\0';
	space(&p);
	is_good = json_value(&p, 0);
	if (is_good)
		space(&p);
	is_good = is_good && p == text + n;
	if (!is_good)
		fprintf(stderr, "%s: no JSON at byte %td: %.40s\n", file, p - text, p < text + n ? p : "");
	free(text);
	return is_good ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "plain") == 0 && argc > 2)
		return plain(argv + 2);
	if (strcmp(verb, "group") == 0 && argc > 2 && setpgid(0, 0) == 0)
		return plain(argv + 2);
	if (strcmp(verb, "ignore") == 0 && argc > 3)
		return ignore(atoi(argv[2]), argv + 3);
	if (strcmp(verb, "hold") == 0 && argc > 2)
		return hold(argv[2]);
	if (strcmp(verb, "fds") == 0)
		return fds();
	if (strcmp(verb, "winsize") == 0)
		return winsize();
	if (strcmp(verb, "opaque") == 0 && argc > 2)
		return opaque(argv + 2, argc - 2);
	if (strcmp(verb, "layers") == 0 && argc > 3)
		return layers(argv[2], atoi(argv[3]));
	if (strcmp(verb, "json") == 0 && argc > 2)
		return json(argv[2]);
	if (strcmp(verb, "syscall") == 0 && argc > 2)
		return by_number(argv + 2, argc - 2);
	if (strcmp(verb, "swap") == 0 && argc > 3)
		return swap(argv[2], argv[3]);
	if (strcmp(verb, "call") == 0) {
		for (int i = 2; i < argc; i++)
			result(argv[i], call(argv[i]));
		return 0;
	}
	if (strcmp(verb, "open") == 0) {
		for (int i = 2; i < argc; i++)
			result(argv[i], open(argv[i], O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
		return 0;
	}
	fprintf(stderr, "usage: probe plain|group|ignore|hold|fds|call|open|winsize|opaque|layers|json|syscall|swap ...\n");
	return 2;
}
