#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# A named volume outlives its sandboxes, can be had by several at once, and is not removed while one has it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
# real root's volumes are shared by all
v=v-$mark
drop() { run_lichen volume rm -f "$v" "$v-2" "$v-3" "$v-4" >/dev/null; }
at_exit drop
cd "$T" || exit

# ---- from one run to the next ----

run_lichen run --verbose -v "$v:/data" "$root" sh -c 'id -u >/data/who; mkdir /data/dir; echo kept >/data/dir/file; stat -c %u:%a /data'
is "$status" 0 'a volume is made where it is missing'
is "$out" 0:755 'and belongs to root inside'
like "$err" "volume $v: made" 'and --verbose says so'
unlike "$err" warning 'without a warning'
run_lichen run -v "$v:/elsewhere" "$root" sh -c 'cat /elsewhere/who /elsewhere/dir/file; echo more >/elsewhere/dir/file'
is "$out" '0
kept' 'what is in it is there for the next one'
run_lichen run --verbose --mount "type=volume,source=$v,target=/data,readonly" "$root" sh -c 'cat /data/dir/file; touch /data/x'
is "$status" 1 '--mount with readonly: it cannot be written'
is "$out" more 'but read'
like "$err" 'Read-only' 'as it is read-only'
unlike "$err" "volume $v: made" 'it was there'
run_lichen run -v "$v:/data:ro,nocopy" "$root" sh -c 'cat /data/dir/file; touch /data/x'
is "$status:$out" 1:more '-v with ro'
run_lichen run --mount "source=$v,target=/data" "$root" cat /data/dir/file
is "$status:$out" 0:more '--mount without a type: what is no path is a volume'
mkdir "$v-2"
run_lichen run -v "$v-2:/data" "$root" true
like "$err" "is given as \\./$v-2" 'where a file of that name lies here as well it is said which is meant'
rmdir "$v-2"

# ---- without a name ----

run_lichen run -v /etc -v /new/place "$root" sh -c 'cat /etc/passwd >/new/place/x && wc -l <"/new/place/x"'
is "$status" 0 '-v DST: a directory, in which what the root has stays'
ok '[ ! -e "$root/new" ]' 'that is gone with the sandbox'
run_lichen run --read-only -v /tmp "$root" sh -c 'echo x >/tmp/x && cat /tmp/x'
is "$status:$out" 0:x 'with --read-only it can be written'
run_lichen run -v / "$root" true
is "$status" 125 'not in the place of the root file system'

# ---- verbs ----

run_lichen volume create --label "test=$mark" --label plain "$v-3"
is "$status:$out" "0:$v-3" 'volume create prints the name'
run_lichen volume create "$v-3"
is "$status:$out" "0:$v-3" 'one that is there is no error'
run_lichen volume ls -q --filter "name=$mark"
is "$out" "$v
$v-2
$v-3" 'volume ls: those with this in the name'
run_lichen volume ls --filter "label=test=$mark"
is "$(printf '%s\n' "$out" | sed 1d | cut -d' ' -f1)" "$v-3" 'those with a label and its value'
run_lichen volume ls -q -f label=plain --filter "name=$mark" --filter dangling=false
is "$out" '' 'all filters must fit'
run_lichen volume ls --format '{{.Name}} {{.Driver}} {{.Labels}}' --filter "name=$v-3"
is "$out" "$v-3 local plain=,test=$mark" '--format'
run_lichen volume ls -s --json --filter "name=$v"
like "$out" "\"name\": \"$v\".*\"inUse\": false, \"size\": [1-9]" '--json and -s'
run_lichen volume inspect --format '{{.Mountpoint}} {{.Labels.test}}' "$v-3"
# shellcheck disable=SC2034 # a condition of ok has it
dir=${out%% *}
is "${out##* }" "$mark" 'volume inspect'
ok '[ -d "$dir" ]' 'says where it lies'
wrong 'inspect of none' "no volume $v-9" "did you mean $v" -- volume inspect "$v-9"
run_lichen volume inspect "$v" "$v-9" "$v-2"
is "$status:$(printf '%s\n' "$out" | grep -c '"Name"')" 125:2 'the others are printed all the same'
run_lichen volume rm "$v-2" "$v-9" "$v-3"
is "$status:$out" "125:$v-2
$v-3" 'volume rm: one that is not there keeps no other from going'
ok '[ ! -e "$dir" ]' 'its files are gone'
run_lichen volume rm -f "$v-9"
is "$status:$err" 0: 'with -f it is no error'
run_lichen volume create
is "$(printf '%s\n' "$out" | grep -cE '^[0-9a-f]{64}$')" 1 'without a name it gets one'
run_lichen volume rm "$out"
is "$status" 0 'by which it is removed'

# ---- in use ----

