# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/tap.sh - TAP and a clean place for tests written in shell (POSIX sh, bash too)
#
#	#!/bin/sh
#	# tags: seam root            (read by tests/lib/select.sh; optional)
#	: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
#	. "$top_srcdir/tests/lib/tap.sh"
#	need userns busybox
#	busybox_root "$T/root"
#	run_lichen run "$T/root" id -u
#	is "$status" 0 'the command ran'
#	is "$out" 0 'root inside'
#	done_testing
#
# What a test file gets:
#   $T			a fresh directory of its own, removed at the end
#   HOME TMPDIR XDG_DATA_HOME XDG_CONFIG_HOME		all below $T
#   $LICHEN		the program
#   $mark, LICHEN_TEST_MARK				what leftover processes are told by
# A payload's environment is clean, so the mark does not reach it by itself; a
# leftover payload is told by its open files and mounts below $T instead.
# What a test hands to run_lichen may carry -e "LICHEN_TEST_MARK=$mark" to be surer still.
#
# Assertions: ok is isnt like unlike pass fail skip; end: done_testing, or skip_all.

set -u

: "${top_srcdir:?is set by make check; by hand: the source tree}"
: "${top_builddir:=$top_srcdir}"
: "${LICHEN:=$top_builddir/lichen}"
export LICHEN top_srcdir top_builddir

tap_count=0
tap_failed=0
tap_done=
tap_at_exit=

# ---- a place of our own ---------------------------------------------------

# /var/tmp rather than /tmp: a tmpfs takes no user.* attributes before Linux 6.6, so
# the kernel's overlay could not keep its writable layer there.
# ${TMPDIR} of the outer world is honoured: the CI points it where there is room.
tap_base=${LICHEN_TEST_TMP:-${TMPDIR:-/var/tmp}}
T=$(mktemp -d "$tap_base/lichen-t.XXXXXX") || { echo 'Bail out! no temporary directory'; exit 99; }
T=$(cd "$T" && pwd -P)
# Ids of a subordinate range have to pass through.
chmod 0711 "$T"
mark=${T##*/}.$$

tap_real_home=${HOME:-/}
HOME=$T/home
TMPDIR=$T/tmp
XDG_DATA_HOME=$T/data
XDG_CONFIG_HOME=$T/config
LICHEN_TEST_MARK=$mark
LC_ALL=C
mkdir "$HOME" "$TMPDIR" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME"
export T HOME TMPDIR XDG_DATA_HOME XDG_CONFIG_HOME LICHEN_TEST_MARK LC_ALL
# Where the Debian trees are kept between runs (see debian-cache.sh).
: "${LICHEN_TEST_CACHE:=}"
if [ -z "$LICHEN_TEST_CACHE" ]; then
	LICHEN_TEST_CACHE=/var/cache/lichen-test
	[ -d "$LICHEN_TEST_CACHE" ] ||
		LICHEN_TEST_CACHE=${XDG_CACHE_HOME:-$tap_real_home/.cache}/lichen-test
fi

# at_exit 'COMMANDS': run before $T is removed, last given first.
at_exit() {
	tap_at_exit="$1
$tap_at_exit"
}

tap_cleanup() {
	tap_status=$?
	trap - EXIT HUP INT TERM
	eval "$tap_at_exit"
	tap_leftover_pids | while read -r tap_pid _; do
		kill -KILL "$tap_pid" 2>/dev/null
	done
	if [ -n "${LICHEN_TEST_KEEP:-}" ]; then
		diag "kept: $T"
	else
		remove_tree "$T"
	fi
	if [ -z "$tap_done" ]; then
		# The driver turns a missing plan into an error; this says where to look.
		diag "ended before done_testing, after test $tap_count, with status $tap_status"
		[ "$tap_status" -ne 0 ] || tap_status=1
	fi
	exit "$tap_status"
}
trap tap_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# remove_tree DIR: also where parts belong to subordinate ids or are not searchable.
remove_tree() {
	[ -e "$1" ] || [ -L "$1" ] || return 0
	rm -rf -- "$1" 2>/dev/null && return 0
	chmod -R u+rwx -- "$1" 2>/dev/null
	rm -rf -- "$1" 2>/dev/null && return 0
	# Files of a subordinate id can only be removed inside the map that made them.
	in_own_map rm -rf -- "$1" 2>/dev/null
	rm -rf -- "$1"
}

# in_own_map COMMAND...: root inside is the caller, the subordinate range follows.
in_own_map() {
	unshare --user --map-root-user --map-auto -- "$@"
}

# in_subid_map COMMAND...: root inside is the first subordinate id, as mmdebstrap
# --mode=unshare and podman have it; the caller's own id has no name there.
in_subid_map() {
	unshare --user --map-auto --setuid 0 --setgid 0 -- "$@"
}

# ---- TAP --------------------------------------------------------------------

# diag prints what a person reading the log needs; TAP ignores it.
diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}
note() { diag "$@"; }

