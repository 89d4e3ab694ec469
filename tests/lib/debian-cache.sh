#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/debian-cache.sh - makes the Debian trees that tests unpack, once
#
#	tests/lib/debian-cache.sh [DIR]		(default /var/cache/lichen-test as root)
#
# DIR/debian.tar	mmdebstrap --variant=minbase
# DIR/debian-root/	the same, unpacked, owned by root (only when run as root)
# DIR/debian.no-mirror	instead of both, where no mirror answered: says why tests skip
# Nothing is done where they are there. LICHEN_TEST_MIRROR and LICHEN_TEST_SUITE choose others.
set -u

if [ "$(id -u)" -eq 0 ]; then
	default=/var/cache/lichen-test
else
	default=${XDG_CACHE_HOME:-$HOME/.cache}/lichen-test
fi
dir=${1:-$default}

die() {
	echo "debian-cache: $*" >&2
	exit 1
}

# mmdebstrap runs apt with a configuration of its own: the machine's proxies are handed on.
proxies() {
	apt-config dump 2>/dev/null | sed -n 's/^\(Acquire::https\{0,1\}::[Pp]roxy "[^"]*";\)$/\1/p'
}

make_tar() {
	suite=${LICHEN_TEST_SUITE:-}
	if [ -z "$suite" ]; then
		# On a Debian its own release, of which the keys are sure to be there.
		suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}")
		: "${suite:=bookworm}"
	fi
	set -- "$suite" "$dir/debian.tar.new"
	[ -z "${LICHEN_TEST_MIRROR:-}" ] || set -- "$@" "$LICHEN_TEST_MIRROR"
	proxies >"$dir/proxies"
	# Documentation and package lists are most of the files and no test looks at them.
	mmdebstrap --variant=minbase --format=tar --aptopt="$dir/proxies" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$@" >"$dir/debian.log" 2>&1
}

# The tests look into root's first (tap.sh): another one would be made for nobody.
if [ $# -eq 0 ] && [ "$(id -u)" -ne 0 ] && [ -r /var/cache/lichen-test/debian.tar ]; then
	exit 0
fi
mkdir -p "$dir" || die "cannot make $dir"
if [ ! -r "$dir/debian.tar" ]; then
	command -v mmdebstrap >/dev/null 2>&1 || die 'mmdebstrap is missing'
	rm -f "$dir/debian.no-mirror"
	if ! make_tar; then
		if grep -Eqi 'could not resolve|failed to fetch|unable to connect|connection (failed|timed out)|temporary failure' \
			"$dir/debian.log"; then
			: >"$dir/debian.no-mirror"
		fi
		tail -n 5 "$dir/debian.log" >&2
		die "no Debian tree; the log is $dir/debian.log"
	fi
	# Renamed when whole: a stopped run leaves no half archive that looks like one.
	chmod 0644 "$dir/debian.tar.new"
	mv "$dir/debian.tar.new" "$dir/debian.tar"
fi

if [ "$(id -u)" -eq 0 ] && [ ! -d "$dir/debian-root/usr" ]; then
	rm -rf "$dir/debian-root.new"
	mkdir -p "$dir/debian-root.new"
	tar -C "$dir/debian-root.new" --exclude='./dev/*' -xpf "$dir/debian.tar" || die 'tar failed'
	mv "$dir/debian-root.new" "$dir/debian-root"
fi
exit 0
