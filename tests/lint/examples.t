#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every option of run shows in the manual how it is written: a value or a whole command in bold.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need cmd:awk
# shellcheck disable=SC2016 # for awk
without=$(awk '
	function look() {
		if (name != "" && name != "help" && row !~ /\*(lichen|--?[a-z])[^*]* [^*]+\*|\*--[a-z-]+=[^*]+\*/)
			print name
	}
	/^OPT\(/ { look(); row = ""; name = ""; if ($1 ~ /V_RUN|V_ALL/ || $0 ~ /V_RUN|LIMIT_VERBS/) { split($0, part, "\""); name = part[2] } }
	{ row = row $0 }
	END { look() }' "$top_srcdir/src/cli/opts.def")
is "$without" '' 'each option has an example'
# shellcheck disable=SC2016 # for ok
ok '[ "$(grep -c "^OPT(V_RUN\|^OPT(LIMIT_VERBS" "$top_srcdir/src/cli/opts.def")" -gt 60 ]' 'and the table was read'
done_testing
