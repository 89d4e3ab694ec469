#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images that are in a store which cannot be written are found: listed, saved and run from there; what would change them says where
# they are and why it cannot.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
busybox_image "$T/i.tar" busybox:1 '"Cmd":["/bin/sh"]' file
mkdir "$T/ro"
data=$XDG_DATA_HOME
unset XDG_DATA_HOME

# The arguments, a shell's text, with a home of its own that has an image and a volume and is read-only by then; its output in OUT, ERR.
cat >"$T/fixed" <<'EOF'
set -e
mount -t tmpfs none "$T/ro"
export HOME="$T/ro"
kept=$HOME/.local/share/lichen
"$LICHEN" load -q "$T/i.tar" >/dev/null
"$LICHEN" volume create kept >/dev/null
"$LICHEN" run -q "$T/i.tar" true
"$LICHEN" run -v kept:/kept busybox:1 sh -c 'echo old >/kept/file'
set +e
case $1 in
ro) mount -o remount,bind,ro none "$T/ro" || exit 99 ;;
mode) chmod 500 "$kept" "$kept"/* ;;
esac
eval "$2"
EOF
fixed() {
	run_as_is env T="$T" LICHEN="$LICHEN" unshare --user --map-root-user --mount sh "$T/fixed" "$@"
}

fixed ro '"$LICHEN" images --format "{{.Repository}}:{{.Tag}}"'
is "$status:$out:$err" 0:busybox:1: 'images: those of the read-only store, without a word'
fixed ro '"$LICHEN" history -q busybox:1 && "$LICHEN" inspect --format "{{.Os}}" busybox:1 && "$LICHEN" volume ls -q && "$LICHEN" volume inspect kept'
is "$status:$err" 0: 'history, inspect and the volumes'
like "$out" '^linux$' 'inspect shows the image'
like "$out" "ro/.local/share/lichen/volumes/kept/data" 'volume inspect says where it lies'
fixed ro '"$LICHEN" system df'
is "$status:$err" 0: 'system df'
like "$out" '^images +1 ' 'counts the image'
like "$out" '^volumes +1 ' 'and the volume'
fixed ro '"$LICHEN" save -o "$T/saved.tar" busybox:1'
is "$status" 0 'save'
ok 'tar -tf "$T/saved.tar" | grep -q manifest.json' 'and the archive is whole'
fixed ro '"$LICHEN" system verify'
is "$status" 0 'system verify reads it'

fixed ro '"$LICHEN" run busybox:1 sh -c "cat /text; echo new >/text; cat /text"'
is "$status:$out" '0:file
new' 'run: from the read-only store, what it writes lies elsewhere'
like "$err" 'warning: .*ro/.local/share/lichen cannot be written \(Read-only file system\).*lichen-0' 'and that is said'
fixed ro '"$LICHEN" run "$T/i.tar" cat /text'
is "$status:$out" 0:file 'run of an archive that was read before'
fixed ro 'XDG_DATA_HOME=$HOME/.local/share "$LICHEN" run busybox:1 cat /text'
is "$status:$out" 0:file 'XDG_DATA_HOME leads there: the same'
fixed ro 'XDG_DATA_HOME=$HOME/none "$LICHEN" images'
is "$status" 125 'XDG_DATA_HOME leads to nothing that could be made: an error'
like "$err" 'EROFS.*' 'with its cause'

# ---- what would write ----

cp "$T/i.tar" "$T/other.tar"
for verb in 'load -q "$T/i.tar"' 'import "$T/i.tar" x:1' 'tag busybox:1 x' 'rmi busybox:1' 'rmi -f busybox:1' 'image prune -f' 'run -q "$T/other.tar" cat /text' \
	'system prune -f' 'volume create x' 'volume rm kept' 'run -v new:/x busybox:1 true'; do
	fixed ro "\"\$LICHEN\" $verb"
	is "$status" 125 "$verb: fails"
	like "$err" 'the store of (images|volumes) cannot be written' "$verb: says what cannot be written"
	like "$err" 'access .*/ro/\.local/share/lichen/(images|volumes): .*EROFS' "$verb: where, and why"
	is "$(printf '%s\n' "$err" | grep -c 'the store of')" 1 "$verb: once"
done
remove_tree "$TMPDIR/lichen-0"

# ---- one of another's, one that is closed, nothing elsewhere ----

HOME=$T/own
export HOME
mkdir "$HOME"
run_lichen load -q "$T/i.tar"
kept=$HOME/.local/share/lichen
chmod 500 "$kept/containers"
run_lichen images -q
is "$status:${out:+one}:$err" 0:one: 'a directory without the right to write: images'
run_lichen rmi busybox:1
like "$err" 'the store of images cannot be written' 'rmi'
like "$err" "$kept/images: Permission denied .EACCES" 'says where and why'
run_as_is env TMPDIR=/nonexistent unshare --user --map-root-user --mount sh -c 'mount --bind /var/tmp /var/tmp && mount -o remount,bind,ro none /var/tmp || exit 99
	"$1" images -q && exec "$1" run busybox:1 true' sh "$LICHEN"
is "$status" 125 'there is no other place either: run fails'
like "$out" '^[0-9a-f]{12}$' 'images are shown all the same'
like "$err" 'cannot make the directory for the sandbox.s files|cannot make the directory of a running' 'and the error says what could not be made'
chmod 700 "$kept/containers"
run_lichen rmi busybox:1
is "$status" 0 'writable again: rmi'
if have subids; then
	in_own_map sh -c 'mkdir -p "$1/.local/share/lichen/images" && chown -R 7 "$1/.local/share/lichen"' sh "$T/other"
	run_as_is env HOME="$T/other" "$LICHEN" images -q
	is "$status:$out" 0: 'the home directory has a store of another: its images are not ours'
	like "$err" 'warning: .*/other/\.local/share/lichen/images belongs to uid [0-9]+: what it has is not used' 'and that is said'
	in_own_map rm -rf "$T/other"
else
	skip "$tap_why" 'the home directory is of another'
fi
remove_tree "$TMPDIR/lichen-$(id -u)"
XDG_DATA_HOME=$data
export XDG_DATA_HOME
done_testing
