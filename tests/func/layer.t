#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Where the writable layer lies: where the user says, and elsewhere where the data directory cannot hold it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"
echo old >"$root/etc/file"

# ---- --overlay-keep ----

run_lichen run --overlay-keep "$T/keep" "$root" sh -c 'echo new >/etc/file; rm /bin/ls; echo x >/x'
is "$status" 0 'a directory that is missing is made'
is "$(cat "$T/keep/upper/x")" x 'what was written stays there'
ok '[ ! -e "$T/keep/upper/etc/hosts" ]' 'and only what the command wrote'
is "$(cat "$root/etc/file")" old 'the tree stays as it was'
run_lichen run --overlay-keep "$T/keep" "$root" sh -c 'cat /etc/file /x; [ -e /bin/ls ] || echo gone'
is "$out" 'new
x
gone' 'the next run goes on from it'
if [ "$status" -eq 0 ] && "$LICHEN" run --overlay=kernel "$root" true 2>/dev/null; then
	for n in 1 2; do
		run_lichen run --overlay=kernel --overlay-keep "$T/again" "$root" sh -c "echo $n >/n; ls /n; awk '\$5 == \"/\"' /proc/self/mountinfo"
		is "$status" 0 "by the kernel, run $n"
		unlike "$out" 'volatile' 'a sync reaches the disk'
	done
else
	skip no-kernel-overlay 'by the kernel, twice'
fi
cd "$T" || exit 1
run_lichen run --overlay-keep ./keep/ "$root" cat /x
is "$out" x 'a relative path is one of the current directory'
mkfifo "$T/in"
"$LICHEN" run -i --overlay-keep "$T/keep" "$root" sh -c 'echo here >&2; read line; exit 0' <"$T/in" 2>"$T/said" &
first=$!
exec 9>"$T/in"
wait_for 'grep -qs here "$T/said"'
run_lichen run --overlay-keep "$T/keep" "$root" true
is "$status" 125 'a second one at the same time is refused'
like "$err" 'in use by another sandbox' 'and told why'
exec 9>&-
wait $first
is $? 0 'the first one is not disturbed'
run_lichen run --overlay-keep "$T/no/such" "$root" true
is "$status" 125 'a parent that is missing is not made'
like "$err" "$T/no" 'and named'
run_lichen run --overlay-keep "$T/keep" --read-only "$root" true
is "$status" 125 'it needs a layer'
like "$err" 'read-only' 'so leave out --read-only'
run_lichen run --overlay-keep "$T/keep" --overlay=copy "$root" true
is "$status" 125 'a copy has none'
for dir in "$root" "$root/x"; do
	run_lichen run --overlay-keep "$dir" "$root" true
	is "$status" 125 "${dir#"$T/"}: not in the tree itself"
	like "$err" 'lies in the root file system' 'and told why'
	ok '[ ! -e "$dir/upper" ] && [ ! -e "$root/x" ]' 'nothing is made there'
done
run_lichen run --overlay-keep "$T/keep" "$T/keep/upper" true
is "$status" 125 'nor around it'
odd="$T/a b,c:d\\e
f"
run_lichen run --overlay-keep "$odd" "$root" sh -c 'echo odd >/x'
is "$(cat "$odd/upper/x")" odd 'an odd name'
mkdir "$T/other"
cp -R "$root/." "$T/other"
is "$(readlink "$T/keep/lower")" "$root" 'the layer has a link to its tree'
for dry in '' --dry-run; do
	run_lichen run $dry --overlay-keep "$T/keep" "$T/other" true
	is "$status" 125 "$dry over another tree: 125"
	like "$err" "has the changes of $root, not of $T/other" 'whose it is'
	like "$err" "hint: .*ln -sfn $T/other $T/keep/lower" 'and what to do where it was moved'
done
mkdir -p "$T/strange/lower"
run_lichen run --overlay-keep "$T/strange" "$root" true
is "$status" 125 'a directory that has another lower: 125'
like "$err" 'hint: this directory is not of lichen.s making' 'and what that means'
ln -s "$root" "$T/alias"
run_lichen run --overlay-keep "$T/keep" "$T/alias" cat /x
is "$out" x 'the same tree by another name'
ln -sfn "$T/other" "$T/keep/lower"
run_lichen run --overlay-keep "$T/keep" "$T/other" cat /x
is "$out" x 'and as the hint says'
run_lichen run --overlay-keep "$T/keep" --cow host true
is "$status" 125 'nor with --cow'
ln -sfn "$root" "$T/keep/lower"
run_lichen run --dry-run --overlay-keep "$T/not-made" "$root" true
ok '[ ! -e "$T/not-made" ]' '--dry-run makes nothing'

# ---- the ladder: on another overlay, as inside a sandbox, no layer can lie ----

nested() {
	run_lichen run --privileged --tmpfs /tmp "$@" -v "$LICHEN:/lichen:ro" -v "$root:/inner:ro" "$root" sh -c \
		'export XDG_DATA_HOME=/data HOME=/data; mkdir -p /data /var/lib /run; $SET
		/lichen run --verbose --ids=single /inner sh -c "echo w >/etc/w && cat /etc/w"; find /tmp /data /var/lib/lichen -name upper 2>/dev/null'
}
have static && nested --overlay=kernel
if ! have static; then
	skip dynamic-launcher 'a sandbox in a sandbox'
elif printf '%s' "$err" | grep -q 'ENOSYS\|clone3'; then
	skip nested-refused 'a sandbox in a sandbox'
else
	is "$status" 0 'a sandbox in a sandbox runs'
	is "$out" w 'and can write'
	like "$err" 'lies in memory.*overlay' 'its layer lies in memory, with a word'
	nested --overlay=kernel -e SET='export TMPDIR=/tmp'
	is "$out" w 'with a TMPDIR that can hold it'
	like "$err" 'layer: /tmp/lichen-0/layers/' 'it lies there'
fi
done_testing
