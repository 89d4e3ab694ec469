#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/shell.t - shellcheck has nothing to say about any script
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
test=0
failed=0
for script in $scripts; do
	test=$((test + 1))
	# -x and -P: follows the library that tests source. SC1091: /etc/os-release and the like.
	# SC2317: shellcheck 0.9 does not see functions that are called by name.
	# SC2016, SC1003: tests hand scripts in single quotes to the sandbox and conditions to ok.
	case $script in
	tests/func/* | tests/vm/* | tests/lib/vm/*) except=SC1091,SC2317,SC2016,SC1003 ;;
	*) except=SC1091,SC2317 ;;
	esac
	if complaint=$(shellcheck -x -P "$top_srcdir" -e "$except" -f gcc "$script" 2>&1); then
		printf 'ok %d - %s\n' "$test" "$script"
	else
		printf 'not ok %d - %s\n' "$test" "$script"
		printf '%s\n' "$complaint" | sed 's/^/# /'
		failed=1
	fi
done
printf '1..%d\n' "$test"
exit "$failed"
