#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# With --rootfs-from the root has the named programs and what they need, found by reading, and nothing else.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns cmd:cc cmd:bash
LICHEN=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
cd "$T" || exit

# ---- programs of the machine ----

echo secret >"$HOME/canary"
run_lichen run --rootfs-from bash --rootfs-from ls --rootfs-from grep bash -c 'ls / | grep -x usr && ls /usr/bin /bin/bash'
is "$status" 0 'bash, ls and grep run'
is "$(printf '%s\n' "$out" | grep -c .)" 6 'and are the only programs there' # usr, 2 headings or paths, 3 names
run_lichen run --rootfs-from bash --rootfs-from ls bash -c "ls $HOME/canary /usr/share /usr/lib/os-release /etc/shadow /var /opt"
isnt "$status" 0 'nothing else of the machine is there'
is "$out" '' 'neither homes nor data'
run_lichen run --rootfs-from sh
is "$status" 0 'without a command the first program is run'
run_lichen run --rootfs-from sh sh -c 'echo one'
is "$out" one 'the word that named it is the command'
shell=$(readlink -f "$(command -v sh)")
for name in /bin/sh "$(command -v sh)" "$shell"; do
	run_lichen run --rootfs-from sh "$name" -c 'echo this'
	is "$out" this "sh runs as $name too"
done
run_lichen run --rootfs-from bash bash -c 'echo x >/new && echo x >/tmp/new && echo x >~/new && echo "$HOME" && { echo x >>/usr/bin/bash; } 2>/dev/null'
isnt "$status" 0 'a program cannot be written'
is "$out" /root 'the root, /tmp and $HOME can'
ok '[ ! -e /new ] && [ ! -e /tmp/new ]' 'and outside nothing of it is there'
run_lichen run --read-only --rootfs-from bash bash -c 'echo x >/tmp/new && echo tmp; { echo x >/new || echo x >/etc/passwd || echo x >/usr/new; } 2>/dev/null || echo refused'
is "$out" 'tmp
refused' 'with --read-only only what is mounted can be written'
run_lichen run --rootfs-from id --rootfs-from ls --rootfs-from bash bash -c 'id -un; id -gn; ls -ld /tmp | { read -r _ _ u g _; echo "$u $g"; }; cat=$(</etc/hostname); echo "${cat:+named}"'
is "$out" 'root
root
root root
named' 'ids have names, the machine has one'
run_lichen run -u 1234:77 --rootfs-from id --rootfs-from bash bash -c 'id; echo ~ && echo x >~/mine'
like "$out" '^uid=1234\(user\) gid=77\(user\)' 'so has the id of -u'
is "$status" 0 'whose home is its own'
if have busybox; then
	run_lichen run --rootfs-from "$(tap_find_busybox)" busybox echo static
	is "$out" static 'a static program needs nothing'
	run_lichen run --rootfs-from "$(tap_find_busybox)" --dry-run
	unlike "$out" '/ld-|\.so' 'and gets nothing'
else
	skip no-busybox 'a static program needs nothing'
	skip no-busybox 'and gets nothing'
fi
if have cmd:python3; then
	std=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	exe=$(python3 -c 'import sys; print(sys.executable)')
	run_lichen run -v "$std:$std:ro" --rootfs-from "$exe" "$exe" -c 'import json; print(json.dumps([6 * 7]))'
	is "$out" '[42]' 'python3 runs, with its modules as a volume'
else
	skip no-cmd:python3 'python3 runs, with its modules as a volume'
fi

# ---- programs of one's own ----

mkdir -p "$HOME/my tools/bin" "$HOME/my tools/lib" "$HOME/links"
chmod -R a+rX "$HOME"
cat >lib.c <<'END'
#include <stdio.h>
void hello(void) { puts("from the library"); }
END
cat >prog.c <<'END'
void hello(void);
int main(void) { hello(); return 0; }
END
printf 'int main(void) { return 0; }\n' >plain.c
cc -shared -fPIC -o "$HOME/my tools/lib/libhello.so.1" -Wl,-soname,libhello.so.1 lib.c
for kind in enable disable; do
	cc -o "$HOME/my tools/bin/$kind prog" prog.c "$HOME/my tools/lib/libhello.so.1" \
		-Wl,--$kind-new-dtags -Wl,-rpath,"\$ORIGIN/../lib"
	run_lichen run --rootfs-from "$HOME/my tools/bin/$kind prog"
	is "$out" 'from the library' "a library by \$ORIGIN ($kind-new-dtags), in a directory with a space"
