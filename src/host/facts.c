/* SPDX-License-Identifier: Apache-2.0 */
/* host/facts.c - what the start needs to know of this machine and caller */

#include "host/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"

enum { MIN_MAJOR = 5, MIN_MINOR = 14, DB_MAX = 4 << 20 };

static bool has_sys_admin(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return false;
	return d[0].effective & (1u << CAP_SYS_ADMIN);
}

/* Finds the passwd line of @uid in @text; fields as borrowed pointers into @text, which
 * is cut up. */
static bool passwd_find(char *text, uid_t uid, char **name, char **home)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *field[7], *s = line;
		size_t n = 0;

		while (n < 7 && s) {
			field[n++] = s;
			s = strchr(s, ':');
			if (s)
				*s++ = '\0';
		}
		if (n >= 6 && field[0][0] && strtoul(field[2], NULL, 10) == uid && field[2][0]) {
			*name = field[0];
			*home = field[5];
			return true;
		}
	}
	return false;
}

char *user_name(uid_t uid, char **home)
{
	AUTO_FREE char *text = NULL;
	char *name, *dir;

	if (fd_read_file(AT_FDCWD, "/etc/passwd", DB_MAX, &text, NULL) < 0 || !passwd_find(text, uid, &name, &dir)) {
		/* LDAP, sssd, homed: the C library's own tool asks all of NSS for us */
		AUTO_FREE char *getent = child_find("getent");
		AUTO_FREE char *num = str_fmt("%u", uid);
		const char *argv[] = { getent, "passwd", num, NULL };
		struct child c;
		struct err ignored;

		free(ptr_take(&text));
		if (!getent || child_spawn(&c, argv, true, &ignored) < 0 || child_wait(&c, &text, &ignored) < 0)
			return NULL;
		if (!passwd_find(text, uid, &name, &dir))
			return NULL;
	}
	if (home)
		*home = str_dup(dir);
	return str_dup(name);
}

void subid_parse(const char *text, const char *user, uint32_t id, struct subids *out)
{
	char num[16];

	snprintf(num, sizeof(num), "%u", id);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		size_t len = strcspn(line, ":\n");
		unsigned long long first, count;
		char *end;

		if (line[len] != ':')
			continue;
		if (!((user && strlen(user) == len && strncmp(line, user, len) == 0) ||
		      (strlen(num) == len && strncmp(line, num, len) == 0)))
			continue;
		first = strtoull(line + len + 1, &end, 10);
		if (end == line + len + 1 || *end != ':')
			continue;
		line = end + 1;
		count = strtoull(line, &end, 10);
		if (end == line || (*end && *end != '\n') || !count || !first || first > UINT32_MAX ||
		    count > UINT32_MAX - first)
			continue;
		if (out->n < SUBID_RANGES_MAX)
			out->v[out->n++] = (struct subid_range){ (uint32_t)first, (uint32_t)count };
	}
}

uint64_t subid_total(const struct subids *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].count;
	return n;
}

/* The range of the next line NAME:FIRST:COUNT from *@at on, which moves behind it; other lines are passed over. */
static bool next_range(const char **at, unsigned long long *first, unsigned long long *count)
{
	while (**at) {
		const char *colon = *at + strcspn(*at, ":\n"), *end = *at + strcspn(*at, "\n");
		char *rest;

		*at = *end ? end + 1 : end;
		if (*colon != ':')
			continue;
		*first = strtoull(colon + 1, &rest, 10);
		if (*rest != ':')
			continue;
		*count = strtoull(rest + 1, NULL, 10);
		if (*count > UINT32_MAX)
			*count = UINT32_MAX;
		return true;
	}
	return false;
}

uint32_t subid_free_range(const char *text, uint32_t count, bool (*in_use)(uint32_t first, uint32_t count))
{
	/* systemd-nspawn's place for such ranges: above the ids that people are given */
	for (uint32_t first = 524288; first <= 1878982656u; first += 65536) {
		const char *at = text;
		unsigned long long a, n;
		bool taken = false;

		while (!taken && next_range(&at, &a, &n))
			taken = a < (unsigned long long)first + count && first < a + n;
		if (!taken && !(in_use && in_use(first, count)))
			return first;
	}
	return 0;
}