pass() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' "$tap_count" "$1"
}

# A failing assertion shows the last command of run_lichen, which is what one wants to see.
fail() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$1"
	if [ -n "${tap_last_args:-}" ]; then
		diag "after: lichen$tap_last_args"
		diag "status: ${status:-}"
		diag "out: $(printf '%s' "${out:-}" | head -n 20)"
		diag "err: $(printf '%s' "${err:-}" | head -n 20)"
	fi
	return 1
}

# told TEXT: says it, and is false, as the assertion is that says it.
told() {
	diag "$@"
	return 1
}

# ok COND DESC: COND is an exit status (ok $? 'it worked') or a shell expression that
# is evaluated here (ok '[ -e "$T/file" ]' 'the file is there').
ok() {
	case $1 in
	'' | *[!0-9]*) if eval "$1"; then pass "$2"; else fail "$2" || told "false: $1"; fi ;;
	0) pass "$2" ;;
	*) fail "$2" || told "status $1" ;;
	esac
}

# is GOT EXPECTED DESC
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3" || told "expected: $2" || told "     got: $1"
	fi
}

# isnt GOT UNEXPECTED DESC
isnt() {
	if [ "$1" != "$2" ]; then pass "$3"; else fail "$3" || told "got what must not be: $1"; fi
}

# like TEXT REGEX DESC: an extended regular expression, matched line by line.
like() {
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		pass "$3"
	else
		fail "$3" || told "no line matches: $2" || told "in: $(printf '%s' "$1" | head -n 20)"
	fi
}

# unlike TEXT REGEX DESC
unlike() {
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		fail "$3" || told "this must not be there: $(printf '%s\n' "$1" | grep -E -e "$2" | head -n 5)"
	else
		pass "$3"
	fi
}

# skip REASON DESC: one assertion that cannot be made here. The reasons are words
# (no-subids); those that may occur in CI stand in tests/skips.allowed.
skip() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_count" "${2:-}" "$1"
}

# skip_all REASON: the whole file; only before the first assertion.
skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	tap_done=1
	exit 0
}

bail_out() {
	printf 'Bail out! %s\n' "$1"
	tap_done=1
	exit 99
}

# done_testing: the leak check as last assertion, then the plan, which comes last so that
# a file that stops in the middle is seen.
done_testing() {
	tap_last_args=
	tap_leaks=$(tap_find_leaks)
	if [ -z "$tap_leaks" ]; then
		pass 'nothing is left behind'
	else
		fail 'nothing is left behind' || diag "$tap_leaks"
	fi
	printf '1..%d\n' "$tap_count"
	tap_done=1
	[ "$tap_failed" -eq 0 ]
	exit
}

# ---- running the program ---------------------------------------------------

# run_lichen ARGS...: sets $status, $out and $err. Standard input is empty unless
# LICHEN_STDIN names a file. The deadline ends a hang with status 124.
run_lichen() {
	run_as_is "$LICHEN" "$@"
	tap_last_args=$(printf " '%s'" "$@")
	[ "$status" -ne 124 ] || diag "deadline of ${LICHEN_TEST_DEADLINE:-60} s passed: lichen$tap_last_args"
}

# run_as_is COMMAND...: the same for another program.
run_as_is() {
	tap_last_args=
	status=0
	timeout -k 5 "${LICHEN_TEST_DEADLINE:-60}" "$@" \
		<"${LICHEN_STDIN:-/dev/null}" >"$T/.out" 2>"$T/.err" || status=$?
	# A command substitution drops zero bytes with a warning of bash's, so without them.
	out=$(tr -d '\000' <"$T/.out")
	err=$(tr -d '\000' <"$T/.err")
}

