# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bench/common.sh - what the benches have in common: their directory, the user they run as, crun's bundle
#
# Needs in $name the name of the bench and in $launcher the lichen that is measured; sets $rounds and $user.

: "${name:?}" "${launcher:?}"
rounds=${BENCH_ROUNDS:-200}
user=${BENCH_USER:-lichen-test}

die() {
	echo "bench/$name: $*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

skip() {
	printf 'row %s: skipped: %s\n{"row":"%s","skipped":"%s"}\n' "$1" "$2" "$1" "$2"
}

# The first line of $1, fit for skip.
why() {
	printf '%s' "$1" | head -n 1 | tr -d '"[:cntrl:]' | tr '\134' /
}

machine() {
	local cpu load
	cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
	load=$(cut -d' ' -f1-3 /proc/loadavg)
	printf 'machine: %s, %s x %s, load %s, root file system on %s\n' \
		"$(uname -sr)" "$(nproc)" "${cpu:-?}" "$load" "$(stat -f -c %T .)"
	printf 'versions: %s; %s; %s\n' "$("$launcher" --version 2>/dev/null | head -n 1)" \
		"$(bwrap --version 2>/dev/null || echo 'no bwrap')" "$(crun --version 2>/dev/null | head -n 1)"
	printf '{"machine":{"kernel":"%s","cpus":%s,"cpu":"%s","load":"%s","fs":"%s"}}\n' \
		"$(uname -r)" "$(nproc)" "${cpu:-?}" "$load" "$(stat -f -c %T .)"
}

# ---- crun's bundle: the same namespaces and mounts; no seccomp, no overlay: in crun's favour ----

# Prints "FIRST COUNT" of the user's subordinate ids in FILE.
subordinate() {
	awk -F: -v u="$(id -un)" -v n="$(id -u)" '$1 == u || $1 == n { print $2 " " $3; exit }' "$1"
}

# ids range|single: sets $uids, $gids, mappings of a config.json, and $tty, the group of terminals where there is one.
ids() {
	local us gs
	uids="{ \"containerID\": 0, \"hostID\": $(id -u), \"size\": 1 }"
	gids="{ \"containerID\": 0, \"hostID\": $(id -g), \"size\": 1 }"
	tty=
	[ "$1" = range ] || return 0
	us=$(subordinate /etc/subuid)
	gs=$(subordinate /etc/subgid)
	[ -n "$us" ] && [ -n "$gs" ] || return 1
	uids="$uids, { \"containerID\": 1, \"hostID\": ${us% *}, \"size\": ${us#* } }"
	gids="$gids, { \"containerID\": 1, \"hostID\": ${gs% *}, \"size\": ${gs#* } }"
	tty=', "gid=5"'
}

# bundle DIR range|single [MORE]: MORE is what "linux" gets besides, with a comma behind it.
bundle() {
	ids "$2" || return
	mkdir -p "$1" crun
	cat >"$1/config.json" <<END
{ "ociVersion": "1.0.2", "hostname": "box", "root": { "path": "$PWD/rootfs", "readonly": true },
  "process": { "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": [ "/bin/true" ], "cwd": "/",
    "env": [ "PATH=/usr/bin:/bin" ], "noNewPrivileges": true,
    "capabilities": { "bounding": [ "CAP_CHOWN", "CAP_KILL" ], "effective": [ "CAP_CHOWN", "CAP_KILL" ],
      "permitted": [ "CAP_CHOWN", "CAP_KILL" ] } },
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": [ "nosuid", "mode=755", "size=65536k" ] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
      "options": [ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"$tty ] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [ "nosuid", "noexec", "nodev", "mode=1777" ] },
    { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": [ "nosuid", "noexec", "nodev" ] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [ "nosuid", "noexec", "nodev", "ro" ] } ],
  "linux": { ${3-}
    "uidMappings": [ $uids ],
    "gidMappings": [ $gids ],
    "namespaces": [ { "type": "user" }, { "type": "mount" }, { "type": "pid" }, { "type": "network" },
      { "type": "ipc" }, { "type": "uts" }, { "type": "cgroup" } ],
    "maskedPaths": [ "/proc/kcore", "/proc/keys", "/proc/timer_list" ],
    "readonlyPaths": [ "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" ] } }
END
}

# ---- the first half: a directory that the user can read, and becoming that user ----

# Goes to a new directory, which goes at the end, with a root file system and what is measured.
make_dir() {
	local busybox program
	busybox=$(command -v busybox) || die 'busybox is not installed: it is the root file system'
	for program in "$@"; do
		[ -x "$program" ] || die "$program is not built: make bench"
	done
	dir=$(mktemp -d /var/tmp/lichen-bench.XXXXXX) || exit 1
	trap 'rm -rf -- "$dir"' EXIT
	chmod 0755 "$dir"
	mkdir "$dir/layers" "$dir/rootfs" "$dir/home" "$dir/tmp"
	(cd "$dir/rootfs" && mkdir bin proc dev sys etc tmp run && touch etc/hosts etc/hostname etc/resolv.conf) || exit 1
	cp "$busybox" "$dir/rootfs/bin/busybox" && ln -s busybox "$dir/rootfs/bin/true"
	cp "$@" "$(dirname "$0")/common.sh" "$dir/" && cp "$0" "$dir/$name"
	cd "$dir" || exit 1
}

# As root: the second half, called with ARGUMENT, as the user, in a mount namespace of its own.
as_user() {
	local home
	id -u "$user" >/dev/null 2>&1 || die "root does not measure what users get; there is no user $user (./quickstart check makes one)"
	have setpriv || die 'setpriv is missing (util-linux)'
	chown -R "$user:" "$dir"
	chmod 1777 "$dir/tmp"
	home=$(awk -F: -v u="$user" '$1 == u { print $6 }' /etc/passwd)
	unshare -m --propagation private env -i PATH="$PATH" HOME="$home" USER="$user" LANG=C.UTF-8 \
		BENCH_ROUNDS="$rounds" BENCH_USER="$user" ${BENCH_TREES:+"BENCH_TREES=$BENCH_TREES"} ${BENCH_ONLY:+"BENCH_ONLY=$BENCH_ONLY"} \
		"$dir/$name" "$1"
}

# Called first by the second half, which root begins, with its ARGUMENT.
become_user() {
	[ "$(id -u)" = 0 ] || return 0
	# hybrid cgroups: crun wants to see the unified tree alone. Only this mount namespace changes.
	[ ! -d /sys/fs/cgroup/unified ] || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup || true
	# a store of its own: what other runs of this user left would be swept at every start
	if ! mount --bind "$PWD/home" "$HOME" || ! mount --bind "$PWD/tmp" /tmp; then
		die 'cannot give the user an empty home and /tmp'
	fi
	exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$0" "$1"
}
