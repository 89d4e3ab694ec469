/* SPDX-License-Identifier: Apache-2.0 */
/* steps/landlock.c - the last wall: a Landlock domain around the payload
 *
 * Everything that the kernel's Landlock knows is handled for each kind of rule that is
 * used, so that what is not named is denied. What is asked for by name and not there is an
 * error; a right that only makes a rule tighter (truncate, ioctl on devices) is taken
 * where the kernel has it, and said where not.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/near.h"
#include "base/path.h"
#include "base/sys.h"
#include "spec/landlock.h"
#include "steps/ctx.h"
#include "steps/landlock.h"

#define FS_BASE	 (LANDLOCK_FS_EXECUTE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR | \
		  LANDLOCK_FS_CHANGE_DIR)
#define FS_READ	 (LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR)
#define FS_WRITE (LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_CHANGE_DIR | LANDLOCK_FS_REFER | LANDLOCK_FS_TRUNCATE | \
		  LANDLOCK_FS_IOCTL_DEV)
#define FS_FILE	 (LANDLOCK_FS_EXECUTE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE | LANDLOCK_FS_TRUNCATE | \
		  LANDLOCK_FS_IOCTL_DEV)

static const struct {
	int abi;
	const char *linux_version;
} SINCE[] = { { LANDLOCK_ABI_REFER, "5.19" }, { LANDLOCK_ABI_TRUNCATE, "6.2" }, { LANDLOCK_ABI_PORTS, "6.7" }, { LANDLOCK_ABI_IOCTL, "6.10" },
	      { LANDLOCK_ABI_SCOPES, "6.12" } };

static const char *since(int abi)
{
	for (size_t i = 0; i < N_ELEMS(SINCE); i++)
		if (SINCE[i].abi == abi)
			return SINCE[i].linux_version;
	return "5.13";
}

static int too_old(const char *what, int has, int needs, struct err *e)
{
	err_set(e, ERR_HOST, "--landlock: this kernel cannot restrict %s: its Landlock has ABI %d, which needs %d", what,
		has, needs);
	return err_hint(e, "Linux %s or later can; or leave that rule out", since(needs));
}

int landlock_choose(const struct spec *spec, int abi, struct sys_landlock_ruleset *out, struct err *e)
{
	const struct strv *rules = &spec->landlock;
	unsigned scopes = landlock_scopes(rules);

	*out = (struct sys_landlock_ruleset){ 0 };
	if (landlock_has(rules, LANDLOCK_PATH)) {
		out->access_fs = FS_BASE;
		if (abi >= LANDLOCK_ABI_REFER)
			out->access_fs |= LANDLOCK_FS_REFER;
		if (abi >= LANDLOCK_ABI_TRUNCATE)
			out->access_fs |= LANDLOCK_FS_TRUNCATE;
		else
			log_warn("--landlock: truncate(2) is not restricted by this kernel's Landlock (ABI %d; %d needs Linux %s)",
				 abi, LANDLOCK_ABI_TRUNCATE, since(LANDLOCK_ABI_TRUNCATE));
		if (abi >= LANDLOCK_ABI_IOCTL)
			out->access_fs |= LANDLOCK_FS_IOCTL_DEV;
		else
			log_info("--landlock: ioctl(2) on devices is not restricted by this kernel (ABI %d; %d needs Linux %s)",
				 abi, LANDLOCK_ABI_IOCTL, since(LANDLOCK_ABI_IOCTL));
	}
	if (landlock_has(rules, LANDLOCK_BIND))
		out->access_net |= LANDLOCK_NET_BIND_TCP;
	if (landlock_has(rules, LANDLOCK_CONNECT))
		out->access_net |= LANDLOCK_NET_CONNECT_TCP;
	if (out->access_net && abi < LANDLOCK_ABI_PORTS)
		return too_old("TCP ports", abi, LANDLOCK_ABI_PORTS, e);
	if (scopes && abi < LANDLOCK_ABI_SCOPES)
		return too_old("scopes", abi, LANDLOCK_ABI_SCOPES, e);
	/* without a pid namespace the command must not reach the processes that would end it */
	if (spec_is_bare(spec) && abi >= LANDLOCK_ABI_SCOPES)
		scopes = LANDLOCK_SIGNALS | LANDLOCK_ABSTRACT;
	if (scopes & LANDLOCK_SIGNALS)
		out->scoped |= LANDLOCK_SCOPE_SIGNALS;
	if (scopes & LANDLOCK_ABSTRACT)
		out->scoped |= LANDLOCK_SCOPE_ABSTRACT;
	return 0;
}

