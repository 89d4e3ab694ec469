# SPDX-License-Identifier: Apache-2.0
# tests/lib/vm/tap.awk - on the host: one TAP stream from what guest.sh says
#
# Variables: list, a file with the names of the files that have to run; done, a file that is made where all
# of them have ended.
function result(word, text) {
	printf "%s %d - %s\n", word, ++count, text
	if (word == "not ok")
		bad++
	fflush()
}

function rest(from) {
	return substr($0, from)
}

BEGIN {
	while ((getline name <list) > 0)
		wanted[++files] = name
}

{ sub(/\r$/, "") }

# The kernel's virtual console, if it writes here, and what qemu says.
!/^[=|#!.$] / { print "# " $0; next }

$1 == "#" { print "# " (file != "" ? file ": " : "") rest(3); next }

$1 == "=" {
	file = $2
	began[file] = 1
	seen = failed = 0
	plan = ""
	next
}

$1 == "|" {
	line = rest(3)
	if (match(line, /^(not )?ok( [0-9]+)?( - )? */)) {
		word = line ~ /^not/ ? "not ok" : "ok"
		seen++
		if (word == "not ok")
			failed++
		else if (line !~ /# SKIP/)
			passed++
		result(word, file ": " substr(line, RLENGTH + 1))
	} else if (line ~ /^1\.\.0 # SKIP/) {
		plan = 0
		sub(/^1\.\.0 /, "", line)
		result("ok", file ": - " line)
	} else if (line ~ /^1\.\.[0-9]+$/)
		plan = substr(line, 4) + 0
	else if (line ~ /^Bail out!/) {
		failed++
		result("not ok", file ": " line)
	} else
		print line ~ /^#/ ? line : "# " line
	next
}

$1 == "!" { failed++; result("not ok", file ": left behind: " rest(3)); next }

$1 == "." {
	if (plan == "" || plan != seen)
		result("not ok", file ": ends with its plan (" (plan == "" ? "none" : plan) ", assertions " seen ", status " $2 ")")
	else if ($2 != 0 && !failed)
		result("not ok", file ": ends with status 0, not " $2)
	print "# " file ": " $3 " s in the guest"
	ended[file] = 1
	file = ""
	next
}

$1 == "$" { complete = $2 == files }

END {
	for (i = 1; i <= files; i++)
		if (!ended[wanted[i]])
			result("not ok", wanted[i] (began[wanted[i]] ? ": comes to its end" : ": is run"))
	if (!complete)
		result("not ok", "the guest comes to its end")
	else
		printf "" >done
	if (complete && !passed)
		result("not ok", "some test was not skipped")
	printf "1..%d\n", count
	exit bad > 0
}
