#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# Groups: made, listed, shown, limited, entered and removed in what is delegated to an ordinary user.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

tree=
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	if [ "$(stat -f -c %T "$dir" 2>/dev/null)" = cgroup2fs ]; then tree=$dir; fi
done

# ---- names are looked at before anything else ----

[ -n "$tree" ] || skip_all no-cgroup2
for name in '' / a/ /a a//b .. ../x . .a -- 'a b' a/.. a/../b 'a	b' 'a;b' 'ä' x/lichen-0123456789ab x/lichen.y "$(printf 'a\nb')" \
	1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; do
	run_lichen cgroup create -- "$name"
	[ "$status" = 125 ] && case $err in *'is no name of a group: expected NAME[/NAME...]'*) continue ;; esac
	fail "refused: '$name'"
done
pass 'hostile names are refused by every verb that makes one'
wrong 'who makes it: nobody' 'cgroup-manager=none' -- cgroup create --cgroup-manager=none job
run_lichen cgroup ls -q --json
is "$status" 125 'two forms of a list are refused'
like "$err" '^\{"error":.*--quiet.*--json' 'in the form of the second'
wrong 'an option behind the group' '-m: expected KEY=VALUE' 'stand before' -- cgroup set job -m 20m
wrong 'a wrong size' 'memory lots' -- cgroup create -m lots job
wrong 'nothing to be set' 'nothing is to be changed' -- cgroup set job

# ---- the rest is done as a user, in a cgroup that root hands over ----

if ! have root; then
	skip not-root 'in a cgroup that is delegated'
	done_testing
fi
id -u lichen-test >/dev/null 2>&1 || { skip no-lichen-test 'in a cgroup that is delegated'; done_testing; }
lichen_for lichen-test
ours=$tree/lichen-test.$$
mkdir "$ours" "$ours/shell" "$ours/other" "$T/u"
chown lichen-test: "$ours" "$ours"/cgroup.procs "$ours"/cgroup.subtree_control "$ours/shell" "$ours"/shell/cgroup.* "$T/u"
at_exit 'for g in $(find "$ours" -depth -type d); do echo 1 >"$g/cgroup.kill"; rmdir "$g"; done 2>/dev/null'

# as_user COMMAND...: as that user, there.
as_user() {
	# shellcheck disable=SC2016 # for the inner shell
	run_as_is sh -c 'echo 0 >"$1/cgroup.procs" || exit 99; shift; exec "$@"' sh "$ours/shell" \
		runuser -u lichen-test -- env "XDG_DATA_HOME=$T/u" "$@"
	tap_last_args=" $*"
}
groups() {
	as_user "$their_lichen" cgroup "$@"
}
left() {
	find "$ours" -mindepth 1 -type d -name 'lichen*' | sort
}

groups ls
is "$out" 'GROUP  CONTROLLERS  PROCESSES  DIRECTORY' 'ls: none yet'
groups tree
is "$out" '' 'tree: nothing yet'

# ---- made ----

