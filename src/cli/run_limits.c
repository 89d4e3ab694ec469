/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_limits.c - options of `lichen run` about limits and attributes of the process */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "base/size.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "spec/spec.h"

/* A decimal number of the whole text; false: it is none, or too large. */
static bool number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* ---- --ulimit ---- */

static bool limit_value(const char *text, uint64_t *out)
{
	if (str_eq(text, "unlimited") || str_eq(text, "-1")) {
		*out = RLIM_INFINITY;
		return true;
	}
	return number(text, out);
}

static struct spec_rlimit *find_limit(struct spec *s, const char *type)
{
	for (size_t i = 0; i < s->process.n_rlimits; i++)
		if (str_eq(s->process.rlimits[i].type, type))
			return &s->process.rlimits[i];
	return spec_add_rlimit(s);
}

static int add_ulimit(struct spec *s, const char *text, struct err *e)
{
	size_t n = strcspn(text, "=");
	AUTO_FREE char *type = str_dupn(text, n);
	AUTO_STRV struct strv values = { 0 };
	struct spec_rlimit *l;
	uint64_t soft, hard;
	int which = rlimit_from_name(type);

	if (str_eq(text, "host"))
		return 0; /* podman's word: limits are the caller's anyway */
	if (which < 0) {
		const char *near = rlimit_nearest(type);

		err_set(e, ERR_USAGE, "--ulimit %s: '%s' is not a resource limit; expected TYPE=SOFT[:HARD]", text, type);
		return near ? err_hint(e, "did you mean %s%s ?", near, text[n] ? text + n : "=N")
			    : err_hint(e, "the types are those of setrlimit(2): nofile, nproc, core, stack and so on");
	}
	strv_split(&values, text[n] ? text + n + 1 : "", ':');
	if (values.n > 2 || !limit_value(values.v[0], &soft) || !limit_value(values.v[values.n - 1], &hard)) {
		err_set(e, ERR_USAGE, "--ulimit %s: expected TYPE=SOFT[:HARD]", text);
		return err_hint(e, "SOFT and HARD are numbers, or unlimited; units are not taken: --ulimit nofile=1024:4096");
	}
	if (soft > hard)
		return err_set(e, ERR_USAGE, "--ulimit %s: the soft limit is above the hard one", text);
	l = find_limit(s, rlimit_name(which));
	str_set(&l->type, rlimit_name(which));
	l->soft = soft;
	l->hard = hard;
	return 0;
}

/* ---- numbers and words ---- */

static int take_numbers(struct spec *s, const struct args *a, struct err *e)
{
	struct spec_process *p = &s->process;
	char *end;

	if (a->umask) {
		p->umask = (uint32_t)strtoul(a->umask, &end, 8);
		p->has_umask = true;
		if (*end || strspn(a->umask, "01234567") != strlen(a->umask) || p->umask > 0777 || strlen(a->umask) > 5)
			return err_set(e, ERR_USAGE, "--umask %s: expected an octal number from 0 to 777, such as 022", a->umask);
	}
	if (a->oom_score_adj) {
		long n = strtol(a->oom_score_adj, &end, 10);

		if (*end || end == a->oom_score_adj || n < -1000 || n > 1000)
			return err_set(e, ERR_USAGE, "--oom-score-adj %s: expected a number from -1000 to 1000", a->oom_score_adj);
		p->oom_score_adj = (int)n;
		p->has_oom_score_adj = true;
	}
	if (!a->preserve_fds)
		return 0;
	if (!number(a->preserve_fds, &p->preserve_fds) || p->preserve_fds > 1024) {
		err_set(e, ERR_USAGE, "--preserve-fds %s: expected how many descriptors go in, at most 1024", a->preserve_fds);
		return err_hint(e, "they are counted from 3: with 2, descriptors 3 and 4");
	}
	/* now, as lichen opens its own in the gaps later */
	for (int fd = 3; fd < 3 + (int)p->preserve_fds; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			err_set(e, ERR_USAGE, "--preserve-fds %s: descriptor %d is not open", a->preserve_fds, fd);
			return err_hint(e, "a shell opens it for lichen: lichen run --preserve-fds %s ... %d<FILE", a->preserve_fds, fd);
		}
	return 0;
}

static int take_personality(struct spec *s, const struct strv *lists, struct err *e)
{
	for (size_t i = 0; i < lists->n; i++) {
		AUTO_STRV struct strv words = { 0 };

		strv_split(&words, lists->v[i], ',');
		for (size_t k = 0; k < words.n; k++) {
			/* as setarch's options are typed */
			const char *word = str_starts(words.v[k], "--") ? words.v[k] + 2 : words.v[k];
			const char *near = personality_nearest(word);

			if (personality_add(&s->process.personality, word))
				continue;
			err_set(e, ERR_USAGE, "--personality %s: '%s' is no word of setarch(8)", lists->v[i], word);
			return near ? err_hint(e, "did you mean %s ?", near)
				    : err_hint(e, "for example linux32, addr-no-randomize, uname-2.6");
		}
		s->process.has_personality = true;
	}
	return 0;
}

