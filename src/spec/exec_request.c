/* SPDX-License-Identifier: Apache-2.0 */
/* spec/exec_request.c - what `lichen exec` asks for, laid over what the sandbox is */

#include "spec/exec_request.h"

#include <stdlib.h>
#include <string.h>

/* Drops the variable of the first @len bytes of @name. */
static void drop(struct strv *env, const char *name, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			free(env->v[i]);
		else
			env->v[kept++] = env->v[i];
	}
	if (env->n)
		env->v[kept] = NULL;
	env->n = kept;
}

static int lay_privileged(struct spec *s, struct err *e)
{
	if (spec_is_bare(s)) {
		err_set(e, ERR_SPEC, "--privileged: the sandbox has no namespaces, in which there could be privileges");
		return err_hint(e, "it was started with --no-userns: what runs there is the caller, held by Landlock");
	}
	s->privileged = true;
	s->seccomp = SECCOMP_UNCONFINED;
	s->process.caps = (struct spec_caps){ .bounding = CAP_MASK_ALL, .effective = CAP_MASK_ALL, .permitted = CAP_MASK_ALL };
	return 0;
}

int exec_request_lay(struct spec *s, const struct spec *rq, struct err *e)
{
	struct spec_process *p = &s->process;

	strv_fini(&p->args);
	strv_copy(&p->args, &rq->process.args);
	str_set(&p->argv0, NULL);
	for (size_t i = 0; i < rq->process.unset_env.n; i++) {
		drop(&p->env, rq->process.unset_env.v[i], strlen(rq->process.unset_env.v[i]));
		if (!strv_has(&p->unset_env, rq->process.unset_env.v[i]))
			strv_add(&p->unset_env, rq->process.unset_env.v[i]);
	}
	for (size_t i = 0; i < rq->process.env.n; i++) {
		drop(&p->env, rq->process.env.v[i], strcspn(rq->process.env.v[i], "="));
		strv_add(&p->env, rq->process.env.v[i]);
	}
	if (rq->process.cwd && *rq->process.cwd)
		str_set(&p->cwd, rq->process.cwd);
	if (rq->process.user)
		str_set(&p->user, rq->process.user);
	p->terminal = rq->process.terminal;
	p->interactive = rq->process.interactive;
	p->init = false;
	p->preserve_fds = 0;
	s->time.has_offsets = false;	/* the clocks are joined */
	return rq->privileged ? lay_privileged(s, e) : 0;
}