done
ln -s "../my tools/bin/enable prog" "$HOME/links/tool"
run_lichen run --rootfs-from "$HOME/links/tool"
is "$out" 'from the library' 'behind a symbolic link'
# shellcheck disable=SC2088 # lichen does it
run_lichen run --rootfs-from '~/links/../links/tool' --rootfs-from bash bash -c tool
is "$out" 'from the library' 'its directory is in PATH inside'
(cd "$HOME/links" && "$LICHEN" run --rootfs-from ./tool ./tool >"$T/answer" 2>&1 </dev/null)
is "$(cat "$T/answer")" 'from the library' 'and ./tool is what was meant by it'
name=$(printf 'odd\nname, with:all "this"')
cp "$HOME/links/tool" "$HOME/my tools/bin/$name"
run_lichen run --rootfs-from "$HOME/my tools/bin/$name"
is "$out" 'from the library' 'a name with a newline, a comma, a colon and quotes'
cc -o "$HOME/links/plain" prog.c "$HOME/my tools/lib/libhello.so.1"
run_lichen run --rootfs-from "$HOME/links/plain"
is "$status" 125 'a library that is missing is an error'
like "$err" "libhello.so.1, which $HOME/links/plain needs, is not there" 'which says who needs it'
like "$err" 'looked in .*/usr/lib' 'and where was looked'
run_lichen run -e "LD_LIBRARY_PATH=$HOME/my tools/lib" --rootfs-from "$HOME/links/plain"
is "$out" 'from the library' 'LD_LIBRARY_PATH is looked in as well'
mv "$HOME/my tools/lib/libhello.so.1" "$HOME/my tools/lib/gone"
head -c 3000 "$HOME/my tools/lib/gone" >"$HOME/my tools/lib/libhello.so.1"
run_lichen run --rootfs-from "$HOME/links/tool"
is "$status" 125 'a broken library is an error'
like "$err" 'my tools/bin/../lib/libhello.so.1: broken ELF file' 'which names it'

# ---- scripts ----

printf '#!/bin/sh\necho "script $1"\n' >script
printf '#!/usr/bin/env -S bash -u\necho "env $1"\n' >env-script
printf '#!/usr/bin/env no-such-interpreter\n' >no-script
printf '#!%s/loop\n' "$T" >loop
chmod 755 script env-script no-script loop
run_lichen run --rootfs-from ./script ./script a
is "$out" 'script a' 'a script comes with its interpreter'
run_lichen run --rootfs-from ./env-script ./env-script b
is "$out" 'env b' 'one by env too'
run_lichen run --rootfs-from ./no-script
like "$err" 'no-such-interpreter, the interpreter of the script' 'an interpreter that is missing is named'
run_lichen run --rootfs-from ./loop
isnt "$status" 124 'a script that is its own interpreter is no endless loop'

# ---- nothing is run, and nothing gains privileges ----

cat >evil.c <<'END'
#include <fcntl.h>
int main(void) { open(CANARY, O_CREAT | O_WRONLY, 0644); return 0; }
END
cc -static -DCANARY="\"$T/ran\"" -o evil evil.c
cc -o with-evil plain.c -Wl,--dynamic-linker="$T/evil"
run_lichen run --dry-run --rootfs-from ./with-evil
is "$status" 0 'a program with a loader of its own is read'
like "$out" "/evil" 'its loader is among the files'
ok '[ ! -e ran ]' 'and was not run, as ldd would'
run_lichen run --rootfs-from ./with-evil
ok '[ ! -e ran ]' 'nor does it reach the machine when it runs'
if have subids && have user; then
	cp "$(command -v id)" suid-id
	chmod 4755 suid-id
	run_lichen run --ids=range --privileged -u 1000 --rootfs-from ./suid-id ./suid-id -u
	is "$out" 1000 'a set-user-id program gains nothing, even without no_new_privs'
else
	skip no-subids 'a set-user-id program gains nothing, even without no_new_privs'
fi
run_lichen run --rootfs-from bash bash -c 'while read -r line; do case $line in *" /usr/bin/bash "*) echo "$line";; esac; done </proc/self/mountinfo'
like "$out" ' ro,nosuid,nodev' 'each file is mounted read-only, nosuid, nodev'

# ---- what is no program ----

# wrong REGEX WORDS...: 125, and a message that matches.
wrong() {
	wrong_regex=$1
	shift
	run_lichen run "$@"
	is "$status" 125 "$*: 125"
	like "$err" "$wrong_regex" "$*: it says why"
}
head -c 300 "$(readlink -f "$(command -v bash)")" >broken
head -c 4 broken >broken2
printf 'data\n' >junk
printf 'data\n' >text
mkfifo fifo
chmod 755 broken broken2 junk fifo
chmod 644 text
wrong 'broken: broken ELF file: its program headers would lie beyond the end' --rootfs-from ./broken
wrong 'broken2: broken ELF file' --rootfs-from ./broken2
wrong 'neither an ELF program nor a script' --rootfs-from ./junk
wrong 'not executable' --rootfs-from ./text
wrong 'not a regular file' --rootfs-from ./fifo
wrong 'not a regular file' --rootfs-from "$T"
wrong 'is a directory' --rootfs-from /
wrong 'sandbox.s own' --rootfs-from /proc/self/exe
wrong 'No such file' --rootfs-from ./none
wrong 'did you mean bash \?' --rootfs-from bassh
wrong 'did you mean ./junk \?' --rootfs-from junk
wrong 'there is no layer' --overlay=copy --rootfs-from sh
run_lichen run --userns=keep-id --rootfs-from sh --rootfs-from touch --rootfs-from ls sh -c 'touch ~/y && ls ~; echo $HOME'
if [ "$(id -u)" -eq 0 ]; then
	like "$err" 'root of this machine is never mapped' 'as oneself: not for root'
else
	is "$out" 'y
/home/user' 'as oneself: with a home'
fi
wrong 'ROOTFS is missing' --read-only
wrong 'made anew' --overlay-keep "$T/keep" --rootfs-from sh

done_testing
