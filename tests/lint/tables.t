#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/tables.t - every row of opts.def and verbs.def is where the user looks for it
#
# The help, the three completions and the manual are made from the rows; this notices where
# one of them stops being made from all of them, and reads the rows from the source itself.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

bash=$top_builddir/completions/bash/lichen
zsh=$top_builddir/completions/zsh/_lichen
fish=$top_builddir/completions/fish/lichen.fish
man=$top_builddir/doc/man
tab=$(printf '\t')

# has FILE TEXT: the file has a line with TEXT, which is no expression.
has() {
	grep -qF -e "$2" "$1" || lacking="$lacking $1: $2;"
}

# verdict DESC: passes where nothing was lacking since the last one.
verdict() {
	if [ -z "$lacking" ]; then pass "$1"; else fail "$1" || diag "lacking:$lacking"; fi
	lacking=
}
lacking=

# Where a verb's options are explained.
page_of() {
	case $1 in
	unpause) set -- pause ;;
	pull | push | rmi | tag | history | inspect | load | save | import | login | logout | image\ *) set -- images ;;
	esac
	if [ -e "$man/lichen-${1%% *}.1.scd" ]; then echo "$man/lichen-${1%% *}.1.scd"; else echo "$man/lichen.1.scd"; fi
}

"$top_builddir/cli-gen" list >"$T/list" || bail_out 'cli-gen does not run'

# ---- the rows as the source has them ----

# "CGROUP_TREE|cgroup tree"
sed -n 's/^VERB(\([A-Z0-9_]*\), "\([^"]*\)".*/\1|\2/p' "$top_srcdir/src/cli/verbs.def" >"$T/verbs"
is "$(wc -l <"$T/verbs")" "$(grep -c '^VERB(' "$top_srcdir/src/cli/verbs.def")" 'every row of verbs.def can be read here'
printf '%s\n' 'ALL|help' 'GLOBAL|global' >>"$T/verbs"
# What a mask of several verbs stands for is said once, perhaps by others of the kind.
rows=$(sed -n 's/^OPT(\([^,]*\), *\([^,]*\), *"\([^"]*\)".*/\1|\2|\3/p' "$top_srcdir/src/cli/opts.def" | awk -F'|' -v defs="$top_srcdir/src/cli/opts.h" '
	BEGIN {
		while ((getline line <defs) > 0)
			if (line ~ /^#define [A-Z]+_VERBS \(/) { split(line, w, " "); sub(/^[^(]*\(/, "", line); gsub(/[()|]/, " ", line); mask[w[2]] = line }
	}
	function expand(text,   n, w, i, out) {
		n = split(text, w, " ")
		for (i = 1; i <= n; i++) out = out " " (w[i] in mask ? expand(mask[w[i]]) : w[i])
		return out
	}
	{ masks = $1; for (i = 2; i <= NF - 2; i++) masks = masks " " $i; print expand(masks) "|" $(NF - 1) "|" $NF }')
is "$(printf '%s\n' "$rows" | wc -l)" "$(grep -c '^OPT(' "$top_srcdir/src/cli/opts.def")" 'every row of opts.def can be read here'
while IFS='|' read -r masks letter name; do
	case $letter in 0) letter=- ;; *) letter=-$(printf '%s' "$letter" | tr -d "'") ;; esac
	for id in $(printf '%s' "$masks" | sed 's/V_//g'); do
		verb=$(sed -n "s/^$id|//p" "$T/verbs")
		has "$T/list" "option$tab${verb:-no verb $id}$tab$letter$tab--$name$tab"
	done
done <<END
$rows
END
verdict 'every row of opts.def is in the program'
while IFS='|' read -r id name; do
	case $id,$name in
	ALL,* | GLOBAL,*) ;;
	# internal: listed nowhere
	*,__*) ! grep -q "^verb$tab$name$tab" "$T/list" || lacking="$lacking $name is listed;" ;;
	*) has "$T/list" "verb$tab$name$tab" ;;
	esac
