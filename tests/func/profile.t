#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# --profile: options from a file, which the command line overrules; and those that come with lichen do their work.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" srv
mkdir "$T/dir" "$T/work"
chmod 0755 "$T/dir"
echo content >"$T/dir/file"
absolute=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}

cat >"$T/profile" <<END
# what it is for
--hostname from-profile
--env A=profile   # and behind an option
--env "B=two words"
--env 'C=# no comment'

	--volume $T/dir:/srv:ro
--workdir=/srv
END
run_lichen run --profile "$T/profile" "$root" sh -c 'hostname; echo "$A|$B|$C"; pwd; cat file; echo x >file'
isnt "$status" 0 'a profile: its volume is read-only'
is "$out" 'from-profile
profile|two words|# no comment
/srv
content' 'and all its options count'
run_lichen run --hostname cli --profile "$T/profile" -e A=cli -e D=more -w / "$root" sh -c 'hostname; echo "$A|$B|$D"; pwd'
is "$out" 'cli
cli|two words|more
/' 'the command line wins, or adds, wherever it stands'
printf '%s\n' '--env A=second' '--env E=e' >"$T/second"
run_lichen run --profile "$T/profile" --profile "$T/second" "$root" sh -c 'echo "$A|$E"'
is "$out" 'second|e' 'of two profiles the later wins'
printf -- '--read-only\r\n--env\tA=dos\r\n' >"$T/dos"
run_lichen run --profile "$T/dos" "$root" sh -c 'echo "$A"; echo x >/etc/x'
isnt "$status" 0 'a flag of a profile'
is "$out" dos 'line ends of other systems'
run_lichen run --profile "$T/dos" --read-only=false "$root" sh -c 'echo x >/etc/x'
is "$status" 0 'a flag can be taken back'
: >"$T/empty"
run_lichen run --profile "$T/empty" "$root" true
is "$status" 0 'an empty one'

# ---- by name ----

mkdir -p "$XDG_CONFIG_HOME/lichen/profiles"
cp "$T/profile" "$XDG_CONFIG_HOME/lichen/profiles/mine"
run_lichen run --profile mine "$root" hostname
is "$out" from-profile "a profile of one's own by name"
run_lichen run --profile mien "$root" true
is "$status" 125 'a name that there is not: 125'
like "$err" 'did you mean mine' 'the nearest is named'
(
	cd "$T" || exit
	LICHEN=$absolute
	run_lichen run --profile second "$root" true
	printf '%s\n' "$err" >"$T/suggest"
	run_lichen run --profile ./second "$root" sh -c 'echo "$A"'
	printf '%s\n' "$out" >"$T/relative"
)
like "$(cat "$T/suggest")" '\./second' 'a file of that name: with a slash'
is "$(cat "$T/relative")" second 'so it is found'

# ---- what is wrong in one ----

wrong() { # LINE REGEX DESC
	printf '%s\n' '# first' "$1" >"$T/wrong"
	run_lichen run --profile "$T/wrong" "$root" true
	is "$status" 125 "$3: 125"
	like "$err" "$T/wrong:2" "$3: file and line"
	like "$err" "$2" "$3: says what is wrong"
}
wrong '--volum a:b' '--volume' 'an option with a slip'
wrong '--env' 'needs a value' 'an option without its value'
wrong 'volume .:/src' 'one option a line' 'a line that is no option'
wrong '--rm host' "'host' is no option" 'a root file system'
wrong '-- host true' 'root file system' 'a command'
wrong '--env A=b c' "'c' is no option" 'a blank without quotes'
wrong "--env 'A=b" 'quote' 'a quote that does not end'
wrong "--profile $T/empty" 'another' 'another profile'
wrong '--ids singel' 'single' 'a value with a slip'
run_lichen run --profile "$T/missing" "$root" true
is "$status" 125 'a file that is not there: 125'
like "$err" "$T/missing" 'it is named'
run_lichen run --profile "$T/dir" "$root" true
is "$status" 125 'a directory: 125'
# A mistake of the options themselves is told after the profile was read.
run_lichen run --profile "$T/profile" --mount type=bind,src=/nowhere,dst=/x "$root" true
is "$status" 125 'a mistake on the command line beside a profile'

