/* SPDX-License-Identifier: Apache-2.0 */
/* scope/unit.c - what can be done with a scope
 *
 * Which properties a scope gets, and why:
 *
 *   Delegate=true	its cgroup and what is made below it are the caller's, with every controller that
 *			the manager itself was given; nobody else moves processes in there
 *   CollectMode=	a scope that failed is forgotten like one that ended well: its name is free again,
 *     inactive-or-failed	and nothing stays in the lists of systemctl
 *   TimeoutStopUSec=10s	from SIGTERM to SIGKILL, as docker has it; process 1 of a pid namespace has no
 *			default action for SIGTERM, and a logout would wait 90 s for it
 *   OOMPolicy=continue	(253 and later, some 252) when the kernel kills a process for a memory limit, the others go on
 *   MemoryAccounting=	(before that) there any such kill below the scope ends it with SIGTERM to all, unless
 *     false		systemd does not count: only then does it not watch memory.events. The controller
 *			itself is delegated all the same
 *
 * DefaultDependencies stays on: at shutdown and at the end of the session the scope is stopped in order.
 */

#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/sys.h"
#include "names.h"

#define MANAGER_PATH "/org/freedesktop/systemd1"
#define STOP_SECONDS 10

/* ---- jobs ---- */

struct job {
	const char *path;	/* the one that is waited for */
	char result[32];	/* empty until it is there */
};

static int on_job_removed(sd_bus_message *signal, void *data, sd_bus_error *ignored)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void)ignored;
	if (sd_bus_message_read(signal, "uoss", &id, &path, &unit, &result) >= 0 && job->path &&
	    str_eq(path, job->path))
		str_copy(job->result, sizeof(job->result), result);
	return 0;
}

/* Before the call that makes the job: what comes from then on waits in the connection's queue. */
static int job_subscribe(struct manager *m, struct job *job, struct err *e)
{
	/* On a bus anybody may send a signal; the private socket has one other end. */
	int r = sd_bus_match_signal(m->bus, NULL, m->is_direct ? NULL : "org.freedesktop.systemd1", MANAGER_PATH,
				    "org.freedesktop.systemd1.Manager", "JobRemoved", on_job_removed, job);

	return r < 0 ? manager_err(m, r, "subscribing to JobRemoved", e) : 0;
}

/* So that nothing happens to the process after we said that it failed. No answer is waited for. */
static void job_cancel(struct manager *m, const char *path)
{
	struct err ignored = { 0 };
	AUTO_MESSAGE sd_bus_message *call =
		manager_call(m, path, "org.freedesktop.systemd1.Job Cancel", &ignored);

	if (call && sd_bus_message_set_expect_reply(call, 0) >= 0)
		sd_bus_send(m->bus, call, NULL);
}

static int job_wait(struct manager *m, struct job *job, sd_bus_message *reply, const char *doing, struct err *e)
{
	int r = sd_bus_message_read(reply, "o", &job->path);

	if (r < 0)
		return manager_err(m, r, doing, e);
	while (!job->result[0]) {
		r = sd_bus_process(m->bus, NULL);
		if (r < 0)
			return manager_err(m, r, doing, e);
		if (r)
			continue;
		if (!manager_left(m)) {
			job_cancel(m, job->path);
			err_set(e, ERR_PEER, "%s: %s did not finish the job within %u s", doing, m->whose, m->seconds);
			return err_hint(e, "the machine may be busy: give it more time (--timeout)");
		}
		r = sd_bus_wait(m->bus, manager_left(m));
		if (r < 0 && r != -EINTR)
			return manager_err(m, r, doing, e);
	}
	if (str_eq(job->result, "done"))
		return 0;
	err_set(e, ERR_STATE, "%s: %s ended the job with '%s'", doing, m->whose, job->result);
	return err_hint(e, "journalctl%s knows more", m->is_system ? "" : " --user");
}

/* ---- the process ---- */