uint32_t subid_next_range(const char *text, uint32_t count)
{
	unsigned long long first = 100000;
	bool has_moved = true;

	/* behind each range that is in the way, until none is: the lines are in no order */
	while (has_moved && first + count <= UINT32_MAX) {
		const char *at = text;
		unsigned long long a, n;

		has_moved = false;
		while (next_range(&at, &a, &n)) {
			if (a >= first + count || a + n <= first)
				continue;
			first = a + n;
			has_moved = true;
		}
	}
	return first + count <= UINT32_MAX ? (uint32_t)first : 0;
}

char *subid_read_files(void)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid" };
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < N_ELEMS(files); i++) {
		AUTO_FREE char *s = NULL;

		if (fd_read_file(AT_FDCWD, files[i], DB_MAX, &s, NULL) == 0)
			buf_addf(&text, "%s\n", s);
		else if (errno == EACCES || errno == EPERM)
			return NULL;
	}
	return text.s ? buf_take(&text) : str_dup("");
}

bool subid_is_elsewhere(const char *nsswitch)
{
	for (const char *line = nsswitch; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *s = line + strspn(line, " \t");
		size_t len;

		if (strncmp(s, "subid:", 6) != 0)
			continue;
		s += 6;
		s += strspn(s, " \t");
		len = strcspn(s, " \t\n#[");
		return len && !(len == 5 && strncmp(s, "files", 5) == 0);
	}
	return false;
}

void subid_parse_tool(const char *text, struct subids *out)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		unsigned long long first, count;
		char end;

		if (sscanf(line, "%*u: %*s %llu %llu%c", &first, &count, &end) != 3 || end != '\n' || !count || !first ||
		    first > UINT32_MAX || count > UINT32_MAX - first)
			continue;
		if (out->n < SUBID_RANGES_MAX)
			out->v[out->n++] = (struct subid_range){ (uint32_t)first, (uint32_t)count };
	}
}

/* LDAP, sssd: the tool of shadow-utils asks whom nsswitch.conf names. */
static void ask_getsubids(const char *name, bool groups, struct subids *out)
{
	AUTO_FREE char *tool = child_find("getsubids");
	AUTO_FREE char *text = NULL;
	const char *argv[] = { tool, groups ? "-g" : name, groups ? name : NULL, NULL };
	struct child c;
	struct err ignored;

	if (tool && child_spawn(&c, argv, true, &ignored) == 0 && child_wait(&c, &text, &ignored) == 0)
		subid_parse_tool(text, out);
}

static void read_ranges(struct facts *f, const char *name, uint32_t id, bool groups, struct subids *out)
{
	AUTO_FREE char *text = NULL;

	*out = (struct subids){ 0 };
	if (f->subid_elsewhere) {
		if (name)
			ask_getsubids(name, groups, out);
		return;
	}
	if (fd_read_file(AT_FDCWD, groups ? "/etc/subgid" : "/etc/subuid", DB_MAX, &text, NULL) == 0)
		subid_parse(text, name, id, out);
}

void facts_subids_of(struct facts *f, const char *name, bool groups)
{
	read_ranges(f, name, UINT32_MAX, groups, groups ? &f->subgids : &f->subuids);
}

static void read_subids(struct facts *f)
{
	AUTO_FREE char *nss = NULL;

	/* with another source the files are not the truth: libsubid does not read them either */
	if (fd_read_file(AT_FDCWD, "/etc/nsswitch.conf", DB_MAX, &nss, NULL) == 0)
		f->subid_elsewhere = subid_is_elsewhere(nss);
	read_ranges(f, f->user, f->uid, false, &f->subuids);
	read_ranges(f, f->user, f->uid, true, &f->subgids);
	f->newuidmap = child_find("newuidmap");
	f->newgidmap = child_find("newgidmap");
}

/* What is mapped in our own user namespace besides root; false in the machine's own. */
static bool read_own_map(const char *file, struct subids *out)
{
	AUTO_FREE char *text = NULL;
	unsigned inside, outside, count;
	int used;

	if (fd_read_file(AT_FDCWD, file, DB_MAX, &text, NULL) < 0)
		return false;
	for (const char *s = text; sscanf(s, "%u %u %u%n", &inside, &outside, &count, &used) == 3; s += used) {
		if (inside == 0 && outside == 0 && count == UINT32_MAX)
			return false;
		if (inside == 0) {
			inside++;
			count--;
		}
		if (count && out->n < SUBID_RANGES_MAX)
			out->v[out->n++] = (struct subid_range){ inside, count };
	}
	return true;
}