# ---- those that come with lichen ----

shipped=$top_srcdir/data/profiles
mkdir "$T/src"
chmod 0755 "$T/src"
in_src() { # PROFILE COMMAND...: by name where lichen finds it, else by file
	in_src_name=$1
	shift
	[ -d "${absolute%/*}/data/profiles" ] || in_src_name=$shipped/$in_src_name
	(
		cd "$T/src" || exit
		LICHEN=$absolute
		run_lichen run --profile "$in_src_name" "$@"
		printf '%s\n' "$status" >"$T/.src.status"
		printf '%s\n' "$out" >"$T/.src.out"
		printf '%s\n' "$err" >"$T/.src.err"
	)
	status=$(cat "$T/.src.status")
	out=$(cat "$T/.src.out")
	err=$(cat "$T/.src.err")
}

if command -v gcc >/dev/null 2>&1; then
	printf '%s\n' '#include <stdio.h>' 'int main(void) { puts("compiled"); return 0; }' >"$T/src/hello.c"
	in_src compiler host sh -c 'gcc -O1 -o hello hello.c && ./hello && ls ~'
	is "$status" 0 'compiler: gcc compiles, and what it made runs' || diag "$err"
	is "$out" compiled 'and nothing of the home is there'
	is "$("$T/src/hello")" compiled 'it is there outside, too'
else
	skip no-gcc 'compiler'
fi
if command -v python3 >/dev/null 2>&1; then
	cat >"$T/src/program.py" <<'END'
import json, os, subprocess, tempfile, threading
from concurrent.futures import ProcessPoolExecutor
def square(n): return n * n
if __name__ == "__main__":
    with tempfile.NamedTemporaryFile("w+") as f:
        json.dump({"a": 1}, f); f.flush(); f.seek(0); print(json.load(f)["a"])
    with ProcessPoolExecutor(2) as p: print(sum(p.map(square, range(10))))
    print(subprocess.run(["echo", "child"], capture_output=True, text=True).stdout.strip())
    try: open("written", "w")
    except OSError as e: print(type(e).__name__)
END
	in_src python host python3 program.py
	is "$status" 0 'python: modules, processes, temporary files' || diag "$err"
	is "$out" '1
285
child
OSError' 'but the program cannot write beside itself'
	ok '[ ! -e "$T/src/written" ] && [ ! -e "$T/src/__pycache__" ]' 'and nothing was'
else
	skip no-python3 'python'
fi
if command -v node >/dev/null 2>&1; then
	mkdir -p "$T/src/node_modules/answer"
	echo 'module.exports = 42' >"$T/src/node_modules/answer/index.js"
	echo 'const fs = require("fs"), w = require("worker_threads"); console.log(require("answer")); fs.writeFileSync("/tmp/x", "y"); try { fs.writeFileSync("x", "y") } catch (e) { console.log(e.code) }' >"$T/src/program.js"
	in_src node host node program.js
	is "$out" '42
EROFS' 'node: a module of the directory, which stays as it is' || diag "$err"
else
	skip no-node 'node'
fi
cp "$(tap_find_busybox)" "$T/src/busybox"
cat >"$T/src/nasty" <<'END'
cat /etc/machine-id /proc/cmdline
hostname
(echo x >here) 2>/dev/null && echo wrote
cp /in/busybox /tmp/busybox && (/tmp/busybox true) 2>/dev/null && echo executed
ls /sys/class/net; ls /home
grep CapBnd /proc/self/status
END
in_src untrusted-binary host ./busybox sh nasty
is "$(printf '%s\n' "$out" | sed 's/[[:blank:]][[:blank:]]*/ /g')" 'sandbox
CapBnd: 0000000000000000' 'untrusted-binary: it runs, and finds nothing' || diag "$err"

done_testing