groups create job
is "$status,$out,$err" '0,,' 'create'
is "$(stat -c %U "$ours/shell/lichen.job")" lichen-test 'it is a directory of the user'"'"'s, below where the user sits'
groups create job
is "$status" 125 'the same again: refused'
like "$err" "the group 'job' is there already" 'and said why'
groups create up/down
is "$status" 125 'without the one above: refused'
like "$err" "no group 'up'" 'which is named'
groups create -p up/down
is "$status" 0 'create -p'
groups create job/part
is "$status" 0 'a group in a group'
groups ls -q
is "$out" 'job
job/part
up
up/down' 'ls -q'
groups ls job
like "$out" '^job/part +- +0 +/.*/lichen.job/part$' 'ls GROUP: it and those in it'
unlike "$out" '^up' 'and no other'
groups tree
is "$out" "${ours#"$tree"}/shell
|- job  (0 processes)
|  \`- part  (0 processes)
\`- up  (0 processes)
   \`- down  (0 processes)" 'tree'
groups tree --all
like "$out" "^\`?\|?- shell  \(not lichen's, [0-9]+ process" 'tree --all: what is not lichen'"'"'s, marked'
groups tree --json
printf '%s' "$out" >"$T/json"
find_probe
"$probe" json "$T/json"
ok $? 'tree --json is JSON'
groups ls --json
printf '%s' "$out" >"$T/json"
"$probe" json "$T/json"
ok $? 'ls --json, too'
groups show --json job
printf '%s' "$out" >"$T/json"
"$probe" json "$T/json"
ok $? 'show --json, too'
groups show job cgroup.freeze cgroup.type
is "$out" 'cgroup.freeze: 0
cgroup.type: domain' 'show: the files that are named'
groups show job cgroup
like "$out" '^cgroup.max.depth: max$' 'show: those of one kind'
unlike "$out" '^cpu' 'and no others'
groups show job cgroup.freze
like "$err" 'did you mean cgroup.freeze' 'show: a slip'
groups show jab
is "$status" 125 'show: no such group'
like "$err" "did you mean 'job'" 'the nearest is named'
as_user "$their_lichen" __complete groups
is "$out" 'job
job/part
up
up/down' 'completion is told of them'

# ---- entered ----

groups exec job/part sh -c 'grep ^0:: /proc/self/cgroup; exit 7'
is "$out" "0::${ours#"$tree"}/shell/lichen.job/part" 'exec: the command is in the group'
is "$status" 7 'exec: with its own status'
groups exec job sh -c 'kill -TERM $$'
is "$status" 143 'exec: or its signal'
groups exec job no-such-program
is "$status" 127 'exec: 127'
groups exec job /etc/passwd
is "$status" 126 'exec: 126'
groups exec nosuch true
is "$status" 125 'exec: no such group'
like "$err" 'lichen cgroup exec -m' 'and what to do'
groups exec --cgroup-conf cgroup.max.depth=3 job true
is "$status" 125 'exec: limits for what is there'
like "$err" 'lichen cgroup set' 'is the work of another verb'

# ---- set ----

groups set job cgroup.max.descendants=7 cgroup.freeze=1
is "$status" 0 'set'
groups show job cgroup.max.descendants cgroup.freeze
is "$out" 'cgroup.freeze: 1
cgroup.max.descendants: 7' 'is in force'
groups set job cgroup.max.descendants=8 cgroup.max.depth=nonsense
is "$status" 125 'set: a wrong value'
like "$err" "setting cgroup.max.depth to 'nonsense'" 'is named'
groups show job cgroup.max.descendants
is "$out" 'cgroup.max.descendants: 7' 'and what was written before it is put back'
groups set job cgroup.procs=1
is "$status" 125 'set: nobody is moved'
groups set job cgroup.freeze=2
is "$status" 125 'set: freeze is 0 or 1'
groups set job cgroup.freeze=0
is "$status" 0 'and on it goes'
groups create -m 64m --cgroup-manager=cgroupfs more
case $tree in
*/unified)
	is "$status" 125 'a controller that is not there: refused'
	like "$err" 'controller memory is missing' 'and named' ;;
esac
ok '! [ -e "$ours/lichen.more" ] && ! [ -e "$ours/shell/lichen.more" ]' 'and nothing is made' ||
	groups rm more

# ---- what is not ours ----

mkdir "$ours/shell/lichen.roots" "$ours/shell/stranger"
groups ls -q
unlike "$out" 'roots|stranger' "what another user made is none of ours"
groups rm -rf roots
is "$status" 125 'and not removed'
ok '[ -d "$ours/shell/lichen.roots" ]' 'it is there'
rmdir "$ours/shell/lichen.roots" "$ours/shell/stranger"

# ---- removed ----

groups rm job
is "$status" 125 'rm: with groups in it'
like "$err" '-r removes them' 'refused'
"$probe" plain sh -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' sh "$ours/shell" runuser -u lichen-test -- \
	"$their_lichen" cgroup exec job/part sh -c "sleep 300 & echo '$mark'; wait" >"$T/said" 2>&1 &
wait_for 'grep -q . "$T/said"'
groups rm -r job
is "$status" 125 'rm: with processes in it'
like "$err" 'processes are in it' 'refused'
groups rm nosuch job up
is "$status" 125 'rm of three: one is not there, two have groups in them'
like "$err" "no group 'nosuch'" 'the first is told of'
like "$err" "'job' is not removed" 'and the second'
like "$err" "'up' is not removed" 'and the third'
groups rm -r nosuch up
is "$status" 125 'rm goes on past one that is not there'
ok '! [ -e "$ours/shell/lichen.up" ]' 'the other is removed'
groups exec job sh -c "'$their_lichen' cgroup rm -rf job"
like "$err" 'this lichen runs in it' 'rm: not the group that one sits in'
groups rm -rf job
is "$status" 0 'rm -rf'
wait
is "$(left)" '' 'nothing is left'

# ---- two at once ----

groups create first
is "$status" 0 'one'
for i in 1 2 3 4; do
	sh -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' sh "$ours/shell" runuser -u lichen-test -- \
		"$their_lichen" cgroup create same >"$T/race.$i" 2>&1 &
done
wait
is "$(cat "$T"/race.* | grep -c "the group 'same' is there already")" 3 'of four that make the same, three are told so'
groups rm same first
is "$status" 0 'and it is there once'

# ---- for one command: a limit of a controller that is there, or of the core's own ----

groups exec --cgroup-conf cgroup.max.depth=5 once sh -c 'grep ^0:: /proc/self/cgroup; cat "$1$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.max.depth"; exit 9' sh "$tree"
is "$out" "0::${ours#"$tree"}/shell/lichen.once
5" 'exec with limits: in a group of its own'
is "$status" 9 'with its own status'
groups exec --cgroup-conf cgroup.max.depth=5 once no-such-program
is "$status" 127 'or 127'
groups exec --cgroup-conf cgroup.max.depth=5 once /etc/passwd
is "$status" 126 'or 126'
groups exec --cgroup-conf cgroup.max.depth=5 once sh -c "sleep 300 & echo '$mark' >&2"
is "$status" 0 'what the command leaves running'
is "$(left)" '' 'ends with the group'
groups exec --cgroup-conf cgroup.max.depth=nonsense once echo started
is "$status,$out" '125,' 'a wrong limit: nothing is started'
is "$(left)" '' 'and no group is left'
groups exec --cgroup-conf cgroup.max.depth=5 once sh -c 'kill -KILL $$'
is "$status" 137 'killed'
like "$err" 'killed by SIGKILL, which some process sent' 'which is said'

# once DESC SIGNAL: a command in a group of its own is running, and lichen gets the signal. Sets $pid.
once() {
	: >"$T/said"
	"$probe" plain sh -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' sh "$ours/shell" \
		setpriv --reuid=lichen-test --regid=lichen-test --clear-groups -- \
		"$their_lichen" cgroup exec --cgroup-conf cgroup.max.depth=5 once \
		sh -c 'trap "echo got term; exit 5" TERM; echo ready; while :; do sleep 300 & wait; done' >"$T/said" 2>&1 &
	pid=$!
	wait_for 'grep -q ready "$T/said"'
	ok $? "$1: it runs"
	kill "-$2" "$pid"
}
once 'SIGTERM to lichen' TERM
finish
is "$status" 5 'is passed on, and the status is what the command makes of it'
like "$(cat "$T/said")" 'got term' 'the command has got it'
is "$(left)" '' 'the group is gone'
once 'SIGKILL of lichen' KILL
finish
wait_for '[ -z "$(left)" ]'
ok $? 'the command and the group go with it'
once 'SIGSTOP of the command' CONT
inner=$(while read -r p; do ! grep -q "^PPid:.$pid\$" "/proc/$p/status" || echo "$p"; done <"$ours/shell/lichen.once/cgroup.procs")
kill -STOP "$inner"
wait_for 'grep -q "^State:.T" "/proc/$pid/status"'
ok $? 'lichen stops with it, for the shell to see'
kill -CONT "$pid"
wait_for 'grep -q "^State:.[SR]" "/proc/$inner/status"'
ok $? 'and goes on with it'
kill -TERM "$pid"
finish
is "$status" 5 'to its end'

# ---- a sandbox ----

groups create job
# shellcheck disable=SC2016 # for the inner shell
sh -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' sh "$ours/shell/lichen.job" \
	setpriv --reuid=lichen-test --regid=lichen-test --clear-groups -- env "XDG_DATA_HOME=$T/u" \
	"$their_lichen" run --name "web$$" --cgroup-manager=cgroupfs host sh -c 'echo ready; sleep 300' >"$T/said" 2>&1 &
pid=$!
wait_for 'grep -q ready "$T/said" || ! kill -0 "$pid"' && grep -q ready "$T/said"
ok $? 'a sandbox runs in a group' || diag "$(cat "$T/said")"
groups tree
like "$out" "^   .- web$$  \(sandbox [0-9a-f]{12}, [0-9]+ process" 'tree: it is there, by its name'
is "$(printf '%s\n' "$out" | grep -c "web$$")" 1 'once'
groups show "web$$" cgroup.type
is "$out" 'cgroup.type: domain' 'show takes its name'
groups rm -f "web$$"
is "$status" 125 'rm does not'
like "$err" 'no group but a sandbox' 'and says why'
groups rm -rf job
is "$status" 125 'nor is the group removed'
like "$err" 'a sandbox runs in it' 'that it is in'
kill -KILL "$pid"
finish
wait_for '[ -z "$(find "$ours/shell/lichen.job" -mindepth 1 -type d)" ]'
ok $? 'it is gone with its lichen'
groups rm job
is "$status" 0 'and the group can be removed'

# ---- a limit of a controller ----

controller=$(tr ' ' '\n' <"$ours/cgroup.controllers" | grep -x hugetlb)
if [ -n "$controller" ] && [ -e /sys/kernel/mm/hugepages/hugepages-2048kB ]; then
	groups create --cgroup-conf hugetlb.2MB.max=4m huge
	is "$status" 0 'a limit of a controller: enabled on the level above that has no processes'
	is "$(cat "$ours/lichen.huge/hugetlb.2MB.max")" 4194304 'it is set there'
	groups create --cgroup-conf hugetlb.2MB.max=2m huge/part
	is "$status" 0 'and below'
	groups exec huge true
	like "$err" 'lichen cgroup exec huge/part' 'then only the lower one takes processes'
	groups rm -r huge
	groups create plain
	as_user "$their_lichen" cgroup exec plain sh -c "'$their_lichen' cgroup create --cgroup-conf hugetlb.2MB.max=2m plain/part"
	is "$status" 125 'a limit below a group that has processes'
	like "$err" 'processes are in it' 'is refused'
	groups rm plain
	is "$status" 0 'and nothing was made'
	# alone in a cgroup: nobody is in the way but lichen itself
	# shellcheck disable=SC2016 # for the inner shell
	alone() {
		run_as_is sh -c 'echo 0 >"$1/cgroup.procs" || exit 99; shift; exec "$@"' sh "$ours/other" \
			setpriv --reuid=lichen-test --regid=lichen-test --clear-groups -- env "XDG_DATA_HOME=$T/u" "$their_lichen" cgroup "$@"
	}
	echo +hugetlb >"$ours/cgroup.subtree_control"
	chown lichen-test: "$ours/other" "$ours"/other/cgroup.*
	alone create --cgroup-conf hugetlb.2MB.max=2m huge
	is "$status" 125 'a group that stays, made by a lichen that is alone in its cgroup'
	like "$err" 'this lichen sits alone' 'is refused'
	alone exec --cgroup-conf hugetlb.2MB.max=2m huge sh -c 'grep ^0:: /proc/self/cgroup'
	is "$out" "0::${ours#"$tree"}/other/lichen.huge" 'one for a command is made'
	is "$(cat "$ours/other/cgroup.subtree_control")" '' 'and what was enabled for it is put back'
else
	skip no-hugetlb 'limits of a controller'
fi
rmdir "$ours/shell" "$ours/other"
is "$(left)" '' 'nothing is left'
rmdir "$ours"
ok $? 'at all'

done_testing
