#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --landlock: what a rule names is allowed, what its kind does not name is denied.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
deny=$top_builddir/tests/tools/deny
root=$T/root
busybox_root "$root" data
echo secret >"$root/data/file"
printf '#!/bin/sh\necho script\n' >"$root/data/script"
chmod 0755 "$root/data/script"
run() { run_lichen run "$@"; }

run --landlock rx:/bin "$root" true
if [ "$status" -ne 0 ] && printf '%s' "$err" | grep -q 'not offer Landlock'; then
	skip_all no-landlock
fi
is "$status" 0 'the command runs where it may be executed'

# ---- files ----
run --landlock rx:/bin --landlock ro:/data "$root" sh -c 'cat /data/file; cat /etc/passwd'
is "$out" secret 'ro: what is named is read'
like "$err" '/etc/passwd.*Permission denied' 'what is not named is not'
run --landlock rx:/bin --landlock ro:/data "$root" sh -c 'echo x >>/data/file'
like "$err" 'Permission denied|can.t create' 'ro: it is not written'
isnt "$status" 0 'and that is an error'
run --landlock rx:/bin --landlock ro:/data "$root" sh -c ': >/data/new || rm /data/file || mkdir /data/d || mv /data/file /data/g || ln -s x /data/l'
isnt "$status" 0 'ro: nothing is made, removed or renamed'
run --landlock rx:/bin --landlock ro:/data "$root" truncate -s 0 /data/file
isnt "$status" 0 'ro: nor truncated'
run --landlock rx:/bin --landlock ro:/data "$root" /data/script
is "$status" 126 'ro: nor executed'
like "$err" 'landlock rx:DIR' 'and the hint names the rule'
run --landlock rx:/bin --landlock rx:/data "$root" /data/script
is "$out" script 'rx: it is executed'
run --landlock rx:/bin --landlock rw:/data "$root" sh -c 'echo x >/data/new && mkdir /data/d && mv /data/new /data/d/n && cat /data/d/n && rm -r /data/d && truncate -s 0 /data/file && ls /data'
is "$out" 'x
file
script' 'rw: it is written, made, renamed, removed, truncated and listed'
run --landlock rx:/bin --landlock rw:/data "$root" /data/script
is "$status" 126 'rw: and not executed'
run --landlock rx:/bin --landlock rwx:/data "$root" sh -c 'echo "echo new" >>/data/script && /data/script'
is "$out" 'script
new' 'rwx: all of it'
run --landlock x:/bin "$root" sh -c 'cat /bin/busybox >/dev/null'
isnt "$status" 0 'x: executed, and not read'
like "$err" 'Permission denied' 'by the reason'
run --landlock rx:/bin --landlock ro:/data/file "$root" sh -c 'cat /data/file; cat /data/script'
is "$out" secret 'a rule for one file is for that one'
run --landlock rx:/bin --landlock rw:/dev "$root" sh -c 'echo x >/dev/null && head -c 1 /dev/zero | wc -c'
is "$out" 1 'rw: devices'
ln -s data "$root/link"
mkdir "$root/odd:name one"
echo odd >"$root/odd:name one/f"
run --landlock rx:/bin --landlock ro:/link --landlock 'ro:/odd:name one' "$root" sh -c 'cat /data/file "/odd:name one/f"'
is "$out" 'secret
odd' 'links lead inside, and names have colons and spaces'
run --landlock rx:/bin --landlock ro:/data -v "$root/data:/vol:ro" "$root" sh -c 'cat /vol/file'
isnt "$status" 0 'a volume is denied like all else'
run --landlock rx:/bin --privileged "$root" sh -c 'cat /data/file; mount -t tmpfs x /data'
isnt "$status" 0 'with --privileged too'
unlike "$out" secret 'nothing is read'
like "$err" 'mount:.*(not permitted|denied)' 'and nothing is mounted'
run --landlock rx:/bin --user 1000 "$root" true
if [ "$(id -u)" -eq 0 ] || have subids; then is "$status" 0 'with another user'; else skip no-subids 'with another user'; fi

# ---- ports, on the sandbox's own loopback ----
connect='nc -w 5 127.0.0.1 "$1" </dev/null'
run "$root" sh -c "$connect" sh 81
like "$err" 'refused' 'a closed port is refused without rules'
run --landlock tcp-connect:80 "$root" sh -c "$connect" sh 80
if printf '%s' "$err" | grep -q 'cannot restrict TCP ports'; then
	skip landlock-without-ports 'ports'
else
	like "$err" 'refused' 'tcp-connect: the port that is named is reached'
	run --landlock tcp-connect:80 "$root" sh -c "$connect" sh 81
	like "$err" 'Permission denied' 'another is not'
	run --landlock tcp-connect:none "$root" sh -c "$connect" sh 80
	like "$err" 'Permission denied' 'none: no port'
	# The one that connects has an input that does not end: the server would take that for the
	# end of the conversation, whether it has answered or not.
	run --landlock tcp-bind:8080 "$root" busybox sh -c 'busybox mkfifo /tmp/open; exec 3<>/tmp/open
		(echo served | nc -l -p 8080 >/dev/null) & until nc -w 5 127.0.0.1 8080 <&3 2>/dev/null; do :; done'
	is "$out" served 'tcp-bind: the port that is named is bound, and connecting is free'
	run --landlock tcp-bind:8080 "$root" nc -l -p 8081
	like "$err" 'Permission denied' 'another is not'
fi

# ---- what is wrong ----
run --landlock rx:/nope "$root" true
is "$status" 125 'a path that is not there: 125'
like "$err" '/nope' 'it is named'
like "$err" 'inside the sandbox' 'and where it is looked for'
run --landlock ro:data "$root" true
like "$err" 'did you mean /data' 'a relative path'
run --landlock rox:/data "$root" true
like "$err" 'did you mean rx:/data' "another tool's word"
run --landlock tcp-bind:x "$root" true
like "$err" 'port from 0 to 65535' 'a port that is none'
if [ -x "$deny" ]; then
	run_as_is "$deny" -e ENOSYS landlock_create_ruleset "$LICHEN" run --ids=single --landlock rx:/bin "$root" true
	is "$status" 125 'a kernel without Landlock: 125'
	like "$err" 'CONFIG_SECURITY_LANDLOCK' 'and why'
	run_as_is "$deny" -e EOPNOTSUPP landlock_create_ruleset "$LICHEN" run --ids=single --landlock rx:/bin "$root" true
	like "$err" 'lsm=' 'one that has it switched off'
fi
run --dry-run --landlock rx:/bin "$root" true
like "$out" 'landlock .*rx:/bin' '--dry-run shows it'

done_testing
