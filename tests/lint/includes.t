#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/includes.t - an include points to its own room or to one of lower rank
#
# Rooms of equal rank do not know each other. helpers/ may include base/, spec/, the list of
# filters, what helpers share, and what lies beside the including file. A room's internal.h is its own.
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$top_srcdir" || exit 99

# The one statement of the ranks that a machine reads; doc/ARCHITECTURE.md explains them.
ranks='base=0 spec=1 host=2 store=3 plan=3 steps=4 run=5 cli=6'

sources=$(find src helpers -name '*.[ch]' -o -name '*.def' | sort)
# shellcheck disable=SC2086
grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null $sources | awk -v ranks="$ranks" '
BEGIN {
	n = split(ranks, r, " ")
	for (i = 1; i <= n; i++) { split(r[i], kv, "="); rank[kv[1]] = kv[2] }
}
function bad(why) { print "# " file ":" line ": " why; wrong[kind]++ }
{
	match($0, /^[^:]*:[0-9]+:/)
	split(substr($0, 1, RLENGTH), f, ":"); file = f[1]; line = f[2]
	match($0, /"[^"]*"/); inc = substr($0, RSTART + 1, RLENGTH - 2)
	depth = split(file, p, "/")
	slash = split(inc, q, "/")
	seen++

	if (inc ~ /(^|\/)\.\.\//) { kind = "written"; bad("\"" inc "\" climbs; includes are written from src/"); next }
	if (p[1] == "helpers") {
		kind = "helpers"
		if (slash == 1 || q[1] == "base" || q[1] == "spec" || inc == "steps/filters.h" || q[1] == "shared" || q[1] == p[2]) {
			if (inc ~ /internal\.h$/ && q[1] != p[2]) bad("\"" inc "\" is internal to its room")
			next
		}
		bad("a helper may not include \"" inc "\"")
		next
	}
	# src/main.c stands above all rooms; generated tables and config.h have no room.
	if (depth == 2 || inc == "config.h") next
	from = p[2]
	kind = "written"
	if (!(from in rank)) { kind = "arrows"; bad("the room " from " has no rank in this lint"); next }
	if (slash == 1) { bad("\"" inc "\" lacks its room; includes are written \"room/file.h\""); next }
	to = q[1]
	kind = "arrows"
	if (!(to in rank)) { bad("\"" inc "\" is in no room that this lint knows"); next }
	if (to != from && rank[to] >= rank[from]) bad(from " (" rank[from] ") may not include " to " (" rank[to] "): \"" inc "\"")
	kind = "internal"
	if (to != from && inc ~ /internal\.h$/) bad("\"" inc "\" is internal to " to)
}
function tap(kind, text) { print (wrong[kind] ? "not ok " : "ok ") ++test " - " text; if (wrong[kind]) failed = 1 }
END {
	print (seen ? "ok " : "not ok ") ++test " - " seen + 0 " includes were read"
	tap("arrows", "includes point to the own room or to a lower rank")
	tap("internal", "nobody includes the internal.h of another room")
	tap("helpers", "helpers include base, spec, what they share and the list of filters only")
	tap("written", "includes are written from src/")
	print "1.." test
	exit (failed || !seen)
}'