start --name "$mark" -v "$v:/data" "$root" sh -c 'echo up; while [ ! -e /data/end ]; do sleep 0.1; done'
run_lichen volume rm "$v"
is "$status" 125 'a volume that a sandbox has is not removed'
like "$err" "$v is in use" 'that is said'
like "$err" "$mark" 'and by which'
run_lichen volume ls -q --filter dangling=true --filter "name=$v"
is "$out" '' 'volume ls knows it, too'
run_lichen run -v "$v:/data" "$root" sh -c 'cat /data/dir/file; echo now >/data/end'
is "$status:$out" 0:more 'another one has it at the same time'
finish
is "$status" 0 'and what it writes is seen by the first'
run_lichen run -v "$v:/data" "$root" rm /data/end

start -v "$v:/data" "$root" sh -c 'echo up; exec sleep 300'
kill -KILL "$pid"
finish
wait_for '"$LICHEN" volume ls -q --filter dangling=true --filter "name=$v" | grep -q .' 20
ok $? 'a lichen that is killed leaves nothing locked'

# ---- other users inside ----

if [ "$(id -u)" -eq 0 ] || have subids; then
	run_lichen run -v "$v:/data" "$root" sh -c 'mkdir -m 700 /data/own /data/own/sub; echo secret >/data/own/sub/file; chown -R 1000:1000 /data/own'
	is "$status" 0 'files of user 1000'
	run_lichen run -u 1000:1000 -v "$v:/data" "$root" cat /data/own/sub/file
	is "$out" secret 'are those of user 1000 in the next one'
	run_lichen volume ls -s --filter "name=$v"
	like "$out" "^$v  .* [1-9][0-9.]*[KM]iB" 'are measured'
	run_lichen run --ids=single -v "$v:/data" "$root" true
	is "$status" 0 'also had by one with other ids'
else
	skip no-subids 'files of user 1000'
fi
if [ "$(id -u)" -ne 0 ] && have subids; then
	busybox_root "$T/his"
	run_lichen unshare chown -hR 1:1 "$T/his"
	for made in create run; do
		[ "$made" = run ] || run_lichen volume create "$v-3"
		run_lichen run -v "$v-3:/data" "$T/his" sh -c 'stat -c %u:%g:%a /data; echo x >/data/x'
		is "$status:$out" 0:0:0:755 "volume $made: it belongs to root inside where that is a subordinate id"
		run_lichen volume rm "$v-3"
	done
	run_lichen unshare rm -rf "$T/his"
	run_lichen run -v "$v-3:/data" "$root" sh -c 'mkdir /data/dir; echo x >/data/dir/file; chown -R 1000:1000 /data/dir'
	out=$(setpriv --no-new-privs "$LICHEN" volume rm "$v-3" 2>&1)
	is "$?" 125 'files of ids that cannot be had: the volume is not removed'
	like "$out" "volume $v-3 stays.*subordinate ids" 'that is said'
	like "$out" '/etc/subuid' 'and what to do'
	run_lichen run -v "$v-3:/data" "$root" cat /data/dir/file
	is "$status:$out" 0:x 'and it is whole'
	run_lichen volume rm "$v-3"
	is "$status" 0 'with the ids it is removed'
else
	skip no-subids "root inside is a subordinate id"
fi
run_lichen volume rm "$v"
is "$status:$out" "0:$v" 'and removed'
run_lichen volume ls -q --filter "name=$v"
is "$out" '' 'with all of it'

run_lichen run -v "$v-4:/data" --userns keep-id "$root" sh -c 'echo x >/data/x; stat -c %u /data'
[ "$(id -u)" -eq 0 ] || is "$status:$out" "0:$(id -u)" 'with keep-id it is the caller'"'"'s'

# ---- prune ----

run_lichen volume create "$v-4"
run_lichen volume create --label "test=$mark" "$v"
run_lichen volume prune --filter "label=test=$mark" </dev/null
is "$status" 125 'prune does not go on where nobody can be asked'
like "$err" 'with -f' 'and says what to do'
run_lichen volume prune -f --filter "label=test=$mark"
is "$status" 0 'prune -f'
is "$(printf '%s\n' "$out" | sed -n 1p)" "Deleted: $v" 'removes those that fit'
like "$out" '^Freed: ' 'and says how much that was'
run_lichen volume ls -q --filter "name=$v"
is "$out" "$v-4" 'and no other'
run_lichen volume prune -f --json --filter "label=test=$mark"
is "$out" '{"volumes":[],"bytes":0}' '--json'
run_lichen volume rm -f "$v-4"

# ---- what is wrong ----

wrong 'a destination that is none' "'bad' must be an absolute path" -- run -v "a/bad:bad" "$root" true
wrong 'no name' "'-x' is neither" -- run -v "-x:/data" "$root" true
wrong 'a name that cannot be' 'cannot be a volume' -- volume create a/b
wrong 'a filter that is not there' 'labl' 'label=' -- volume ls --filter labl=x
wrong 'two ways to print' 'give one of them' -- volume ls -q --format x

done_testing
