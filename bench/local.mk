# SPDX-License-Identifier: Apache-2.0
# bench: lichen beside its peers; prints ratios, passes no judgement. Not part of "make" or "make check".

EXTRA_PROGRAMS += %D%/bare %D%/inflate %D%/pairs
%C%_bare_SOURCES = %D%/bare.c
%C%_bare_LDADD = liblichen.a
%C%_bare_LDFLAGS = $(AM_LDFLAGS) $(LAUNCHER_LDFLAGS)
%C%_inflate_SOURCES = %D%/inflate.c helpers/image/inflate.c helpers/image/inflate.h
%C%_inflate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(IMAGE_CFLAGS)
%C%_inflate_LDADD = liblichen.a $(IMAGE_LIBS)
%C%_pairs_SOURCES = %D%/pairs.c
EXTRA_DIST += %D%/startup %D%/exec %D%/limits %D%/unpack %D%/images %D%/common.sh
CLEANFILES += %D%/bare$(EXEEXT) %D%/inflate$(EXEEXT) %D%/pairs$(EXEEXT)

if HAVE_IMAGE
BENCH_IMAGE = tests/tools/unpack$(EXEEXT) %D%/inflate$(EXEEXT)
endif

# BENCH_ROUNDS=N: other than 200 rounds a row
.PHONY: bench bench-exec bench-vm bench-images
bench: lichen$(EXEEXT) $(pkglibexec_PROGRAMS) %D%/bare$(EXEEXT) %D%/pairs$(EXEEXT)
	top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/startup
	top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/limits
# a command more in a sandbox that runs
bench-exec: lichen$(EXEEXT) $(pkglibexec_PROGRAMS) %D%/pairs$(EXEEXT)
	top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/exec
# layers alone; then a Debian in one layer and in ten, by each compression: some minutes
bench-images: lichen$(EXEEXT) $(pkglibexec_PROGRAMS) %D%/pairs$(EXEEXT) $(BENCH_IMAGE)
	top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/unpack
	top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/images --all
# limits need a systemd and controllers: in the virtual machine of the tests, in a few minutes
bench-vm: all $(VM_TOOLS) %D%/pairs$(EXEEXT)
	top_builddir='$(abs_top_builddir)' $(srcdir)/%D%/limits --vm
