#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# The cgroup of a sandbox where only root can set one up: as root, and for a user to whom a cgroup is delegated.
# The controllers that machines with cgroup v1 leave to v2 are few, so limits are those of hugetlb; the others
# are tried in the virtual machine (tests/vm/limits*.t).
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need root cmd:setpriv
tree=/sys/fs/cgroup/unified
[ -d "$tree" ] || tree=/sys/fs/cgroup
grep -qw hugetlb "$tree/cgroup.controllers" 2>/dev/null || skip_all no-hugetlb-controller
[ ! -d /run/systemd/system ] || skip_all is-systemds
id -u lichen-test >/dev/null 2>&1 || skip_all no-lichen-test
# all below one cgroup of the test's own: others run their tests beside it
top=$tree/lichen.test.$$
own=$top.user
# shellcheck disable=SC2016 # run at the end
at_exit 'for p in $(cat "$own/cgroup.procs" 2>/dev/null); do echo "$p" >"$tree/cgroup.procs"; done
	rmdir "$own" "$top" 2>/dev/null'
grep -qw hugetlb "$tree/cgroup.subtree_control" || skip_all no-hugetlb-controller
mkdir "$top" "$own"
before=$(cat "$top/cgroup.subtree_control")
groups() { find "$top" -mindepth 1 -type d; }
limit=hugetlb.2MB.max
parent="--cgroup-parent ${top#"$tree"}"

# ---- as root ----

# shellcheck disable=SC2086 # two words
{

run_lichen run host cat /sys/fs/cgroup/cgroup.procs
isnt "$status" 0 'root without limits: nothing is made in the machine'"'"'s tree'
run_lichen run --verbose $parent --cgroup-conf $limit=2097152 host sh -c "cat /sys/fs/cgroup/$limit; tail -n 1 /proc/self/cgroup; echo 0 >/sys/fs/cgroup/$limit || :"
is "$status" 0 'root with a limit'
is "$out" '2097152
0::/' 'has it, and sees its own cgroup only'
like "$err" 'Read-only file system' 'which it cannot change'
is "$(groups)" '' 'nothing is left'
is "$(cat "$top/cgroup.subtree_control")" "$before" 'and the tree is as it was'
run_lichen run -u 0 $parent --cgroupns-rw --cgroup-conf $limit=2097152 host sh -c "
	cd /sys/fs/cgroup; mkdir a a/b && echo 0 >a/$limit && cat a/$limit; cat cgroup.subtree_control; stat -c %u:%g cgroup.procs $limit"
like "$out" '^hugetlb$' 'handed on: groups of its own, with controllers'
like "$out" '^0:0$' 'root inside owns what moves processes'
like "$out" '^65534:65534$' 'and nothing that limits it'
is "$(groups)" '' 'what it made is gone with it'
# shellcheck disable=SC2016 # for the sandbox
run_lichen run -u 0 $parent --cgroupns-rw --cgroup-conf $limit=2097152 host sh -c '
	cd /sys/fs/cgroup; i=0; while [ $i -lt 300 ] && mkdir d && cd d; do i=$((i + 1)); done; echo $i'
is "$out" 300 'groups in groups, more than there are descriptors for a walk'
is "$(groups)" '' 'are gone, too'
run_lichen run $parent --cgroup-conf $limit=3 host true
is "$status" 0 'a value that is no whole page'
run_lichen run $parent --cgroup-conf $limit=x host true
is "$status" 125 'a value that the kernel refuses is an error'
like "$err" "$limit: Invalid argument \\(EINVAL\\)" 'with the file'
run_lichen run $parent --cgroup-conf hugetlb.3MB.max=0 host true
like "$err" 'hugetlb.3MB.max: No such file .*ENOENT' 'so is a file that does not exist'
is "$(groups)$(cat "$top/cgroup.subtree_control")" "$before" 'after errors nothing is left either'

# ---- killed ----

mkfifo "$T/up"
"$LICHEN" run $parent --cgroup-conf $limit=2097152 -v "$T:/t" host sh -c 'sleep 1000 & echo up >/t/up; exec sleep 1001' 2>/dev/null &
pid=$!
read -r _ <"$T/up"
isnt "$(groups)" '' 'while it runs there is a cgroup'
kill -KILL $pid
wait $pid 2>/dev/null
# shellcheck disable=SC2016 # evaluated by wait_for
wait_for '[ -z "$(groups)" ]' 20
is "$(groups)" '' 'the keeper of a killed launcher removes it'
is "$(cat "$top/cgroup.subtree_control")" "$before" 'and puts the tree back'

}

