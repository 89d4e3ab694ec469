# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/fake-image.sh - images whose source says what a test tells it to say (tests/tools/fake-image.c)
#
#	fake_image			$T/bin/imager, its lichen-image and the scripts of that; sets $images
#	make_layer NAME COMMANDS	$T/NAME.tar, and $T/NAME.config and .manifest of an image of it; config, manifest NAME: their digests
#	record layers|plain|complete NAME...	an image's record: of a draft, of one without digests, of the end
#	script TASK			what the helper says, from standard input
#	imager ARGS...			as run_lichen

: "${top_builddir:?is set by tap.sh}"

# shellcheck disable=SC2034 # $images is the test's
fake_image() {
	for fake_file in "$top_builddir/tests/tools/imager" "$top_builddir/tests/tools/fake-image" "$top_builddir/helpers/lichen-image"; do
		[ -x "$fake_file" ] || skip_all no-lichen-image
	done
	mkdir -p "$T/bin/helpers"
	cp "$top_builddir/tests/tools/imager" "$T/bin/"
	cp "$top_builddir/tests/tools/fake-image" "$T/bin/helpers/lichen-image"
	cp "$top_builddir/helpers/lichen-image" "$T/bin/helpers/real"
	images=$XDG_DATA_HOME/lichen/images
}

imager() {
	run_as_is "$T/bin/imager" "$@"
}

script() {
	cat >"$T/bin/helpers/$1"
}

fake_sha() {
	sha256sum <"$1" | cut -d' ' -f1
}

size() { stat -c %s "$T/$1.tar"; }
digest_hex() { fake_sha "$T/$1.tar"; }
digest() { echo "sha256:$(fake_sha "$T/$1.tar")"; }
config() { echo "sha256:$(fake_sha "$T/$1.config")"; }
manifest() { echo "sha256:$(fake_sha "$T/$1.manifest")"; }
# They are not compressed.
diff_hex() { fake_sha "$T/$1.tar"; }

make_layer() {
	mkdir "$T/$1.tree"
	(cd "$T/$1.tree" && eval "$2")
	tar -C "$T/$1.tree" --owner=0 --group=0 -cf "$T/$1.tar" .
	rm -r "$T/$1.tree"
	for fake_part in config manifest; do
		echo "$1 $fake_part" >"$T/$1.$fake_part"
	done
}

record() {
	fake_how=$1
	shift
	printf '{"version":1'
	if [ "$fake_how" = complete ]; then
		printf ',"id":"%s","manifest":"%s"' "$(config "$1")" "$(manifest "$1")"
		printf ',"names":["docker.io/library/%s:latest"]' "$1"
	fi
	printf ',"layers":['
	fake_comma=
	for fake_layer; do
		if [ "$fake_how" = plain ]; then
			printf '%s{}' "$fake_comma"
		else
			printf '%s{"diffId":"%s","digest":"%s","size":%s}' "$fake_comma" "$(digest "$fake_layer")" "$(digest "$fake_layer")" "$(size "$fake_layer")"
		fi
		fake_comma=,
	done
	printf '],"history":[]}\n'
}
