#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --dry-run prints what would be done, and does nothing.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
# Prints the config.json of every run of this test that is on disk; root's are shared by all.
root=$T/root
busybox_root "$root"
mkdir "$T/vol"

run_lichen run --dry-run -v "$T/vol:/vol" "$root" touch /vol/started
is "$status" 0 '--dry-run'
is "$err" '' 'without a word on standard error'
like "$out" '^ *1 ' 'the steps are numbered'
for word in clone overlay /proc /dev/pts /vol "$T/vol" pivot seccomp exec; do
	like "$out" "$word" "they name $word"
done
ok '[ ! -e "$T/vol/started" ]' 'nothing is started'
is "$(configs)" '' 'nothing is kept'
last=$(printf '%s\n' "$out" | grep . | tail -n 1)
like "$last" 'exec.*touch' 'the command comes last'
order=$(printf '%s\n' "$out" | grep -nE ' (clone|pivot|exec) ' | sed -E 's/^([0-9]+):.* (clone|pivot|exec) .*/\2/' | tr '\n' ' ')
like "$order" '^clone .*pivot .*exec $' 'clone, then pivot_root, then exec'
first=$out
run_lichen run --dry-run -v "$T/vol:/vol" "$root" touch /vol/started
is "$(printf '%s\n' "$out" | sed 's/[0-9a-f]\{12,\}/ID/g')" "$(printf '%s\n' "$first" | sed 's/[0-9a-f]\{12,\}/ID/g')" 'the same twice'
run_lichen run --dry-run --read-only "$root" true
is "$status" 0 '--read-only'
isnt "$(printf '%s\n' "$out" | cksum)" "$(printf '%s\n' "$first" | cksum)" 'has other steps'
run_lichen run --dry-run host true
is "$status" 0 'host'
like "$out" '/usr.* ro' 'shows /usr read-only'
unlike "$out" 'overlay' 'and needs no overlay'

run_lichen run --dry-run --json -v "$T/vol:/vol" "$root" touch "/vol/a \"quoted\" name"
is "$status" 0 '--dry-run --json'
"$probe" json "$T/.out"
ok $? 'is JSON'
like "$out" '"kind": ?"clone"' 'with the kind of each step'
like "$out" '"place": ?"(supervisor|child)"' 'and where it is done'
ok '[ -z "$(ls -A "$T/vol")" ]' 'nothing is started'

run_lichen run --dry-run "$T/missing" true
is "$status" 125 'what is wrong is wrong here too'
run_lichen run --dry-run --ids=singel "$root" true
is "$status" 125 'in every option'

done_testing
