#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# While lichen-image or lichen-registry reads what a stranger sends it has no capability, a filter of system calls, no descriptor but its own,
# and Landlock keeps it to the paths that it needs. (What unpacking has: tests/func/unpack.t.)
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/registry.sh"
# shellcheck disable=SC2016 # conditions for ok and wait_for

helper=$top_builddir/helpers/lichen-image registry_helper=$top_builddir/helpers/lichen-registry
[ -x "$helper" ] || skip_all no-lichen-image

# source_of KIND REQUEST FILE...: $helper at work, in the background; $driver, and $pid once it is confined
source_of() {
	kind=$1 request=$2
	shift 2
	mkdir -p "$T/$kind/tmp/task" "$T/$kind/records"
	# 9 is what a careless caller leaves open
	"$top_builddir/tests/tools/source" "$helper" source "$request" "$T/$kind" "$T/$kind/tmp/task" "$@" 9<"$T/secret" 2>"$T/$kind.err" &
	driver=$!
	wait_for 'pid=$(cat "/proc/$driver/task/$driver/children") && grep -qs "^Seccomp:.2" "/proc/${pid% }/status"'
	pid=${pid% }
}

# confined KIND: of $pid
confined() {
	is "$(sed -n '/^\(CapInh\|CapPrm\|CapEff\|CapAmb\|NoNewPrivs\|Seccomp\):/p' "/proc/$pid/status")" "$(
		printf '%s:\t0000000000000000\n' CapInh CapPrm CapEff CapAmb
		printf '%s\n' 'NoNewPrivs:	1' 'Seccomp:	2'
	)" "$1: no capability, no new privileges, a filter"
	is "$(awk '{ print $6 }' "/proc/$pid/stat")" "$pid" "$1: a session of its own"
	if [ "$(id -u)" -eq 0 ]; then
		isnt "$(find "/proc/$pid/fd" -type l)" '' "$1: what it has open can be seen"
		is "$(find "/proc/$pid/fd" -lname "$T/secret")" '' "$1: what its caller has open is closed"
		skip is-root "$1: nobody else of the same user looks into it"
	else
		skip is-user "$1: what it has open"
		ok '! (: <"/proc/$pid/mem") 2>/dev/null' "$1: nobody else of the same user looks into it"
	fi
}
# ends KIND: it is not needed any longer
ends() {
	kill "$driver"
	wait "$driver" 2>/dev/null
	wait_for '[ ! -e "/proc/$pid" ]'
	ok $? "$1: it ends with who started it"
}
echo secret >"$T/secret"

# ---- who speaks to nobody has no library for it, and who speaks to registries none for archives
ok '! grep -q "libcurl\|libssl" "$helper" && grep -q libcurl "$registry_helper"' 'the network is lichen-registry'"'"'s'
ok '! grep -q "libarchive\|libisal" "$registry_helper"' 'and layers are lichen-image'"'"'s'

# ---- a registry that stops in the middle of a layer
L=$T/layout
make_layout "$L"
mkfifo "$T/says"
"$top_builddir/tests/tools/registry" "$L" >"$T/says" &
server=$!
at_exit 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null'
read -r port _ <"$T/says"
image_helper=$helper helper=$registry_helper
source_of registry "$(request kind=registry registry="127.0.0.1:$port" repository=stall tag=1 platform=linux/amd64)"
wait_for 'grep -qs "blobs/sha256:$layer" "$L/log"'
ok $? 'a layer is on its way'
confined registry
ends registry
helper=$image_helper
kill "$server"
wait "$server" 2>/dev/null

# ---- an archive that comes through a pipe, and does not end
mkfifo "$T/pipe"
exec 8<>"$T/pipe"
source_of docker-archive "$(request kind=docker-archive platform=linux/amd64)" "$T/pipe"
exec 8>&-
confined docker-archive
ends docker-archive
done_testing
