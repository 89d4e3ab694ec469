/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_hosts.c - options of `lichen run` that change /etc/hosts and /etc/resolv.conf */

#include <string.h>

#include "base/auto.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "spec/spec.h"

/* "db:10.0.0.5", "db:::1", "db:[::1]", "db=10.0.0.5"; docker's forms. */
static int add_host(struct spec *s, const char *text, struct err *e)
{
	size_t n = strcspn(text, ":=");
	const char *ip = text[n] ? text + n + 1 : "";
	size_t len = strlen(ip);
	AUTO_FREE char *bare = ip[0] == '[' && len > 2 && ip[len - 1] == ']' ? str_dupn(ip + 1, len - 2) : str_dup(ip);
	AUTO_FREE char *entry = str_fmt("%.*s:%s", (int)n, text, bare);

	if (str_eq(bare, "host-gateway")) {
		err_set(e, ERR_USAGE, "--add-host %s: there is no way from the sandbox to this machine, so no host-gateway", text);
		return err_hint(e, "the sandbox has no network but its own loopback device");
	}
	if (spec_is_host_entry(entry)) {
		strv_add(&s->add_hosts, entry);
		return 0;
	}
	err_set(e, ERR_USAGE, "--add-host %s: expected NAME:IP", text);
	if (spec_is_address(text) || !text[n])
		return err_hint(e, "for example --add-host db:10.0.0.5");
	return err_hint(e, "'%.80s' is not an IPv4 or IPv6 address, or '%.*s' not a name", bare, (int)(n > 80 ? 80 : n), text);
}

static int add_dns(struct spec *s, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->dns.n; i++) {
		if (str_eq(a->dns.v[i], "none")) {
			s->no_resolv = true;
		} else if (spec_is_address(a->dns.v[i])) {
			strv_add(&s->dns, a->dns.v[i]);
		} else {
			err_set(e, ERR_USAGE, "--dns %s: expected an IPv4 or IPv6 address, or none", a->dns.v[i]);
			return err_hint(e, "resolv.conf(5) takes no host names; for example --dns 9.9.9.9");
		}
	}
	if (s->no_resolv && (s->dns.n || a->dns_search.n || a->dns_options.n))
		return err_set(e, ERR_USAGE, "--dns none: the file is left as it is, so the other --dns options have no place");
	return 0;
}

int take_hosts(struct spec *s, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->add_hosts.n; i++)
		if (add_host(s, a->add_hosts.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->dns_search.n; i++) {
		if (a->dns_search.v[i][strcspn(a->dns_search.v[i], " \t\n#")])
			return err_set(e, ERR_USAGE, "--dns-search '%s': expected one domain", a->dns_search.v[i]);
		strv_add(&s->dns_search, a->dns_search.v[i]);
	}
	for (size_t i = 0; i < a->dns_options.n; i++) {
		if (a->dns_options.v[i][strcspn(a->dns_options.v[i], " \t\n#")])
			return err_set(e, ERR_USAGE, "--dns-option '%s': expected one option of resolv.conf(5)",
				       a->dns_options.v[i]);
		strv_add(&s->dns_options, a->dns_options.v[i]);
	}
	return add_dns(s, a, e);
}
