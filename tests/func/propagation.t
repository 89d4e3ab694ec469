#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# What is mounted on the machine after the start appears below a volume with rslave, and below no other.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox
root=$T/root
busybox_root "$root" srv other
mkdir "$T/dir" "$T/dir/place"
mkfifo "$T/go" "$T/pipe"

# A mount table of our own, in which the directory is shared, stands for the machine.
cat >"$T/outer" <<'END'
mount -t tmpfs none "$1/dir" && mkdir "$1/dir/place" && mount --make-shared "$1/dir" || exit 99
# An environment of the test in the outer shell would look like a leftover.
unset LICHEN_TEST_MARK
exec 9<>"$1/go"
out=$1 lichen=$2 uid=$3 gid=$4
shift 4
unshare --user --map-user="$uid" --map-group="$gid" "$lichen" run --ids=single -i "$@" \
	sh -c 'echo up; read -r line; cat /srv/place/file /other/place/file 2>/dev/null; echo end' <"$out/go" >"$out/pipe" 2>"$out/said.err" &
exec 8<"$out/pipe"
read -r first <&8
mount -t tmpfs none "$out/dir/place" && echo arrived >"$out/dir/place/file"
echo go >&9
{ echo "$first"; cat <&8; } >"$out/said"
wait "$!"
END
unshare --user --map-root-user --mount mount -t tmpfs none "$T/dir" 2>/dev/null || skip_all no-nested-mounts
absolute=$(cd "$(dirname "$LICHEN")" && pwd)/${LICHEN##*/}
in_outer() {
	: >"$T/said"
	run_as_is unshare --user --map-root-user --mount sh "$T/outer" "$T" "$absolute" "$(id -u)" "$(id -g)" "$@"
	said=$(cat "$T/said")
	said_err=$(cat "$T/said.err")
}

in_outer --mount "src=$T/dir,dst=/srv,bind-propagation=rslave" -v "$T/dir:/other" "$root"
is "$said" 'up
arrived
end' 'rslave: what is mounted later arrives, once' || diag "$said_err"
is "$said_err" '' 'and nothing is said'
in_outer -v "$T/dir:/srv:rslave,ro" "$root"
is "$said" 'up
arrived
end' 'the same word of -v, read-only'
in_outer -v "$T/dir:/srv" "$root"
is "$said" 'up
end' 'without a word nothing arrives'
in_outer --mount "src=$T/dir,dst=/srv,bind-propagation=rprivate" "$root"
is "$said" 'up
end' 'nor with rprivate'
in_outer --mount "src=$T/dir,dst=/srv,bind-propagation=rshared" "$root"
is "$said" 'up
arrived
end' 'rshared: it arrives, too'
like "$said_err" 'only receive' 'and that nothing goes out is said'
mkdir "$T/plain"
run_lichen run -v "$T/plain:/srv:rslave" "$root" awk '$5 == "/srv" { print }' /proc/self/mountinfo
is "$status" 0 'on a mount that is private here'
if grep -q ' / / .*shared:' /proc/self/mountinfo; then
	skip is-shared 'nothing can arrive, which is said'
else
	like "$err" 'private here' 'nothing can arrive, which is said'
fi
run_lichen run -v "$T/plain:/srv:rshared" "$root" awk '$5 == "/srv" { print }' /proc/self/mountinfo
like "$out" 'shared:' 'rshared: shared with sandboxes inside'
run_lichen run -v "$T/plain:/srv" "$root" awk '$5 == "/srv" { print }' /proc/self/mountinfo
unlike "$out" 'shared:|master:' 'without a word: private'

done_testing