done <"$T/verbs"
verdict 'every row of verbs.def is in the program'

# ---- verbs ----

run_lichen --help
is "$status" 0 'lichen --help is no failure'
printf '%s\n' "$out" >"$T/help"
while IFS=$tab read -r kind verb summary; do
	[ "$kind" = verb ] || continue
	case $verb in
	*' '*)
		has "$T/help" "  ${verb%% *} VERB"
		grep -F "__lichen_second ${verb%% *}'" "$fish" | grep -qF -e "-a ${verb#* } -d '$summary'" || lacking="$lacking fish;"
		;;
	*)
		has "$T/help" "  $verb"
		has "$fish" "'__lichen_at VERB' -a $verb -d '$summary'"
		;;
	esac
	has "$bash" "'${verb#* }|$summary'"
	has "$zsh" "'${verb#* }:$summary'"
	has "$man/lichen.1.scd" "*lichen $verb*"
	# shellcheck disable=SC2086 # a verb may be two words
	run_lichen $verb --help
	printf '%s\n' "$out" >"$T/help.$verb"
	[ "$status" -eq 0 ] || lacking="$lacking lichen $verb --help exits with $status;"
	has "$T/help.$verb" "Usage: lichen $verb"
	# shellcheck disable=SC2086
	run_lichen help $verb
	[ "$out" = "$(cat "$T/help.$verb")" ] || lacking="$lacking lichen help $verb is another text;"
	verdict "verb $verb: help, bash, zsh, fish, manual"
done <"$T/list"

# ---- options ----

# The part of a completion or help that belongs to one verb; one of two words stands in quotes.
part() {
	case $1 in
	fish) grep -F -e "'__lichen_in $2'" -e "'__lichen_in \"$2\"'" "$fish" ;;
	bash) sed -n "/^	'\{0,1\}$2'\{0,1\})/,/^		;;/p" "$bash" ;;
	zsh) sed -n "/^	'\{0,1\}$2'\{0,1\})/,/^		;;/p" "$zsh" ;;
	esac
}

mv "$T/help" "$T/help.global"
while IFS=$tab read -r kind verb letter name help; do
	[ "$kind" = option ] || continue
	for shell in bash zsh fish; do
		[ -e "$T/$shell.$verb" ] || part "$shell" "$verb" >"$T/$shell.$verb"
		has "$T/$shell.$verb" "$help"
	done
	page=$(page_of "$verb")
	if [ "$letter" = - ]; then
		has "$T/help.$verb" "      $name"
		has "$T/bash.$verb" "'|$name|"
		has "$page" "*$name*"
	else
		has "$T/help.$verb" "  $letter, $name"
		has "$T/bash.$verb" "'$letter|$name|"
		has "$T/fish.$verb" " -s ${letter#-} -l ${name#--} "
		has "$page" "*$letter*, *$name*"
	fi
	has "$T/zsh.$verb" "$name"
	has "$T/fish.$verb" " -l ${name#--} "
	verdict "option $name of $verb: help, bash, zsh, fish, manual"
done <"$T/list"

# ---- the manual ----

for page in "$top_srcdir"/doc/man/*.[15].scd.in; do
	page=${page##*/}
	page=${page%.scd.in}
	unlike "$(cat "$man/$page.scd")" '^@|@[A-Z]+(:[a-z ]+)?@' "$page has no mark left"
	if ! command -v scdoc >/dev/null 2>&1; then
		skip no-scdoc "$page is what scdoc understands"
		continue
	fi
	scdoc <"$man/$page.scd" >"$T/page" 2>"$T/complaint"
	ok $? "$page is what scdoc understands" || diag "$(cat "$T/complaint")"
	if command -v man >/dev/null 2>&1; then
		complaint=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -l "$man/$page" 2>&1 >"$T/text" |
			case $page in
			# it names directories of the installation, which may be longer than a line
			*.5) grep -v "can't break line" ;;
			*) cat ;;
			esac)
		is "$complaint" '' "$page is laid out without complaint"
		# U+2010 HYPHEN, U+2212 MINUS SIGN
		is "$(LC_ALL=C grep -e "$(printf '\342\200\220')" -e "$(printf '\342\210\222')" "$T/text")" '' \
			"$page: no word is parted, and each - can be copied"
	else
		skip no-man "$page is laid out without complaint"
	fi
