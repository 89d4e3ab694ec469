#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The examples of lichen-run(1) and of README.md run as they stand, in a directory with a Debian tree and a small C project.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns subids debian fuse cmd:make cmd:cc
export LICHEN_TEST_DEADLINE=300
mkdir "$T/bin" "$T/work" "$T/work/data" "$HOME/in"
ln -s "$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}" "$T/bin/lichen"
PATH=$T/bin:$PATH
# a build beside its sources does not find the profiles before they are installed
if [ ! -d "$(dirname "$LICHEN")/data/profiles" ]; then
	mkdir -p "$XDG_CONFIG_HOME/lichen"
	cp -R "$top_srcdir/data/profiles" "$XDG_CONFIG_HOME/lichen/profiles"
	chmod -R u+w "$XDG_CONFIG_HOME/lichen/profiles"
fi
debian_root "$T/work/debian" own
echo 'int main(void) { return 0; }' >"$T/work/hello.c"
printf 'all: hello\ninstall: all\n\tcp hello /usr/bin/lichen-test-hello\nclean:\n\trm -f hello\n' >"$T/work/Makefile"
printf '#!/bin/sh\n' >"$T/work/build.sh"
chmod +x "$T/work/build.sh"
echo data >"$T/work/data/a"
echo data >"$HOME/in/a"

# Images stand in the store and in archives as if they had been brought.
if [ -x "$top_builddir/helpers/lichen-image" ]; then
	busybox_image "$T/work/saved.tar" alpine:latest '"Cmd":["/bin/true"]'
	lichen load -q -i "$T/work/saved.tar" >"$T/out" 2>&1 && lichen import -q "$T/work/debian" debian >>"$T/out" 2>&1 &&
		lichen save -o "$T/work/several.tar" alpine debian >>"$T/out" 2>&1
	is $? 0 'images for the examples' || diag "$(cat "$T/out")"
fi

# One example a line, as it is typed: the blocks of EXAMPLES, and the first one of README.md without its comments.
# Of a block all lines belong together; one that waits for connections is nothing to wait for here.
awk '/^# EXAMPLES/ { on = 1 } /^# SEE ALSO/ { on = 0 }
	on && /^```/ { if (inside && text !~ /http/) print text; inside = !inside; text = ""; next }
	inside { gsub(/\\\\/, "\\"); sub(/^\t/, ""); text = text (text ~ /[^ ]$/ ? "; " : "") $0; sub(/\\$/, "", text) }' \
	"$top_builddir/doc/man/lichen-run.1.scd" >"$T/examples"
n_manual=$(wc -l <"$T/examples")
awk '/^## First examples/ { on = 1 } on && /^```/ { if (inside) exit; inside = 1; next }
	inside { sub(/  +#.*/, ""); print }' "$top_srcdir/README.md" >>"$T/examples"
ok "[ $n_manual -gt 10 ] && [ $(wc -l <"$T/examples") -gt $((n_manual + 8)) ]" 'the examples were read'

while IFS= read -r example; do
	# Without a terminal here; with one it is tests/func/tty.t's.
	typed=$(printf '%s\n' "$example" | sed 's/ -it / -i /')
	case $example in
	*python3*) command -v python3 >/dev/null 2>&1 || continue ;;
	*'lichen doctor'*) continue ;; # what it finds is the machine's
	*--pull=always*) continue ;;   # asks a registry
	'lichen run '*alpine* | *.tar*) [ -x "$top_builddir/helpers/lichen-image" ] || continue ;;
	'lichen stats') typed='lichen stats --no-stream' ;; # for a terminal it goes on until q
	esac
	(cd "$T/work" && exec bash -ec "$typed") >"$T/out" 2>&1 </dev/null
	ran=$?
	case $(cat "$T/out") in *'not offer Landlock'* | *"the sandbox's limits: "* | *'the controller memory is missing'* | *'need cgroup v2'* | *'was not delegated to us'*) continue ;; esac
	is "$ran" 0 "$example" || diag "$(cat "$T/out")"
done <"$T/examples"
done_testing
