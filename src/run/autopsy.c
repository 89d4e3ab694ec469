/* SPDX-License-Identifier: Apache-2.0 */
/* run/autopsy.c - what a sandbox that ended badly died of: a limit, the seccomp filter, a signal from outside
 *
 * The limits tell by the counts of their own files (memory.events, pids.events, cpu.stat), which
 * are read after the last process has ended and before the cgroup is removed. A filter that
 * kills is told by SIGSYS; which call it was stands in the kernel's log, where we may read it.
 */

#include "run/autopsy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/size.h"
#include "host/cgroup.h"

enum { KMSG_MAX = 8192, USEC_PER_MSEC = 1000, PERCENT = 100, MUCH_THROTTLED = 50 };

static uint64_t number_of(const char *dir, const char *file)
{
	AUTO_FREE char *text = cgroup_read_line(dir, file);

	return text ? strtoull(text, NULL, 10) : 0;
}

/* ---- the filter ---- */

/* The number behind @key; false: it is not there. */
static bool field(const char *line, const char *key, int base, unsigned long *out)
{
	const char *at = strstr(line, key);
	char *end;

	if (!at)
		return false;
	*out = strtoul(at + strlen(key), &end, base);
	return end != at + strlen(key);
}

bool autopsy_parse_audit(const char *line, struct audit_kill *out)
{
	unsigned long sig, pid, uid, nr;
	unsigned long long time;

	if (!strstr(line, "type=1326") || sscanf(line, "%*u,%*u,%llu", &time) != 1 || !field(line, " sig=", 10, &sig) || sig != SIGSYS ||
	    !field(line, " pid=", 10, &pid) || !field(line, " uid=", 10, &uid) || !field(line, " syscall=", 10, &nr) ||
	    !field(line, " arch=", 16, &out->arch))
		return false;
	out->time_us = time;
	out->pid = (pid_t)pid;
	out->uid = (uint32_t)uid;
	out->nr = (long)nr;
	return true;
}

/* Process 1 itself; below an init, whoever of the sandbox's ids was killed since it started. */
static bool is_ours(const struct audit_kill *k, const struct autopsy_facts *f)
{
	if (f->signal)
		return k->pid == f->pid;
	return k->time_us >= f->started_us && f->uids && id_map_inside(f->uids, k->uid) >= 0;
}

/* The last such line; reading the log of the kernel is a privilege on many machines. */
static bool find_call(const struct autopsy_facts *f, struct audit_kill *out)
{
	AUTO_CLOSE int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool found = false;
	char line[KMSG_MAX];
	ssize_t n;

	if (fd < 0)
		return false;
	/* EPIPE: what came next has been overwritten meanwhile */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		struct audit_kill k;

		line[n > 0 ? n : 0] = '\0';
		if (autopsy_parse_audit(line, &k) && is_ours(&k, f)) {
			*out = k;
			found = true;
		}
	}
	return found;
}

static void name_call(struct buf *out, const struct autopsy_facts *f)
{
	AUTO_FREE char *name = NULL;
	char number[24], arch_text[24];
	const char *argv[] = { f->helper, "--name", number, "--arch", arch_text, NULL };
	struct audit_kill k = { 0 };
	struct child tool;
	struct err ignored;

	if (!find_call(f, &k)) {
		buf_add(out, "; which system call it was stands in the kernel's log (dmesg, type=1326)");
		return;
	}
	snprintf(number, sizeof(number), "%ld", k.nr);
	snprintf(arch_text, sizeof(arch_text), "0x%lx", k.arch);
	if (child_spawn(&tool, argv, true, &ignored) == 0 && child_wait(&tool, &name, &ignored) == 0 && name)
		name[strcspn(name, "\n")] = '\0';
	else
		free(ptr_take(&name));
	buf_addf(out, ": system call %s%s%s%s", name && *name ? name : number, name && *name ? " (" : "", name && *name ? number : "",
		 name && *name ? ")" : "");
}

/* ---- the limits ---- */

static void add_size(struct buf *out, uint64_t bytes)
{
	char text[SIZE_TEXT];

	buf_add(out, size_format(bytes, text));
}

static bool is_same(const char *a, const char *b, const char *file)
{
	AUTO_FREE char *of_a = cgroup_read_line(a, file), *of_b = cgroup_read_line(b, file);

	return of_a && of_b && str_eq(of_a, of_b);
}

/* Whether it was the box's own limit that was reached, and not one that the payload set in a group of its
 * own: memory.events counts what is below, too. The inner group, where it still has the same limit, comes
 * to it first. */
static bool was_own_memory(const struct cgroup_box *b)
{
	AUTO_FREE char *local = cgroup_read_line(b->box, "memory.events.local");

	if (!local)	/* before Linux 5.2 */
		return cgroup_event(b->box, "memory.events", "oom") || cgroup_event(b->box, "memory.events", "oom_group_kill");
	return cgroup_event(b->box, "memory.events.local", "oom") ||
	       (b->inner && is_same(b->box, b->inner, "memory.max") && cgroup_event(b->inner, "memory.events.local", "oom"));
}

