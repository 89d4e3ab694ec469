#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/banned.t - calls that are not made, or only in one place
#
# Looks at the code with comments and the contents of strings taken out. A line that has to be an
# exception says why in a comment that contains "lint: allow NAME".
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$top_srcdir" || exit 99

test=0
failed=0
# verdict DESC FINDINGS
verdict() {
	test=$((test + 1))
	if [ -z "$2" ]; then
		printf 'ok %d - %s\n' "$test" "$1"
	else
		printf 'not ok %d - %s\n' "$test" "$1"
		printf '%s\n' "$2" | sed 's/^/# /'
		failed=1
	fi
}

# Prints FILE:LINE:CODE for every line of C, without comments and without what stands in quotes.
strip_c() {
	# shellcheck disable=SC2016 # for awk
	find src helpers \( -name '*.[ch]' -o -name '*.def' \) | sort | xargs awk '
	FNR == 1 { comment = 0 }
	{
		s = $0; out = ""; allow = ""
		if (match(s, /lint: allow [a-z_]+/)) allow = substr(s, RSTART + 12, RLENGTH - 12)
		while (s != "") {
			if (comment) {
				at = index(s, "*/")
				if (!at) break
				s = substr(s, at + 2); comment = 0; out = out " "
				continue
			}
			if (!match(s, /\/\*|\/\/|"|\047/)) { out = out s; break }
			out = out substr(s, 1, RSTART - 1)
			token = substr(s, RSTART, RLENGTH)
			s = substr(s, RSTART + RLENGTH)
			if (token == "//") break
			if (token == "/*") { comment = 1; continue }
			if (token == "\"") { if (match(s, /^([^"\\]|\\.)*"/)) { s = substr(s, RLENGTH + 1); out = out "\"\"" } else s = "" }
			else { if (match(s, /^([^\047\\]|\\.)*\047/)) { s = substr(s, RLENGTH + 1); out = out "\047\047" } else s = "" }
		}
		if (allow != "") gsub("(^|[^A-Za-z0-9_])" allow "[ \t]*\\(", " allowed(", out)
		print FILENAME ":" FNR ":" out
	}'
}
code=$(strip_c)

# calls NAME...: where one of these is called (not p->name(), which is a member).
calls() {
	names=$(printf '%s' "$*" | tr ' ' '|')
	printf '%s\n' "$code" | grep -E "^[^:]*:[0-9]+:(.*[^A-Za-z0-9_.>])?($names)[[:space:]]*\("
}

lines=$(printf '%s\n' "$code" | wc -l)
verdict "$lines lines of C were read" "$([ "$lines" -gt 100 ] || echo 'far too few')"

for name in sprintf vsprintf strcpy strcat strtok atoi system popen alloca gets; do
	verdict "no $name()" "$(calls "$name")"
done

verdict 'exit() only in src/main.c and in the main.c of helpers' \
	"$(calls exit | grep -vE '^(src/main\.c|helpers/[^/]+/main\.c):')"
verdict '_exit() only in run/, base/child.c, spec/control_exec.c and the main.c of helpers' \
	"$(calls _exit _Exit | grep -vE '^(src/run/|src/base/child\.c:|src/spec/control_exec\.c:|helpers/[^/]+/main\.c:)')"

# A call may go over several lines, so this one joins them up to the semicolon.
no_cloexec=$(printf '%s\n' "$code" | awk '
	{
		match($0, /^[^:]*:[0-9]+:/); where = substr($0, 1, RLENGTH); text = substr($0, RLENGTH + 1)
		split(where, w, ":")
		if (w[1] != file) { file = w[1]; statement = "" }
		if (statement ~ /^[ \t]*$/) { statement = ""; start = where }
		if (text ~ /(^|[^A-Za-z0-9_.>])open(at)?[ \t]*\(/) start = where
		statement = statement " " text
		while ((at = index(statement, ";")) > 0) {
			one = substr(statement, 1, at); statement = substr(statement, at + 1)
			if (one ~ /(^|[^A-Za-z0-9_.>])open(at)?[ \t]*\(/ && one !~ /O_CLOEXEC/) print start one
		}
	}' | tr -s ' \t' ' ')
verdict 'open() and openat() have O_CLOEXEC' "$no_cloexec"

# A test waits for an event. What sleeps inside a sandbox stands in quotes or behind its root; what
# sleeps in the test itself stands where a command stands.
sleeps=$(find tests/func tests/vm \( -name '*.t' -o -name '*.sh' \) 2>/dev/null | sort | while read -r file; do
	awk '
	{
		s = $0; out = ""
		while (s != "") {
			if (quote != "") {
				if (quote == "\"") found = match(s, /^([^"\\]|\\.)*"/)
				else found = match(s, /^[^\047]*\047/)
				if (!found) break
				s = substr(s, RLENGTH + 1); quote = ""; out = out "Q"
				continue
			}
			if (!match(s, /\\.|["\047]|(^|[ \t])#/)) { out = out s; break }
			token = substr(s, RSTART, RLENGTH)
			out = out substr(s, 1, RSTART - 1)
			s = substr(s, RSTART + RLENGTH)
			if (token ~ /#$/) break
			if (token == "\"" || token == "\047") quote = token
		}
		if (out ~ /(^|[;&|({!]|(^|[ \t;])(do|then|else|while|until|if))[ \t]*sleep[ \t]/)
			print FILENAME ":" FNR ":" $0
	}' "$file"
done)
verdict 'no test sleeps; it waits for an event' "$sleeps"

printf '1..%d\n' "$test"
exit "$failed"