# wait_for COND [SECONDS]: until COND (a shell expression) holds; false when time is up.
# For what gives no event to wait on (a process gone, a file made by somebody else).
wait_for() {
	tap_tries=$((${2:-10} * 20))
	until eval "$1"; do
		tap_tries=$((tap_tries - 1))
		[ "$tap_tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# ---- what a test needs -----------------------------------------------------

# need WORD...: skips the file where one of them is missing. Words: userns subids root user
# busybox debian expect fuse fuse-device, or cmd:NAME for any program.
need() {
	for tap_word in "$@"; do
		have "$tap_word" || skip_all "$tap_why"
	done
}

# have WORD: the same as a question; $tap_why is the reason.
have() {
	tap_why=no-$1
	case $1 in
	userns) [ "$(id -u)" -eq 0 ] || unshare --user true 2>/dev/null ;;
	subids)
		command -v newuidmap >/dev/null 2>&1 && command -v newgidmap >/dev/null 2>&1 &&
			tap_in_subfile /etc/subuid && tap_in_subfile /etc/subgid ;;
	nosubids) tap_why=has-subids; ! tap_in_subfile /etc/subuid && ! tap_in_subfile /etc/subgid ;;
	root) tap_why=not-root; [ "$(id -u)" -eq 0 ] ;;
	user) tap_why=is-root; [ "$(id -u)" -ne 0 ] ;;
	busybox) tap_busybox=$(tap_find_busybox) ;;
	debian) tap_why=$(tap_no_debian); [ -z "$tap_why" ] ;;
	cmd:*) tap_why=no-${1#cmd:}; command -v "${1#cmd:}" >/dev/null 2>&1 ;;
	fuse)
		command -v fuse-overlayfs >/dev/null 2>&1 || { tap_why=no-fuse-overlayfs; return 1; }
		[ -r /dev/fuse ] && [ -w /dev/fuse ] || return 1
		# what root runs has other ids
		case $(id -u),$(stat -Lc %A /dev/fuse) in 0,???????rw?) ;; 0,*) return 1 ;; esac ;;
	fuse-device) [ -r /dev/fuse ] && [ -w /dev/fuse ] ;;
	static) tap_why=dynamic-launcher; tap_is_static "$LICHEN" ;;
	expect) command -v expect >/dev/null 2>&1 ;;
	*) bail_out "need: unknown word $1" ;;
	esac
}

tap_in_subfile() {
	grep -Eq "^($(id -un)|$(id -u)):" "$1" 2>/dev/null
}

# A busybox that runs in an empty root, so one that asks for no dynamic loader.
tap_find_busybox() {
	for tap_b in "$(command -v busybox)" /bin/busybox.static /usr/bin/busybox-static /bin/busybox; do
		if [ -x "$tap_b" ] && tap_is_static "$tap_b"; then
			printf '%s\n' "$tap_b"
			return 0
		fi
	done
	return 1
}

tap_is_static() {
	if command -v readelf >/dev/null 2>&1; then
		! readelf -lW "$1" 2>/dev/null | grep -q INTERP
	else
		! ldd "$1" 2>/dev/null | grep -q '=>\|ld-'
	fi
}

# tap_busybox_names DIR: its names, as links. A process for each takes half a second, so the first file of a run keeps them as
# an archive in the build tree, or, where that is somebody else's, in $T.
tap_busybox_names() {
	# in the virtual machine
	[ -z "${LICHEN_TEST_LINKS:-}" ] || { cp -a "$LICHEN_TEST_LINKS/." "$1/"; return; }
	# called by what the archive has, as there may be another busybox next time
	tap_names=busybox-names.$("$tap_busybox" --list | cksum | tr ' ' -)
	for tap_dir in "$top_builddir/tests/tools" "$T"; do
		if [ -r "$tap_dir/$tap_names" ]; then
			# not -C: to tar a backslash is no backslash there
			(cd "$1" && tar --no-same-owner -xf -) <"$tap_dir/$tap_names"
			return
		fi
	done
	# Not --install: that needs a /proc inside a chroot on some builds.
	mkdir "$T/.names"
	"$tap_busybox" --list | while read -r tap_applet; do
		[ "$tap_applet" = busybox ] || ln -s busybox "$T/.names/$tap_applet"
	done
	for tap_dir in "$top_builddir/tests/tools" "$T"; do
		# renamed when it is whole: others read it
		{ tar -C "$T/.names" -cf "$tap_dir/.names.$$" . && mv "$tap_dir/.names.$$" "$tap_dir/$tap_names"; } 2>/dev/null && break
	done
	rm -r "$T/.names"
	tap_busybox_names "$1"
}

