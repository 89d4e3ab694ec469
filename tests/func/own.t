#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# lichen's own files are seen by no sandbox, and what somebody forged there moves no sweep.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"
uid=$(id -u)
run_lichen run "$root" true
is "$status" 0 'a run, so that the directories are there'
if [ "$uid" -eq 0 ]; then
	data=/var/lib/lichen run=/run/lichen far=/var # not /proc in it, whose ids cannot be mapped
else
	far=
	data=$XDG_DATA_HOME/lichen
	run=$(readlink "$data/runtime-dir") || run=/run/user/$uid/lichen
fi
ok '[ -d "$data/containers" ] && [ -d "$run" ]' 'they are known'

# hidden DESC PATH ARGS...: nothing is in PATH inside, nothing can be made there; the sandbox itself is
# in the directory outside while it looks.
hidden() {
	desc=$1 path=$2
	shift 2
	run_lichen run "$@" sh -c 'ls -A "$1"; echo x >"$1/x" || echo refused' sh "$path"
	is "$status" 0 "$desc: runs"
	is "$out" refused "$desc: empty, and not to be written"
}

hidden 'the volume of a directory above' "/seen${data#"${data%/*}"}" -v "${data%/*}:/seen" "$root"
hidden 'of one far above' "/seen${data#"$far"}" -v "${far:-/}:/seen" "$root"
hidden 'the other directory' "/seen${run#"${run%/*}"}" -v "${run%/*}:/seen" "$root"
hidden 'as --mount' "/seen${run#"${run%/*}"}" --mount "type=bind,src=${run%/*},dst=/seen,ro" "$root"
hidden 'itself' /seen -v "$data:/seen" "$root"
hidden 'with host' "/seen${data#"$far"}" -v "${far:-/}:/seen" host
ln -s "${data%/*}" "$T/link"
hidden 'by a link' "/seen${data#"${data%/*}"}" -v "$T/link:/seen" "$root"
run_lichen run --verbose -v "$data:/seen" "$root" true
like "$err" "/seen: lichen's own files are covered" 'and --verbose says so'
run_lichen run -v "$root:/seen" "$root" ls /seen
is "$status" 0 'a volume beside them'
like "$out" '^bin' 'is shown'
case $run in
/dev/shm/*)
	hidden '--ipc=host' "$run" --ipc=host "$root"
	hidden '--ipc=host with host' "$run" --ipc=host host
	;;
*)
	[ "$(id -u)" -eq 0 ] && why=is-root || why=runtime-dir-elsewhere
	skip "$why" '--ipc=host'
	;;
esac

# ---- forged runs ----
id=$(printf '%064d' 7)
precious=$T/precious/$id
mkdir -p "$precious/upper" "$T/layers/$id"
echo keep >"$precious/upper/file"
forge() {
	mkdir "$run/$id"
	: >"$run/$id/lock"
	ln -s "$1" "$run/$id/data"
}
unforge() { rm -rf "${run:?}/$id"; }
forge "$precious"
run_lichen run "$root" true
is "$status" 0 'a run after somebody forged one'
is "$(cat "$precious/upper/file")" keep 'a directory of its name, elsewhere, stays'
unforge
# a link that leads nowhere while it is looked at
forge "$T/none/$id"
run_lichen run "$root" true
wait_for '[ ! -e "$run/$id" ]' 10
ok $? 'a link to nothing: the run is removed'
unforge
mkdir "$data/containers/$id"
ln -s "$T/layers/$id" "$data/containers/$id/layer"
echo '{}' >"$data/containers/$id/config.json"
forge "$data/containers/$id"
run_lichen run "$root" true
wait_for '[ ! -e "$data/containers/$id" ]' 10
ok $? 'a definition is removed'
ok '[ -d "$T/layers/$id" ]' 'and not what its layer is said to be'
unforge
done_testing
