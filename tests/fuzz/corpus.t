#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The corpora of the fuzz targets still pass: what was once found stays mended.
: "${top_srcdir:?}" "${top_builddir:?}"
n=0
for target in oci opts elf words proc record reference tar manifest config auth; do
	# without the libraries of lichen-image
	[ "$target" != tar ] || [ -x "$top_builddir/tests/fuzz/replay_tar" ] || continue
	n=$((n + 1))
	if out=$("$top_builddir/tests/fuzz/replay_$target" "$top_srcdir/tests/fuzz/corpus/$target"/* 2>&1); then
		echo "ok $n - corpus of $target: $(echo "$out" | grep -c '^ok') files"
	else
		echo "$out" | sed 's/^/# /'
		echo "not ok $n - corpus of $target"
	fi
done
echo "1..$n"