/* Also where it is a zombie: systemd takes one into a scope that nothing would ever end. */
static bool has_ended(pid_t pid)
{
	AUTO_CLOSE int fd = sys_pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd < 0 ? errno == ESRCH : poll(&p, 1, 0) > 0;
}

/* Return: its effective user, or -1 where that is not to be seen. */
static long process_owner(pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/status", pid);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	char line[256];
	long uid = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Uid: %*d %ld", &uid) == 1)
			break;
	return uid;
}

/* Systemd says "failed" or "access denied" for whatever it could not do with the process: look at it ourselves. */
static int add_process_cause(const struct manager *m, pid_t pid, struct err *e)
{
	long owner;

	if (e->kind != ERR_STATE || strstr(e->what, "UnitExists"))
		return -1;
	if (has_ended(pid))
		return err_hint(e, "process %d has ended", pid);
	owner = process_owner(pid);
	if (!m->is_system && owner >= 0 && owner != (long)getuid())
		return err_hint(e, "process %d belongs to user %ld, not to %u", pid, owner, getuid());
	return -1;
}

/* ---- properties ---- */

static int get_property(struct manager *m, const char *unit, const char *interface, const char *name, char **out,
			struct err *e)
{
	AUTO_MESSAGE sd_bus_message *call = NULL, *reply = NULL;
	AUTO_FREE char *path = NULL;
	const char *value;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

	if (r < 0)
		return manager_err(m, r, name, e);
	call = manager_call(m, path, "org.freedesktop.DBus.Properties Get", e);
	if (!call)
		return -1;
	r = sd_bus_message_append(call, "ss", interface, name);
	if (r < 0)
		return manager_err(m, r, name, e);
	if (manager_send(m, call, unit, &reply, NULL, e))
		return err_wrap(e, "%s", name);
	r = sd_bus_message_read(reply, "v", "s", &value);
	if (r < 0)
		return manager_err(m, r, name, e);
	*out = str_dup(value);
	return 0;
}

static int get_cgroup(struct manager *m, const char *unit, char **out, struct err *e)
{
	return get_property(m, unit, "org.freedesktop.systemd1.Scope", "ControlGroup", out, e);
}

/* ---- start ---- */

/* What else is asked for. An older systemd refuses the whole unit for one property that it does not know. */
enum more { WITH_OOM_POLICY, WITHOUT_OOM_WATCH, PLAIN, N_MORE };

static int append_properties(sd_bus_message *call, const struct request *rq, const char *description, enum more more)
{
	int r = sd_bus_message_append(call, "ss", rq->unit, "fail");

	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(call, "(sv)(sv)(sv)(sv)", "Description", "s", description, "Slice", "s",
					  rq->slice, "PIDs", "au", 1, (uint32_t)rq->pid, "Delegate", "b", 1);
	if (r >= 0 && more != PLAIN)
		r = sd_bus_message_append(call, "(sv)(sv)", "CollectMode", "s", "inactive-or-failed",
					  "TimeoutStopUSec", "t", STOP_SECONDS * UINT64_C(1000000));
	if (r >= 0 && more == WITH_OOM_POLICY)
		r = sd_bus_message_append(call, "(sv)", "OOMPolicy", "s", "continue");
	if (r >= 0 && more == WITHOUT_OOM_WATCH)
		r = sd_bus_message_append(call, "(sv)", "MemoryAccounting", "b", 0);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? r : sd_bus_message_append(call, "a(sa(sv))", 0);
}

static int start_once(struct manager *m, const struct request *rq, enum more more, sd_bus_message **reply,
		      bool *unknown, struct err *e)
{
	AUTO_MESSAGE sd_bus_message *call = manager_call(m, MANAGER_PATH, "StartTransientUnit", e);
	AUTO_FREE char *description = names_description(rq->description);
	int r;

	if (!call)
		return -1;
	r = append_properties(call, rq, description, more);
	if (r < 0)
		return manager_err(m, r, "StartTransientUnit", e);
	return manager_send(m, call, rq->unit, reply, unknown, e);
}

