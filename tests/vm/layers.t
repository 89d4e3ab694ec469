#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# An image of 127 layers: kernels that take no layer after the other get them in a page, under short names.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns subids busybox
find_probe
LICHEN=$top_builddir/tests/tools/stack
busybox_root "$T/base"
mkdir "$T/many"
"$probe" layers "$T/many" 127

for option in '' -r; do
	# shellcheck disable=SC2086 # no option is no word
	run_lichen -V -o kernel $option "$T/many@127:$T/base" sh -c 'set -- /d/*; echo $#; read -r n </n; echo $n; [ -e /sys/kernel ] && echo sys'
	is "$status" 0 "they are mounted: ${option:-writable}"
	is "$out" '127
1
sys' 'all of them are seen, the topmost on top, and nothing stays where they were put together'
	like "$err" 'overlay stack: kernel' "by the kernel's overlay"
done
run_lichen -o kernel "$T/many@500:$T/base" true
is "$status" 125 'layers that are missing are an error'

done_testing
