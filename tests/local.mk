# SPDX-License-Identifier: Apache-2.0
TEST_EXTENSIONS = .t .sh
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
T_LOG_DRIVER = $(TAP_DRIVER)
# cmocka says "not ok # SKIP"
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/lib/unit.sh
SH_LOG_DRIVER = $(TAP_DRIVER)
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	LICHEN='$(abs_top_builddir)/lichen'; CC='$(CC)'; CMOCKA_MESSAGE_OUTPUT=TAP; \
	LICHEN_SECCOMP='$(abs_top_builddir)/helpers/lichen-seccomp'; \
	export top_srcdir top_builddir LICHEN CC CMOCKA_MESSAGE_OUTPUT LICHEN_SECCOMP;

# ---- shell tests: lint and functional, named from the top so that selections work
SHELL_TESTS = \
	tests/lint/banned.t tests/lint/examples.t tests/lint/generated.t tests/lint/headers.t tests/lint/includes.t \
	tests/lint/ldd.t tests/lint/options.t tests/lint/shell.t tests/lint/tables.t tests/fuzz/corpus.t tests/func/basic.t \
	tests/func/cgroup-box.t tests/func/cgroup.t tests/func/complete.t tests/func/completions.t tests/func/config.t \
	tests/func/cow.t tests/func/debian.t tests/func/device.t tests/func/doctor-causes.t tests/func/doctor-root.t \
	tests/func/doctor.t tests/func/dryrun.t tests/func/errors.t tests/func/examples.t tests/func/exec-end.t \
	tests/func/exec-safe.t tests/func/exec.t tests/func/fuse.t tests/func/home.t \
	tests/func/host.t tests/func/hostile-layers.t tests/func/hosts.t tests/func/idmaps.t tests/func/ids.t \
	tests/func/image-confined.t tests/func/image-places.t tests/func/store-fixed.t tests/func/save.t tests/func/archives.t tests/func/store-storm.t tests/func/image-sink.t tests/func/image-source.t tests/func/imager-hostile.t \
	tests/func/imager-killed.t tests/func/imager.t tests/func/images.t tests/func/init.t tests/func/isolation.t \
	tests/func/killed.t tests/func/landlock.t tests/func/layer.t tests/func/limits.t tests/func/load.t tests/func/load-another.t tests/func/login.t \
	tests/func/many.t tests/func/mount.t tests/func/nested.t tests/func/nosub.t tests/func/nouserns.t tests/func/ns.t \
	tests/func/overlay.t tests/func/own.t tests/func/paths.t tests/func/pause.t tests/func/proc-helper.t \
	tests/func/process.t tests/func/profile.t tests/func/propagation.t tests/func/pull.t tests/func/race.t \
	tests/func/registry-bad.t tests/func/registry-hostile.t tests/func/registry-proxy.t tests/func/registry-stop.t tests/func/registry-tls.t tests/func/registry-user.t tests/func/registry.t tests/func/root-image.t tests/func/root.t tests/func/rootfs-from.t \
	tests/func/run-image.t tests/func/scope.t tests/func/seccomp.t tests/func/secrets.t tests/func/signals.t \
	tests/func/stack.t tests/func/stats.t tests/func/stdio.t tests/func/sysctl.t tests/func/system.t tests/func/tty-exec.t tests/func/tty.t tests/func/verify.t \
	tests/func/unfinished.t tests/func/unpack.t tests/func/unshare.t tests/func/update.t tests/func/verbs.t \
	tests/func/volume-copy.t tests/func/volume.t tests/func/volumes.t
TESTS += $(SHELL_TESTS)
dist_check_SCRIPTS += $(SHELL_TESTS)
EXTRA_DIST += \
	tests/lib/debian-cache.sh tests/lib/fake-image.sh tests/lib/image.sh tests/lib/registry.sh tests/lib/run-as.sh \
	tests/lib/select.sh tests/lib/tap-sum.sh tests/lib/tap.sh tests/lib/terminal.sh tests/lib/unit.sh tests/skips.allowed \
	tests/tools/fresh-tree.sh