static int add_path(int ruleset, int root, const char *text, const struct landlock_rule *r, uint64_t handled,
		    struct err *e)
{
	AUTO_CLOSE int fd = path_open_in(root, r->path, O_PATH, 0);
	uint64_t access = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, "open", r->path, "--landlock %s", text);
		return e->errnum == ENOENT ? near_hint(r->path, "the path is one inside the sandbox, and must exist there", e) : -1;
	}
	if (r->bits & LANDLOCK_READ)
		access |= FS_READ;
	if (r->bits & LANDLOCK_WRITE)
		access |= FS_WRITE;
	if (r->bits & LANDLOCK_EXEC)
		access |= LANDLOCK_FS_EXECUTE;
	access &= S_ISDIR(st.st_mode) ? handled : handled & FS_FILE;
	if (sys_landlock_add_path(ruleset, fd, access) < 0)
		return err_sys(e, "landlock_add_rule", r->path, "--landlock %s", text);
	return 0;
}

static int add_rule(int ruleset, int root, const char *text, uint64_t handled_fs, struct err *e)
{
	struct sys_landlock_port port = { 0 };
	struct landlock_rule r;

	if (landlock_parse(text, &r, e) < 0)
		return -1;
	if (r.kind == LANDLOCK_PATH)
		return add_path(ruleset, root, text, &r, handled_fs, e);
	if (r.kind == LANDLOCK_SCOPE || !r.has_port)
		return 0;
	port.port = r.port;
	port.access = r.kind == LANDLOCK_BIND ? LANDLOCK_NET_BIND_TCP : LANDLOCK_NET_CONNECT_TCP;
	if (sys_landlock_add_port(ruleset, &port) < 0)
		return err_sys(e, "landlock_add_rule", NULL, "--landlock %s", text);
	return 0;
}

/**
 * step_landlock() - From here on the payload's rules hold for us, too
 *
 * Place:	child, in the root that the payload sees
 * Needs:	no_new_privs, or CAP_SYS_ADMIN in the own user namespace
 * Mustn't:	be followed by a step that mounts or opens anything
 * Errors:	HOST: no Landlock, or too old a one; SYS open: a path that is not there
 */
int step_landlock(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct strv *rules = &c->spec->landlock;
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int ruleset = -1;
	struct sys_landlock_ruleset attr;
	int abi = sys_landlock_abi();

	(void)s;
	(void)rung;
	if (abi < 0)
		return err_sys(e, "landlock_create_ruleset", NULL, "--landlock: this kernel does not offer Landlock");
	if (root < 0)
		return err_sys(e, "open", "/", "--landlock");
	if (landlock_choose(c->spec, abi, &attr, e) < 0)
		return -1;
	ruleset = sys_landlock_create(&attr, abi >= LANDLOCK_ABI_SCOPES ? sizeof(attr) : abi >= LANDLOCK_ABI_PORTS
					     ? 2 * sizeof(uint64_t) : sizeof(uint64_t));
	if (ruleset < 0)
		return err_sys(e, "landlock_create_ruleset", NULL, "--landlock");
	for (size_t i = 0; i < rules->n; i++)
		if (add_rule(ruleset, root, rules->v[i], attr.access_fs, e) < 0)
			return -1;
	if (sys_landlock_restrict_self(ruleset) < 0)
		return err_sys(e, "landlock_restrict_self", NULL, "--landlock");
	return 0;
}