# busybox_root DIR [EXTRA-DIR...]: a root file system of one static program and its names.
# /proc, /sys, /dev and the rest are missing on purpose: lichen has to cope with that.
busybox_root() {
	tap_root=$1
	shift
	tap_busybox=$(tap_find_busybox) || { skip_all no-busybox; }
	mkdir -p "$tap_root/bin" "$tap_root/etc" "$tap_root/tmp" "$tap_root/root" "$tap_root/home/user"
	chmod 1777 "$tap_root/tmp"
	cp "$tap_busybox" "$tap_root/bin/busybox"
	chmod 0755 "$tap_root/bin/busybox"
	tap_busybox_names "$tap_root/bin"
	[ -e "$tap_root/bin/sh" ] || ln -s busybox "$tap_root/bin/sh"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' \
		'user:x:1000:1000:user:/home/user:/bin/sh' \
		'nobody:x:65534:65534:nobody:/:/bin/false' >"$tap_root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'tty:x:5:' 'user:x:1000:' 'nogroup:x:65534:' >"$tap_root/etc/group"
	for tap_dir in "$@"; do
		mkdir -p "$tap_root/$tap_dir"
	done
}

# busybox_image FILE [NAME] [CONFIG] [TEXT]: an archive as `docker save` writes it, of one layer: busybox_root, and /text with TEXT.
# CONFIG are the members of the image's "config", as JSON. Sets $image_id.
# shellcheck disable=SC2034 # image_id is the test's
busybox_image() {
	tap_image=$T/.image.$$
	mkdir "$tap_image"
	busybox_root "$tap_image/root"
	printf '%s\n' "${4:-text}" >"$tap_image/root/text"
	tar -C "$tap_image/root" --numeric-owner --owner=0 --group=0 -cf "$tap_image/layer.tar" .
	tap_digest=$(sha256sum <"$tap_image/layer.tar" | cut -d' ' -f1)
	printf '{"architecture":"%s","os":"linux","created":"2024-05-01T12:00:00Z","config":{%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},%s}' \
		"$(tap_architecture)" "${3:-\"Cmd\":[\"/bin/sh\"]}" "$tap_digest" \
		'"history":[{"created":"2024-05-01T12:00:00Z","created_by":"ADD busybox"},{"created":"2024-05-01T12:00:00Z","created_by":"CMD","empty_layer":true}]' \
		>"$tap_image/config.json"
	tap_digest=$(sha256sum <"$tap_image/config.json" | cut -d' ' -f1)
	mv "$tap_image/config.json" "$tap_image/$tap_digest.json"
	tap_tags=null
	[ -z "${2:-}" ] || tap_tags="[\"$2\"]"
	printf '[{"Config":"%s.json","RepoTags":%s,"Layers":["layer.tar"]}]' "$tap_digest" "$tap_tags" >"$tap_image/manifest.json"
	tar -C "$tap_image" -cf "$1" manifest.json "$tap_digest.json" layer.tar
	rm -rf "$tap_image"
	image_id=sha256:$tap_digest
}

# start_registry open|auth: docker's on a port of loopback, "auth" with the password "secret" for the user "me". Sets $registry.
# shellcheck disable=SC2016,SC2034 # conditions for wait_for, a hash of bcrypt's; registry is the test's
start_registry() {
	mkdir "$T/.registry"
	[ "$1" != auth ] || printf '%s\n' 'me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a' >"$T/.registry/users"
	tap_port=$((20000 + $$ % 20000))
	while :; do
		{
			printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n' "$T/.registry/data"
			printf 'http: {addr: "127.0.0.1:%d"}\n' "$tap_port"
			[ "$1" != auth ] || printf 'auth: {htpasswd: {realm: test, path: %s}}\n' "$T/.registry/users"
		} >"$T/.registry/config.yml"
		docker-registry serve "$T/.registry/config.yml" >"$T/.registry/log" 2>&1 &
		tap_registry=$!
		tap_hex=$(printf '0100007F:%04X' "$tap_port")
		wait_for '! kill -0 "$tap_registry" 2>/dev/null || grep -q " $tap_hex .* 0A " /proc/net/tcp' 20
		kill -0 "$tap_registry" 2>/dev/null && break
		tap_port=$((tap_port + 1))
		[ "$tap_port" -lt 50000 ] || skip_all no-port
	done
	registry=localhost:$tap_port
	at_exit 'kill "$tap_registry" 2>/dev/null'
}

