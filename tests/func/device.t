#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --device shows a node of this machine that works, and names who may open one that the caller may not.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"

for where in "$root" host; do
	name=${where##*/}
	run_lichen run --device /dev/zero:/dev/naught "$where" sh -c 'head -c 4 /dev/naught | od -An -tx1; echo x >/dev/naught'
	is "$status" 0 "$name: a device under another name" || diag "$err"
	is "$out" ' 00 00 00 00' "$name: it works"
	run_lichen run --device /dev/full "$where" sh -c 'echo x >/dev/full'
	isnt "$status" 0 "$name: under its own name"
	run_lichen run --device /dev/zero:/far/away/zero:rwm "$where" sh -c 'head -c 2 /far/away/zero | wc -c'
	is "$out" 2 "$name: at a place that is made for it"
done
run_lichen run --read-only --device /dev/zero:/dev/naught "$root" sh -c 'head -c 2 /dev/naught | wc -c'
is "$out" 2 'with --read-only'
run_lichen run --device /dev/null:rw "$root" true
is "$status" 0 'access behind a single name'
ln -s /dev/zero "$T/link"
run_lichen run --device "$T/link:/dev/naught" "$root" sh -c 'head -c 2 /dev/naught | wc -c'
is "$out" 2 'by a link of this machine'
run_lichen run -v /dev/zero:/tmp/zero "$root" sh -c 'head -c 2 /tmp/zero'
isnt "$status" 0 'a volume of a device opens nothing: that is what --device is for'
mkdir "$T/devices"
ln -s /dev/null "$T/devices/link"
run_lichen run --device "$T/devices" "$root" true
is "$status" 125 'a directory without devices: 125'
like "$err" 'no device' 'which is said'
if [ "$(id -u)" -ne 0 ]; then
	mkdir -m 0 "$T/devices/closed"
	run_lichen run --device "$T/devices" "$root" true
	like "$err" 'devices/closed: left out, as you may not open it' 'a directory in it that is closed is passed over'
	like "$err" 'no device in this directory' 'as a device would be'
fi
if [ "$(id -u)" -eq 0 ] && mkdir "$T/nodes" "$T/nodes/deep" && mknod -m 0666 "$T/nodes/zero" c 1 5 2>/dev/null &&
	mknod -m 0666 "$T/nodes/deep/full" c 1 7; then
	run_lichen run --device "$T/nodes:/dev/nodes" "$root" sh -c 'head -c 2 /dev/nodes/zero | wc -c; test -c /dev/nodes/deep/full'
	is "$status" 0 'a directory of devices' || diag "$err"
	is "$out" 2 'with all that are in it'
	chmod 0600 "$T/nodes/zero"
	run_lichen run --device "$T/nodes/zero" "$root" true
	like "$err" 'mode.*0600' 'as root: a device that only its owner opens is warned of'
	chgrp tty "$T/nodes/zero"
	chmod 0660 "$T/nodes/zero"
	if id lichen-test >/dev/null 2>&1; then
		chmod 0755 "$T/nodes"
		install -d -o lichen-test "$T/other"
		lichen_for lichen-test
		run_as_is runuser -u lichen-test -- env -i PATH="$PATH" HOME=/nonexistent XDG_DATA_HOME="$T/other" "$their_lichen" run --device "$T/nodes/zero" host true
		like "$err" 'group tty, of which you are no member' 'a group that may: it is named'
		like "$err" 'usermod -aG tty lichen-test' 'and how to become one of it'
	else
		skip no-lichen-test 'a group that may'
	fi
elif [ "$(id -u)" -ne 0 ]; then
	skip is-user 'a directory of devices'
	for device in /dev/loop-control /dev/kvm /dev/mem /dev/console; do
		if [ -c "$device" ] && [ ! -r "$device" ] && [ ! -w "$device" ]; then
			run_lichen run --device "$device" "$root" true
			is "$status" 125 'a device that is not ours to open: 125'
			like "$err" "$device.*(belongs to|group)" 'whose it is'
			like "$err" 'usermod|udev' 'and what an administrator does about it'
			break
		fi
	done
fi

wrong() { # DEVICE REGEX DESC
	run_lichen run --device "$1" "$root" true
	is "$status" 125 "$3: 125"
	like "$err" "$2" "$3: says what is wrong"
}
echo x >"$T/file"
wrong /dev/no-such-device '/dev/no-such-device' 'a device that is not there'
wrong "$T/file" 'not a device but a file' 'a file'
wrong null '/dev/X' 'a word that is no path'
wrong /dev/null:relative 'absolute|r, w, m' 'a relative place'
wrong /dev/null:/dev/x:rx "'rx'" 'an access that there is not'
wrong /dev/null:/dev/x:r 'cannot be forbidden' 'less than the node allows'
wrong vendor.com/class=x 'CDI' 'a device class'

done_testing
