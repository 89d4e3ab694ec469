/* SPDX-License-Identifier: Apache-2.0 */
/* run/hosts.c - the texts of the sandbox's /etc/hosts and /etc/resolv.conf */

#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/internal.h"

/* The machine's own file; empty where it has none. */
static char *own_file(const char *path)
{
	char *text;

	return fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0 ? str_dup("") : text;
}

static void add_line_end(struct buf *b)
{
	if (b->len && b->s[b->len - 1] != '\n')
		buf_add(b, "\n");
}

/* @hostname: NULL with `host`, which has the machine's own lines. */
char *hosts_text(const struct spec *s, const char *hostname)
{
	struct buf b = { 0 };

	if (hostname) {
		buf_addf(&b, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t%s\n", hostname);
	} else {
		AUTO_FREE char *own = own_file("/etc/hosts");

		buf_add(&b, own);
		add_line_end(&b);
		if (s->hostname)
			buf_addf(&b, "127.0.1.1\t%s\n", s->hostname);
	}
	for (size_t i = 0; i < s->add_hosts.n; i++) {
		const char *entry = s->add_hosts.v[i];
		int n = (int)strcspn(entry, ":");

		buf_addf(&b, "%s\t%.*s\n", entry[n] ? entry + n + 1 : "", n, entry);
	}
	return buf_take(&b);
}

static bool is_line(const char *line, const char *keyword)
{
	size_t n = strlen(keyword);

	return strncmp(line, keyword, n) == 0 && strchr(" \t", line[n]);
}

/* Lines of the machine's own file stay but for those that an option replaces. */
char *resolv_text(const struct spec *s)
{
	AUTO_FREE char *own = own_file("/etc/resolv.conf");
	AUTO_STRV struct strv lines = { 0 };
	struct buf b = { 0 };

	if (!s->dns.n && !s->dns_search.n && !s->dns_options.n)
		return ptr_take(&own);
	for (size_t i = 0; i < s->dns.n; i++)
		buf_addf(&b, "nameserver %s\n", s->dns.v[i]);
	for (size_t i = 0; i < s->dns_search.n; i++)
		if (!str_eq(s->dns_search.v[i], "."))
			buf_addf(&b, "%s%s", b.len && b.s[b.len - 1] != '\n' ? " " : "search ", s->dns_search.v[i]);
	add_line_end(&b);
	for (size_t i = 0; i < s->dns_options.n; i++)
		buf_addf(&b, "%s%s", i ? " " : "options ", s->dns_options.v[i]);
	add_line_end(&b);
	strv_split(&lines, own, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = lines.v[i] + strspn(lines.v[i], " \t");

		if (!*line || *line == '#' || *line == ';' || (s->dns.n && is_line(line, "nameserver")) ||
		    (s->dns_search.n && (is_line(line, "search") || is_line(line, "domain"))) ||
		    (s->dns_options.n && is_line(line, "options")))
			continue;
		buf_addf(&b, "%s\n", line);
	}
	return buf_take(&b);
}