stop_registry() {
	kill "$tap_registry"
	wait "$tap_registry" 2>/dev/null
}

# As images name it.
tap_architecture() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	i?86) echo 386 ;;
	armv*) echo arm ;;
	*) uname -m ;;
	esac
}

# Prints why there is no Debian tree, nothing where there is one.
tap_no_debian() {
	if [ -r "$LICHEN_TEST_CACHE/debian.tar" ]; then
		return
	elif [ -e "$LICHEN_TEST_CACHE/debian.no-mirror" ]; then
		echo no-debian-mirror
	else
		echo no-debian-tree
	fi
}

# debian_root DIR [own|subid]: a minimal Debian. "own" is unpacked with tar by the caller, who then
# owns all of it; "subid" belongs to the first subordinate id, as mmdebstrap --mode=unshare leaves it.
debian_root() {
	tap_why=$(tap_no_debian)
	[ -z "$tap_why" ] || skip_all "$tap_why"
	mkdir -p "$1"
	case ${2:-own} in
	own) tar -C "$1" --exclude='./dev/*' --no-same-owner -xf "$LICHEN_TEST_CACHE/debian.tar" ;;
	subid)
		# The range's root has to own the directory itself, so it makes it; the archive comes
		# in through a pipe, because that id may not be able to read the cache.
		rmdir "$1"
		tap_parent=$(cd "$(dirname "$1")" && pwd)
		chmod a+rwx "$tap_parent"
		# shellcheck disable=SC2016 # for the inner shell
		in_subid_map sh -c 'mkdir -m 0755 "$1" && tar -C "$1" --exclude="./dev/*" -xpf -' \
			sh "$tap_parent/${1##*/}" <"$LICHEN_TEST_CACHE/debian.tar" || return 1
		;;
	*) bail_out "debian_root: unknown owner $2" ;;
	esac
}

# debian_root_of_root: prints the path of a tree that belongs to the machine's root.
debian_root_of_root() {
	[ -d "$LICHEN_TEST_CACHE/debian-root/usr" ] && printf '%s\n' "$LICHEN_TEST_CACHE/debian-root"
}

# ---- what several tests do ---------------------------------------------------

# find_probe: sets $probe, the program that looks and acts from inside; by hand, without make check, it is built.
find_probe() {
	probe=$top_builddir/tests/tools/probe
	[ -x "$probe" ] && return
	probe=$T/probe
	cc -D_GNU_SOURCE -static -o "$probe" "$top_srcdir/tests/tools/probe.c" || skip_all no-probe
}

# lichen_for USER: sets $their_lichen, which USER may run: $LICHEN, or a copy where that lies in a closed home directory.
lichen_for() {
	their_lichen=$LICHEN
	runuser -u "$1" -- test -x "$LICHEN" && return
	their_lichen=$T/their-lichen
	cp "$LICHEN" "$their_lichen"
	chmod 0755 "$their_lichen"
}

# probe_into ROOT: as the command "probe" there.
probe_into() {
	cp "$probe" "$1/bin/probe"
	chmod 0755 "$1/bin/probe"
}

# alive: the processes that were given $mark as an argument, by their file of /proc.
alive() {
	printf '%s\n' "$mark" >"$T/.mark"
	grep -lsaFf "$T/.mark" /proc/[0-9]*/cmdline 2>/dev/null
}

# configs: this test's definitions among what lichen keeps on disk; root's are in one place for all.
configs() {
	tap_data=$XDG_DATA_HOME/lichen/containers
	[ "$(id -u)" -ne 0 ] || tap_data=/var/lib/lichen/containers
	grep -lsF "$T/" "$tap_data"/*/config.json
}

# start ARGS...: lichen run in the background, with all signals at their default (a shell starts
# background processes with SIGINT ignored), with start_as=group as a job of a shell; returns when the command has written something. Sets $pid.
# shellcheck disable=SC2016 # conditions for wait_for
start() {
	: >"$T/said"
	"$probe" "${start_as:-plain}" "$LICHEN" run "$@" </dev/null >"$T/said" 2>"$T/said.err" &
	pid=$!
	wait_for '[ -s "$T/said" ] || ! kill -0 "$pid" 2>/dev/null' 30 && [ -s "$T/said" ]
	ok $? "started: $*" || diag "$(cat "$T/said.err")"
}

# finish: waits for what start() started, with a deadline; sets $status.
# shellcheck disable=SC2016 # conditions for wait_for
finish() {
	wait_for '! kill -0 "$pid" 2>/dev/null || [ "$(sed "s/.*) //; s/ .*//" "/proc/$pid/stat" 2>/dev/null)" = Z ]' 20 ||
		{ diag 'still there after 20 s'; kill -KILL "$pid"; }
	wait "$pid"
	status=$?
}

