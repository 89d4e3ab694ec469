#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lichen run takes an image by its name or from an archive, and what the image says of its start holds where no option says otherwise.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum expect

busybox_image "$T/i.tar" busybox:1 '"Cmd":["echo","cmd"],"Env":["A=1","B=2","PATH=/bin"],"WorkingDir":"/made","Volumes":{"/data":{}}' file
run_lichen load -q "$T/i.tar"

run_lichen run busybox:1
is "$status:$out:$err" '0:cmd:' 'its own command'
run_lichen run busybox:1 sh -c 'pwd; echo "$A$B$PATH"; touch /data/x && echo written'
is "$out" '/made
12/bin
written' 'WorkingDir, Env, Volumes'
run_lichen run -e A=3 --unsetenv B -w / busybox:1 sh -c 'pwd; echo "$A$B"'
is "$out" '/
3' 'options win'
run_lichen run --unsetenv-all busybox:1 /bin/sh -c 'echo "${A-none}"'
is "$out" none '--unsetenv-all leaves the image'"'"'s out, too'
run_lichen run --entrypoint /bin/echo busybox:1 a b
is "$out" 'a b' '--entrypoint takes the place of Entrypoint and Cmd'
wrong 'no command' 'there is no command' 'give one behind the image' -- run --entrypoint '' busybox:1
run_lichen run -w / --read-only --image-volume=tmpfs busybox:1 sh -c 'grep -c " /data tmpfs" /proc/mounts'
is "$out" 1 '--image-volume=tmpfs'
run_lichen run --image-volume=ignore busybox:1 sh -c 'ls -d /data'
isnt "$status" 0 '--image-volume=ignore'
run_lichen run --ids=single busybox:1 cat /text
is "$out" file 'with one id'
run_lichen run busybox:1 sh -c 'echo changed >/text'
run_lichen run busybox:1 cat /text
is "$out" file 'what is written is thrown away'

# ---- brought for the ids of the run ----

# the classes that have layers
classes() {
	(cd "$XDG_DATA_HOME/lichen/images/layers" && find . -mindepth 2 -maxdepth 2 -type d | cut -d/ -f2 | sort -u)
}

run_lichen run --ids=single busybox:1 cat /text
is "$status:$out:$err" '0:file:' 'what is there for these ids is not unpacked again'
run_lichen rmi -f busybox:1
run_lichen load -q "$T/i.tar"
run_lichen run --ids=single busybox:1 cat /text
is "$status:$out" 0:file 'an image that was unpacked for others'
like "$err" '^unpacking 1 layer for ids single$' 'is unpacked with a word'
like "$err" '^[0-9a-f]{12}: unpacking' 'and each layer'
run_lichen rmi -f busybox:1
run_lichen load -q "$T/i.tar"
run_lichen run -q --ids=single busybox:1 cat /text
is "$status:$out:$err" 0:file: 'but with -q'
run_lichen rmi -f busybox:1
run_lichen load -q "$T/i.tar"
expect -c "log_user 1; spawn -noecho $LICHEN run -t --ids=single busybox:1 cat /text; expect eof; lassign [wait] a b c d; puts \"status \$d\"" >"$T/said"
like "$(cat "$T/said")" 'unpacking 1 layer for ids single' 'on a terminal, too'
like "$(cat "$T/said")" '1 of 1 layers' 'where its progress is drawn'
like "$(cat "$T/said")" '^file' 'before the command has the terminal'
like "$(cat "$T/said")" '^status 0' 'which ends as ever'
run_lichen rmi -f busybox:1
run_lichen run -q --ids=single "$T/i.tar" cat /text
is "$status:$out:$(classes)" '0:file:single' 'what --ids=single brings is unpacked for one id only'
run_lichen run -q --ids=single -u 7 "$T/i.tar" cat /text
is "$status:$out:$(classes)" '0:file:single' 'which serves any user of it'
run_lichen rmi -f "$image_id"
run_lichen run -q --ids=single -u 7 "$T/i.tar" id -u
is "$status:$out:$(classes)" '0:7:single' 'also where it comes for such a one'
run_lichen load -q "$T/i.tar"

# ---- with --read-only ----

run_lichen run --read-only busybox:1 sh -c 'pwd; touch here'
like "$status:$out:$err" '^1:/made:.*Read-only' 'a WorkingDir that is missing is there all the same'
run_lichen run --read-only -w /bin/it/self busybox:1 pwd
is "$status:$out" 0:/bin/it/self 'and one that -w names, below what is there'
run_lichen run --read-only -w /text busybox:1 true
isnt "$status" 0 'a file is no WorkingDir'
run_lichen run --read-only -w /data/in busybox:1 sh -c 'pwd; touch here && echo written'
is "$out" "/data/in
written" 'one in a volume of the image'
for volumes in anonymous tmpfs ignore; do
	run_lichen run --read-only --image-volume=$volumes -v kept:/data busybox:1 sh -c "echo $volumes >>/data/x"
	is "$status:$err" 0: "-v of a named volume wins over the image's, --image-volume=$volumes"
