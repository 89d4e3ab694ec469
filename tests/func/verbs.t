#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verbs of two words are found, explained and, where they are mistyped, told apart.
#
# No sandbox is started: the program is tests/sample/sample, which has the command line of
# lichen and verbs of its own.

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

LICHEN=$top_builddir/tests/sample/sample
[ -x "$LICHEN" ] || skip_all no-sample

# ---- the way to a verb ----

run_lichen cgroup tree
is "$status:$out" '0:tree:' 'a verb of two words runs'
run_lichen --verbose cgroup exec -w /x --json -- a b --json
is "$status:$out" '3:exec json in /x: <a> <b> <--json>' 'its options stand behind its second word, and its status is its own'
run_lichen cgroup exec a b -w /x
is "$status:$out" '3:exec: <a> <b> <-w> </x>' 'behind an operand nothing is an option'
run_lichen image rm tree
is "$status:$out" '0:any: <tree>' 'one group does not take the words of another'
run_lichen last
is "$status:$out" '0:any:' 'the last of 63 verbs runs'

# ---- explained ----

for line in 'cgroup --help' 'help cgroup' '--help cgroup'; do
	# shellcheck disable=SC2086 # words
	run_lichen $line
	is "$status:$err" 0: "lichen $line: no failure"
	like "$out" '^Usage: lichen cgroup VERB ' "lichen $line: explains the group"
	like "$out" '^  tree \[GROUP\.\.\.\] +show groups as a tree$' "lichen $line: names its verbs"
	like "$out" '^  exec GROUP COMMAND \[ARG\.\.\.\] +run a command in a group$' "lichen $line: each of them"
done
for line in 'cgroup exec --help' 'help cgroup exec' '--help cgroup exec' '--help cgroup exec a b'; do
	# shellcheck disable=SC2086
	run_lichen $line
	is "$status:$err" 0: "lichen $line: no failure"
	like "$out" '^Usage: lichen cgroup exec \[OPTIONS\] GROUP COMMAND' "lichen $line: explains the verb"
	like "$out" '^  -w, --workdir DIR  start it in this directory' "lichen $line: and its options"
done
run_lichen help
like "$out" '^  cgroup VERB .*limits and groups of' 'the overview has the group'
unlike "$out" 'cgroup (tree|exec)' 'and its verbs only behind it'

# ---- mistaken ----

wrong 'a group alone' "'cgroup' needs a second word" 'tree  show groups as a tree' 'rm    remove groups' -- cgroup
wrong 'an unknown second word' "no verb 'cgroup tre'" "did you mean 'lichen cgroup tree'" 'tree, exec, rm' -- cgroup tre
wrong 'the same for help' "no verb 'cgroup tre'" "did you mean 'lichen cgroup tree'" -- help cgroup tre
wrong 'too much for help' "help: 'x' is too much" "'lichen help --help'" -- help run x
wrong 'an option in between' 'before the option .--json' 'behind both words' -- cgroup --json tree
wrong 'the second word alone' "no verb 'tree'" "did you mean 'lichen cgroup tree'" -- tree
wrong 'an operand that is missing' 'cgroup exec: COMMAND is missing' -- cgroup exec g
wrong 'an unknown option' "cgroup exec: there is no option '--wrokdir'" "did you mean '--workdir'" -- cgroup exec --wrokdir / g c

done_testing
