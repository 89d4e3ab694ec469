#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Whatever is wrong on the command line is named, with what was expected and the nearest right word.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"

wrong 'an unknown verb' "'?rum'?" 'run' -- rum "$root" true
run_lichen
is "$status" 0 'no verb at all: the help'
like "$out" '^Usage: lichen' 'on standard output'
wrong 'an unknown long option' '--hostnam' "'--hostname'" -- run --hostnam x "$root" true
wrong 'an option with a slip' '--vollume' "'--volume'" -- run --vollume a:b "$root" true
wrong 'an unknown short option' "'-Z'" 'help' -- run -Z "$root" true
wrong 'an unknown one in a cluster' "-Z" -- run -iZ "$root" true
wrong 'an option without its value' '--name' -- run --name
wrong 'a value that is not taken' '--read-only' -- run --read-only=yes "$root" true
wrong "docker's --publish" "'(--publish|-p)'" 'network' -- run -p 80:80 "$root" true
wrong "docker's --restart" '--restart' -- run --restart always "$root"
wrong "docker's -d" "'-d'" -- run -d "$root" true
wrong 'two volumes at one place' 'two mounts at /mnt: /usr, and /etc' 'leave one out' -- run -v /usr:/mnt -v /etc:/mnt/ "$root" true
wrong 'a volume and a tmpfs at one place' 'two mounts at /mnt: /usr, and tmpfs' 'leave one out' -- run -v /usr:/mnt --tmpfs /mnt "$root" true
wrong 'words that contradict each other' "'ro' and 'rw' contradict" '/mnt' -- run -v /usr:/mnt:ro,rw "$root" true
wrong 'the same of a tmpfs' "contradict" '/mnt' -- run --tmpfs /mnt:ro,rw "$root" true
wrong 'the same of --mount' "'readonly' contradicts" 'dst=/mnt' -- run --mount type=tmpfs,dst=/mnt,ro,readonly=false "$root" true
wrong 'two ways of propagation' "'shared' and 'private' contradict" '/mnt' -- run -v /usr:/mnt:shared,private "$root" true
wrong 'propagation of a tmpfs' "'shared' is for a directory" 'tmpfs' -- run --tmpfs /mnt:shared "$root" true
wrong 'two devices at one place' 'two mounts at /dev/z: /dev/null, and /dev/zero' 'leave one out' -- run --device /dev/null:/dev/z --device /dev/zero:/dev/z "$root" true
wrong 'a device and a volume at one place' 'two mounts at /x: /usr, and /dev/zero' 'leave one out' -- run --device /dev/zero:/x -v /usr:/x "$root" true
wrong 'all capabilities, and none' 'cap-add all and --cap-drop ALL' 'cannot be added and dropped' -- run --cap-add all --cap-drop ALL "$root" true
wrong 'a size of /dev/shm that is the machine'"'"'s' '--shm-size 1m: with --ipc=host' 'leave one of the two out' -- run --ipc=host --shm-size 1m "$root" true
wrong 'a host name with a blank' 'a blank' "'a b'" -- run -h 'a b' "$root" true
wrong 'a domain name with a blank' 'a blank' "'a b'" -- run --domainname 'a b' "$root" true
wrong "bubblewrap's --bind-fd" '--bind-fd' 'source=fd:N' -- run --bind-fd 3 /x "$root" true
wrong 'an option before the verb' "'(--read-only)'" 'run' -- --read-only run "$root" true
wrong 'a word of a fixed set' 'singel' 'single' -- run --ids singel "$root" true
wrong 'another one' 'kernal' 'kernel' -- run --overlay=kernal "$root" true
wrong 'a network that is not there yet' 'slirp' 'none' -- run --network slirp "$root" true
wrong 'a capability with a slip' 'net_bind_servic' 'NET_BIND_SERVICE|net_bind_service' -- run --cap-add net_bind_servic "$root" true
wrong 'a security option' 'secomp=unconfined' 'seccomp=unconfined' -- run --security-opt secomp=unconfined "$root" true
wrong 'a name with a slash' '\.\./x' 'letters|A-Za-z0-9' -- run --name ../x "$root" true
wrong 'a host name that is too long' '64' -- run -h "$(printf '%065d' 1)" "$root" true
wrong 'a working directory that is relative' 'work' 'absolute' -- run -w work "$root" true
wrong 'a variable without a name' '=x' -- run -e =x "$root" true
wrong 'a user that is not there' 'rot' 'root' -- run -u rot "$root" true
wrong 'a path that is not there' "$T/rot" -- run "$T/rot" true
wrong 'a file as root file system' 'etc/passwd' 'directory|archive' -- run "$root/etc/passwd" true
wrong 'a word that is no path' 'debian' '\./|path|image' -- run --pull=never debian true
wrong 'help for an unknown verb' 'rnu' 'run' -- help rnu

