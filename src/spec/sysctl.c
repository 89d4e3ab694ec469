/* SPDX-License-Identifier: Apache-2.0 */
/* spec/sysctl.c - which sysctl belongs to which namespace; all others are the machine's */

#include <string.h>

#include "spec/spec.h"

/* The longest prefix does not matter: no row is another's. A row that ends in "." or in a
 * part of a name stands for all that begin so. */
static const struct {
	const char *prefix;
	enum ns_type owner;
} OWNED[] = {
	{ "net.", NS_NETWORK },
	{ "fs.mqueue.", NS_IPC },
	{ "kernel.msg", NS_IPC },
	{ "kernel.sem", NS_IPC },
	{ "kernel.shm", NS_IPC },
	{ "kernel.domainname", NS_UTS },
	{ "user.max_", NS_USER },
};

char *sysctl_key(const char *typed)
{
	char *key = str_dup(typed), first = typed[strcspn(typed, "./")];

	for (char *p = key; *p && first == '/'; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return key;
}

char *sysctl_path(const char *key)
{
	char *path = str_dup(key);

	for (char *p = path; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return path;
}

/* Parts that are empty, "." or ".." as a path. */
static bool is_malformed(const char *key)
{
	for (const char *p = key;; p++) {
		size_t n = strcspn(p, ".");

		if (n == strspn(p, "/") && n <= 2)
			return true;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)p[i] <= ' ' || p[i] == 0x7f || p[i] == '=')
				return true;
		p += n;
		if (!*p)
			return !strchr(key, '.');
	}
}

int sysctl_owner(const char *key, const char **why)
{
	if (is_malformed(key)) {
		*why = "it is no name of a sysctl; expected for example net.ipv4.ip_forward";
		return -1;
	}
	if (str_eq(key, "kernel.hostname")) {
		*why = "the host name is set with -h NAME";
		return -1;
	}
	for (size_t i = 0; i < N_ELEMS(OWNED); i++)
		if (str_starts(key, OWNED[i].prefix))
			return (int)OWNED[i].owner;
	*why = "it belongs to the whole machine, not to a namespace of the sandbox, which owns "
	       "net.*, kernel.shm*, kernel.msg*, kernel.sem*, fs.mqueue.*, user.max_* and kernel.domainname";
	return -1;
}