/* Ids in one of our maps; -1: not known. @has: whether @id is among them. */
static int64_t count_map(const char *file, uint32_t id, bool *has)
{
	AUTO_FREE char *text = NULL;
	unsigned inside, outside, count;
	int64_t total = 0;
	int used;

	*has = false;
	if (fd_read_file(AT_FDCWD, file, DB_MAX, &text, NULL) < 0)
		return -1;
	for (const char *s = text; sscanf(s, "%u %u %u%n", &inside, &outside, &count, &used) == 3; s += used) {
		total += count;
		*has = *has || (id >= inside && id - inside < count);
	}
	return total;
}

int64_t host_ids(void)
{
	bool ignored;

	return count_map("/proc/self/uid_map", 0, &ignored);
}

bool host_has_own_ids(void)
{
	bool has_uid, has_gid;

	/* what has no number is shown as the overflow id, 65534 */
	return count_map("/proc/self/uid_map", geteuid(), &has_uid) < 0 ||
	       count_map("/proc/self/gid_map", getegid(), &has_gid) < 0 || (has_uid && has_gid);
}

bool host_has_few_ids(void)
{
	enum { RANGE = 65536 };	/* what images use */
	int64_t n = host_ids();

	return n >= 0 && n < RANGE;
}

bool host_is_setuid_void(const char *tool)
{
	struct stat st;

	/* its owner is shown as the overflow id */
	return stat(tool, &st) == 0 && (st.st_mode & S_ISUID) && st.st_uid != 0 && !host_is_initial_userns();
}

bool host_is_initial_userns(void)
{
	struct subids ignored = { .n = 0 };

	return !read_own_map("/proc/self/uid_map", &ignored);
}

static int read_kernel(struct facts *f, struct err *e)
{
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys(e, "uname", NULL, "reading the kernel's version");
	f->hostname = str_dup(u.nodename);
	if (sscanf(u.release, "%d.%d", &f->kernel_major, &f->kernel_minor) != 2)
		return 0;
	if (f->kernel_major < MIN_MAJOR || (f->kernel_major == MIN_MAJOR && f->kernel_minor < MIN_MINOR))
		return err_set(e, ERR_HOST, "this kernel is %s; lichen needs Linux %d.%d or later", u.release,
			       MIN_MAJOR, MIN_MINOR);
	return 0;
}

int facts_read(struct facts *f, bool needs_ranges, struct err *e)
{
	gid_t groups[GROUPS_MAX];
	const char *home;
	int n;

	*f = (struct facts){ .uid = geteuid(), .gid = getegid() };
	if (getauxval(AT_SECURE)) {
		err_set(e, ERR_HOST, "lichen refuses to run setuid, setgid or with file capabilities");
		return err_hint(e, "remove the bit from the installed file; lichen needs none");
	}
	if (read_kernel(f, e) < 0)
		return -1;
	n = getgroups(GROUPS_MAX, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] != f->gid)
			f->groups[f->n_groups++] = groups[i];
	if (f->uid == 0 && has_sys_admin()) {
		f->writes_maps = read_own_map("/proc/self/uid_map", &f->subuids) && read_own_map("/proc/self/gid_map", &f->subgids);
		f->is_root = !f->writes_maps;
	} else if (f->uid == 0) {
		f->is_bare_root = host_is_initial_userns();
	}
	f->user = user_name(f->uid, &f->home);
	home = getenv("HOME");
	/* a user's own word counts; what sudo left in root's environment does not */
	if (home && home[0] == '/' && (!f->is_root || !f->home))
		str_set(&f->home, home);
	if (needs_ranges && !f->writes_maps)
		read_subids(f);
	return 0;
}

void facts_fini(struct facts *f)
{
	free(f->user);
	free(f->home);
	free(f->hostname);
	free(f->newuidmap);
	free(f->newgidmap);
	*f = (struct facts){ 0 };
}

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

bool mounts_below(const char *path, char **below)
{
	AUTO_FCLOSE FILE *fp = fopen("/proc/self/mountinfo", "re");
	AUTO_FREE char *line = NULL;
	size_t cap = 0, len = strlen(path);

	while (fp && getline(&line, &cap, fp) > 0) {
		char *save = NULL, *field = strtok_r(line, " ", &save);

		for (int i = 0; field && i < 4; i++)
			field = strtok_r(NULL, " ", &save);
		if (field)
			unescape(field);
		if (field && strncmp(field, path, len) == 0 && field[len] == '/') {
			if (below)
				*below = str_dup(field);
			return true;
		}
	}
	return false;
}
