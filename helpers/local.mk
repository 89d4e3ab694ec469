# SPDX-License-Identifier: Apache-2.0
# helpers: processes of their own beside the launcher, and what they make at build time

# ---- lichen-seccomp: compiles seccomp profiles (libseccomp and jansson live here)

pkglibexec_PROGRAMS += %D%/lichen-seccomp
%C%_lichen_seccomp_SOURCES = \
	%D%/seccomp/bpf.c %D%/seccomp/bpf.h \
	%D%/seccomp/main.c \
	%D%/seccomp/names.c %D%/seccomp/names.h \
	%D%/seccomp/profile.c %D%/seccomp/profile.h \
	src/base/err.c src/base/str.c
%C%_lichen_seccomp_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS) $(JANSSON_CFLAGS)
%C%_lichen_seccomp_LDADD = $(SECCOMP_LIBS) $(JANSSON_LIBS)

dist_pkgdata_DATA += data/seccomp-default.json

# ---- lichen-proc: serves /proc/meminfo and its kin for a sandbox with limits. What needs no system
# ---- call is a library, for the tests, also where there is no libfuse.

noinst_LIBRARIES += libprocview.a
libprocview_a_SOURCES = \
	%D%/proc/clock.c %D%/proc/cpus.c %D%/proc/load.c %D%/proc/memory.c \
	%D%/proc/numbers.c %D%/proc/numbers.h %D%/proc/view.h
PROC_SOURCES = \
	%D%/proc/box.c %D%/proc/box.h %D%/proc/confine.c %D%/proc/confine.h %D%/proc/main.c \
	%D%/proc/serve.c %D%/proc/serve.h %D%/proc/source.c %D%/proc/source.h \
	%D%/shared/confined.c %D%/shared/confined.h
if HAVE_FUSE3
pkglibexec_PROGRAMS += %D%/lichen-proc
endif
%C%_lichen_proc_SOURCES = $(PROC_SOURCES) src/base/err.c src/base/fd.c src/base/str.c src/base/sys.c
%C%_lichen_proc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers $(FUSE3_CFLAGS) $(SECCOMP_CFLAGS)
%C%_lichen_proc_LDADD = libprocview.a $(FUSE3_LIBS) $(SECCOMP_LIBS)

# ---- lichen-scope: asks systemd for transient scopes (libsystemd lives here)
if HAVE_SYSTEMD
pkglibexec_PROGRAMS += %D%/lichen-scope
%C%_lichen_scope_SOURCES = \
	%D%/scope/bus.c %D%/scope/bus.h \
	%D%/scope/main.c \
	%D%/scope/names.c %D%/scope/names.h \
	%D%/scope/unit.c %D%/scope/unit.h \
	src/base/err.c src/base/str.c src/base/sys.c
%C%_lichen_scope_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
%C%_lichen_scope_LDADD = $(SYSTEMD_LIBS)
endif

# ---- lichen-image: images and layers of this machine (libarchive, libcrypto and the decompressors live here);
# ---- lichen-registry: those of registries (libcurl lives here: each start of it costs more than a small layer).
# ---- What both have is compiled once. What only reads texts is a library also where their libraries are not to be had.

noinst_LIBRARIES += libimage.a
libimage_a_SOURCES = \
	%D%/image/challenge.c %D%/image/challenge.h \
	%D%/image/image_config.c %D%/image/image_config.h \
	%D%/image/jsonin.c %D%/image/jsonin.h \
	%D%/image/manifest.c %D%/image/manifest.h \
	%D%/image/platform.c
libimage_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
if HAVE_IMAGE
noinst_LIBRARIES += libtask.a
pkglibexec_PROGRAMS += %D%/lichen-image %D%/lichen-registry
endif
libtask_a_SOURCES = \
	%D%/image/blob.c %D%/image/blob.h \
	%D%/image/confine.c %D%/image/confine.h \
	%D%/image/digest.c %D%/image/digest.h \
	%D%/image/main.c \
	%D%/image/sink_load.c \
	%D%/image/source.c %D%/image/source.h \
	%D%/image/talk.c %D%/image/talk.h \
	%D%/image/tasks.h \
	%D%/shared/confined.c %D%/shared/confined.h
