#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/vm/guest.sh - in the guest, as root, a system service: runs the test files and tells the host
#
# /vm (the second disk, unpacked): mode ("tests", or "shell USER"), list (the files), deadline (seconds for
# each), lichen (its path), root/ (what make install made), src/ (the sources that tests need).
# Each line that goes to the host begins with its kind:
#   = FILE		a file begins		| TEXT		a line of its standard output
#   # TEXT		a remark		! TEXT		something that it left behind: a failure
#   . STATUS SECONDS	it has ended		$ N		all N files have ended; the guest goes
set -u

vm=/vm
src=$vm/src
read -r mode user <$vm/mode
read -r deadline <$vm/deadline

# The second disk's lichen goes where make install would have put it.
cp -a $vm/root/. /

# ---- the environments ------------------------------------------------------------------

# Sets $env of FILE, and $who, the user whose processes have to be gone afterwards.
environment() {
	env=$(sed -n '1,15s/^# vm: *\([a-z-]*\).*/\1/p' "$src/$1" | head -n 1)
	case ${env:=session} in
	session) who=tester ;;
	session-all) who=tester-all ;;
	bare | linger | delegated | root) who=$env ;;
	*) return 1 ;;
	esac
}

# A transient service of the system's manager.
service() {
	systemd-run --quiet --collect --wait --pipe --property=RuntimeMaxSec="$deadline" "$@"
}

# in_environment FILE: runs it as its header asks for.
in_environment() {
	set -- sh $src/tests/lib/vm/start.sh "$1"
	case $env in
	session | session-all)
		# PAM as with ssh: logind makes /user.slice/user-UID.slice/session-N.scope for it. It would be a
		# session of class "background" without a terminal; sshd says what is said here.
		XDG_SESSION_TYPE=tty XDG_SESSION_CLASS=user \
			timeout -k 5 "$deadline" runuser -l "$who" -c "$*" ;;
	bare)
		# No PAM, no session, no user manager, no XDG_RUNTIME_DIR: as from a batch system or cron.
		service --property=User="$who" "$@" ;;
	delegated)
		service --property=User="$who" --property=Delegate=yes "$@" ;;
	root)
		service "$@" ;;
	linger)
		# Starting what is started waits until it is ready.
		[ -d /run/user/1003 ] || { loginctl enable-linger linger && systemctl start user@1003.service; }
		# The client is no process of the user manager, the service is one.
		setpriv --reuid=1003 --regid=1003 --init-groups \
			env XDG_RUNTIME_DIR=/run/user/1003 HOME=/home/linger \
			systemd-run --user --quiet --collect --wait --pipe --property=Delegate=no \
			--property=RuntimeMaxSec="$deadline" "$@" ;;
	esac
}

# ---- what a file leaves -----------------------------------------------------------------

# Sets $now, the seconds since the start, without a process.
clock() {
	IFS=. read -r now _ </proc/uptime
}

# wait_for COND: for five seconds at most.
wait_for() {
	clock
	until=$((now + 5))
	until eval "$1"; do
		clock
		[ "$now" -lt $until ] || return 1
		busybox usleep 100000
	done
}

# Prints the processes of $who and of its subordinate ids, but for its user manager and its bus.
processes() {
	[ "$who" != root ] || return 0
	uid=$(id -u "$who")
	awk -v uid="$uid" -v first=$(((uid - 998) * 100000)) '
		/^Name:/ { name = $2 }
		/^State:/ { state = $2 }
		/^Pid:/ { pid = $2 }
		/^Uid:/ && state != "Z" && ($2 == uid || ($2 >= first && $2 < first + 65536)) { print pid, name }
	' /proc/[0-9]*/status 2>/dev/null | while read -r pid name; do
		case $(sed -n 's/^0:://p' "/proc/$pid/cgroup" 2>/dev/null) in
		*/user@"$uid".service/init.scope | */user@"$uid".service/*.slice/dbus.service | '') ;;
		*) printf 'process %s %s\n' "$pid" "$name" ;;
		esac
	done
}

cgroups() {
	# the empty slice is a unit that systemd keeps once it was asked for
	find /sys/fs/cgroup -mindepth 1 -name '*lichen*' ! -name lichen.slice -printf 'cgroup %P\n' 2>/dev/null
	find /sys/fs/cgroup -path '*/lichen.slice/*' -type d ! -name '*lichen*' -printf 'cgroup %P\n' 2>/dev/null
}

mounts() {
	awk '$5 !~ "^/run/user/[0-9]*$" { print "mount", $5 }' /proc/1/mountinfo | sort
}

leftovers() {
	processes
	cgroups
	mounts | comm -13 /run/vm-mounts -
}

# Says what is left, and removes it, so that it is not the next file's.
clean_up() {
	wait_for '[ -z "$(leftovers)" ]' && return
	leftovers >/run/vm-left
	sed 's/^/! /' /run/vm-left >&3
	while read -r what name _; do
		case $what in
		process) kill -KILL "$name" ;;
		mount) umount -l "$name" ;;
		cgroup) echo 1 >"/sys/fs/cgroup/$name/cgroup.kill" ;;
		esac
	done </run/vm-left 2>/dev/null
	wait_for '[ -z "$(processes)" ]'
	cgroups | sort -r | while read -r _ name; do
		rmdir "/sys/fs/cgroup/$name"
	done
}

# ---- files, one after the other ----------------------------------------------------------

say() {
	printf '%s\n' "$*" >&3
}

run_file() {
	say "= $1"
	clock
	begin=$now
	if environment "$1"; then
		mounts >/run/vm-mounts
		sed -u 's/^/| /' <$vm/out >&3 &
		sed=$!
		in_environment "$1" </dev/null >$vm/out 2>$vm/err 3>&-
		status=$?
		clock
		[ $((now - begin)) -lt "$deadline" ] || say "# its deadline of $deadline s has passed"
		# What runs on could hold the pipe open.
		wait_for '! kill -0 $sed 2>/dev/null'
		sed 's/^/# /' $vm/err >&3
		clean_up
		kill $sed 2>/dev/null
		wait $sed
	else
		say "# no environment '$env' (see tests/lib/vm/guest.sh)"
		status=99
	fi
	clock
	say ". $status $((now - begin))"
}

if [ "$mode" = shell ]; then
	printf '\n%s of %s, tests in %s; the end of the shell is the end of the machine\n' "$(cat $vm/lichen)" "$user" $src >/dev/console
	exec agetty --noclear --autologin "$user" --keep-baud 115200 ttyS0 "${TERM:-vt220}"
fi

mkfifo $vm/out
wait_for '[ -c /dev/vport0p1 ]'
exec 3>/dev/vport0p1
say "# Linux $(uname -r), $(systemctl --version | head -n 1), $(cut -d' ' -f1 /proc/uptime) s after its start"
count=0
while read -r file; do
	run_file "$file"
	count=$((count + 1))
done <$vm/list
say "$ $count"
