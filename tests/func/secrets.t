#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# `host`: what only a supplementary group or an ACL opens to the caller is not readable inside.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need root cmd:setpriv
# Where a user without anything gets: the test's own directory may be entered by all.
cp "$LICHEN" "$T/lichen"
chmod 1777 "$TMPDIR"
as_nobody() {
	groups=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	run_as_is unshare -m --propagation private sh -c '
		T=$1 TMPDIR=$2 groups=$3
		shift 3
		mount -t tmpfs none /usr/local && echo SECRET >/usr/local/secret && chgrp 4 /usr/local/secret && chmod 0640 /usr/local/secret
		i=0
		while [ $i -lt "${MANY:-0}" ]; do cp -p /usr/local/secret /usr/local/secret.$i; i=$((i + 1)); done
		mkdir -p /usr/local/a/b/c/d/e/f/g/h && cp -p /usr/local/secret /usr/local/a/b/c/d/e/f/g/h/deep
		exec env -u XDG_DATA_HOME HOME=/nonexistent TMPDIR="$TMPDIR" setpriv --reuid=65534 --regid=65534 $groups \
			--inh-caps=-all "$T/lichen" run "$@"' sh "$T" "$TMPDIR" "$groups" "$@"
}
as_nobody --groups=4 host sh -c 'cat /usr/local/secret /usr/local/a/b/c/d/e/f/g/h/deep; echo end'
like "$out" '^end$' 'somebody with a group runs host'
unlike "$out" SECRET 'what the group opens is covered, however deep'
as_nobody --clear-groups host sh -c 'cat /usr/local/secret 2>/dev/null; echo end'
is "$out" end 'without the group it was closed anyway'
as_nobody --groups=4 --groups=keep host cat /usr/local/secret
is "$out" SECRET '--groups=keep lets it through, as it says'
MANY=600
export MANY
as_nobody --groups=4 host true
is "$status" 125 'with more than can be covered it does not start'
like "$err" '[-][-]groups=drop' 'and says what to do'
# The place of the state of somebody without a home stays; no run is in it.
is "$(ls "$TMPDIR"/lichen-65534/*/containers 2>/dev/null)" '' 'no run is left there'
rm -r "$TMPDIR/lichen-65534"
done_testing
