/* SPDX-License-Identifier: Apache-2.0 */
/* run/attrs.c - attributes that the launcher can tell to be impossible before the start */

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/internal.h"

/* Inside nobody may raise a hard limit, root neither: the right counts on the host only. */
static int check_rlimits(const struct spec_process *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *l = &p->rlimits[i];
		int n = rlimit_from_name(l->type);
		struct rlimit own;

		if (n < 0 || getrlimit((__rlimit_resource_t)n, &own) < 0 || own.rlim_max >= l->hard)
			continue;
		if (l->hard == RLIM_INFINITY)
			err_set(e, ERR_HOST, "%s: no limit is asked for, and the hard limit here is %" PRIu64, l->type,
				(uint64_t)own.rlim_max);
		else
			err_set(e, ERR_HOST, "%s: a hard limit of %" PRIu64 " is asked for, and the one here is %" PRIu64,
				l->type, l->hard, (uint64_t)own.rlim_max);
		return err_hint(e, "nobody can go above the hard limit that lichen was started with; an administrator raises it "
				   "(limits.conf(5), systemd's Limit...=)");
	}
	return 0;
}

/* A lower score than one's own is the kernel's to allow: tried on the launcher itself, which
 * keeps it where that works, so that the child inherits it. */
static int check_oom(const struct spec_process *p, bool is_dry, struct err *e)
{
	static const char path[] = "/proc/self/oom_score_adj";
	AUTO_FREE char *own = NULL, *want = NULL;
	long now;

	if (!p->has_oom_score_adj || fd_read_file(AT_FDCWD, path, 64, &own, NULL) < 0)
		return 0;
	now = strtol(own, NULL, 10);
	if (p->oom_score_adj >= now || is_dry)
		return 0;
	want = str_fmt("%d", p->oom_score_adj);
	if (fd_burn(AT_FDCWD, path, want) == 0)
		return 0;
	err_sys(e, "write", path, "--oom-score-adj %s: it is below the %ld that lichen was started with", want, now);
	return err_hint(e, "only CAP_SYS_RESOURCE of the machine may lower it; a value from %ld to 1000 can be set", now);
}

int attrs_check(const struct spec *s, bool is_dry, struct err *e)
{
	if (check_rlimits(&s->process, e) < 0)
		return -1;
	return check_oom(&s->process, is_dry, e);
}