static bool find_memory(struct run_end *end, const struct cgroup_box *b, struct buf *out)
{
	const bool was_ours = was_own_memory(b);

	/* a group that the payload made hit the limit that the payload set */
	if (!was_ours && cgroup_event(b->box, "memory.events", "oom"))
		return false;
	end->oom_kills = cgroup_event(b->box, "memory.events", "oom_kill");
	end->memory_max = number_of(b->box, "memory.max");
	end->memory_peak = number_of(b->box, "memory.peak");
	if (!end->oom_kills)
		return false;
	end->oom_killed = true;
	end->cause = was_ours ? "memory" : "memory-above";
	if (was_ours) {
		buf_add(out, "the memory limit ended it: ");
		add_size(out, end->memory_max);
		buf_addf(out, " (--memory) were reached");
	} else {
		buf_add(out, "it was ended for want of memory, not by its own limit: the machine, or a level above, had none left");
	}
	buf_addf(out, ", and the kernel killed %" PRIu64 " of its processes", end->oom_kills);
	if (end->memory_peak) {
		buf_add(out, "; it had used ");
		add_size(out, end->memory_peak);
		buf_add(out, " at most");
	}
	return true;
}

/* Before Linux 6.11 a refused fork is counted where its process is, whatever level's limit it was. */
static uint64_t count_pids_hits(const struct cgroup_box *b)
{
	AUTO_FREE char *local = cgroup_read_line(b->box, "pids.events.local"), *payload = NULL, *max = NULL;
	const char *file = local ? "pids.events.local" : "pids.events";
	uint64_t n = cgroup_event(b->box, file, "max");

	if (!b->inner || !is_same(b->box, b->inner, "pids.max"))
		return n;
	n += cgroup_event(b->inner, file, "max");
	payload = str_fmt("%s/payload", b->inner);
	max = cgroup_read_line(payload, "pids.max");
	return n + (!local && max && str_eq(max, "max") ? cgroup_event(payload, file, "max") : 0);
}

static bool find_pids(struct run_end *end, const struct cgroup_box *b, struct buf *out)
{
	AUTO_FREE char *max = cgroup_read_line(b->box, "pids.max");

	end->pids_hits = count_pids_hits(b);
	if (!end->pids_hits || !max || str_eq(max, "max"))
		return false;
	end->cause = "pids";
	buf_addf(out, "it hit its limit of processes %" PRIu64 " times: no more than %s (--pids-limit) can run at once, and fork fails with EAGAIN",
		 end->pids_hits, max);
	return true;
}

static bool find_throttling(struct run_end *end, const struct cgroup_box *b, const struct autopsy_facts *f, struct buf *out)
{
	const uint64_t periods = cgroup_event(b->box, "cpu.stat", "nr_periods"),
		       throttled = cgroup_event(b->box, "cpu.stat", "nr_throttled");
	AUTO_FREE char *max = cgroup_read_line(b->box, "cpu.max");

	end->throttled_ms = cgroup_event(b->box, "cpu.stat", "throttled_usec") / USEC_PER_MSEC;
	if (!f->has_timed_out || !periods || throttled * PERCENT / periods < MUCH_THROTTLED)
		return false;
	end->cause = "cpu";
	buf_addf(out, "its time was over while the processor limit held it back in %" PRIu64 " %% of the periods (cpu.max %s, --cpus)",
		 throttled * PERCENT / periods, max ? max : "");
	return true;
}

/* ---- the verdict ---- */

static bool find_signal(struct run_end *end, const struct spec *s, const struct autopsy_facts *f, struct buf *out)
{
	/* lichen-init passes on what its child ended with */
	const int sig = f->signal ? f->signal : s->process.init && f->status > EXIT_SIGNAL ? f->status - EXIT_SIGNAL : 0;

	end->signal = sig;
	if (sig == SIGSYS) {
		end->cause = "seccomp";
		buf_add(out, "the seccomp filter killed it (SIGSYS)");
		name_call(out, f);
		return true;
	}
	if (sig != SIGKILL || f->was_ours)
		return false;
	end->cause = "signal";
	buf_add(out, "it was killed by SIGKILL, which some process sent, and no limit of its own");
	return true;
}

void autopsy(struct run_end *end, const struct spec *s, const struct cgroup_box *b, const struct autopsy_facts *f)
{
	AUTO_BUF struct buf out = { 0 };

	*end = (struct run_end){ .status = f->status };
	if (f->status == 0)
		return;
	if ((b->box && (find_memory(end, b, &out) || find_pids(end, b, &out) || find_throttling(end, b, f, &out))) ||
	    find_signal(end, s, f, &out))
		str_copy(end->text, sizeof(end->text), out.s);
}

void autopsy_start(const struct cgroup_box *b, struct err *e)
{
	AUTO_BUF struct buf size = { 0 };

	if (!b->box || e->kind == ERR_SIGNAL)
		return;
	if (cgroup_event(b->box, "memory.events", "oom_kill")) {
		add_size(&size, number_of(b->box, "memory.max"));
		err_hint(e, "the memory limit, %s (--memory), was reached before the command began: give it more", size.s);
	} else if (cgroup_event(b->box, "pids.events", "max")) {
		err_hint(e, "the limit of processes, %llu (--pids-limit), was reached before the command began: give it more",
			 (unsigned long long)number_of(b->box, "pids.max"));
	}
}

void run_end_json(const struct run_end *end, struct buf *out)
{
	buf_addf(out, "{\"ended\":{\"status\":%d,\"signal\":%d,\"oomKilled\":%s,\"by\":", end->status, end->signal,
		 end->oom_killed ? "true" : "false");
	if (end->cause)
		buf_add_json(out, end->cause);
	else
		buf_add(out, "null");
	buf_addf(out, ",\"oomKills\":%" PRIu64 ",\"memoryMax\":%" PRIu64 ",\"memoryPeak\":%" PRIu64 ",\"pidsHits\":%" PRIu64
		 ",\"throttledMs\":%" PRIu64 ",\"what\":", end->oom_kills, end->memory_max, end->memory_peak, end->pids_hits,
		 end->throttled_ms);
	buf_add_json(out, end->text);
	buf_add(out, "}}\n");
}
