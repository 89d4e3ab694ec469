# SPDX-License-Identifier: Apache-2.0
# data/local.mk - the names of images; the AppArmor profile, which names where lichen is installed: for /etc/apparmor.d, see lichen-doctor(1)
dist_pkgdata_DATA += %D%/images.conf
EXTRA_DIST += %D%/apparmor/lichen.in
CLEANFILES += %D%/apparmor/lichen
apparmordir = $(pkgdatadir)/apparmor
apparmor_DATA = %D%/apparmor/lichen

%D%/apparmor/lichen: $(srcdir)/%D%/apparmor/lichen.in Makefile
	@$(MKDIR_P) %D%/apparmor
	$(AM_V_GEN)sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@pkgdatadir[@]|$(pkgdatadir)|g' \
		$(srcdir)/%D%/apparmor/lichen.in >$@.tmp && mv -f $@.tmp $@
