#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# Real Debian trees, whoever made them: root inside, and packages install.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns debian
[ "$(id -u)" -eq 0 ] || need subids
LICHEN_TEST_DEADLINE=300
mkdir "$T/deb"
chmod 0777 "$T/deb"

# installs NAME TREE: what must hold on every tree.
installs() {
	run_lichen run "$2" bash -c 'id -u; echo "$BASH_VERSION"; stat -c %u:%g / /etc/passwd'
	is "$status" 0 "$1: bash runs"
	is "$(printf '%s\n' "$out" | sed -n 1p)" 0 "$1: root inside"
	is "$(printf '%s\n' "$out" | tail -n 2 | tr '\n' ' ')" '0:0 0:0 ' "$1: who owns the tree"
	run_lichen run "$2" sh -c 'ls /home /root; ls -d /proc/[0-9]* | wc -l; ls /sys/class/net'
	like "$out" '^lo$' "$1: a loopback device"
	unlike "$out" '^(eth|en|wl)' "$1: and no network"
	run_lichen run -v "$T/deb:/deb:ro" "$2" sh -c 'dpkg -i /deb/lichen-test.deb && stat -c %U:%G /opt/lichen-test/data && dpkg -s lichen-test'
	is "$status" 0 "$1: dpkg -i works"
	like "$out" '^www-data:games$' "$1: a file of the package belongs to another user and group"
	like "$out" '^Status: install ok installed' "$1: the package is installed"
	ok "[ ! -e '$2/opt/lichen-test' ]" "$1: the tree stays as it was"
}

tree=$T/own
debian_root "$tree" own
# The package is made inside, where files can belong to anybody.
run_lichen run -v "$T/deb:/deb" "$tree" sh -c '
	set -e
	mkdir -p /pkg/DEBIAN /pkg/opt/lichen-test
	echo data >/pkg/opt/lichen-test/data
	chown www-data:games /pkg/opt/lichen-test/data
	printf "%s\n" "Package: lichen-test" "Version: 1.0" "Architecture: all" \
		"Maintainer: nobody <nobody@example.org>" "Description: a test" >/pkg/DEBIAN/control
	printf "%s\n" "#!/bin/sh" "touch /opt/lichen-test/configured" "chown 33:33 /opt/lichen-test/configured" >/pkg/DEBIAN/postinst
	chmod 0755 /pkg/DEBIAN/postinst
	dpkg-deb -b /pkg /deb/lichen-test.deb
	chmod 0644 /deb/lichen-test.deb'
is "$status" 0 'a package is built inside'
ok '[ -s "$T/deb/lichen-test.deb" ]' 'and is there outside'
installs 'unpacked by the caller' "$tree"
unlike "$err" '[Ww]arning' 'no warning'

if [ "$(id -u)" -eq 0 ]; then
	skip is-root 'a tree of the first subordinate id'
	skip is-root "a tree of somebody else's"
else
	mkdir "$T/p"
	debian_root "$T/p/subid" subid
	ok $? 'a tree of the first subordinate id is made'
	installs 'made by mmdebstrap --mode=unshare' "$T/p/subid"
	if tree=$(debian_root_of_root) && [ "$(stat -c %u "$tree")" -eq 0 ]; then
		run_lichen run "$tree" true
		is "$status" 0 'a tree of root runs'
		like "$err" "$tree" 'a warning names it'
		like "$err" '[Cc]op(y|ie)' 'and says that it is copied'
		run_lichen run --overlay=kernel "$tree" touch /etc/new
		isnt "$status" 0 'with the copy refused, it is not made in silence'
		installs 'made by root' "$tree"
	else
		skip no-debian-tree-of-root "a tree of somebody else's"
	fi
fi

done_testing
