/* SPDX-License-Identifier: Apache-2.0 */
/* spec/check_process.c - rules of the process's attributes, of sysctls and of names in /etc */

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "spec/internal.h"

enum {
	DOMAINNAME_MAX = 64,	/* __NEW_UTS_LEN of the kernel */
	OOM_MAX = 1000,		/* OOM_SCORE_ADJ_MAX of the kernel */
	PRESERVED_MAX = 1024,
};

/* A name or number in a line of /etc/hosts or /etc/resolv.conf: one word, visible. */
static bool is_word(const char *s)
{
	if (!*s || strlen(s) > 253)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '#')
			return false;
	return true;
}

bool spec_is_address(const char *text)
{
	struct in6_addr six;
	struct in_addr four;
	char bare[INET6_ADDRSTRLEN + 32];
	char *zone;

	str_copy(bare, sizeof(bare), text);
	zone = strchr(bare, '%');	/* fe80::1%eth0 */
	if (zone && is_word(zone + 1))
		*zone = '\0';
	return inet_pton(AF_INET, bare, &four) == 1 || inet_pton(AF_INET6, bare, &six) == 1;
}

bool spec_is_host_entry(const char *text)
{
	size_t n = strcspn(text, ":");
	AUTO_FREE char *name = str_dupn(text, n);

	return text[n] == ':' && is_word(name) && !strchr(name, '/') && spec_is_address(text + n + 1) &&
	       !strchr(text + n + 1, '%');
}

static void check_names(struct strv *f, const struct spec *s)
{
	for (size_t i = 0; i < s->add_hosts.n; i++)
		if (!spec_is_host_entry(s->add_hosts.v[i]))
			strv_addf(f, "hosts: '%.80s' is not NAME:IP", s->add_hosts.v[i]);
	for (size_t i = 0; i < s->n_mounts; i++) {
		const char *at = s->mounts[i].destination;
		bool has_resolv = s->dns.n || s->dns_search.n || s->dns_options.n;
		bool binds = s->root.readonly || s->root.layer || s->root.kind == ROOT_HOST;

		/* there the texts lie in lichen's own /dev */
		if (str_eq(at, "/dev") && binds && (s->add_hosts.n || has_resolv))
			strv_addf(f, "%s: a mount covers /dev, and only a root with a writable layer of its own holds the file then",
				  has_resolv ? "dns" : "hosts");
		if (s->add_hosts.n && (str_eq(at, "/etc") || str_eq(at, "/etc/hosts")))
			strv_addf(f, "hosts: a mount covers /etc/hosts, so that nothing can be added to it");
		if (has_resolv && (str_eq(at, "/etc") || str_eq(at, "/etc/resolv.conf")))
			strv_addf(f, "dns: a mount covers /etc/resolv.conf, so that nothing can be added to it");
	}
	for (size_t i = 0; i < s->dns.n; i++)
		if (!spec_is_address(s->dns.v[i]))
			strv_addf(f, "dns: '%.80s' is not an address", s->dns.v[i]);
	for (size_t i = 0; i < s->dns_search.n; i++)
		if (!is_word(s->dns_search.v[i]))
			strv_addf(f, "dns search: '%.80s' is not a domain", s->dns_search.v[i]);
	for (size_t i = 0; i < s->dns_options.n; i++)
		if (!is_word(s->dns_options.v[i]))
			strv_addf(f, "dns option: '%.80s' is not a word", s->dns_options.v[i]);
}

static void check_sysctls(struct strv *f, const struct spec *s)
{
	const char *d = s->domainname;

	for (size_t i = 0; i < s->sysctls.n; i++) {
		const char *text = s->sysctls.v[i], *why = NULL;
		AUTO_FREE char *key = str_dupn(text, strcspn(text, "="));
		int owner = sysctl_owner(key, &why);

		if (!strchr(text, '='))
			strv_addf(f, "sysctl: '%.80s' is not KEY=VALUE", text);
		else if (owner < 0)
			strv_addf(f, "sysctl: %.80s: %s", key, why);
		else if (s->ns[owner].mode != NS_PRIVATE)
			strv_addf(f, "sysctl: %.80s needs a namespace of the sandbox's own (%s)", key,
				  ns_name((enum ns_type)owner));
		else if (strchr(text, '\n'))
			strv_addf(f, "sysctl: the value of %.80s has a line end in it", key);
	}
	if (!d)
		return;
	if (!*d || strlen(d) > DOMAINNAME_MAX)
		strv_addf(f, "domain name: '%.80s' is not between 1 and %d bytes long", d, DOMAINNAME_MAX);
	else if (!is_word(d) || strchr(d, '/'))
		strv_addf(f, "domain name: '%.80s' has a slash, a blank or a control character in it", d);
	if (s->ns[NS_UTS].mode != NS_PRIVATE)
		strv_addf(f, "domain name: '%.80s' needs a uts namespace of the sandbox's own", d);
}

void spec_check_process(struct strv *f, const struct spec *s)
{
	const struct spec_process *p = &s->process;

	if (p->has_umask && p->umask > 0777)
		strv_addf(f, "umask: %" PRIo32 " is not between 0 and 777", p->umask);
	if (p->has_oom_score_adj && (p->oom_score_adj < -OOM_MAX || p->oom_score_adj > OOM_MAX))
		strv_addf(f, "oom score: %d is not between -%d and %d", p->oom_score_adj, OOM_MAX, OOM_MAX);
	if (p->has_personality && p->personality == UINT32_MAX)
		strv_addf(f, "personality: %" PRIx32 " only asks for the current one", p->personality);
	if (p->preserve_fds > PRESERVED_MAX)
		strv_addf(f, "descriptors: %" PRIu64 " are to go in, at most %d can", p->preserve_fds, PRESERVED_MAX);
	for (size_t i = 0; i < p->unset_env.n; i++)
		if (!p->unset_env.v[i][0] || strpbrk(p->unset_env.v[i], "=\n"))
			strv_addf(f, "environment: '%.40s' is not the name of a variable", p->unset_env.v[i]);
	if (s->stop_signal && signal_from_name(s->stop_signal) < 0)
		strv_addf(f, "stop signal: '%.40s' is not a signal", s->stop_signal);
	check_sysctls(f, s);
	check_names(f, s);
}
