#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/vm/bookworm.t - what make check-vm runs: the test files of the virtual machine, with a bookworm in it
: "${top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}"
# shellcheck disable=SC2086 # names without blanks
exec "$top_srcdir/tests/lib/vm/vm" run bookworm ${LICHEN_VM_TESTS:-}
