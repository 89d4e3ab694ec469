#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/shell.t - shellcheck has nothing to say about any script
# shellcheck disable=SC2016 # patterns
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$top_srcdir" || exit 99

if ! command -v shellcheck >/dev/null 2>&1; then
	echo '1..0 # SKIP no-shellcheck'
	exit 0
fi

# By the first line, not by the name: quickstart and .ci/run have no suffix.
scripts=$({
	find quickstart autogen.sh .ci tests bench helpers src doc completions debian -type f 2>/dev/null |
		grep -vE '\.(o|a|c|h|log|trs|json)$' | sort | while IFS= read -r file; do
		head -c 200 "$file" | tr -d '\000' | head -n 1 |
			grep -qE '^#!.*/(env )?(sh|bash|dash)( |$)|^# shellcheck shell=' && printf '%s\n' "$file"
	done
})
# Most tests source the same libraries, which take longest to be looked at. So each library is looked at once, and the tests
# see in its place which variables it sets, uses and exports.
known=$(mktemp -d) || exit 99
trap 'rm -r "$known"' EXIT
mkdir -p "$known/tests/lib"
for library in tests/lib/*.sh; do
	{
		echo '# shellcheck shell=sh'
		# a number needs no quotes
		sed -nE 's/^(.*[[:space:];])?([A-Za-z_][A-Za-z_0-9]*)=(\$\?|[0-9]+)$/\2=0/p' "$library" | sort -u
		sed -nE 's/^(.*[[:space:];])?([A-Za-z_][A-Za-z_0-9]*)=(\$[^?]|[^0-9$]|$).*/\2=text/p' "$library" | sort -u
		grep -oE '[$]{?[A-Za-z_][A-Za-z_0-9]*' "$library" | tr -d '${' | sort -u | sed 's/.*/: "$&"/'
		sed -n '/^export /p' "$library"
	} >"$known/$library"
done

test=0
failed=0
for script in $scripts; do
	test=$((test + 1))
	# -x and -P: follows the library that tests source. SC1091: /etc/os-release and the like.
	# SC2317: shellcheck 0.9 does not see functions that are called by name.
	# SC2016, SC1003: tests hand scripts in single quotes to the sandbox and conditions to ok.
	case $script in
	tests/func/* | tests/vm/*) except=SC1091,SC2317,SC2016,SC1003 path=$known ;;
	tests/lint/* | tests/fuzz/*) except=SC1091,SC2317 path=$known ;;
	tests/lib/vm/*) except=SC1091,SC2317,SC2016,SC1003 path=$PWD ;;
	*) except=SC1091,SC2317 path=$PWD ;;
	esac
	# where it starts is searched, too
	if complaint=$(cd "$path" && shellcheck -x -P "$path" -e "$except" -f gcc "$top_srcdir/$script" 2>&1); then
		printf 'ok %d - %s\n' "$test" "$script"
	else
		printf 'not ok %d - %s\n' "$test" "$script"
		printf '%s\n' "$complaint" | sed 's/^/# /'
		failed=1
	fi
done
printf '1..%d\n' "$test"
exit "$failed"
