# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += liblichen.a
liblichen_a_SOURCES = \
	%D%/base/auto.h \
	%D%/base/base64.c %D%/base/base64.h %D%/base/child.c %D%/base/child.h \
	%D%/base/door.c %D%/base/door.h %D%/base/err.c %D%/base/err.h \
	%D%/base/fd.c %D%/base/fd.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/near.c %D%/base/near.h %D%/base/path.c %D%/base/path.h %D%/base/peer.c %D%/base/peer.h %D%/base/sha256.c %D%/base/sha256.h \
	%D%/base/size.c %D%/base/size.h %D%/base/stop.c %D%/base/stop.h \
	%D%/base/str.c %D%/base/str.h \
	%D%/base/sys.c %D%/base/sys.h \
	%D%/spec/check.c %D%/spec/check_process.c %D%/spec/internal.h %D%/spec/landlock.c %D%/spec/landlock.h \
	%D%/spec/limits.c %D%/spec/limits.h %D%/spec/oci_limits.c %D%/spec/personality.c %D%/spec/sysctl.c %D%/spec/idwish.c %D%/spec/idwish.h \
	%D%/spec/mountopts.c %D%/spec/mountopts.h \
	%D%/spec/control_exec.c %D%/spec/control_exec.h %D%/spec/control_msg.h %D%/spec/exec_request.c %D%/spec/exec_request.h \
	%D%/run/exec.c %D%/run/exec.h %D%/run/exec_inside.c %D%/cli/verb_exec.c \
	%D%/spec/image.c %D%/spec/image.h %D%/spec/image_msg.h %D%/spec/image_record.c \
	%D%/spec/names.c %D%/spec/reference.c %D%/spec/reference.h \
	%D%/spec/oci.c %D%/spec/oci.h %D%/spec/oci_json.c %D%/spec/oci_notes.c \
	%D%/spec/oci_read.c %D%/spec/oci_write.c \
	%D%/spec/spec.c %D%/spec/spec.h \
	%D%/host/cgroup.c %D%/host/cgroup.h %D%/host/elf.c %D%/host/elf.h \
	%D%/host/facts.c %D%/host/facts.h \
	%D%/host/hint.c %D%/host/hint.h \
	%D%/host/internal.h %D%/host/libs.c %D%/host/libs.h %D%/host/libs_conf.c %D%/host/libs_search.c \
	%D%/host/short_names.c %D%/host/short_names.h \
	%D%/plan/append.c %D%/plan/build.c %D%/plan/check.c %D%/plan/defaults.c %D%/plan/files.c %D%/plan/names.c %D%/plan/plan.h %D%/plan/print.c \
	%D%/plan/host_table.h %D%/plan/internal.h %D%/plan/mounts.c %D%/plan/process.c %D%/plan/root.c \
	%D%/plan/bins.c %D%/run/bins.c %D%/cli/run_bins.c \
	%D%/store/images.c %D%/store/images.h %D%/store/images_internal.h %D%/store/images_layers.c %D%/store/images_names.c %D%/store/images_sources.c \
	%D%/store/images_gone.c %D%/store/measure.c %D%/store/tmp.c %D%/store/tmp.h %D%/store/volumes.c %D%/store/volumes.h \
	%D%/store/list.c %D%/store/cgroup.c %D%/store/data.c %D%/store/dirs.c %D%/store/internal.h %D%/store/remove.c %D%/store/state.c %D%/store/store.h %D%/store/sweep.c \
	%D%/steps/attrs.c %D%/steps/fuse.h %D%/steps/procview.c %D%/run/procview.c %D%/run/procview.h %D%/steps/cgroup.c %D%/steps/cgroup.h %D%/steps/init.c %D%/steps/process.h \
	%D%/steps/caps.c %D%/steps/copy.c %D%/steps/copy.h %D%/steps/copy_content.c %D%/steps/copy_internal.h %D%/steps/copy_tables.c %D%/steps/copy_walk.c %D%/steps/owners.c %D%/steps/owners.h %D%/steps/ctx.h %D%/steps/files.c %D%/steps/fill.c %D%/steps/filter.c \
	%D%/steps/merged.c %D%/steps/merged.h %D%/run/layers.c %D%/run/image.c \
	%D%/steps/filters.h %D%/steps/idmap.h %D%/steps/join.c %D%/steps/landlock.c %D%/steps/landlock.h %D%/steps/mount.c %D%/steps/ns.c %D%/steps/overlay.c %D%/steps/process.c %D%/steps/stack.c %D%/steps/stack.h \
	%D%/steps/seccomp.c %D%/steps/seccomp.h %D%/steps/user.c %D%/steps/user.h \
	%D%/run/child.c %D%/run/control.c %D%/run/control.h %D%/run/doctor.c %D%/run/doctor.h %D%/run/fuse.c %D%/run/fuse.h %D%/run/layer.c %D%/run/mend.c \
	%D%/run/groups.c %D%/run/groups.h %D%/run/groups_exec.c %D%/run/groups_internal.h %D%/run/groups_make.c %D%/run/groups_tree.c %D%/run/groups_tree.h %D%/run/holder.c %D%/run/attrs.c %D%/run/cgroup.c %D%/run/autopsy.c %D%/run/autopsy.h %D%/run/hosts.c %D%/run/stats.c %D%/run/stats.h %D%/run/stats_watch.c \
	%D%/run/doctor_cgroup.c %D%/run/doctor_fix.c %D%/run/doctor_fs.c %D%/run/doctor_ids.c \
	%D%/run/doctor_kernel.c %D%/run/doctor_ns.c %D%/run/doctor_try.h \
	%D%/run/handshake.c %D%/run/handshake.h \
	%D%/run/ids.c %D%/run/inmap.c %D%/run/keeper.c %D%/run/prepare.c %D%/run/relay.c %D%/run/relay.h \
	%D%/run/join.c %D%/run/share.c %D%/run/share.h %D%/run/stage.c \
	%D%/run/tree.c %D%/run/devices.c %D%/run/run.h %D%/run/own.c %D%/run/sources.c %D%/run/supervise.c %D%/run/internal.h %D%/run/table.c %D%/run/root.c \
	%D%/run/run.c %D%/run/setup.c %D%/run/supervise.h %D%/run/sweeper.c %D%/run/pause.c %D%/run/tty.c %D%/run/tty.h %D%/run/unshare.c %D%/run/unshare.h %D%/run/update.c %D%/run/update.h %D%/run/wait.c %D%/run/wait.h \
	%D%/cli/args.h %D%/cli/dispatch.c %D%/cli/dispatch.h %D%/cli/limit_options.c %D%/cli/limit_options.h %D%/cli/help.c %D%/cli/help.h \
	%D%/cli/opts.c %D%/cli/opts.h %D%/cli/opts.def %D%/cli/verbs.def %D%/cli/peers.def \
	%D%/cli/profile.c %D%/cli/profile.h %D%/cli/run_devices.c %D%/cli/run_mount.c %D%/cli/run_mount.h %D%/cli/run_mounts.c %D%/cli/run_ns.c %D%/cli/run_process.c %D%/cli/run_security.c %D%/cli/run_spec.h \
	%D%/cli/run_hosts.c %D%/cli/run_limits.c \
	%D%/cli/verb_cgroup.c %D%/cli/verb_cgroup_look.c %D%/cli/live.c %D%/cli/live.h %D%/cli/table.c %D%/cli/table.h \
	%D%/cli/each.c %D%/cli/each.h %D%/cli/verb_complete.c %D%/cli/verb_doctor.c %D%/cli/verb_help.c %D%/cli/stats_rows.c %D%/cli/stats_rows.h %D%/cli/verb_pause.c %D%/cli/verb_run.c %D%/cli/verb_stats.c %D%/cli/verb_unshare.c %D%/cli/verb_update.c %D%/cli/verbs.c %D%/cli/verbs.h