mkdir -p "$T/noread/tree"
chmod 0 "$T/noread"
if [ "$(id -u)" -ne 0 ]; then
	wrong 'a root file system below a closed directory' "$T/noread/tree" 'EACCES|[Pp]ermission' -- run "$T/noread/tree" true
fi
chmod 0700 "$T/noread"
# The same name as a path is suggested, where it exists.
mkdir "$T/here"
mkdir "$T/here/debian"
absolute=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
(
	cd "$T/here" || exit
	"$absolute" run --pull=never debian true 2>"$T/suggest" </dev/null
)
like "$(cat "$T/suggest")" '\./debian' 'a directory of that name: the error suggests ./NAME'

# Names of files, programs, parameters, sandboxes.
mkdir "$T/here/src"
echo A=b >"$T/here/env"
from_here() {
	cd "$T/here" || exit
	wrong "$@"
	cd "$OLDPWD" || exit
}
case $LICHEN in */*) LICHEN=$absolute ;; esac
from_here 'a slip in the path of the root' 'ENOENT' 'did you mean \./debian \?' -- run ./debain true
from_here 'of a volume' 'did you mean \./src \?' -- run -v ./scr:/src "$root" true
from_here 'of a mount' 'did you mean \./src \?' -- run --mount src=./scr,dst=/src "$root" true
from_here 'in the middle of one' "did you mean $T/here/debian \\?" -- run -v "$T/heere/debian:/src" "$root" true
from_here 'of a file of variables' 'did you mean \./env \?' -- run --env-file ./evn "$root" true
wrong 'of a device' 'did you mean /dev/null \?' -- run --device /dev/nul "$root" true
wrong 'of a parameter' 'did you mean net\.ipv4\.ip_forward \?' -- run --sysctl net.ipv4.ip_frward=1 "$root" true
wrong 'nothing near' 'nothing is made for you' -- run -v "$T/zzz:/src" "$root" true
run_lichen run "$root" bussybox
is "$status" 127 'a slip in the command'
like "$err" 'did you mean busybox \?' 'the nearest in PATH'
run_lichen run "$root" /bin/bussybox
like "$err" 'did you mean /bin/busybox \?' 'with its directory'
for word in noexce:noexec sice=3m:size size=3x:64m mode=999:octal uid=me:number type=x:'DST|for example' 'nr_inodes=5z:number'; do
	wrong "--tmpfs with ${word%:*}" "--tmpfs /a:${word%:*}" "${word##*:}" -- run --tmpfs "/a:${word%:*}" "$root" true
done

run_lichen run "$root" sh -c 'echo inside >&2; exit 125'
unlike "$err" '^lichen:' "the command's own 125 is not explained"
esc=$(printf '\033]0;x\007')
run_lichen run "$T/$esc" true
unlike "$err" "$esc" 'control characters of a name do not reach the terminal'

# ---- JSON ----

run_lichen run --json --ids=singel "$root" true
is "$status" 125 '--json: the same status'
is "$out" '' 'nothing on standard output'
"$probe" json "$T/.err"
ok $? 'the error is JSON'
like "$err" '"message":.*singel' 'with the same message'
like "$err" '"status": ?125' 'and the status'
run_lichen run --json "$T/rot" true
"$probe" json "$T/.err"
ok $? 'a missing path too'
run_lichen run --json "$root" no-such-command
is "$status" 127 'a missing command: 127'
"$probe" json "$T/.err"
ok $? 'as JSON'
like "$err" 'no-such-command' 'named'

# ---- where there is no passwd ----

rm -rf "${root:?}/etc"
run_lichen run "$root" sh -c 'id -u; cat /etc/hostname | wc -l'
is "$status" 0 'a tree without /etc works'
is "$out" '0
1' 'as root, and with what lichen puts there'
wrong 'a user by name in a tree without /etc/passwd' 'user' 'etc/passwd' -- run -u user "$root" true

wrong 'a directory on a file' 'ENOTDIR' 'a file is in the way' -- run -v /usr:/bin/busybox "$root" true
wrong 'a colon in a name' "'b' must be an absolute path" 'colon in a name' -- run -v /usr:b:/x "$root" true
for n in 5 8; do
	run_as_is sh -c 'ulimit -n "$1"; shift; exec "$@"' sh "$n" "$LICHEN" run "$root" true
	is "$status" 125 "$n descriptors: 125"
	like "$err" 'hint: .*ulimit -n' 'and which limit it is'
done
run_lichen run "$root" true

done_testing
