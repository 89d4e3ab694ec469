# SPDX-License-Identifier: Apache-2.0
# doc/local.mk - the manual: scdoc pages whose lists come from the option table
#
# Without scdoc the filled-in sources are made all the same: tests/lint/tables.t reads them.

# A page more is a word more here.
man_sources = %D%/man/lichen.1.scd %D%/man/lichen-run.1.scd %D%/man/lichen-stats.1.scd %D%/man/lichen-update.1.scd \
	%D%/man/lichen-images.1.scd \
	%D%/man/lichen-pause.1.scd %D%/man/lichen-unshare.1.scd %D%/man/lichen-doctor.1.scd %D%/man/lichen-cgroup.1.scd
man_sources += %D%/man/lichen-exec.1.scd %D%/man/lichen-volume.1.scd %D%/man/lichen-system.1.scd
man_pages = $(man_sources:.scd=)
man5_sources = %D%/man/lichen-images.conf.5.scd
man5_pages = $(man5_sources:.scd=)
# An option can be copied from the page: a plain "-" may be set as a hyphen that no shell knows, and .TH turns on
# again what scdoc turned off, so that words are parted.
man_copyable = sed -e "/^\.TH /a .nh" -e "/^[.']/!s/-/\\\\-/g"
EXTRA_DIST += $(man_sources:.scd=.scd.in) $(man5_sources:.scd=.scd.in)
BUILT_SOURCES += $(man_sources) $(man5_sources)
CLEANFILES += $(man_sources) $(man_pages) $(man5_sources) $(man5_pages)

if HAVE_SCDOC
man1_MANS += $(man_pages)
man5_MANS += $(man5_pages)
endif

SUFFIXES = .scd.in .scd .1.scd .1 .5.scd .5
$(man_sources) $(man5_sources): cli-gen$(EXEEXT)

.scd.in.scd:
	$(cli_gen) man $< >$@.tmp && mv -f $@.tmp $@

.1.scd.1:
	$(AM_V_GEN)$(SCDOC) <$< >$@.tmp && $(man_copyable) $@.tmp >$@.new && mv -f $@.new $@ && rm -f $@.tmp

.5.scd.5:
	$(AM_V_GEN)sed -e 's|@sysconfdir[@]|$(sysconfdir)|' -e 's|@pkgdatadir[@]|$(pkgdatadir)|' $< | $(SCDOC) >$@.tmp && \
		$(man_copyable) $@.tmp >$@.new && mv -f $@.new $@ && rm -f $@.tmp

EXTRA_DIST += %D%/ARCHITECTURE.md %D%/decisions/001-static-launcher.md %D%/decisions/002-seccomp-default.md \
	%D%/decisions/003-keeper.md %D%/decisions/004-copy-rung.md %D%/decisions/005-sweep-window.md \
	%D%/decisions/006-host-not-idmapped.md %D%/decisions/007-names-are-not-kept-yet.md \
	%D%/decisions/011-init-is-forked-from-our-code.md %D%/decisions/012-timeout-exits-with-124.md \
	%D%/decisions/013-die-with-parent-cleans-up.md %D%/decisions/009-joins-follow-the-owner.md %D%/decisions/010-no-userns.md %D%/decisions/008-fuse-rung.md \
	%D%/decisions/014-sources-are-compared.md %D%/decisions/015-option-profiles.md %D%/decisions/016-devices-and-data.md \
	%D%/decisions/018-lichen-proc.md %D%/decisions/017-where-the-cgroup-comes-from.md \
	%D%/decisions/019-images.md %D%/decisions/020-unpacking.md %D%/decisions/021-what-an-image-costs.md
EXTRA_DIST += %D%/OPTIONS.md
