/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_mount.c - the words of --mount and of a profile's line */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/profile.h"
#include "cli/run_mount.h"
#include "spec/spec.h"

/* "a|b|c" */
static char *joined(const struct strv *sv)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < sv->n; i++)
		buf_addf(&b, "%s%s", i ? "|" : "", sv->v[i]);
	return buf_take(&b);
}

static void csv(void **state)
{
	static const struct {
		const char *text, *fields;	/* NULL: an error */
	} ROWS[] = {
		{ "a=b", "a=b" },
		{ "a=b,c", "a=b|c" },
		{ "a,,b,", "a||b|" },
		{ "", "" },
		{ "\"a=b,c\",d", "a=b,c|d" },
		{ "a=\"b,c\",d", "a=b,c|d" },
		{ "\"a=\"\"b\"\"\"", "a=\"b\"" },
		{ "a=\"\",b", "a=|b" },
		{ "a=b\"c", "a=b\"c" },
		{ "a=b=\"c\"", "a=b=\"c\"" },
		{ "a=b\nc:d\\e", "a=b\nc:d\\e" },
		{ "\"a", NULL },
		{ "a=\"b", NULL },
		{ "\"a\"b", NULL },
		{ "a=\"b\"c,d", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv out = { 0 };
		AUTO_FREE char *got = NULL;
		struct err e = { 0 };
		int rc = csv_split(&out, ROWS[i].text, &e);

		assert_int_equal(rc, ROWS[i].fields ? 0 : -1);
		if (rc < 0) {
			assert_int_equal(e.kind, ERR_USAGE);
			continue;
		}
		got = joined(&out);
		assert_string_equal(got, ROWS[i].fields);
	}
}

/* "type source destination options", the source without the directory that the test made. */
static char *shown(const struct spec_mount *m, const char *dir)
{
	AUTO_FREE char *options = joined(&m->options);
	const char *source = m->source && str_starts(m->source, dir) ? m->source + strlen(dir) : m->source;

	return str_fmt("%s %s %s %s", m->type, source, m->destination, options);
}

static void mounts(void **state)
{
	static const struct {
		const char *text, *shown;
	} ROWS[] = {
		{ "type=bind,source=./d,target=/t", "bind /d /t rbind" },
		{ "source=./d,dst=/t/", "bind /d /t rbind" },
		{ "type=bind,src=./d,destination=/t,readonly", "bind /d /t rbind|rro" },
		{ "type=bind,src=./d,dst=/t,ro=true", "bind /d /t rbind|rro" },
		{ "type=bind,src=./d,dst=/t,ro=0", "bind /d /t rbind" },
		{ "type=bind,src=./d,dst=/t,readonly,bind-recursive=writable", "bind /d /t rbind|ro" },
		{ "type=bind,src=./d,dst=/t,readonly,bind-recursive=readonly,bind-propagation=rprivate", "bind /d /t rbind|rro|rprivate" },
		{ "type=bind,src=./d,dst=/t,bind-recursive=disabled,readonly", "bind /d /t bind|rro" },
		{ "type=bind,src=./d,dst=/t,bind-nonrecursive", "bind /d /t bind" },
		{ "type=bind,src=./d,dst=/t,bind-propagation=rslave,consistency=cached", "bind /d /t rbind|rslave" },
		{ "type=bind,src=./d,dst=/t,noexec,noatime", "bind /d /t rbind|rnoexec|noatime" },
		{ "type=bind,\"src=./d,x\",dst=/t", "bind /d,x /t rbind" },
		{ "src=\"./d,x\",dst=/t", "bind /d,x /t rbind" },
		{ "type=tmpfs,dst=/t", "tmpfs tmpfs /t " },
		{ "type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1777", "tmpfs tmpfs /t size=64m|mode=1777" },
		{ "type=tmpfs,dst=/t,tmpfs-size=2MiB", "tmpfs tmpfs /t size=2m" },
		{ "type=tmpfs,dst=/t,tmpfs-size=100b,tmpfs-mode=0o700", "tmpfs tmpfs /t size=100|mode=0700" },
		{ "type=tmpfs,dst=/t,size=50%,ro,noexec", "tmpfs tmpfs /t size=50%|noexec|ro" },
		{ "type=mqueue,dst=/t", "mqueue mqueue /t " },
		{ "type=devpts,dst=/t,gid=5,mode=620", "devpts devpts /t gid=5|mode=0620" },
	};
	char dir[] = "/tmp/test-mount-XXXXXX", before[4096];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("d", 0755) | mkdir("d,x", 0755) | mkdir("a:b", 0755), 0);
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *got = NULL;
		struct err e = { 0 };
		struct spec s;

		spec_init(&s);
		if (mount_parse(&s, ROWS[i].text, &e) < 0)
			fail_msg("%s: %s", ROWS[i].text, e.what);
		assert_int_equal(s.n_mounts, 1);
		got = shown(&s.mounts[0], dir);
		assert_string_equal(got, ROWS[i].shown);
		assert_int_equal(s.mounts[0].n_fds, str_eq(s.mounts[0].type, "bind"));
		spec_fini(&s);
	}
	{
		AUTO_FREE char *expect = str_fmt("lowerdir=%s/a\\:b:%s/d|upperdir=%s/d|workdir=%s/d,x", dir, dir, dir, dir);
		AUTO_FREE char *got = NULL;
		struct spec_layers l;
		struct err e = { 0 };
		struct spec s;

		spec_init(&s);
		assert_int_equal(mount_parse(&s, "type=overlay,lowerdir=./a\\:b:./d,upperdir=./d,workdir=\"./d,x\",dst=/o", &e), 0);
		got = joined(&s.mounts[0].options);
		assert_string_equal(got, expect);
		assert_int_equal(s.mounts[0].n_fds, 4);
		spec_layers(&s.mounts[0], &l);
		assert_int_equal(l.lower.n, 2);
		assert_non_null(strstr(l.lower.v[0], "/a:b"));
		assert_non_null(strstr(l.work, "/d,x"));
		spec_layers_fini(&l);
		spec_fini(&s);
	}
	assert_int_equal(rmdir("d") | rmdir("d,x") | rmdir("a:b"), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void wrong_mounts(void **state)
{
	static const struct {
		const char *text, *what, *hint;
	} ROWS[] = {
		{ "type=bnd,src=/,dst=/x", "'bnd'", "did you mean bind ?" },
		{ "type=image,src=x,dst=/x", "type image", "bind, volume, tmpfs" },
		{ "type=volume,src=./x,dst=/x", "the name of a volume", "type=bind" },
		{ "type=volume,src=x y,dst=/x", "neither a path nor", "./x y" },
		{ "type=volume,src=x,dst=/x,volume-label=a=b", "lichen volume create", "" },
		{ "type=volume,src=x,dst=/x,bind-propagation=rslave", "not for a mount of type volume", "" },
		{ "type=volume,dst=/x,readonly", "source= is missing", "" },
		{ "type=volume,dst=/", "hide the root", "" },
		{ "type=bind,src=x,dst=/x", "'x' is no path", "source=./x" },
		{ "type=bind,dst=/x", "source= is missing", "source=" },
		{ "type=bind,src=/", "target= is missing", "absolute" },
		{ "type=bind,src=/,dst=x", "absolute path inside", "" },
		{ "type=bind,src=/nowhere-at-all,dst=/x", "--mount type=bind,src=/nowhere-at-all,dst=/x", "no such file" },
		{ "type=bind,src=/,dst=/x,readnoly", "'readnoly' is not a key", "readonly" },
		{ "type=bind,src=/,dst=/x,readonly=maybe", "true or false", "" },
		{ "type=bind,src=/,dst=/x,tmpfs-size=1m", "not for a mount of type bind", "" },
		{ "type=bind,src=/,dst=/x,bind-propagation=rsalve", "'rsalve'", "rslave" },
		{ "type=bind,src=/,dst=/x,bind-recursive=readonly", "goes with readonly", "recursive already" },
		{ "type=bind,src=/,dst=/x,bind-recursive=no", "enabled, disabled, writable, readonly", "" },
		{ "type=bind,src=/,dst=/x,relabel=shared", "SELinux", "" },
		{ "type=bind,src=fd:x,dst=/x", "'x' is not the number", "" },
		{ "type=bind,src=fd:999,dst=/x", "descriptor 999 is not open", "999<FILE" },
		{ "type=tmpfs,dst=/x,tmpfs-size=big", "'big'", "64m" },
		{ "type=tmpfs,dst=/x,tmpfs-mode=9", "octal", "" },
		{ "type=tmpfs,dst=/x,src=/tmp", "has no source", "" },
		{ "type=overlay,dst=/x", "lowerdir= is missing", "thrown away" },
		{ "type=overlay,dst=/x,lowerdir=/,upperdir=/tmp", "workdir= is missing", "same file system" },
		{ "type=overlay,dst=/x,lowerdir=tree", "'tree' must begin with", "" },
		{ "type=bind,\"src=/,dst=/x", "not closed", "" },
		{ "src=/a,b,dst=/x", "'b' is not a key", "" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct err e = { 0 };
		struct spec s;

		spec_init(&s);
		if (mount_parse(&s, ROWS[i].text, &e) == 0)
			fail_msg("%s was taken", ROWS[i].text);
		if (!strstr(e.what, ROWS[i].what) || !strstr(e.what, "--mount"))
			fail_msg("%s: '%s' lacks '%s'", ROWS[i].text, e.what, ROWS[i].what);
		if (!strstr(e.hint, ROWS[i].hint))
			fail_msg("%s: hint '%s' lacks '%s'", ROWS[i].text, e.hint, ROWS[i].hint);
		spec_fini(&s);
	}
}

static void profile_lines(void **state)
{
	static const struct {
		const char *line, *words;	/* NULL: an error */
	} ROWS[] = {
		{ "", "" },
		{ "   \t", "" },
		{ "# comment", "" },
		{ "--volume .:/src", "--volume|.:/src" },
		{ "  --volume\t.:/src  # here", "--volume|.:/src" },
		{ "--env A=b#c", "--env|A=b#c" },
		{ "--env 'A=b c # d'", "--env|A=b c # d" },
		{ "--env A=\"b 'c' \\\" \\\\\"x", "--env|A=b 'c' \" \\x" },
		{ "--env A=b\\ c", "--env|A=b c" },
		{ "--env ''", "--env|" },
		{ "--env '\\'", "--env|\\" },
		{ "--env 'A", NULL },
		{ "--env \"A", NULL },
		{ "--env A\\", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv out = { 0 };
		AUTO_FREE char *got = NULL;
		struct err e = { 0 };
		int rc = profile_words(&out, ROWS[i].line, &e);

		assert_int_equal(rc, ROWS[i].words ? 0 : -1);
		if (rc < 0) {
			assert_int_equal(e.kind, ERR_USAGE);
			continue;
		}
		got = joined(&out);
		assert_string_equal(got, ROWS[i].words);
	}
}

int main(void)
{
	static const struct CMUnitTest TESTS[] = {
		cmocka_unit_test(csv),
		cmocka_unit_test(mounts),
		cmocka_unit_test(wrong_mounts),
		cmocka_unit_test(profile_lines),
	};

	return cmocka_run_group_tests_name("mount", TESTS, NULL, NULL);
}