libtask_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/helpers $(IMAGE_CFLAGS) $(SECCOMP_CFLAGS) $(JANSSON_CFLAGS)
IMAGE_LDADD = libtask.a libimage.a liblichen.a $(SECCOMP_LIBS) $(JANSSON_LIBS) -lpthread
%C%_lichen_image_SOURCES = \
	%D%/image/docker_archive.c \
	%D%/image/files.c %D%/image/files.h \
	%D%/image/import.c \
	%D%/image/inflate.c %D%/image/inflate.h \
	%D%/image/layer.c %D%/image/layer.h \
	%D%/image/local.c %D%/image/local.h \
	%D%/image/name.c %D%/image/name.h \
	%D%/image/oci_layout.c \
	%D%/image/pack.c %D%/image/pack.h \
	%D%/image/parents.c %D%/image/parents.h \
	%D%/image/program_image.c \
	%D%/image/reader.c %D%/image/reader.h \
	%D%/image/ring.c %D%/image/ring.h \
	%D%/image/sink.c %D%/image/sink.h \
	%D%/image/sink_docker.c \
	%D%/image/sink_oci.c \
	%D%/image/stream.c %D%/image/stream.h \
	%D%/image/compare.c %D%/image/compare.h \
	%D%/image/model.c %D%/image/model.h \
	%D%/image/verify_tree.c %D%/image/verify_tree.h \
	%D%/image/tree.c %D%/image/tree.h \
	%D%/image/unpack.c \
	%D%/image/verify.c \
	%D%/image/xattrs.c %D%/image/xattrs.h
%C%_lichen_image_CPPFLAGS = $(libtask_a_CPPFLAGS)
%C%_lichen_image_LDADD = $(IMAGE_LDADD) $(IMAGE_LIBS)
%C%_lichen_registry_SOURCES = \
	%D%/image/auth.c %D%/image/auth.h \
	%D%/image/http.c %D%/image/http.h \
	%D%/image/http_run.c %D%/image/http_run.h \
	%D%/image/http_say.c %D%/image/http_say.h \
	%D%/image/login.c \
	%D%/image/program_registry.c \
	%D%/image/push.c %D%/image/push.h \
	%D%/image/registry.c \
	%D%/image/remote.c %D%/image/remote.h \
	%D%/image/tags.c \
	%D%/image/url.c %D%/image/url.h
%C%_lichen_registry_CPPFLAGS = $(libtask_a_CPPFLAGS) $(REGISTRY_CFLAGS)
%C%_lichen_registry_LDADD = $(IMAGE_LDADD) $(REGISTRY_LIBS)

# ---- lichen-init: pid 1 of a sandbox. Its own flags and no others: hardening and sanitizers
# ---- want a C library, which it has only where the architecture leaves no choice.

init_cflags = -std=c17 -D_GNU_SOURCE -Os -Wall -Wextra -fno-stack-protector -fno-pie -static
INIT_FREESTANDING = -ffreestanding -nostdlib -Wl,-z,noexecstack -Wl,-z,norelro -Wl,--build-id=none
pkglibexec_SCRIPTS += %D%/lichen-init
EXTRA_DIST += %D%/init/main.c
%D%/lichen-init: $(srcdir)/%D%/init/main.c
	@$(MKDIR_P) %D%
	$(AM_V_CCLD)case '$(host_cpu)' in \
	x86_64|aarch64) libc='$(INIT_FREESTANDING)' ;; \
	*) libc=-DINIT_HAS_LIBC ;; \
	esac; $(CC) $(init_cflags) $$libc -s -o $@ $(srcdir)/%D%/init/main.c
CLEANFILES += %D%/lichen-init

# Options by name: lichen run --profile NAME
profilesdir = $(pkgdatadir)/profiles
dist_profiles_DATA = data/profiles/compiler data/profiles/node data/profiles/python data/profiles/untrusted-binary

# The built-in filters. They differ from one architecture to another, so they are made
# by each build and not shipped; whoever compiles them says nodist_..._SOURCES.
src/steps/filters.c: $(srcdir)/data/seccomp-default.json %D%/lichen-seccomp$(EXEEXT)
	@if test '$(build_cpu)' != '$(host_cpu)'; then \
	echo 'error: lichen cannot be cross compiled: $@ is made by running %D%/lichen-seccomp,' >&2; \
	echo 'which is built for $(host_cpu), on this machine, $(build_cpu)' >&2; exit 1; fi
	$(AM_V_GEN)$(MKDIR_P) src/steps && \
	digest=`sha256sum < '$(srcdir)/data/seccomp-default.json' | cut -c1-64` && \
	%D%/lichen-seccomp$(EXEEXT) --emit-c '$(srcdir)/data/seccomp-default.json' \
		--sha256 "$$digest" --output $@.tmp && mv $@.tmp $@

BUILT_SOURCES += src/steps/filters.c
CLEANFILES += src/steps/filters.c src/steps/filters.c.tmp