static int start_job(struct manager *m, const struct request *rq, sd_bus_message **reply, struct err *e)
{
	bool unknown = true;
	int r = -1;

	for (enum more more = 0; r && unknown && more < N_MORE; more++) {
		unknown = false;
		err_clear(e);
		r = start_once(m, rq, more, reply, &unknown, e);
	}
	return r;
}

int unit_start(struct manager *m, const struct request *rq, struct err *e)
{
	AUTO_MESSAGE sd_bus_message *reply = NULL;
	AUTO_FREE char *doing = str_fmt("starting %s", rq->unit), *cgroup = NULL;
	struct job job = { 0 };

	if (job_subscribe(m, &job, e))
		return -1;
	if (start_job(m, rq, &reply, e) || job_wait(m, &job, reply, doing, e))
		return add_process_cause(m, rq->pid, e);
	if (get_cgroup(m, rq->unit, &cgroup, e))
		return -1;
	if (!cgroup[0] || has_ended(rq->pid)) {
		struct err ignored = { 0 };

		/* A scope without a process would never end. */
		if (cgroup[0] && unit_stop(m, rq, &ignored))
			err_clear(&ignored);
		return err_set(e, ERR_STATE, "%s: process %d has ended meanwhile", doing, rq->pid);
	}
	puts(cgroup);
	return 0;
}

/* ---- the others ---- */

int unit_attach(struct manager *m, const struct request *rq, struct err *e)
{
	AUTO_MESSAGE sd_bus_message *reply = NULL, *call = manager_call(m, MANAGER_PATH, "AttachProcessesToUnit", e);
	int r;

	if (!call)
		return -1;
	r = sd_bus_message_append(call, "ssau", rq->unit, rq->subgroup, 1, (uint32_t)rq->pid);
	if (r < 0)
		return manager_err(m, r, "AttachProcessesToUnit", e);
	if (!manager_send(m, call, rq->unit, &reply, NULL, e))
		return 0;
	err_wrap(e, "moving process %d to %s", rq->pid, rq->subgroup);
	return add_process_cause(m, rq->pid, e);
}

int unit_stop(struct manager *m, const struct request *rq, struct err *e)
{
	AUTO_MESSAGE sd_bus_message *reply = NULL, *call = NULL;
	AUTO_FREE char *doing = str_fmt("stopping %s", rq->unit);
	struct job job = { 0 };
	int r;

	if (job_subscribe(m, &job, e))
		return -1;
	call = manager_call(m, MANAGER_PATH, "StopUnit", e);
	if (!call)
		return -1;
	r = sd_bus_message_append(call, "ss", rq->unit, "replace");
	if (r < 0)
		return manager_err(m, r, doing, e);
	if (manager_send(m, call, rq->unit, &reply, NULL, e))
		return e->kind == ERR_NOTFOUND ? 0 : -1;
	return job_wait(m, &job, reply, doing, e);
}

int unit_show(struct manager *m, const struct request *rq, struct err *e)
{
	AUTO_MESSAGE sd_bus_message *reply = NULL, *call = manager_call(m, MANAGER_PATH, "GetUnit", e);
	AUTO_FREE char *cgroup = NULL, *state = NULL;
	int r;

	if (!call)
		return -1;
	r = sd_bus_message_append(call, "s", rq->unit);
	if (r < 0)
		return manager_err(m, r, "GetUnit", e);
	if (manager_send(m, call, rq->unit, &reply, NULL, e) || get_cgroup(m, rq->unit, &cgroup, e) ||
	    get_property(m, rq->unit, "org.freedesktop.systemd1.Unit", "ActiveState", &state, e))
		return -1;
	/* Between the two it may have ended; then it is a name and nothing more. */
	if (!cgroup[0] && str_eq(state, "inactive"))
		return err_set(e, ERR_NOTFOUND, "%s: %s: it has ended", rq->unit, m->whose);
	printf("ControlGroup=%s\nActiveState=%s\n", cgroup, state);
	return 0;
}