done

# The marks, with the rows of tests/sample/cli; groups there may be none of here.
gen=$top_builddir/tests/sample/sample-gen
# filled MARK: what the mark becomes, in $out; $status
filled() {
	printf '%s\n' before "$1" after >"$T/page.in"
	run_as_is "$gen" man "$T/page.in"
}
if [ -x "$gen" ]; then
	filled '@SYNOPSES:cgroup@'
	is "$out" 'before
*lichen cgroup tree* [OPTIONS] [_GROUP_...]

*lichen cgroup exec* [OPTIONS] _GROUP_ _COMMAND_ [_ARG_...]

*lichen cgroup rm* [OPTIONS] _GROUP_ [_GROUP_...]

after' 'man: a line for each verb of a group'
	filled '@VERBS:image@'
	is "$out" 'before
*lichen image load* [OPTIONS] _FILE_ [_DIR_]
	Read an archive.

*lichen image rm* [OPTIONS] _NAME_...
	Remove images.

after' 'man: the verbs of a group'
	filled '@VERB:cgroup exec@'
	is "$out" 'before
# CGROUP EXEC

*lichen cgroup exec* [OPTIONS] _GROUP_ _COMMAND_ [_ARG_...]

Run a command in a group. What it\_starts is in the \*group\*, too.

## Process

*-w*, *--workdir* _DIR_
	Start it in this directory. For example *-w /*.

*--both* _TEXT_
	An option of two verbs.

## Output

*--json*
	Print JSON.

*--help*
	Print this help.

after' 'man: a section of one verb'
	filled '@OPTIONS:cgroup rm@'
	is "$out" 'before
*--json*
	Print JSON.

*--help*
	Print this help.

after' 'man: the options of a verb of two words'
	filled '@VERBS@'
	like "$out" '^## Limits$' 'man: all verbs stand in sections'
	like "$out" '^\*lichen cgroup tree\* ' 'man: those of two words among them'
	unlike "$out" '__complete' 'man: internal ones are not'
	for mark in '@VERB:cgroup@' '@OPTIONS:image@' '@SYNOPSES:run@' '@SYNOPSES@' '@VERBS:run@' '@VERB:cgroup tre@' '@NOTHING@'; do
		filled "$mark"
		is "$status" 1 "man: $mark is refused"
		like "$err" "page.in:2: .*'$mark'" "man: $mark is named, and where it stands"
	done
else
	skip no-sample 'the marks of the manual'
fi

# ---- the command line as a whole ----

run_lichen
is "$status" 0 'lichen alone is no failure'
is "$out" "$(cat "$T/help.global")" 'lichen alone prints the help'
run_lichen --version
like "$out" '^lichen [0-9]+\.[0-9]+\.[0-9]+' 'lichen --version'
run_lichen version --json
like "$out" '^\{"name":"lichen","version":"[0-9.]+"\}$' 'lichen version --json'
run_lichen docter
is "$status" 125 'an unknown verb exits with 125'
like "$err" "did you mean 'lichen doctor'" 'and the nearest one is named'
run_lichen run --nmae x ./d
is "$status" 125 'an unknown option exits with 125'
like "$err" "did you mean '--name'" 'and the nearest one is named'
like "$err" "see 'lichen run --help'" 'and where to read more'
run_lichen run --bogus --json ./d
like "$err" '^\{"error":\{"kind":"usage",' 'with --json an error is JSON, wherever it stands'
run_lichen run --help --bogus
is "$status" 125 'an error before the help is still an error'

done_testing
