#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub seam
# A command runs with its arguments, streams, environment and directory, and its status comes back.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" work

# ---- statuses ----

run_lichen run "$root" true
is "$status" 0 'true exits with 0'
is "$out" '' 'and prints nothing'
run_lichen run "$root" false
is "$status" 1 'false exits with 1'
run_lichen run "$root" sh -c 'exit 42'
is "$status" 42 "the command's own status comes back"
run_lichen run "$root" sh -c 'exit 255'
is "$status" 255 'the highest one too'
run_lichen run "$root" sh -c 'sh -c "kill -KILL \$\$"; exit $?'
is "$status" 137 'a shell inside reports a signal as 128+n'
run_lichen run "$root" no-such-command
is "$status" 127 'a command that is not there: 127'
like "$err" 'no-such-command' 'and the message names it'
run_lichen run "$root" /no/such/path
is "$status" 127 'a path that is not there: 127'
printf 'text\n' >"$root/work/plain"
chmod 0644 "$root/work/plain"
run_lichen run "$root" /work/plain
is "$status" 126 'a file that cannot be executed: 126'
like "$err" '/work/plain' 'and the message names it'
run_lichen run "$root" /work
is "$status" 126 'a directory: 126'
run_lichen run "$T/no-such-root" true
is "$status" 125 'a root file system that is not there: 125'
like "$err" 'no-such-root' 'and the message names it'
run_lichen run
is "$status" 125 'no root file system: 125'

# ---- arguments ----

run_lichen run "$root" printf '[%s]\n' 'a b' '' '*' '$HOME' "it's" '--help' '-v' '--'
is "$status" 0 'arguments of all kinds'
is "$out" "[a b]
[]
[*]
[\$HOME]
[it's]
[--help]
[-v]
[--]" 'arrive as they are, and options behind the command are its own'
run_lichen run -- "$root" echo ok
is "$out" ok 'options may be ended with --'

# ---- streams ----

run_lichen run "$root" sh -c 'echo to-out; echo to-err >&2'
is "$out" to-out 'standard output is passed on'
is "$err" to-err 'standard error too, and nothing is added to it'
printf 'line one\nline two\n' >"$T/input"
LICHEN_STDIN=$T/input run_lichen run -i "$root" cat
is "$out" 'line one
line two' '-i passes standard input on'
LICHEN_STDIN=$T/input run_lichen run "$root" cat
is "$status" 0 'without -i the command reads the end of file'
is "$out" '' 'and nothing of the standard input'
LICHEN_STDIN=$T/input run_lichen run "$root" stat -Lc '%t:%T' /proc/self/fd/0
is "$out" 1:3 'it is /dev/null'
run_lichen run "$root" dd if=/dev/zero bs=65536 count=64
is "$status" 0 'four MiB of output'
is "$(wc -c <"$T/.out")" 4194304 'arrive in full'
out=

# ---- environment ----

SECRET_OF_CALLER=secret-value
export SECRET_OF_CALLER
run_lichen run "$root" env
is "$status" 0 'env'
unlike "$out" 'SECRET_OF_CALLER|secret-value|LICHEN_TEST_MARK|XDG_|TMPDIR' "nothing of the caller's environment"
like "$out" '^PATH=.*/bin' 'a PATH'
like "$out" '^HOME=/root$' 'the HOME of root inside'
like "$out" '^HOSTNAME=.' 'a HOSTNAME'
is "$(printf '%s\n' "$out" | grep -cvE '^(PATH|HOME|HOSTNAME|PWD|SHLVL|_)=')" 0 'and no more than that'
run_lichen run -e SECRET_OF_CALLER -e 'MODE=a b=c' -e NOT_SET_ANYWHERE -e EMPTY= "$root" env
like "$out" '^SECRET_OF_CALLER=secret-value$' '-e KEY passes a variable on'
like "$out" '^MODE=a b=c$' '-e KEY=VALUE sets one'
unlike "$out" NOT_SET_ANYWHERE '-e KEY of what is not set does not set it'
like "$out" '^EMPTY=$' '-e KEY= sets it to nothing'
printf '# a comment\n\nFROM_FILE=of the file\nMODE=file\nSECRET_OF_CALLER\n' >"$T/env"
run_as_is env -u HOSTNAME "$LICHEN" run -e HOSTNAME "$root" env
unlike "$out" '^HOSTNAME=' 'a name that the caller has no value for has no default either'
run_lichen run --env-file "$T/env" -e MODE=option "$root" env
like "$out" '^FROM_FILE=of the file$' '--env-file is read'
like "$out" '^SECRET_OF_CALLER=secret-value$' 'a bare KEY in it is passed on'
like "$out" '^MODE=option$' '-e wins over the file'
unlike "$out" 'comment' 'comments are skipped'
is "$(printf '%s\n' "$out" | grep -c '^MODE=')" 1 'no variable is there twice'
printf '\357\273\277FIRST=1\n' >"$T/bom"
run_lichen run --env-file "$T/bom" "$root" env
like "$out" '^FIRST=1$' 'a byte order mark is no part of the first name'
LICHEN_STDIN=$T/bom
run_lichen run --env-file /dev/stdin "$root" env
like "$out" '^FIRST=1$' 'it may be a descriptor'
LICHEN_STDIN=
mkfifo "$T/fifo"
echo '--env FROM=pipe' >"$T/fifo" &
run_lichen run --profile "$T/fifo" "$root" env
like "$out" 'FROM=pipe' 'a profile may be a pipe'
wait
run_lichen run --security-opt "seccomp=$T/fifo" "$root" true
is "$status" 125 'a seccomp profile may not: 125'
echo PIPED=yes >"$T/fifo" &
run_lichen run --env-file "$T/fifo" "$root" env
like "$out" '^PIPED=yes$' 'or a pipe'
wait
for line in 'F = 3' 'export G=4'; do
	echo "$line" >"$T/blank"
	run_lichen run --env-file "$T/blank" "$root" true
	is "$status" 125 "a line '$line' is refused"
	like "$err" 'blank:1: .*blank in it' 'by its number'
done
run_lichen run --env-file "$T/no-env" "$root" true
is "$status" 125 'an --env-file that is not there: 125'
like "$err" 'no-env' 'which is named'

# ---- directory and name ----

run_lichen run "$root" pwd
is "$out" / 'the command starts in /'
run_lichen run -w /work "$root" pwd
is "$out" /work '-w says where else'
run_lichen run --workdir=/made/on/the/way "$root" pwd
is "$out" /made/on/the/way 'and a directory that is missing is made'
ok '[ ! -e "$root/made" ]' 'inside only'
run_lichen run -h box.example "$root" sh -c 'hostname; echo "$HOSTNAME"; cat /etc/hostname'
is "$out" 'box.example
box.example
box.example' '-h sets the host name, HOSTNAME and /etc/hostname'
run_lichen run --name "n-$mark" --rm "$root" echo named
is "$out" named '--name and --rm'

done_testing