# ---- what is enabled for runs in a group goes with the last of them, however that ends ----

place=$tree/lichen.place.$$.scope
# shellcheck disable=SC2016 # evaluated at the end
at_exit 'rmdir "$place" 2>/dev/null'
mkdir "$place"
in_place() {
	rm -f "$T/up.$1" "$T/$1"
	mkfifo "$T/up.$1" "$T/$1"	# of each its own: who reads while another still has it open for writing sees its end
	"$LICHEN" run --cgroup-parent "${place#"$tree"}" --cgroup-conf $limit=2097152 -v "$T:/t" host sh -c "echo up >/t/up.$1; read -r _ </t/$1" &
	pid=$!
	read -r _ <"$T/up.$1"
}
in_place first
one=$pid
like "$(cat "$place/cgroup.subtree_control")" hugetlb 'a run enables its controller in a group'
in_place second
echo >"$T/first"
wait "$one"
like "$(cat "$place/cgroup.subtree_control")" hugetlb 'who ends first leaves it to the other'
echo >"$T/second"
wait "$pid"
is "$(cat "$place/cgroup.subtree_control")" '' 'and the last one puts it back'
in_place first
kill -KILL "$(grep -ls "^[0-9]* (keeper) . $pid " /proc/[0-9]*/stat | cut -d/ -f3)" "$pid"
wait "$pid" 2>/dev/null
run_lichen run host true
is "$(find "$place" -mindepth 1 -type d)$(cat "$place/cgroup.subtree_control")" '' 'after SIGKILL to launcher and keeper the next command does'

# ---- a delegated cgroup of an ordinary user's ----

chown lichen-test "$own" "$own/cgroup.procs" "$own/cgroup.subtree_control" "$own/cgroup.threads"
mkdir "$T/user"
cp "$LICHEN" "$T/user/lichen"
chown -R lichen-test "$T/user"
chmod 0755 "$T/user"
# shellcheck disable=SC2016 # for the inner shell
as_user='echo $$ >"$1/cgroup.procs" && shift && exec setpriv --reuid=lichen-test --regid=lichen-test --clear-groups -- env HOME="$PWD" \
	XDG_DATA_HOME="$PWD/data" "$@"'
(cd "$T/user" && sh -c "$as_user" sh "$own" ./lichen run --verbose host sh -c 'tail -n 1 /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs') >"$T/out" 2>"$T/err"
is "$?" 0 'where a cgroup is delegated, a sandbox without limits'
like "$(cat "$T/err")" 'cgroup lichen-[0-9a-f]*: cgroupfs' 'has its own'
like "$(cat "$T/out")" '^0::/$' 'which is the top inside'
is "$(find "$own" -mindepth 1 -type d)" '' 'and is removed'
(cd "$T/user" && sh -c "$as_user" sh "$own" ./lichen run -m 64m host true) >"$T/out" 2>"$T/err"
is "$?" 125 'a controller that v2 does not have here'
like "$(cat "$T/err")" 'the controller memory is missing' 'is named'
(cd "$T/user" && sh -c "$as_user" sh "$own" ./lichen run --cgroup-parent "${tree#/sys/fs/cgroup}/nowhere" host true) >"$T/out" 2>"$T/err"
is "$?" 125 'a --cgroup-parent that is not ours is refused'
done_testing
