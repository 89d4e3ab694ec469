#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# unshare: a command is root over the files of the id map, on this machine as it is.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns
unset LICHEN_TEST_X

run_lichen unshare sh -c 'echo "$(id -u):$(id -g):$HOME:$(pwd)"; exit 7'
is "$status" 7 "the exit status is the command's"
is "$out" "0:0:$HOME:$(pwd)" 'it is root inside, with this environment and working directory'
run_lichen unshare cat /proc/self/uid_map
like "$out" '^ *0 ' 'inside the id map'
outer=$(readlink /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts)
run_lichen unshare readlink /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts
is "$out" "$outer" 'network, processes, ipc and host name are this machine'\''s'
run_lichen unshare sh -c "mount -t tmpfs none '$T/tmp' && touch '$T/tmp/inside' && ls '$T/tmp'"
is "$out" inside 'it can mount'
is "$(ls "$T/tmp")" '' 'which is seen by itself only'
SHELL=$(command -v true) run_lichen unshare
is "$status" 0 'without a command it is $SHELL'
run_lichen unshare sh -c 'kill -TERM $$'
is "$status" 143 'a signal ends the command, and nobody stands before it'
run_lichen unshare no-such-program
is "$status" 127 'what is not found: 127'
run_lichen unshare "$T"
is "$status" 126 'what cannot be executed: 126'
run_lichen unshare --ids=none true
is "$status" 125 'a wrong word: 125'
like "$err" 'auto, range, single' 'with the right ones'
run_lichen unshare --ids=single awk '{ print NR, $3 }' /proc/self/uid_map
is "$out" '1 1' '--ids=single is one id'

if [ "$(id -u)" -eq 0 ]; then
	run_lichen unshare cat /etc/shadow
	isnt "$status" 0 'root of this machine is not inside: its files stay closed'
elif have subids; then
	mkdir "$T/tree"
	run_lichen unshare sh -c "mkdir -m 700 '$T/tree/theirs' && echo x >'$T/tree/theirs/f' && chown -R 5:6 '$T/tree/theirs'"
	is "$status" 0 'files are given to ids of the map'
	ok '! cat "$T/tree/theirs/f" 2>/dev/null' 'which outside nobody can read'
	run_lichen unshare cat "$T/tree/theirs/f"
	is "$out" x 'and inside can'
	run_lichen unshare rm -r "$T/tree/theirs"
	ok '[ ! -e "$T/tree/theirs" ]' 'and be removed'
	run_lichen unshare cat /etc/shadow
	isnt "$status" 0 "other users' files stay closed"
else
	run_lichen unshare --ids=range true
	is "$status" 125 'without subordinate ids --ids=range is an error'
	like "$err" 'subuid|newuidmap' 'that says what is lacking'
fi

done_testing
