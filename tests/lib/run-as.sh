#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/run-as.sh - for root: test users, a copy of the tree that they can read, and running as them
#
#	run-as.sh user NAME [ids|no-ids]	makes the user where it is missing; with 65,536
#						subordinate ids (default), or surely without any
#	run-as.sh copy NAME SOURCE		copies the sources (no build products) to a new
#						directory of that user's, and prints it
#	run-as.sh run NAME DIR COMMAND...	runs COMMAND there, in a clean environment
#	run-as.sh end NAME DIR			ends what that user still runs in DIR and removes DIR
set -u

die() {
	echo "run-as: $*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

make_user() {
	id -u "$1" >/dev/null 2>&1 && return
	if have useradd; then
		useradd -m -s /bin/sh "$1"
	elif have adduser; then # busybox
		adduser -D -s /bin/sh "$1"
	else
		die 'neither useradd nor adduser is there'
	fi || die "cannot make the user $1"
}

# First id of a free range: behind everything that is given away already.
free_range() {
	awk -F: -v first=100000 '{ e = $2 + $3; if (e > first) first = e } END { print first }' \
		/etc/subuid /etc/subgid 2>/dev/null || echo 100000
}

give_ids() {
	touch /etc/subuid /etc/subgid
	for file in /etc/subuid /etc/subgid; do
		# useradd does it by itself on most distributions, some with a count of 1.
		awk -F: -v u="$1" '$1 == u && $3 >= 65536 { ok = 1 } END { exit !ok }' "$file" && continue
		sed -i "/^$1:/d" "$file"
		range=$(free_range)
		echo "$1:$range:65536" >>"$file"
	done
}

take_ids() {
	uid=$(id -u "$1")
	for file in /etc/subuid /etc/subgid; do
		[ ! -e "$file" ] || sed -i "/^$1:/d; /^$uid:/d" "$file"
	done
}

# True where git knows the tree. safe.directory: root may look at a tree that is somebody else's.
in_git() {
	have git && [ "$(git -c safe.directory='*' rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]
}

# Copies the sources of SOURCE ($2) for user $1; what git would ignore is a build product, and
# without git, what a build leaves behind is known by name.
copy_tree() {
	cd "$2" || exit 1
	# /var/tmp and not /tmp, which may be a small tmpfs.
	dir=$(mktemp -d "${LICHEN_CHECK_TMP:-/var/tmp}/lichen-check.XXXXXX") || exit 1
	chmod 0755 "$dir"
	mkdir "$dir/src"
	if in_git; then
		# A file that is deleted and not yet committed is still listed, so it is left out.
		git -c safe.directory='*' ls-files --cached --others --exclude-standard |
			while IFS= read -r file; do [ ! -f "$file" ] && [ ! -L "$file" ] || printf '%s\n' "$file"; done |
			sort -u >"$dir/files"
		tar -cf - -T "$dir/files" | tar -C "$dir/src" -xf -
	else
		# A tarball unpacked, perhaps built in: what configure and make left stays behind. A
		# release has its configure and Makefile.in, which are copied.
		tar --exclude='*.o' --exclude='*.a' --exclude='*.trs' --exclude='*.log' \
			--exclude='.deps' --exclude='.dirstamp' --exclude='./Makefile' --exclude='./config.status' \
			--exclude='./config.h' --exclude='./stamp-h1' --exclude='./.git' --exclude='./.quickstart' \
			--exclude='./lichen' --exclude='./lichen-*' --exclude='./autom4te.cache' \
			-cf - . | tar -C "$dir/src" -xf -
	fi || die "cannot copy $2"
	rm -f "$dir/files"
	chown -R "$1:" "$dir"
	printf '%s\n' "$dir"
}

run_in() {
	user=$1 dir=$2
	shift 2
	uid=$(id -u "$user") || exit 1
	home=$(awk -F: -v u="$user" '$1 == u { print $6 }' /etc/passwd)
	cd "$dir" || exit 1
	# Nothing of root's environment but what steers tests, and proxies.
	set -- env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$home" USER="$user" LOGNAME="$user" \
		SHELL=/bin/sh LANG=C.UTF-8 ${TERM:+"TERM=$TERM"} ${CI:+"CI=$CI"} \
		${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
		${LICHEN_TEST_CACHE:+"LICHEN_TEST_CACHE=$LICHEN_TEST_CACHE"} \
		${LICHEN_CONFIGURE:+"LICHEN_CONFIGURE=$LICHEN_CONFIGURE"} \
		${LICHEN_TEST_DEADLINE:+"LICHEN_TEST_DEADLINE=$LICHEN_TEST_DEADLINE"} "$@"
	# setpriv changes ids and nothing else; su goes through PAM, which may set limits.
	if setpriv --help 2>&1 | grep -q -- --init-groups; then
		exec setpriv --reuid="$uid" --regid="$(id -g "$user")" --init-groups -- "$@"
	fi
	exec su -s /bin/sh "$user" -c 'exec "$@"' -- sh "$@"
}

end_in() {
	case $2 in
	*/lichen-check.??????) ;;
	*) die "will not remove $2" ;;
	esac
	# Only what works in there: somebody else may use the same test user at the same time.
	uid=$(id -u "$1")
	for proc in /proc/[0-9]*; do
		[ "$(stat -c %u "$proc" 2>/dev/null)" = "$uid" ] || continue
		case $(readlink "$proc/cwd" 2>/dev/null) in
		"$2" | "$2"/*) kill -KILL "${proc#/proc/}" 2>/dev/null ;;
		esac
	done
	rm -rf -- "$2"
}

[ "$(id -u)" -eq 0 ] || die 'is for root'
case ${1:-}:$# in
user:2 | user:3)
	make_user "$2"
	case ${3:-ids} in
	ids) give_ids "$2" ;;
	no-ids) take_ids "$2" ;;
	*) die "ids or no-ids, not $3" ;;
	esac
	;;
copy:3) copy_tree "$2" "$3" ;;
run:*)
	[ $# -ge 4 ] || die 'run NAME DIR COMMAND...'
	shift
	run_in "$@"
	;;
end:3) end_in "$2" "$3" ;;
*) die 'user NAME [ids|no-ids] | copy NAME SOURCE | run NAME DIR COMMAND... | end NAME DIR' ;;
esac
