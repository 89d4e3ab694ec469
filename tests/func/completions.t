#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The completions really complete: bash, zsh and fish are asked, each in its own way.
#
# No sandbox is started. Verbs of two words, and operands that lichen itself is asked for, are tried
# with the rows of tests/sample/cli and a program that answers for lichen.
#
# shellcheck disable=SC1003,SC2016,SC2317	# programs of other shells in quotes; called through $ask

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

comps=$(cd "$top_builddir/completions" && pwd) || bail_out 'no completions in the build directory'
work=$T/work
mkdir -p "$work/rootfs/usr/bin" "$work/rootfs/etc" "$work/empty"
: >"$work/rootfs/etc/motd"
: >"$work/file.txt"
printf '#!/bin/sh\n' >"$work/rootfs/usr/bin/inner-tool"
chmod +x "$work/rootfs/usr/bin/inner-tool"
export COLUMNS=80 LICHEN_TEST_VARIABLE=1

# ---- how each shell is asked: prints the words offered for the command line $1 ----

ask_bash()
{
	bash --noprofile --norc -c '
		compopt() { :; }	# only works where readline asks
		. "$1"
		[ "$(complete -p lichen)" = "complete -F _lichen lichen" ] || echo "not registered"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=${3:-9}
		COMP_WORDBREAKS=$'\'' \t\n"\'\''><=;|&(:'\''
		# cut as readline does: runs of = and : are words
		COMP_WORDS=()
		rest=$2
		while [[ $rest ]]; do
			if [[ $rest =~ ^[[:blank:]]+ ]]; then
				:
			elif [[ $rest =~ ^[=:]+ || $rest =~ ^[^[:blank:]=:]+ ]]; then
				COMP_WORDS+=("${BASH_REMATCH[0]}")
			fi
			rest=${rest:${#BASH_REMATCH[0]}}
		done
		[[ $2 == *[[:blank:]] ]] && COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_lichen lichen "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"
	' bash "$comps/bash/lichen" "$1" "${2-}"
}

# The list that a second Tab shows, see bash(1), COMP_TYPE.
ask_bash_again()
{
	ask_bash "$1" 63
}

ask_fish()
{
	fish --no-config -c '
		source $argv[1]
		complete -C $argv[2] | string split -f 1 \t
	' "$comps/fish/lichen.fish" "$1"
}

# A zsh with a terminal of its own; compadd is watched, as the menu cannot be read.
ask_zsh()
{
	zsh -f -c '
		zmodload zsh/zpty || exit 1
		zpty inner zsh -f -i
		zpty -w inner "source ${(q)1}"
		zpty -r inner junk "*READY*"
		zpty -w -n inner "$2"$'\''\t'\''
		zpty -r inner out "*BEGIN-OFFER*END-OFFER*"
		out=${out##*BEGIN-OFFER}
		out=${out%END-OFFER*}
		print -r -- "${out//$'\''\r'\''/}"
		zpty -d inner
	' zsh "$T/inner.zsh" "$1"
}

# complete_from DIR: asks from now on what lies there.
complete_from()
{
	comps=$1
	cat >"$T/inner.zsh" <<END
PROMPT= RPROMPT= PS2=
unsetopt zle_bracketed_paste 2>/dev/null
unset zle_bracketed_paste
fpath=(${comps}/zsh \$fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' insert-tab false
zstyle ':completion:*' list-separator ''
compprefuncs=(offer_begin)
comppostfuncs=(offer_end)
offer_begin() { print; print BEGIN-OFFER }
offer_end() { print END-OFFER }
compadd()
{
	local -a hits
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "\$@"
		return
	fi
	builtin compadd -A hits "\$@"
	(( \$#hits )) && print -rl -- \$hits
	builtin compadd "\$@"
}
print READ\\Y
END
}

# ---- the promises, the same for each shell ----

missing()
{
	fail "$1" || diag "offered: $(printf '%s\n' "$offered" | head -n 20)"
}

# offers LINE WORD...: all the words are among those offered.
offers()
{
	line=$1
	shift
	offered=$(cd "$work" && $ask "$line" 2>&1)
	for word; do
		if ! printf '%s\n' "$offered" | grep -qxF -- "$word"; then
			missing "$shell: '$line' offers $word"
			return
		fi
	done
	pass "$shell: '$line' offers $*"
}

# offers_not LINE WORD: the word is not offered.
offers_not()
{
	offered=$(cd "$work" && $ask "$1" 2>&1)
	if printf '%s\n' "$offered" | grep -qxF -- "$2"; then
		missing "$shell: '$1' does not offer $2"
	else
		pass "$shell: '$1' does not offer $2"
	fi
}

# $1: what the shell's own list puts behind a directory.
promises()
{
	slash=$1
	offers 'lichen ' run doctor version help
	offers 'lichen --' --help --version --verbose --debug
	offers_not 'lichen --' --volume
	offers 'lichen help ' run doctor
	offers 'lichen doctor --' --json --help
	offers_not 'lichen doctor --' --volume
	offers 'lichen run --' --interactive --tty --env --volume --read-only --ids --cap-add --dry-run --help
	offers 'lichen run --ids ' auto range single
	offers 'lichen run -it --overlay ' auto kernel fuse copy
	offers 'lichen run --network ' none
	offers 'lichen run --rootfs-from fi' file.txt
	offers 'lichen run --rootfs-from sh mkfi' mkfifo
	offers 'lichen run --rootfs-from=sh mkfi' mkfifo
	offers 'lichen run --cap-add ' ALL NET_ADMIN SYS_PTRACE
	offers 'lichen run --env-file fi' file.txt
	offers 'lichen run -v fi' file.txt figs
	offers 'lichen run -v sc' scratch
	offers 'lichen run -e LICHEN_TEST_' LICHEN_TEST_VARIABLE
	offers 'lichen run ' host "rootfs$slash"
	offers 'lichen run ' file.txt
	offers 'lichen --verbose run --name x -itv /a:/b --rm ' host "rootfs$slash"
	offers_not 'lichen run host --' --volume
	offers 'lichen run -it host test' test
	offers 'lichen run host cat fi' file.txt
	offers 'lichen run ./rootfs inner' inner-tool
	offers 'lichen run ./rootfs cat /etc/m' /etc/motd
}

# The same with the rows of the sample.
promises_of_two_words()
{
	slash=$1
	offers 'lichen ' run stop cgroup image
	offers_not 'lichen ' tree
	offers_not 'lichen ' __complete
	offers 'lichen cgroup ' tree exec rm
	offers_not 'lichen cgroup ' run
	offers_not 'lichen cgroup ' load
	offers 'lichen --verbose cgroup t' tree
	offers 'lichen cgroup --' --help
	offers_not 'lichen cgroup --' --workdir
	offers 'lichen cgroup exec --' --workdir --both --json --help
	offers_not 'lichen cgroup tree --' --workdir
	offers 'lichen cgroup exec -w ' "rootfs$slash"
	offers 'lichen cgroup exec ' build nightly
	offers_not 'lichen cgroup exec ' web
	offers 'lichen cgroup exec -w / --both x build mkfi' mkfifo
	offers 'lichen cgroup exec build cat fi' file.txt
	offers 'lichen cgroup rm build n' nightly
	offers 'lichen cgroup tree ' build
	offers 'lichen help ' run cgroup
	offers 'lichen help cgroup ' tree exec
	offers_not 'lichen help cgroup ' run
	offers_not 'lichen help run ' tree
	offers 'lichen stop ' web 0123456789ab
	offers 'lichen stop web 01' 0123456789ab
	offers 'lichen enter ' web
	offers_not 'lichen enter web ' 0123456789ab
	offers 'lichen enter web mkfi' mkfifo
	offers 'lichen enter web cat fi' file.txt
	offers 'lichen limit mkfi' mkfifo
	offers 'lichen limit cat fi' file.txt
	offers 'lichen image load fi' file.txt
	offers 'lichen image load x ' "rootfs$slash"
	offers_not 'lichen image load x ' file.txt
	offers_not 'lichen image rm x ' file.txt
	offers 'lichen run --cgroup ' build nightly
	offers 'lichen run --like ' web
	offers 'lichen run -i ' host "rootfs$slash"
	offers 'lichen run ./rootfs inner' inner-tool
	offers 'lichen run --rootfs-from sh mkfi' mkfifo
}

# Its completions, and a lichen that tells of two sandboxes, two groups and two volumes.
sample=$T/sample
mkdir -p "$sample/bash" "$sample/zsh" "$sample/fish" "$T/bin"
for pair in bash/lichen:lichen.bash zsh/_lichen:_lichen fish/lichen.fish:lichen.fish; do
	"$top_builddir/tests/sample/sample-gen" "${pair%%/*}" "$top_srcdir/completions/${pair#*:}.in" \
		>"$sample/${pair%:*}" || bail_out 'sample-gen does not run'
done
cat >"$T/bin/lichen" <<'END'
#!/bin/sh
case $*, in
'__complete containers,') printf '%s\n' web 0123456789ab ;;
'__complete groups,') printf '%s\n' build nightly ;;
'__complete volumes,') printf '%s\n' figs scratch ;;
esac
END
chmod +x "$T/bin/lichen"
PATH=$T/bin:$PATH
ours=$comps

# ---- bash ----

complete_from "$ours"
shell=bash ask=ask_bash
if command -v bash >/dev/null; then
	promises ''
	# readline replaces only what stands behind = and :
	offers 'lichen run --ids=ra' range
	offers 'lichen run --ids=' auto range single
	offers 'lichen run --security-opt seccomp=unc' unconfined
	offers 'lichen run --volume=fi' file.txt
	offers 'lichen run -v /a:/b:r' ro rw
	ask=ask_bash_again
	offers 'lichen run --cap-' '--cap-add          (add a capability inside the sandbox)'
	ask=ask_bash
	complete_from "$sample"
	promises_of_two_words ''
else
	skip no-bash 'bash completion'
fi

# ---- zsh ----

complete_from "$ours"
shell=zsh ask=ask_zsh
if command -v zsh >/dev/null; then
	offered=$(zsh -n "$comps/zsh/_lichen" 2>&1)
	ok $? "zsh: the file is zsh"
	offered=$(zsh -f -c 'fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D
		print $_comps[lichen]; autoload -Uz +X _lichen' zsh "$comps/zsh" 2>&1)
	is "$offered" _lichen "zsh: compinit finds it and it loads"
	if zsh -f -c 'zmodload zsh/zpty' 2>/dev/null; then
		promises ''
		offers 'lichen run --ids=ra' range
		offers 'lichen run -v /a:/b:r' ro rw
		complete_from "$sample"
		promises_of_two_words ''
	else
		skip no-zpty 'zsh completion'
	fi
else
	skip no-zsh 'zsh completion'
fi

# ---- fish ----

complete_from "$ours"
shell=fish ask=ask_fish
if command -v fish >/dev/null; then
	offered=$(fish --no-execute "$comps/fish/lichen.fish" 2>&1)
	ok $? "fish: the file is fish"
	promises /
	offers 'lichen run --ids=ra' --ids=range
	offers 'lichen run -v /a:/b:r' /a:/b:ro /a:/b:rw
	offered=$(fish --no-config -c "source $comps/fish/lichen.fish; complete -C 'lichen run --read'")
	case $offered in
	*--read-only*"make the root file system read-only"*) pass "fish: options have their help" ;;
	*) missing "fish: options have their help" ;;
	esac
	complete_from "$sample"
	promises_of_two_words /
else
	skip no-fish 'fish completion'
fi

done_testing
