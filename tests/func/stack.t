#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# The root of an image: what its layers are together is the same by each rung, whoever starts it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
tool=$top_builddir/tests/tools/stack
[ -x "$tool" ] || skip_all no-tool
LICHEN=$tool	# run_lichen's

# ---- three layers ----

busybox_root "$T/base" d opq dead was-dir twice data
cd "$T/base" || exit
echo a >d/a; echo b >d/b; echo c >d/c; echo old >opq/old; echo x >dead/x; echo x >was-dir/x; echo x >twice/x; echo file >was-file
echo two >h1; ln h1 h2; ln -s ../d/c link; mkdir -m 0700 closed; echo secret >closed/s; chmod 0600 closed/s; mkfifo pipe; chmod 4755 was-file
ln -s /data/deep place
mkdir -p "$T/mid/d" "$T/mid/opq" "$T/mid/was-file" "$T/top/d" "$T/top/dead" "$T/top/twice" "$T/top/etc"
cd "$T/mid" || exit
mknod d/b c 0 0; mknod dead c 0 0; mknod twice c 0 0; echo new >opq/new; echo n >was-file/n; echo now-a-file >was-dir; echo two-less >h2
"$probe" opaque opq
cd "$T/top" || exit
echo A >d/a; mknod d/c c 0 0; echo y >dead/y; echo z >twice/z; mknod h1 c 0 0
printf 'root:x:0:0::/root:/bin/sh\nalice:x:7:8::/:/bin/sh\n' >etc/passwd
cd "$T" || exit
find "$T/base" "$T/mid" "$T/top" -exec touch -h -d '2001-02-03 04:05:06' {} +
stack=$T/top:$T/mid:$T/base

# The ids that an image's layers have for who starts this: root's are of a range that nobody has.
others=no
if [ "$(id -u)" -eq 0 ]; then
	others=yes
	first=$("$tool" -V "$stack" true 2>&1 | sed -n 's/.*idmap 0:\([0-9]*\):.*/\1/p')
	chown -Rh "$first:$first" base mid top
	chown "$((first + 7)):$((first + 8))" base/closed base/closed/s
	chmod 4755 base/was-file
elif have subids; then
	others=yes
	in_own_map chown 7:8 base/closed base/closed/s
fi

want='d d/a dead dead/y etc etc/passwd h2 opq opq/new twice twice/z was-dir was-file was-file/n'
seen='cd /; for f in d d/* dead dead/* etc etc/passwd h1 h2 opq opq/* twice twice/* was-dir was-dir/* was-file was-file/*; do
		[ ! -e $f ] || printf "%s " $f; done; echo
	cat d/a opq/new was-dir h2; readlink link; stat -c "%n %a %u %g %Y" bin d d/a dead opq was-file closed closed/s pipe; cat closed/s'
owner='0 0'
[ $others = no ] || owner='7 8'
all="$want 
A
new
now-a-file
two-less
../d/c
bin 755 0 0 981173106
d 755 0 0 981173106
d/a 644 0 0 981173106
dead 755 0 0 981173106
opq 755 0 0 981173106
was-file 755 0 0 981173106
closed 700 $owner 981173106
closed/s 600 $owner 981173106
pipe 644 0 0 981173106
secret"

kernel=no
"$tool" -o kernel "$stack" true 2>/dev/null && kernel=yes
fuse=no
have fuse && "$tool" -o fuse "$stack" true 2>/dev/null && fuse=yes

# each RUNG [OPTION...]
each() {
	rung=$1
	shift
	run_lichen -o "$@" "$stack" sh -c "$seen"
	is "$status" 0 "$rung: it runs"
	is "$out" "$all" "$rung: whiteouts, opaque directories, what replaces what, owners, modes and times"
}
[ $kernel = no ] || { each kernel kernel; each 'kernel, read-only' kernel -r; }
[ $fuse = no ] || { each fuse fuse; each 'fuse, read-only' fuse -r; }
each copy copy
run_lichen -o copy "$T/base" sh -c '[ /h1 -ef /h2 ] && stat -c %a /was-file'
is "$out" 4755 'copy: hard links and setuid bits stay'
run_lichen -V "$stack" sh -c 'echo new >/d/a; rm -r /opq; mkdir /opq; ls /opq; cat /d/a'
is "$out" new 'it can be written'
is "$(cat "$T/top/d/a")" A 'and the layers stay as they are'
"$probe" opaque "$T/mid"
run_lichen "$T/top:$T/mid:$T/base" /bin/true
is "$status" 127 'an opaque top hides all below it'
stack=$T/top:$T/base

# ---- read-only: places of volumes lie below the layers ----

mkdir "$T/vol"
echo here >"$T/vol/file"
run_lichen -r -v "$T/vol:/new/place" -v "$T/vol:/place/in" -v "$T/vol/file:/etc/one" "$stack" \
	sh -c 'cat /new/place/file /data/deep/in/file /etc/one; wc -l </etc/passwd; [ -s /etc/hosts ] && cat /etc/hostname | wc -l'
is "$status" 0 'read-only: mount points need not be there'
is "$out" 'here
here
here
2
1' 'links on the way to them are followed, the image is seen beside them'

# ---- the user, with one id only: looked up before there is a map ----

if [ "$(id -u)" -ne 0 ]; then	# whose one id is root's
	run_lichen -i single -u alice "$stack" id -u
	is "$out" 7 '--user NAME with one id: the topmost passwd counts'
	mkdir -p "$T/link/etc" "$T/under/usr"
	cp "$T/top/etc/passwd" "$T/under/usr/passwd"
	ln -s ../usr/../usr/passwd "$T/link/etc/passwd"
	run_lichen -i single -u alice "$T/link:$T/under:$T/base" id -u
	is "$out" 7 'also where it is a link into another layer'
	mkdir -p "$T/none/etc"
	mknod "$T/none/etc/passwd" c 0 0
	run_lichen -i single -u alice "$T/none:$stack" id -u
	is "$status" 125 'not where it was removed'
fi

# ---- many layers ----

mkdir "$T/many"
"$probe" layers "$T/many" 127
[ "$(id -u)" -ne 0 ] || chown -R "$first:$first" "$T/many"
many=$T/many@127
for rung in $([ $kernel = no ] || echo kernel) $([ $fuse = no ] || echo fuse) copy; do
	run_lichen -o "$rung" "$many:$T/base" sh -c 'ls /d | grep -c "[0-9]"; cat /n /d/127'
	is "$out" '127
1
127' "128 layers: $rung"
done
run_lichen -n "$many:$T/base" true
is "$(printf '%s\n' "$out" | grep -c 'lowers  .*, 128 layers')" 1 'the plan has a line for all of them'
if [ $kernel = yes ]; then
	out=$("$top_builddir/tests/tools/deny" -e EINVAL fsconfig:5 "$tool" -i single -o kernel "$many:$T/base" cat /n 2>&1)
	is "$out" 1 'by name, where layers cannot be given by descriptor'
fi
# shellcheck disable=SC3045 # every shell that runs this has it
out=$(ulimit -n 100; "$tool" "$many:$T/base" true 2>&1)
like "$out" 'opening layer [0-9]+ of 128' 'too few descriptors are told of'
like "$out" 'Too many open files' 'by what is lacking'

done_testing
