#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/vm/start.sh - in the guest: becomes the test file $1, with the environment that its tap.sh asks for
#
# It does not stay: in the environment "delegated" the file's shell has to be alone in its control group.
top_srcdir=/vm/src
top_builddir=/vm/src
LICHEN=$(cat /vm/lichen)
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LICHEN_TEST_LINKS=/usr/share/lichen-vm/links
: "${HOME:=/}"
export top_srcdir top_builddir LICHEN PATH HOME LICHEN_TEST_LINKS
cd / || exit 1
exec "/vm/src/$1"