liblichen_a_SOURCES += \
	%D%/run/inmap.h \
	%D%/cli/age.c %D%/cli/age.h %D%/cli/change.c %D%/cli/change.h %D%/cli/image_filter.c %D%/cli/image_filter.h \
	%D%/cli/image_job.c %D%/cli/image_job.h %D%/cli/image_place.c %D%/cli/image_place.h \
	%D%/cli/verb_history.c %D%/cli/verb_images.c %D%/cli/verb_inspect.c %D%/cli/verb_load.c %D%/cli/verb_login.c %D%/cli/verb_pull.c \
	%D%/cli/verb_volume.c %D%/cli/confirm.c %D%/cli/confirm.h %D%/cli/filter.c %D%/cli/filter.h \
	%D%/run/volumes.c %D%/run/volumes.h %D%/cli/run_volume.c \
	%D%/store/images_verify.c %D%/cli/image_prune.c %D%/cli/image_prune.h %D%/cli/verb_df.c %D%/cli/verb_prune.c %D%/cli/verb_verify.c \
	%D%/cli/run_image.c %D%/cli/verb_rmi.c %D%/cli/verb_save.c \
	%D%/cli/credentials.c %D%/cli/credentials.h %D%/cli/credentials_ask.c %D%/cli/credential_helper.c \
	%D%/cli/pull_view.c %D%/cli/pull_view.h %D%/cli/template.c %D%/cli/template.h
liblichen_a_SOURCES += \
	%D%/run/imager.c %D%/run/imager.h %D%/run/imager_commit.c %D%/run/imager_helper.c %D%/run/imager_internal.h %D%/run/imager_send.c \
	%D%/run/imager_state.c %D%/run/imager_state.h %D%/run/imager_unpack.c %D%/run/imager_use.c %D%/run/imager_wait.c
nodist_liblichen_a_SOURCES = %D%/steps/filters.c

bin_PROGRAMS += lichen
lichen_SOURCES = %D%/main.c
lichen_LDADD = liblichen.a $(LAUNCHER_LIBS)
lichen_LDFLAGS = $(AM_LDFLAGS) $(LAUNCHER_LDFLAGS)
