# shellcheck shell=sh disable=SC2154 # err, T, top_builddir: of tap.sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/registry.sh - asks lichen-image for what has to do with registries, as the launcher does

# request KEY=TEXT... KEY:=JSON...: one JSON object; texts have no quotes in them
request() {
	sep='{'
	for word; do
		case ${word%%=*} in
		*:) printf '%s"%s":%s' "$sep" "${word%%:=*}" "${word#*:=}" ;;
		*) printf '%s"%s":"%s"' "$sep" "${word%%=*}" "${word#*=}" ;;
		esac
		sep=,
	done
	printf '}'
}

n=0
# task TASK [KEY=VALUE...]: in a store of its own, $S, or in $STORE where that is set; $out is what it said
task() {
	n=$((n + 1))
	S=${STORE:-$T/store$n}
	mkdir -p "$S/images/tmp/task" "$S/images/records"
	task=$1
	shift
	run_as_is "$top_builddir/tests/tools/source" "$top_builddir/helpers/lichen-image" "$task" \
		"$(request kind=registry pause_ms:=10 "$@")" "$S/images" "$S/images/tmp/task"
	out=$err
	# what the launcher does with the record
	id=$(printf '%s\n' "$out" | sed -n 's/^image .*"id":"sha256:\([0-9a-f]*\)".*/\1/p')
	[ -z "$id" ] || printf '%s\n' "$out" | sed -n 's/^image //p' >"$S/images/records/$id"
}

# push STORE [KEY=VALUE...]: the image that came last
push() {
	STORE=$1
	shift
	for record in "$STORE"/images/records/*; do
		task sink images:="[{\"id\":\"sha256:${record##*/}\"}]" "$@"
	done
	STORE=
}