# kept by tests/lib/tap.sh for all files of a run
CLEANFILES += tests/tools/busybox-names.*

# ---- the virtual machine's: not part of make check. TESTS_VM="tests/vm/a.t ..." runs only these.
# tests/lib/vm/bookworm.t is one TAP stream of them all, with the file's name before each result.
VM_TESTS = tests/vm/kernel.t tests/vm/layers.t tests/vm/session.t tests/vm/limits.t tests/vm/limits-all.t tests/vm/limits-bare.t tests/vm/limits-delegated.t \
	tests/vm/update.t tests/vm/pause.t tests/vm/limits-killed.t tests/vm/stats.t tests/vm/systemd-inside.t tests/vm/cgroup.t tests/vm/cgroup-delegated.t tests/vm/cgroup-root.t tests/vm/scope.t
VM_SUITES = tests/lib/vm/bookworm.t tests/lib/vm/trixie.t
dist_check_SCRIPTS += $(VM_TESTS) $(VM_SUITES)
EXTRA_DIST += \
	tests/lib/vm/vm tests/lib/vm/image.sh tests/lib/vm/init tests/lib/vm/guest.sh tests/lib/vm/start.sh tests/lib/vm/tap.awk
VM_TOOLS = tests/tools/probe$(EXEEXT) tests/tools/deny$(EXEEXT) tests/tools/stack$(EXEEXT)
VM_RUN = LICHEN_VM_TESTS='$(TESTS_VM)' $(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS=
check-vm: all $(VM_TOOLS)
	$(VM_RUN) TESTS=tests/lib/vm/bookworm.t
check-vm-all: all $(VM_TOOLS)
	$(VM_RUN) TESTS='$(VM_SUITES)'
.PHONY: check-vm check-vm-all

# ---- unit tests: link the very objects of the program
if HAVE_CMOCKA
UNIT_TESTS = \
	tests/unit/test_challenge tests/unit/test_copy tests/unit/test_credentials tests/unit/test_doctor tests/unit/test_elf tests/unit/test_exec tests/unit/test_fill \
	tests/unit/test_groups tests/unit/test_ids tests/unit/test_image tests/unit/test_image_config \
	tests/unit/test_image_words tests/unit/test_imager tests/unit/test_images_store tests/unit/test_landlock \
	tests/unit/test_layer_name tests/unit/test_limits tests/unit/test_live tests/unit/test_manifest tests/unit/test_mount \
	tests/unit/test_oci tests/unit/test_opts tests/unit/test_plan tests/unit/test_prepare tests/unit/test_proc \
	tests/unit/test_pull_view tests/unit/test_reference tests/unit/test_relay tests/unit/test_run tests/unit/test_scope \
	tests/unit/test_seccomp tests/unit/test_seccomp_peer tests/unit/test_share tests/unit/test_short_names \
	tests/unit/test_size tests/unit/test_spec tests/unit/test_stack tests/unit/test_stats tests/unit/test_store \
	tests/unit/test_table tests/unit/test_template tests/unit/test_update tests/unit/test_user tests/unit/test_verbs \
	tests/unit/test_volumes
if HAVE_IMAGE
UNIT_TESTS += tests/unit/test_url
endif
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
UNIT_LIBS = liblichen.a $(CAPNG_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_challenge_CPPFLAGS = $(REGISTRY_CPPFLAGS)
tests_unit_test_challenge_LDADD = libimage.a $(UNIT_LIBS)
tests_unit_test_copy_LDADD = $(UNIT_LIBS)
tests_unit_test_fill_LDADD = $(UNIT_LIBS)
tests_unit_test_credentials_LDADD = $(UNIT_LIBS)
tests_unit_test_doctor_LDADD = $(UNIT_LIBS)
tests_unit_test_elf_LDADD = $(UNIT_LIBS)
tests_unit_test_exec_LDADD = $(UNIT_LIBS)
tests_unit_test_groups_LDADD = $(UNIT_LIBS)
tests_unit_test_ids_LDADD = $(UNIT_LIBS)
tests_unit_test_image_LDADD = $(UNIT_LIBS)
tests_unit_test_image_config_CPPFLAGS = $(IMAGE_TEST_CPPFLAGS)
tests_unit_test_image_config_LDADD = libimage.a $(UNIT_LIBS)
tests_unit_test_image_words_LDADD = $(UNIT_LIBS)
tests_unit_test_imager_LDADD = $(UNIT_LIBS)
tests_unit_test_images_store_SOURCES = tests/unit/test_images_store.c tests/unit/store_help.h
tests_unit_test_images_store_LDADD = $(UNIT_LIBS)
tests_unit_test_landlock_LDADD = $(UNIT_LIBS)
tests_unit_test_layer_name_SOURCES = tests/unit/test_layer_name.c helpers/image/name.c helpers/image/name.h
tests_unit_test_layer_name_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers/image
tests_unit_test_layer_name_LDADD = $(UNIT_LIBS)
tests_unit_test_limits_LDADD = $(UNIT_LIBS)
tests_unit_test_live_LDADD = $(UNIT_LIBS) -lutil
tests_unit_test_manifest_CPPFLAGS = $(IMAGE_TEST_CPPFLAGS)
tests_unit_test_manifest_LDADD = libimage.a $(UNIT_LIBS)
tests_unit_test_mount_LDADD = $(UNIT_LIBS)
tests_unit_test_oci_LDADD = $(UNIT_LIBS)
tests_unit_test_opts_LDADD = $(UNIT_LIBS)
tests_unit_test_plan_LDADD = $(UNIT_LIBS)
tests_unit_test_prepare_LDADD = $(UNIT_LIBS)
tests_unit_test_proc_CPPFLAGS = $(PROC_CPPFLAGS)
tests_unit_test_proc_LDADD = libprocview.a $(UNIT_LIBS)
tests_unit_test_pull_view_LDADD = $(UNIT_LIBS)
tests_unit_test_reference_LDADD = $(UNIT_LIBS)
tests_unit_test_relay_LDADD = $(UNIT_LIBS) -lutil
tests_unit_test_run_LDADD = $(UNIT_LIBS)
tests_unit_test_scope_SOURCES = tests/unit/test_scope.c helpers/scope/names.c helpers/scope/names.h
tests_unit_test_scope_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers/scope
tests_unit_test_scope_LDADD = $(UNIT_LIBS)
tests_unit_test_seccomp_LDADD = $(UNIT_LIBS)
tests_unit_test_seccomp_peer_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS)
tests_unit_test_seccomp_peer_LDADD = $(UNIT_LIBS) $(SECCOMP_LIBS)
tests_unit_test_share_LDADD = $(UNIT_LIBS)
tests_unit_test_short_names_LDADD = $(UNIT_LIBS)
tests_unit_test_size_LDADD = $(UNIT_LIBS)
tests_unit_test_spec_LDADD = $(UNIT_LIBS)
tests_unit_test_stack_LDADD = $(UNIT_LIBS)
tests_unit_test_stats_LDADD = $(UNIT_LIBS)
tests_unit_test_store_LDADD = $(UNIT_LIBS)
tests_unit_test_table_LDADD = $(UNIT_LIBS)
tests_unit_test_template_LDADD = $(UNIT_LIBS)
tests_unit_test_update_LDADD = $(UNIT_LIBS)
tests_unit_test_url_SOURCES = tests/unit/test_url.c helpers/image/http.c helpers/image/http.h helpers/image/http_run.c helpers/image/http_run.h \
	helpers/image/http_say.c helpers/image/http_say.h \
	helpers/image/url.c helpers/image/url.h
tests_unit_test_url_CPPFLAGS = $(REGISTRY_CPPFLAGS) $(REGISTRY_CFLAGS)
tests_unit_test_url_LDADD = $(UNIT_LIBS) $(REGISTRY_LIBS)
tests_unit_test_user_LDADD = $(UNIT_LIBS)
tests_unit_test_verbs_CPPFLAGS = $(SAMPLE_CPPFLAGS)
tests_unit_test_verbs_LDADD = tests/sample/libsample.a $(UNIT_LIBS)
tests_unit_test_volumes_SOURCES = tests/unit/test_volumes.c tests/unit/store_help.h
tests_unit_test_volumes_LDADD = $(UNIT_LIBS)

# ---- the command line with verbs of the tests' own: the tables in tests/sample/cli are found first
SAMPLE_CPPFLAGS = -I$(top_srcdir)/tests/sample $(AM_CPPFLAGS)
check_LIBRARIES += tests/sample/libsample.a
check_PROGRAMS += tests/sample/sample tests/sample/sample-gen
tests_sample_sample_gen_SOURCES = $(gen_sources)
tests_sample_sample_gen_CPPFLAGS = $(SAMPLE_CPPFLAGS)
tests_sample_sample_gen_CFLAGS = $(AM_CFLAGS) -Wno-unused-const-variable
tests_sample_libsample_a_SOURCES = src/cli/dispatch.c src/cli/opts.c src/cli/verbs.c
tests_sample_libsample_a_CPPFLAGS = $(SAMPLE_CPPFLAGS)
# words of options that the sample has not
tests_sample_libsample_a_CFLAGS = $(AM_CFLAGS) -Wno-unused-const-variable
tests_sample_sample_SOURCES = tests/sample/main.c
tests_sample_sample_CPPFLAGS = $(SAMPLE_CPPFLAGS)
tests_sample_sample_LDADD = tests/sample/libsample.a liblichen.a $(CAPNG_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += tests/sample/cli/verbs.def tests/sample/cli/opts.def

# ---- tools of the tests
check_PROGRAMS += tests/tools/probe
tests_tools_probe_SOURCES = tests/tools/probe.c
tests_tools_probe_LDFLAGS = -static
tests_tools_probe_CFLAGS =
check_PROGRAMS += tests/tools/deny
tests_tools_deny_SOURCES = tests/tools/deny.c
tests_tools_deny_LDFLAGS = -static
tests_tools_deny_CFLAGS =
check_PROGRAMS += tests/tools/fuse-mount
tests_tools_fuse_mount_SOURCES = tests/tools/fuse-mount.c
tests_tools_fuse_mount_CFLAGS =
check_PROGRAMS += tests/tools/stack
tests_tools_stack_SOURCES = tests/tools/stack.c
tests_tools_stack_LDFLAGS = $(AM_LDFLAGS) $(LAUNCHER_LDFLAGS)
tests_tools_stack_LDADD = liblichen.a $(LAUNCHER_LIBS)
check_PROGRAMS += tests/tools/open-many
tests_tools_open_many_SOURCES = tests/tools/open-many.c
tests_tools_open_many_CFLAGS =

if HAVE_IMAGE
check_PROGRAMS += tests/tools/unpack tests/tools/tarmaker tests/tools/tree-list tests/tools/relay
endif
tests_tools_relay_SOURCES = tests/tools/relay.c
tests_tools_relay_CPPFLAGS = $(AM_CPPFLAGS) $(REGISTRY_CFLAGS)
tests_tools_relay_LDADD = liblichen.a $(REGISTRY_LIBS) -lssl
tests_tools_tarmaker_SOURCES = tests/tools/tarmaker.c
tests_tools_tarmaker_LDADD = liblichen.a
tests_tools_tree_list_SOURCES = tests/tools/tree-list.c
tests_tools_tree_list_LDADD = liblichen.a
tests_tools_unpack_SOURCES = tests/tools/unpack.c
tests_tools_unpack_LDADD = liblichen.a $(JANSSON_LIBS)

check_PROGRAMS += tests/tools/source
tests_tools_source_SOURCES = tests/tools/source.c
tests_tools_source_LDADD = liblichen.a $(JANSSON_LIBS)

check_PROGRAMS += tests/tools/registry
tests_tools_registry_SOURCES = tests/tools/registry.c
tests_tools_registry_LDADD = liblichen.a $(JANSSON_LIBS)

# brings and uses images without a verb; and what stands in for lichen-image there
check_PROGRAMS += tests/tools/imager tests/tools/fake-image
tests_tools_imager_SOURCES = tests/tools/imager.c
tests_tools_imager_LDADD = liblichen.a $(LAUNCHER_LIBS)
tests_tools_imager_LDFLAGS = $(AM_LDFLAGS) $(LAUNCHER_LDFLAGS)
tests_tools_fake_image_SOURCES = tests/tools/fake-image.c
tests_tools_fake_image_LDADD = liblichen.a
if HAVE_SYSTEMD
check_PROGRAMS += tests/tools/fake-systemd
endif
tests_tools_fake_systemd_SOURCES = tests/tools/fake-systemd.c
tests_tools_fake_systemd_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_tools_fake_systemd_LDADD = $(SYSTEMD_LIBS)

# ---- fuzz targets: their corpora are replayed everywhere, fuzzed with --enable-fuzz
check_PROGRAMS += tests/fuzz/replay_oci tests/fuzz/replay_opts tests/fuzz/replay_elf tests/fuzz/replay_words \
	tests/fuzz/replay_manifest tests/fuzz/replay_config \
	tests/fuzz/replay_proc tests/fuzz/replay_record tests/fuzz/replay_reference
tests_fuzz_replay_elf_SOURCES = tests/fuzz/fuzz_elf.c tests/fuzz/replay.c
tests_fuzz_replay_elf_LDADD = liblichen.a
tests_fuzz_replay_oci_SOURCES = tests/fuzz/fuzz_oci.c tests/fuzz/replay.c
tests_fuzz_replay_oci_LDADD = liblichen.a $(JANSSON_LIBS)
tests_fuzz_replay_opts_SOURCES = tests/fuzz/fuzz_opts.c tests/fuzz/replay.c
tests_fuzz_replay_opts_LDADD = liblichen.a $(CAPNG_LIBS) $(JANSSON_LIBS)
PROC_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers -I$(top_srcdir)/helpers/proc
tests_fuzz_replay_proc_SOURCES = tests/fuzz/fuzz_proc.c tests/fuzz/replay.c
tests_fuzz_replay_proc_CPPFLAGS = $(PROC_CPPFLAGS)
tests_fuzz_replay_proc_LDADD = libprocview.a liblichen.a
tests_fuzz_replay_record_SOURCES = tests/fuzz/fuzz_record.c tests/fuzz/replay.c
tests_fuzz_replay_record_LDADD = liblichen.a $(JANSSON_LIBS)
tests_fuzz_replay_reference_SOURCES = tests/fuzz/fuzz_reference.c tests/fuzz/replay.c
tests_fuzz_replay_reference_LDADD = liblichen.a
IMAGE_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers -I$(top_srcdir)/helpers/image
tests_fuzz_replay_manifest_SOURCES = tests/fuzz/fuzz_manifest.c tests/fuzz/replay.c
tests_fuzz_replay_manifest_CPPFLAGS = $(IMAGE_TEST_CPPFLAGS)
tests_fuzz_replay_manifest_LDADD = libimage.a liblichen.a $(JANSSON_LIBS)
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/replay.c
tests_fuzz_replay_config_CPPFLAGS = $(IMAGE_TEST_CPPFLAGS)
tests_fuzz_replay_config_LDADD = libimage.a liblichen.a $(JANSSON_LIBS)
tests_fuzz_replay_words_SOURCES = tests/fuzz/fuzz_words.c tests/fuzz/replay.c
tests_fuzz_replay_words_LDADD = liblichen.a $(CAPNG_LIBS) $(JANSSON_LIBS)
if HAVE_IMAGE
check_PROGRAMS += tests/fuzz/replay_tar
endif
TAR_SOURCES = tests/fuzz/fuzz_tar.c helpers/image/layer.c helpers/image/layer.h helpers/image/name.c helpers/image/name.h \
	helpers/image/parents.c helpers/image/parents.h helpers/image/tree.c helpers/image/tree.h \
	helpers/image/xattrs.c helpers/image/xattrs.h
TAR_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers/image $(IMAGE_CFLAGS)
tests_fuzz_replay_tar_SOURCES = $(TAR_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_tar_CPPFLAGS = $(TAR_CPPFLAGS)
tests_fuzz_replay_tar_LDADD = liblichen.a $(IMAGE_LIBS)
if ENABLE_FUZZ
check_PROGRAMS += tests/fuzz/fuzz_oci tests/fuzz/fuzz_opts tests/fuzz/fuzz_elf tests/fuzz/fuzz_words tests/fuzz/fuzz_proc \
	tests/fuzz/fuzz_manifest tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_record tests/fuzz/fuzz_reference
if HAVE_IMAGE
check_PROGRAMS += tests/fuzz/fuzz_tar
endif
endif
tests_fuzz_fuzz_tar_SOURCES = $(TAR_SOURCES)
tests_fuzz_fuzz_tar_CPPFLAGS = $(TAR_CPPFLAGS)
tests_fuzz_fuzz_tar_LDADD = liblichen.a $(IMAGE_LIBS)
tests_fuzz_fuzz_tar_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_elf_LDADD = liblichen.a
tests_fuzz_fuzz_elf_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_config_CPPFLAGS = $(IMAGE_TEST_CPPFLAGS)
tests_fuzz_fuzz_config_LDADD = libimage.a liblichen.a $(JANSSON_LIBS)
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_manifest_CPPFLAGS = $(IMAGE_TEST_CPPFLAGS)
tests_fuzz_fuzz_manifest_LDADD = libimage.a liblichen.a $(JANSSON_LIBS)
tests_fuzz_fuzz_manifest_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_proc_CPPFLAGS = $(PROC_CPPFLAGS)
tests_fuzz_fuzz_proc_LDADD = libprocview.a liblichen.a
tests_fuzz_fuzz_proc_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_record_LDADD = liblichen.a $(JANSSON_LIBS)
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_reference_LDADD = liblichen.a
tests_fuzz_fuzz_reference_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_words_LDADD = liblichen.a $(CAPNG_LIBS) $(JANSSON_LIBS)
tests_fuzz_fuzz_words_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_oci_LDADD = liblichen.a $(JANSSON_LIBS)
tests_fuzz_fuzz_oci_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_opts_LDADD = liblichen.a $(CAPNG_LIBS) $(JANSSON_LIBS)
tests_fuzz_fuzz_opts_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
# ---- what a registry asks for
REGISTRY_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers -I$(top_srcdir)/helpers/image
check_PROGRAMS += tests/fuzz/replay_auth
tests_fuzz_replay_auth_SOURCES = tests/fuzz/fuzz_auth.c tests/fuzz/replay.c
tests_fuzz_replay_auth_CPPFLAGS = $(REGISTRY_CPPFLAGS)
tests_fuzz_replay_auth_LDADD = libimage.a liblichen.a
if ENABLE_FUZZ
check_PROGRAMS += tests/fuzz/fuzz_auth
endif
tests_fuzz_fuzz_auth_CPPFLAGS = $(REGISTRY_CPPFLAGS)
tests_fuzz_fuzz_auth_LDADD = libimage.a liblichen.a
tests_fuzz_fuzz_auth_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
EXTRA_DIST += \
	tests/fuzz/corpus/auth tests/fuzz/corpus/config tests/fuzz/corpus/elf tests/fuzz/corpus/manifest \
	tests/fuzz/corpus/oci/big-numbers.json tests/fuzz/corpus/oci/duplicate-key.json \
	tests/fuzz/corpus/oci/mark-forged.json tests/fuzz/corpus/oci/ours-bytes.json tests/fuzz/corpus/oci/ours-default.json \
	tests/fuzz/corpus/oci/ours-made.json tests/fuzz/corpus/oci/stranger.json tests/fuzz/corpus/oci/wrong-type.json \
	tests/fuzz/corpus/opts/mounts tests/fuzz/corpus/opts/run tests/fuzz/corpus/opts/wrong tests/fuzz/corpus/proc \
	tests/fuzz/corpus/record tests/fuzz/corpus/reference tests/fuzz/corpus/tar tests/fuzz/corpus/words/csv \
	tests/fuzz/corpus/words/layers tests/fuzz/corpus/words/mount tests/fuzz/corpus/words/profile
EXTRA_DIST += tests/data/plans