static int take_stop(struct spec *s, const struct args *a, struct err *e)
{
	static const struct {
		char unit;
		double seconds;
	} UNITS[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	enum { YEARS_MAX = 10 };
	double n, factor = 0;
	char *end;

	if (a->stop_signal) {
		int sig = signal_from_name(a->stop_signal);
		const char *near = sig < 0 ? signal_nearest(a->stop_signal) : NULL;

		if (sig < 0) {
			err_set(e, ERR_USAGE, "--stop-signal %s: that is not a signal", a->stop_signal);
			return near ? err_hint(e, "did you mean %s ?", near) : err_hint(e, "see signal(7)");
		}
		s->stop_signal = str_dup(signal_name(sig));
		if (s->stop_signal[0] == '?')
			str_set(&s->stop_signal, a->stop_signal);
	}
	if (!a->timeout)
		return 0;
	n = strtod(a->timeout, &end);
	for (size_t i = 0; i < N_ELEMS(UNITS); i++)
		if (*end == UNITS[i].unit && (!*end || !end[1]))
			factor = UNITS[i].seconds;
	/* strtod() takes "inf", "0x1p3" and signs, too */
	if (strspn(a->timeout, "0123456789.") != (size_t)(end - a->timeout) || end == a->timeout || factor <= 0 ||
	    n * factor > YEARS_MAX * 366.0 * 86400) {
		err_set(e, ERR_USAGE, "--timeout %s: expected a time, in seconds or with s, m, h or d", a->timeout);
		return err_hint(e, "for example --timeout 90 or --timeout 1.5h; at most ten years");
	}
	s->timeout_ms = (uint64_t)(n * factor * 1000);
	if (n > 0 && !s->timeout_ms)
		s->timeout_ms = 1;
	return 0;
}

/* ---- --sysctl ---- */

static int add_sysctl(struct spec *s, const char *text, struct err *e)
{
	size_t n = strcspn(text, "=");
	AUTO_FREE char *typed = str_dupn(text, n), *key = sysctl_key(typed);
	const char *why;
	int owner;

	if (!text[n] || !n) {
		err_set(e, ERR_USAGE, "--sysctl %s: expected KEY=VALUE", text);
		return err_hint(e, "for example --sysctl net.ipv4.ip_unprivileged_port_start=80");
	}
	owner = sysctl_owner(key, &why);
	if (owner < 0)
		return err_set(e, ERR_USAGE, "--sysctl %s: %s", key, why);
	/* FACTS: its sysctl is EPERM, the system call works */
	if (owner == NS_UTS)
		str_set(&s->domainname, text + n + 1);
	else
		strv_addf(&s->sysctls, "%s=%s", key, text + n + 1);
	return 0;
}

/* ---- --shm-size ---- */

static int take_shm(struct spec *s, const char *text, struct err *e)
{
	struct spec_mount *m;
	uint64_t size;

	if (!text)
		return 0;
	if (size_parse("--shm-size", text, &size, e) < 0)
		return -1;
	if (!size)
		return err_set(e, ERR_USAGE, "--shm-size %s: it must hold something, such as 64m", text);
	if (s->ns[NS_IPC].mode == NS_HOST) {
		err_set(e, ERR_USAGE, "--shm-size %s: with --ipc=host /dev/shm is this machine's", text);
		return err_hint(e, "leave one of the two out");
	}
	for (size_t i = 0; i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].destination, "/dev/shm"))
			return err_set(e, ERR_USAGE, "--shm-size %s: another option mounts something on /dev/shm already", text);
	/* takes the place of the default mount, as any mount on its destination */
	m = spec_add_mount(s);
	m->destination = str_dup("/dev/shm");
	m->type = str_dup("tmpfs");
	m->source = str_dup("shm");
	strv_split(&m->options, "nosuid,noexec,nodev,mode=1777", ',');
	strv_addf(&m->options, "size=%llu", (unsigned long long)size);
	return 0;
}

int take_limits(struct spec *s, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->ulimits.n; i++)
		if (add_ulimit(s, a->ulimits.v[i], e) < 0)
			return -1;
	str_set(&s->domainname, a->domainname);
	for (size_t i = 0; i < a->sysctls.n; i++)
		if (add_sysctl(s, a->sysctls.v[i], e) < 0)
			return -1;
	if (take_numbers(s, a, e) < 0 || take_personality(s, &a->personality, e) < 0 || take_stop(s, a, e) < 0)
		return -1;
	return take_shm(s, a->shm_size, e);
}
