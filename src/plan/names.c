/* SPDX-License-Identifier: Apache-2.0 */
/* plan/names.c - the words of steps, places, meeting points and slots */

#include <stdio.h>
#include <string.h>

#include "plan/plan.h"

static const char *const STEP_NAMES[STEP_KINDS] = {
	[STEP_ENTER] = "enter",	      [STEP_OUTER] = "outer",	  [STEP_CLONE] = "clone",
	[STEP_JOIN] = "join",	      [STEP_IDMAP] = "idmap",	  [STEP_MEET] = "meet",
	[STEP_PRIVATE] = "private",   [STEP_OPEN] = "open",	  [STEP_TREE] = "tree",
	[STEP_LOWERS] = "lowers",
	[STEP_IDTREE] = "idtree",     [STEP_ATTACH] = "attach",	  [STEP_OWN] = "own",
	[STEP_COPY_FIX] = "copy-fix", [STEP_ROOT_ID] = "root-id", [STEP_OVERLAY] = "overlay",
	[STEP_LAYER] = "layer",
	[STEP_NEWFS] = "newfs",  [STEP_SETATTR] = "setattr",
	[STEP_MOUNT] = "mount",	        [STEP_SYMLINK] = "symlink",
	[STEP_DIR] = "dir",	      [STEP_LAYERS] = "layers",
	[STEP_FILL] = "fill",
	[STEP_FILE] = "file",	      [STEP_MASK] = "mask",	  [STEP_READONLY] = "readonly",
	[STEP_DEVICES] = "devices",   [STEP_CONSOLE] = "console", [STEP_LOOPBACK] = "loopback",
	[STEP_HOSTNAME] = "hostname", [STEP_USER] = "user",	  [STEP_PIVOT] = "pivot",
	[STEP_CWD] = "cwd",	      [STEP_RLIMITS] = "rlimits", [STEP_STDIO] = "stdio",
	[STEP_SECCOMP] = "seccomp",   [STEP_CAPS_BOUND] = "caps-bound",
	[STEP_SET_USER] = "set-user", [STEP_CAPS] = "caps",
	[STEP_NO_NEW_PRIVS] = "no-new-privs",
	[STEP_LANDLOCK] = "landlock",
	[STEP_DEATHSIG] = "deathsig", [STEP_VERIFY] = "verify",	  [STEP_EXEC] = "exec",
	[STEP_OOM] = "oom-score",     [STEP_SYSCTL] = "sysctl",	  [STEP_DOMAINNAME] = "domainname",
	[STEP_UMASK] = "umask",	      [STEP_PERSONALITY] = "personality",
	[STEP_INIT_LOAD] = "init-load", [STEP_INIT] = "init",
	[STEP_CGROUP] = "cgroup",     [STEP_LIMIT] = "limit", [STEP_PROC_LIMITS] = "proc-limits",	  [STEP_DELEGATE] = "delegate",
};

static const char *const PLACE_NAMES[PLACES] = {
	[AT_SUPERVISOR] = "supervisor", [AT_STAGE] = "stage", [AT_CHILD] = "child", [AT_BOTH] = "both",
};

static const struct {
	const char *name;
	bool from_child;
} POINTS[HS_POINTS] = {
	[HS_MOUNTNS] = { "mountns", true },
	[HS_USERNS] = { "userns", true },
	[HS_IDS_MAPPED] = { "ids-mapped", false },
	[HS_TREES] = { "trees", false },
	[HS_ROOT_READY] = { "root-ready", true },
	[HS_GO] = { "go", false },
};

static const char *const SLOT_NAMES[SLOT_FIRST_FREE] = {
	[SLOT_CHILD] = "child",	  [SLOT_USERNS] = "userns", [SLOT_MOUNTNS] = "mountns",	[SLOT_LOWER] = "lower",
	[SLOT_UPPER] = "upper",	  [SLOT_WORK] = "work",		[SLOT_SKELETON] = "skeleton", [SLOT_OWNERS] = "owners",
	[SLOT_ROOT] = "root",	  [SLOT_DEV] = "dev",		[SLOT_TEXTS] = "texts", [SLOT_PTS] = "pts",
	[SLOT_CONSOLE] = "console", [SLOT_USER] = "user",
	[SLOT_CGROUP] = "cgroup",
	[SLOT_INIT] = "init", [SLOT_INIT_GO] = "init-go", [SLOT_INIT_WAIT] = "init-wait",
};

const char *step_name(enum step_kind kind)
{
	return STEP_NAMES[kind];
}

bool step_has_upper(const struct step *s)
{
	for (size_t k = 0; k < STEP_READS && s->reads[k]; k++)
		if (s->reads[k] == SLOT_UPPER)
			return true;
	return false;
}

const char *place_name(enum place place)
{
	return PLACE_NAMES[place];
}

const char *hs_point_name(enum hs_point point)
{
	return point < HS_POINTS ? POINTS[point].name : "?";
}

bool hs_point_from_child(enum hs_point point)
{
	return POINTS[point].from_child;
}

const char *slot_name(short slot, char buf[16])
{
	if (slot > 0 && slot < SLOT_FIRST_FREE)
		return SLOT_NAMES[slot];
	snprintf(buf, 16, "source.%d", slot - SLOT_FIRST_FREE + 1);
	return buf;
}
