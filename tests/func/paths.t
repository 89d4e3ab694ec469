#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --file, --dir and --symlink make what they say, inside and nowhere else.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" srv
mkdir "$T/canary"
echo untouched >"$T/canary/file"
canary_is_untouched() {
	is "$(find "$T/canary" -mindepth 1 -printf '%P ')$(cat "$T/canary/file")" 'file untouched' "$1"
}

# ---- files from data ----

run_lichen run --file 3:/etc/app.conf "$root" sh -c 'cat /etc/app.conf; stat -c %a /etc/app.conf; echo more >>/etc/app.conf; cat /etc/app.conf' 3<<END
from a here-document
END
is "$out" 'from a here-document
644
from a here-document
more' '--file: the data of a descriptor, writable'
printf 'bytes \000 and \377 no newline' >"$T/bytes"
run_lichen run --file 3:/bytes "$root" sha256sum /bytes 3<"$T/bytes"
is "${out%% *}" "$(sha256sum <"$T/bytes" | cut -d' ' -f1)" 'every byte as it is'
head -c 3000000 /dev/urandom >"$T/large"
mkfifo "$T/pipe"
cat "$T/large" >"$T/pipe" &
run_lichen run --file 4:/large:ro,mode=0640 "$root" sh -c 'sha256sum </large; stat -c %a /large; echo x >>/large' 4<"$T/pipe"
isnt "$status" 0 'ro: cannot be written'
is "$(printf '%s\n' "$out" | head -n 1)" "$(sha256sum <"$T/large")" 'a pipe is read to its end'
like "$out" '^640$' 'the mode is that asked for'
run_lichen run --read-only --file 3:/etc/app.conf --file 4:/two "$root" cat /etc/app.conf /two 3<"$T/canary/file" 4<"$T/canary/file"
is "$out" 'untouched
untouched' 'on a read-only root'
run_lichen run --file 3:/usr/lichen-test/file host cat /usr/lichen-test/file 3<"$T/canary/file"
is "$status" 125 'host: not where nothing can be made'
like "$err" '/usr/lichen-test/file' 'the place is named'
run_lichen run --file 3:/srv/file host cat /srv/file 3<"$T/canary/file"
is "$out" untouched 'host: elsewhere'
ln -s "$T/canary" "$root/out"
run_lichen run --file 3:/out/new "$root" true 3<"$T/bytes"
canary_is_untouched '--file through a link that leads outside'
wrong() { # REGEX DESC ARGS...
	wrong_regex=$1 wrong_desc=$2
	shift 2
	run_lichen run "$@" "$root" true
	is "$status" 125 "$wrong_desc: 125"
	like "$err" "$wrong_regex" "$wrong_desc: says what is wrong"
}
wrong 'descriptor 9 is not open' 'a descriptor that is not open' --file 9:/x
wrong 'FD:DST' 'no destination' --file 3
wrong "'three'" 'a word as descriptor' --file three:/x
wrong 'mode=' 'an option that there is not' --file 0:/x:exec
wrong 'absolute' 'a relative destination' --file 0:x
wrong 'mode=' 'a mode that is none' --file 0:/x:mode=rw
run_lichen run --file 3:/x "$root" true 3>"$T/writeonly"
is "$status" 125 'a descriptor that cannot be read: 125'

# ---- directories ----

run_lichen run --dir /var/lib/app/data:mode=0700 --dir /plain "$root" stat -c %a /var/lib /var/lib/app/data /plain
is "$out" '755
700
755' '--dir: with its mode, what leads to it with the usual one'
chmod 0711 "$root/srv"
run_lichen run --dir /srv:mode=0700 "$root" stat -c %a /srv
is "$out" 711 'one that is there stays as it is'
run_lichen run --dir /work/in:mode=1777 --tmpfs /work "$root" stat -c %a /work/in
is "$out" 1777 'in a tmpfs that is mounted by another option'
(
	umask 077
	run_lichen run --dir /made:mode=0755 "$root" stat -c %a /made
	printf '%s\n' "$out" >"$T/umask"
)
is "$(cat "$T/umask")" 755 'whatever the umask of the caller'
run_lichen run --dir /out/made "$root" true
canary_is_untouched '--dir through a link that leads outside'
wrong 'mode=' 'a directory with a wrong mode' --dir /x:mode=8
wrong 'mode=' 'a directory with an option' --dir /x:ro
wrong '\.\.' 'a directory with ..' --dir /x/../../y
run_lichen run --dir /etc/passwd "$root" true
is "$status" 125 'a file in its place: 125'
like "$err" '/etc/passwd' 'it is named'

# ---- links ----

run_lichen run --symlink /srv/x:/made/link --symlink 'a\:b\c:/odd' "$root" sh -c 'readlink /made/link; readlink /odd'
is "$out" '/srv/x
a:b\c' '--symlink: the target as it is written'
run_lichen run --symlink /srv/x:/made --symlink /srv/x:/made "$root" true
is "$status" 0 'twice the same is no error'
run_lichen run --symlink /srv/y:/etc/passwd "$root" true
is "$status" 125 'where something else is: 125'
like "$err" '/etc/passwd' 'it is named'
run_lichen run --symlink "$T/canary:/far" -v "$T/root/etc:/far/etc" "$root" true
canary_is_untouched 'a mount through such a link stays inside'
wrong 'TARGET:LINK' 'a link without its name' --symlink /x
wrong '/etc:usr' 'target and name exchanged' --symlink /etc:usr
run_lichen run --read-only --dir /new/dir --device /dev/zero:/far/zero --tmpfs /work --symlink /new:/work/link --dir /work/closed:mode=0700 \
	"$root" sh -c 'test -d /new/dir && readlink /work/link && stat -c %a /work/closed && head -c 2 /far/zero | wc -c'
is "$out" '/new
700
2' 'on a read-only root: directories and devices; anything on a tmpfs' || diag "$err"
run_lichen run --read-only --symlink /x:/link "$root" true
is "$status" 125 'a link on a read-only root: 125'
like "$err" '--tmpfs' 'and where to put it'

ok '[ ! -e "$root/made" ] && [ ! -e "$root/plain" ]' 'nothing of all this is in the tree'

done_testing
