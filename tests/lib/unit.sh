#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/unit.sh - run a cmocka program; its "not ok N # SKIP name" becomes TAP's "ok N # SKIP name"
{ { { { "$@" 3>&- 4>&-; echo $? >&3; } | sed 's/^not ok \([0-9]*\) # SKIP/ok \1 # SKIP/' >&4; } 3>&1; } | { read -r status; exit "$status"; }; } 4>&1
