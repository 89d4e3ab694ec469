#!/bin/sh
# Makes ./configure and the Makefile.in from what is kept in git.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf --install --force --warnings=all "$@"
