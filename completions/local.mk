# SPDX-License-Identifier: Apache-2.0
# completions/local.mk - completions for bash, zsh and fish, made from the option table
#
# cli-gen fills the skeletons; it is also what makes the manual's lists (doc/local.mk).

noinst_PROGRAMS += cli-gen
gen_sources = src/cli/gen.h src/cli/gen_main.c src/cli/gen_man.c src/cli/gen_shells.c src/cli/opts.c src/cli/verbs.c \
	src/base/err.c src/base/str.c src/spec/names.c
cli_gen_SOURCES = $(gen_sources)

bashcomp_DATA = %D%/bash/lichen
zshcomp_DATA = %D%/zsh/_lichen
fishcomp_DATA = %D%/fish/lichen.fish
EXTRA_DIST += %D%/lichen.bash.in %D%/_lichen.in %D%/lichen.fish.in
CLEANFILES += $(bashcomp_DATA) $(zshcomp_DATA) $(fishcomp_DATA)

# Through a second file: a half-made one never looks finished.
cli_gen = $(AM_V_GEN)$(MKDIR_P) $(@D) && ./cli-gen$(EXEEXT)

%D%/bash/lichen: cli-gen$(EXEEXT) $(srcdir)/%D%/lichen.bash.in
	$(cli_gen) bash $(srcdir)/%D%/lichen.bash.in >$@.tmp && mv -f $@.tmp $@

%D%/zsh/_lichen: cli-gen$(EXEEXT) $(srcdir)/%D%/_lichen.in
	$(cli_gen) zsh $(srcdir)/%D%/_lichen.in >$@.tmp && mv -f $@.tmp $@

%D%/fish/lichen.fish: cli-gen$(EXEEXT) $(srcdir)/%D%/lichen.fish.in
	$(cli_gen) fish $(srcdir)/%D%/lichen.fish.in >$@.tmp && mv -f $@.tmp $@
