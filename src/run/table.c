/* SPDX-License-Identifier: Apache-2.0 */
/* run/table.c - step kind -> function, and the walk of one step through its rungs */

#include <string.h>

#include "base/log.h"
#include "run/internal.h"

static step_fn *const STEP_FUNCTIONS[STEP_KINDS] = {
	[STEP_ENTER] = step_enter,	   [STEP_OUTER] = step_outer,	      [STEP_JOIN] = step_join,
	[STEP_IDMAP] = step_idmap,	   [STEP_PRIVATE] = step_private,     [STEP_OPEN] = step_open,
	[STEP_LOWERS] = step_lowers,
	[STEP_TREE] = step_tree,	   [STEP_IDTREE] = step_idtree,	      [STEP_ATTACH] = step_attach,
	[STEP_OWN] = step_own,		   [STEP_COPY_FIX] = step_copy_fix,   [STEP_ROOT_ID] = step_root_id,
	[STEP_LAYER] = step_layer,
	[STEP_OVERLAY] = step_overlay,	   [STEP_NEWFS] = step_newfs,	      [STEP_SETATTR] = step_setattr,
	[STEP_MOUNT] = step_mount,	         [STEP_SYMLINK] = step_symlink,
	[STEP_DIR] = step_dir,		   [STEP_LAYERS] = step_layers,
	[STEP_FILL] = step_fill,
	[STEP_FILE] = step_file,	   [STEP_MASK] = step_mask,	      [STEP_READONLY] = step_readonly,
	[STEP_DEVICES] = step_devices,	   [STEP_CONSOLE] = step_console,     [STEP_LOOPBACK] = step_loopback,
	[STEP_HOSTNAME] = step_hostname,   [STEP_USER] = step_user,	      [STEP_PIVOT] = step_pivot,
	[STEP_CWD] = step_cwd,		   [STEP_RLIMITS] = step_rlimits,     [STEP_STDIO] = step_stdio,
	[STEP_SECCOMP] = step_seccomp,	   [STEP_CAPS_BOUND] = step_caps_bound, [STEP_SET_USER] = step_set_user,
	[STEP_CAPS] = step_caps,	   [STEP_NO_NEW_PRIVS] = step_no_new_privs,
	[STEP_LANDLOCK] = step_landlock,
	[STEP_DEATHSIG] = step_deathsig,   [STEP_VERIFY] = step_verify,	      [STEP_EXEC] = step_exec,
	[STEP_OOM] = step_oom,		   [STEP_SYSCTL] = step_sysctl,	      [STEP_DOMAINNAME] = step_domainname,
	[STEP_UMASK] = step_umask,	   [STEP_PERSONALITY] = step_personality,
	[STEP_INIT_LOAD] = step_init_load, [STEP_INIT] = step_init,
	[STEP_PROC_LIMITS] = step_proc_limits,
	[STEP_CGROUP] = step_cgroup,	   [STEP_LIMIT] = step_limit,	      [STEP_DELEGATE] = step_delegate,
};

step_fn *step_function(enum step_kind kind)
{
	return STEP_FUNCTIONS[kind];
}

static bool moves_on(const struct rung *r, int errnum)
{
	for (size_t i = 0; i < ERRNOS_MAX && r->next_on[i]; i++)
		if (r->next_on[i] == errnum || r->next_on[i] == -1)
			return true;
	return false;
}

int walk_step(struct ctx *c, size_t index, struct err *e)
{
	const struct step *s = &c->plan->v[index];
	step_fn *fn = STEP_FUNCTIONS[s->kind];

	log_debug("step %zu, %s %s", index + 1, step_name(s->kind), s->object);
	if (!fn)
		return err_set(e, ERR_BUG, "step %zu, %s %s: nobody does it", index + 1, step_name(s->kind), s->object);
	for (size_t r = 0;; r++) {
		if (fn(c, s, r, e) == 0) {
			if (index < sizeof(c->rung_taken))
				c->rung_taken[index] = (unsigned char)r;
			if (s->rungs[r].name) {
				log_info("%s %s: %s", step_name(s->kind), s->object, s->rungs[r].name);
				if (c->place == AT_CHILD && r)
					hs_send_rung(c->hs, index, r);
			}
			return 0;
		}
		if (e->kind == ERR_SIGNAL)	/* nothing else is to be tried */
			return err_wrap(e, "step %zu, %s %s", index + 1, step_name(s->kind), s->object);
		if (!c->is_final && r + 1 < s->n_rungs && moves_on(&s->rungs[r], e->errnum)) {
			log_info("%s %s: not %s (%s%s%s), trying %s", step_name(s->kind), s->object, s->rungs[r].name,
				 e->what, e->errnum ? ": " : "", e->errnum ? err_errno_name(e->errnum) : "",
				 s->rungs[r + 1].name);
			continue;
		}
		if (s->optional) {
			log_err(e);
			return 0;
		}
		return err_wrap(e, "step %zu, %s %s", index + 1, step_name(s->kind), s->object);
	}
}
