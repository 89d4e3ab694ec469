#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/options.t - doc/OPTIONS.md says of each option of docker, podman and bubblewrap what is true
#
# What it calls the same, or names as ours, stands in src/cli/opts.def; what it says we have not
# does not; each option of theirs that src/cli/peers.def answers has a row; and each that is not
# the same here is answered there.
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$top_srcdir" || exit 99

awk '
# "-e" and "--env" of OPT(V_RUN | V_X, '\''e'\'', "env", ...) of run, and of what stands before the verb
FILENAME ~ /opts\.def$/ && /^OPT\(/ {
	split($0, part, ",")
	if (part[1] !~ /V_RUN|V_GLOBAL|V_ALL|LIMIT_VERBS|BRING_VERBS|REGISTRY_VERBS/ || !match($0, /"[^"]*"/)) next
	ours["--" substr($0, RSTART + 1, RLENGTH - 2)] = 1
	if (match(part[2], /\047.\047/)) ours["-" substr(part[2], RSTART + 1, 1)] = 1
	n_ours++
	next
}
# The sections of docker, podman and bubblewrap; the habits of others need no row.
FILENAME ~ /peers\.def$/ {
	if ($0 ~ /^\/\* ---- /) wanted = $0 ~ /docker|podman|bubblewrap/
	if ($0 ~ /^PEER_ALIAS\("/ && match($0, /"[^"]*"/)) ours["--" substr($0, RSTART + 1, RLENGTH - 2)] = 1
	if (wanted && $0 ~ /^PEER\("/ && match($0, /"[^"]*"/)) peer[substr($0, RSTART + 1, RLENGTH - 2)] = 1
	next
}
/^## / { table = $0 }
/^\| `-/ {
	rows++
	# a "|" inside a cell is written "\|"
	line = $0
	gsub(/\\\|/, "\001", line)
	n = split(line, cell, "|")
	if (n != 5) { wrong["rows"] = wrong["rows"] "\n# " FNR ": not three columns: " $0; next }
	theirs = cell[2]
	what = cell[3]
	gsub(/^ +| +$/, "", what)
	if (what !~ /^(same|default|not)$/ && what !~ /^`-/)
		wrong["rows"] = wrong["rows"] "\n# " FNR ": expected same, default, not or an option of ours: " what
	if (what == "not" && cell[4] !~ /[a-z]/)
		wrong["rows"] = wrong["rows"] "\n# " FNR ": why not?" theirs
	while (match(theirs, /`[^`]*`/)) {
		name = substr(theirs, RSTART + 1, RLENGTH - 2)
		theirs = substr(theirs, RSTART + RLENGTH)
		if (seen[table, name]++) wrong["rows"] = wrong["rows"] "\n# " FNR ": a second row for " name
		row[name] = 1
		if (what == "same" && !(name in ours))
			wrong["same"] = wrong["same"] "\n# " FNR ": " name " is not in opts.def"
		# with another meaning it is named: "--userns" is there, and takes another value
		if (what != "same" && name in ours && index(cell[3] cell[4], "`" name) == 0)
			wrong["not"] = wrong["not"] "\n# " FNR ": " name " is in opts.def"
		if (what != "same" && !(name in ours) && !(name in peer))
			wrong["answered"] = wrong["answered"] "\n# " FNR ": " name " is not in peers.def"
	}
	while (match(what, /`-[^`]*`/)) {
		name = substr(what, RSTART + 1, RLENGTH - 2)
		what = substr(what, RSTART + RLENGTH)
		sub(/[= ].*/, "", name)
		if (!(name in ours)) wrong["named"] = wrong["named"] "\n# " FNR ": " name " is not in opts.def"
	}
}
function tap(kind, text) {
	print (wrong[kind] == "" ? "ok " : "not ok ") ++test " - " text wrong[kind]
	if (wrong[kind] != "") failed = 1
}
END {
	for (name in peer) if (!(name in row)) wrong["peers"] = wrong["peers"] "\n# " name
	if (rows < 200 || n_ours < 20) wrong["read"] = "\n# far too few"
	tap("read", rows " rows and " n_ours " options were read")
	tap("rows", "each row has an option, one of the words, and a reason where there is none of ours")
	tap("same", "what is called the same stands in opts.def")
	tap("named", "what is named as ours stands in opts.def")
	tap("not", "what lichen is said not to have, to do without an option or by another one, is not in opts.def")
	tap("answered", "what is not the same is answered by peers.def")
	tap("peers", "what peers.def answers for docker, podman and bubblewrap has a row")
	print "1.." test
	exit failed
}' src/cli/opts.def src/cli/peers.def doc/OPTIONS.md
