/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_fix.c - doctor --fix: the script for the administrator
 *
 * It only prints. The snippets come from the table of causes (host/hint.c); what they use
 * is defined before them, and nothing that none uses.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "host/hint.h"
#include "run/doctor.h"

static const struct {
	const char *name;	/* whose mention in a snippet asks for it */
	const char *text;
} FUNCTIONS[] = {
	{ "add_line",
	  "# add_line FILE LINE: once\n"
	  "add_line() {\n"
	  "	mkdir -p \"$(dirname \"$1\")\"\n"
	  "	touch \"$1\"\n"
	  "	grep -qxF -e \"$2\" \"$1\" || printf '%s\\n' \"$2\" >>\"$1\"\n"
	  "}\n" },
	{ "set_sysctl",
	  "# set_sysctl KEY VALUE: now, and after the next boot\n"
	  "set_sysctl() {\n"
	  "	sysctl -q -w \"$1=$2\"\n"
	  "	mkdir -p /etc/sysctl.d\n"
	  "	touch /etc/sysctl.d/60-lichen.conf\n"
	  "	grep -qxF -e \"$1 = $2\" /etc/sysctl.d/60-lichen.conf || echo \"$1 = $2\" >>/etc/sysctl.d/60-lichen.conf\n"
	  "}\n" },
	{ "install_package",
	  "# install_package DEBIAN FEDORA ARCH ALPINE SUSE: its name there\n"
	  "install_package() {\n"
	  "	if command -v apt-get >/dev/null; then apt-get install -y \"$1\"\n"
	  "	elif command -v dnf >/dev/null; then dnf install -y \"$2\"\n"
	  "	elif command -v pacman >/dev/null; then pacman -S --needed --noconfirm \"$3\"\n"
	  "	elif command -v apk >/dev/null; then apk add \"$4\"\n"
	  "	elif command -v zypper >/dev/null; then zypper --non-interactive install \"$5\"\n"
	  "	else echo \"install the package $1 by hand\" >&2\n"
	  "	fi\n"
	  "}\n" },
};

/* 'text' for sh, whatever is in it. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_add(out, "'");
	for (const char *s = text; *s; s++) {
		if (*s == '\'')
			buf_add(out, "'\\''");
		else
			buf_addn(out, s, 1);
	}
	buf_add(out, "'");
}

/* A comment of several lines; the text has no newlines of its own that could end it. */
static void add_comment(struct buf *out, const char *lead, const char *text)
{
	enum { WIDTH = 110 };
	size_t col = strlen(lead) + 2;

	buf_addf(out, "# %s", lead);
	for (const char *s = text; *s;) {
		size_t n = strcspn(s, " \n");
		AUTO_FREE char *word = str_dupn(s, n);

		if (col + n + 1 > WIDTH) {
			buf_add(out, "\n#  ");
			col = 3;
		}
		buf_add(out, " ");
		buf_add_safe(out, word);
		col += n + 1;
		s += n;
		s += strspn(s, " \n");
	}
	buf_add(out, "\n");
}

/* Row @i is the first with its cause, or with a cause of the same fix. */
static bool is_first(const struct doctor *d, size_t i)
{
	const struct cause *c = d->v[i].cause;

	for (size_t k = 0; k < i; k++) {
		const struct cause *other = d->v[k].cause;

		if (other && (str_eq(other->id, c->id) || (c->fix && str_eq(other->fix, c->fix))))
			return false;
	}
	return true;
}

/* Where this lichen lies, and the profile beside it: installed, or in the build tree. */
static void add_paths(struct buf *out)
{
	AUTO_FREE char *built = NULL;
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *profile = LICHEN_DATADIR "/apparmor/lichen";

	if (n > 0) {
		char *slash;

		exe[n] = '\0';
		slash = strrchr(exe, '/');
		built = str_fmt("%.*s/data/apparmor/lichen", (int)(slash - exe), exe);
		if (access(built, R_OK) == 0)
			profile = built;
	}
	buf_add(out, "lichen=");
	add_quoted(out, n > 0 ? exe : "/usr/bin/lichen");
	buf_add(out, "\nprofile=");
	add_quoted(out, profile);
	buf_add(out, "\n");
}

void doctor_print_fix(const struct doctor *d, struct buf *out)
{
	AUTO_BUF struct buf body = { 0 };
	size_t n_fixes = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_row *r = &d->v[i];

		if (r->level == DOCTOR_WORKS || !r->remedy || (r->cause && !is_first(d, i)))
			continue;
		buf_add(&body, "\n");
		add_comment(&body, r->level == DOCTOR_BROKEN ? "needed:" : "not needed by `lichen run`:", r->what);
		add_comment(&body, "found:", r->detail);
		if (r->level == DOCTOR_MISSING && r->gives)
			add_comment(&body, "gives:", r->gives);
		if (r->cause && r->cause->fix) {
			buf_addf(&body, "echo %s...\n(\nset -e\n%s)\n", r->cause->id, r->cause->fix);
			buf_addf(&body, "ended %s $?\n", r->cause->id);
			n_fixes++;
		} else {
			add_comment(&body, "by hand:", r->remedy);
		}
	}
	buf_add(out, "#!/bin/sh\n# Made by `lichen doctor --fix`: what an administrator can do here. Read it, then run it as root;\n"
		     "# a second time changes nothing. Whatever is not wanted can be left out: each part is for itself.\n"
		     "set -u\n");
	if (n_fixes) {
		buf_add(out, "failed=\n# ended PART STATUS\nended() {\n	[ \"$2\" -eq 0 ] || failed=\"$failed $1\"\n}\n");
		buf_add(out, "[ \"$(id -u)\" -eq 0 ] || { echo 'this is for root' >&2; exit 1; }\n");
		if (strstr(body.s, "$user")) {
			buf_add(out, "user=");
			add_quoted(out, d->user);
			buf_add(out, "\n");
		}
		if (strstr(body.s, "$uid"))
			buf_addf(out, "uid=%u\n", d->uid);
		if (strstr(body.s, "$profile"))
			add_paths(out);
		for (size_t i = 0; i < N_ELEMS(FUNCTIONS); i++)
			if (strstr(body.s, FUNCTIONS[i].name))
				buf_addf(out, "\n%s", FUNCTIONS[i].text);
	}
	if (body.len)
		buf_add(out, body.s);
	if (n_fixes)
		buf_add(out, "\n[ -z \"$failed\" ] || { echo \"failed:$failed\" >&2; exit 1; }\n");
	else
		buf_add(out, "\necho 'lichen doctor: nothing here can be mended by a script'\n");
}