# wrong DESC REGEX... -- ARGS...: lichen fails with 125, and standard error matches each.
wrong() {
	wrong_desc=$1
	shift
	: >"$T/.words"
	while [ "$1" != -- ]; do
		printf '%s\n' "$1" >>"$T/.words"
		shift
	done
	shift
	if [ -n "${tap_on_root:-}" ]; then
		run_lichen run "$@" "${root:?is set by the test}" echo started
	else
		run_lichen "$@"
	fi
	is "$status" 125 "$wrong_desc: 125"
	is "$out" '' "$wrong_desc: nothing is started or printed"
	like "$err" '^lichen: ' "$wrong_desc: it is lichen that says it"
	while IFS= read -r word; do
		like "$err" "$word" "$wrong_desc: names $word"
	done <"$T/.words"
}

# wrong_option DESC REGEX... -- OPTIONS...: the same of `run`, on $root.
wrong_option() {
	tap_on_root=yes
	wrong "$@"
	tap_on_root=
}

# ---- the leak check ----------------------------------------------------------

# Prints "PID COMMAND" of every process that is ours: by the mark in its environment, by a
# mount below $T in its mount table, by an open file or working directory below $T.
tap_leftover_pids() {
	(
		# What looks must not find itself. A subshell's own environ is the one
		# that the test file was started with, which has no mark.
		unset LICHEN_TEST_MARK
		cd /
		{
			grep -lsaF "LICHEN_TEST_MARK=$mark" /proc/[0-9]*/environ
			grep -lsF "$T/" /proc/[0-9]*/mountinfo
			find /proc/[0-9]*/fd /proc/[0-9]*/cwd /proc/[0-9]*/root -lname "$T/*" 2>/dev/null
		} </dev/null 2>/dev/null | cut -d/ -f3 | sort -un | while read -r tap_pid; do
			tap_is_ours_alive "$tap_pid" || continue
			printf '%s %s\n' "$tap_pid" "$(tr '\000' ' ' <"/proc/$tap_pid/cmdline" 2>/dev/null | cut -c1-120)"
		done
	)
}

# False for the test itself, for its ancestors (make started by hand inside $T) and for zombies.
tap_is_ours_alive() {
	[ "$1" != "$$" ] && [ "$1" != "$PPID" ] || return 1
	# Field 3 after the last ")" of stat is the state.
	tap_state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 1
	[ -n "$tap_state" ] && [ "$tap_state" != Z ]
}

# Where lichen's runtime half may lie; shared by all tests of this user, so only what names $T counts.
tap_runtime_dirs() {
	tap_uid=$(id -u)
	for tap_dir in "/run/user/$tap_uid/lichen" "/run/lichen" "/dev/shm/lichen-$tap_uid" "/tmp/lichen-$tap_uid" \
		"/var/tmp/lichen-$tap_uid" "/run/lichen-$tap_uid"; do
		[ ! -d "$tap_dir" ] || printf '%s\n' "$tap_dir"
	done
}

# Runs in a command substitution, so what it does to the environment stays there.
tap_find_leaks() {
	unset LICHEN_TEST_MARK
	# What is dying gets ten seconds, as other tests keep the processors busy; then it is a leak.
	# shellcheck disable=SC2016 # evaluated by wait_for
	wait_for '[ -z "$(tap_leftover_pids)" ]' 10 ||
		tap_leftover_pids | sed 's/^/process left: /'
	grep -F "$T/" /proc/self/mountinfo | sed 's/^/mount left: /'
	if [ -d "$XDG_DATA_HOME/lichen/containers" ]; then
		find "$XDG_DATA_HOME/lichen/containers" -mindepth 1 -maxdepth 1 ! -name '.*' ! -name '*lock*' |
			sed 's/^/state left: /'
	fi
	tap_runtime_dirs | while read -r tap_dir; do
		grep -rlsF -- "$T/" "$tap_dir" | sed 's/^/runtime state left: /'
	done
	find "$TMPDIR" -mindepth 1 -name '*lichen*' | sed 's/^/temporary file left: /'
}
