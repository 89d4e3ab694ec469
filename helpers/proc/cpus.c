/* SPDX-License-Identifier: Apache-2.0 */
/* proc/cpus.c - how many processors a box has, /proc/cpuinfo and the list of those online; no system calls */

#include "view.h"

#include <inttypes.h>
#include <string.h>

size_t view_cpus(const char *effective, const char *online, const struct level *levels, size_t n_levels,
		 struct cpuset *set)
{
	uint64_t n = cpuset_read(set, effective);

	if (!n)
		n = cpuset_read(set, online);
	for (size_t i = 0; i < n_levels; i++)
		n = num_min(n, levels[i].quota_cpus);
	return n ? (size_t)n : 1;
}

void view_online(size_t n_cpus, struct buf *out)
{
	if (n_cpus > 1)
		buf_addf(out, "0-%zu\n", n_cpus - 1);
	else
		buf_add(out, "0\n");
}

/* The number in a stanza's "processor : N" line; NUM_NONE where it has none: it is about the machine. */
static uint64_t stanza_cpu(const char *line)
{
	static const char key[] = "processor";
	const char *s = line;

	if (strncmp(s, key, sizeof(key) - 1) != 0)
		return NUM_NONE;
	s += sizeof(key) - 1;
	s += strspn(s, " \t");
	return *s == ':' ? num_read(s + 1) : NUM_NONE;
}

static size_t stanza_length(const char *s)
{
	const char *end = strstr(s, "\n\n");

	return end ? (size_t)(end - s) + 2 : strlen(s);
}

void view_cpuinfo(const char *host, const struct cpuset *set, size_t n_cpus, struct buf *out)
{
	size_t shown = 0;

	for (const char *s = host; *s;) {
		size_t n = stanza_length(s), first = strcspn(s, "\n");
		uint64_t cpu = stanza_cpu(s);

		if (cpu == NUM_NONE) {
			buf_addn(out, s, n);
		} else if (cpuset_has(set, cpu) && shown < n_cpus) {
			buf_addn(out, s, strcspn(s, ":") + 1);
			buf_addf(out, " %zu", shown++);
			buf_addn(out, s + first, n - first);
		}
		s += n;
	}
}