done
run_lichen run -v kept:/data/ busybox:1 cat /data/x
is "$out" "anonymous
tmpfs
ignore" 'and keeps what was written, without --read-only, too'

# ---- from a file ----

run_lichen run -q "$T/i.tar" cat /text
is "$status:$out:$err" '0:file:' 'an archive by its path'
run_lichen run -q "docker-archive:$T/i.tar" cat /text
is "$out" file 'docker-archive:'
busybox_root "$T/root"
echo plain >"$T/root/text"
tar -C "$T/root" -cf "$T/root.tar" .
run_lichen run -q "$T/root.tar" cat /text
is "$status:$out" '0:plain' 'an archive of a root file system'
echo other >"$T/root/text"
tar -C "$T/root" -cf "$T/root.tar" .
run_lichen run -q "$T/root.tar" cat /text
is "$out" other 'one that has changed is read anew'

# ---- what is not there ----

cd "$T" || exit 99
wrong '--pull=never' "there is no image 'nosuch' here" 'lichen pull nosuch' -- run --pull=never nosuch true
wrong 'a file of that name' "there is no image 'i.tar' here" 'did you mean ./i.tar' -- run --pull=never i.tar true
wrong '--dry-run brings nothing' "there is no image 'nosuch' here" -- run --dry-run nosuch true
wrong 'a registry where nobody is' 'localhost:1' 'Connection refused' -- run -q localhost:1/nosuch true
wrong 'a wrong --pull' "option '--pull' takes one of missing, always, never" -- run --pull=sometimes busybox:1 true
run_lichen run --dry-run busybox:1
is "$status" 0 '--dry-run of an image that is there'
run_lichen run --pull=always --dry-run busybox:1
is "$status" 0 'with --pull=always, too'
snapshot() {
	(cd "$XDG_DATA_HOME/lichen/images" && find . -printf '%p %T@\n' | sort)
}
tar -C "$T/root" -cf "$T/new.tar" .
snapshot >"$T/before"
wrong '--dry-run of a file' 'new.tar has not been read yet.* --dry-run does not' 'lichen load' -- run --dry-run ./new.tar true
wrong '--dry-run of a layout that is not there' 'ENOENT' -- run --dry-run oci:./nosuch true
is "$(snapshot)" "$(cat "$T/before")" 'nothing in the store has changed'
run_lichen run -q ./new.tar true
run_lichen run --dry-run ./new.tar true
is "$status" 0 'of one that was read before'
like "$out" 'new.tar, 1 layer' 'its layers are in the plan'
XDG_DATA_HOME=$T/none "$LICHEN" run --dry-run ./new.tar true 2>"$T/said"
like "$(cat "$T/said")" 'new.tar has not been read yet' 'where there is no store'
ok '[ ! -e "$T/none/lichen/images" ]' 'none is made'

# ---- in use ----

find_probe
start busybox:1 sh -c 'echo ready; exec sleep 300'
name=$(cat "$XDG_DATA_HOME"/lichen/containers/*/config.json 2>/dev/null | grep -c "$image_id")
isnt "$name" 0 'the sandbox says which image it has'
wrong 'an image in use' "the image 'busybox:1' is in use by [0-9a-f]{12}" 'with -f' -- rmi busybox:1
run_lichen images -q busybox
isnt "$out" '' 'it is still there'
kill -TERM "$pid"
finish
run_lichen rmi busybox:1
is "$status" 0 'it goes when nobody uses it any more'
busybox_image "$T/v.tar" busybox:vol '"Volumes":{"/tmp":{},"/home":{},"/none":{}}'
run_lichen load -q "$T/v.tar"
run_lichen run --read-only busybox:vol sh -c 'cd /home; ls; stat -c %a . /tmp; echo x >user/x && cat user/x; echo y >/none/y && cat /none/y; echo z >/z'
is "$status:$out" '1:user
755
1777
x
y' 'with --read-only the volumes of an image can be written, and begin with what it has there'
like "$err" '/z: Read-only' 'but nothing else'
run_lichen run --read-only --image-volume=tmpfs busybox:vol ls /home
is "$status:$out" 0: '--image-volume=tmpfs: an empty one'
run_lichen run --read-only -v kept-too:/home busybox:vol ls /home
is "$status:$out" 0:user 'so does one with a name'
run_lichen volume rm kept-too
run_lichen rmi busybox:vol
done_testing
