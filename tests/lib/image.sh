# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/image.sh - for tests of lichen-image: a store for one request, archives made by hand. Behind tap.sh.

: "${top_builddir:?}"
image_helper=$top_builddir/helpers/lichen-image
image_driver=$top_builddir/tests/tools/source

# Skips the file where these are not built or not here.
image_need() {
	[ -x "$image_helper" ] || skip_all no-lichen-image
	[ -x "$image_driver" ] || skip_all no-test-tools
}

hex_of() { sha256sum <"$1" | cut -d' ' -f1; }

# fresh_store: $images, empty.
fresh_store() {
	images=$T/images
	rm -rf "$images"
	mkdir -p "$images/tmp/t" "$images/records"
}

# bring REQUEST FILE [OPTION...]: into a fresh store; $status, and in $err what lichen-image said.
bring() {
	fresh_store
	bring_request=$1
	bring_file=$2
	shift 2
	run_as_is "$image_driver" "$@" "$image_helper" source "$bring_request" "$images" "$images/tmp/t" "$bring_file"
}

# shellcheck disable=SC2154 # err is run_as_is's
# record N: the N-th image's, from 1 on; field NAME of it, one word.
record() { printf '%s\n' "$err" | sed -n 's/^image //p' | sed -n "$1p"; }
field() { record "${2:-1}" | sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }

# shellcheck disable=SC2154 # err is run_as_is's
# keep_records: what was brought can be sent.
keep_records() {
	printf '%s\n' "$err" | sed -n 's/^image //p' >"$T/.records"
	while read -r line; do
		id=$(printf '%s' "$line" | sed -n 's/^{"version":1,"id":"sha256:\([0-9a-f]*\)".*/\1/p')
		printf '%s\n' "$line" >"$images/records/$id"
	done <"$T/.records"
}

# sound DESC: each blob is what its name says, and nothing lies half-written.
sound() {
	sound_wrong=$(
		for file in "$images"/blobs/sha256/*; do
			[ ! -e "$file" ] || [ "$(hex_of "$file")" = "${file##*/}" ] || echo "$file"
		done
		ls "$images/tmp/t"
	)
	is "$sound_wrong" '' "$1"
}

# make_config FILE DIFF...: the least config, of layers with these diff ids (hex).
make_config() {
	config_file=$1
	shift
	config_ids=
	for hex; do config_ids="$config_ids${config_ids:+,}\"sha256:$hex\""; done
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$config_ids" >"$config_file"
}
