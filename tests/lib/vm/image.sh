#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/vm/image.sh - makes the Debian that the virtual machine of the tests boots, once
#
#	tests/lib/vm/image.sh SUITE [CACHE]	prints the directory in which it is
#
# In there: root.img (ext4), vmlinuz, initrd, and packages, a list with versions. The directory's name carries a
# checksum of this file and of what goes into the image, so another recipe is another image; it is
# renamed into place when whole. Root or not: an ordinary user needs subordinate ids for it.
# Status 77, and CACHE/vm-SUITE.no-mirror, where no mirror answered. LICHEN_TEST_MIRROR chooses another one.
set -u
# An ordinary user's often lacks them; the tree's programs are looked for by it too.
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,uidmap,passwd,login
packages=$packages,fuse3,fuse-overlayfs,iproute2,procps,kmod,udev,util-linux,busybox-static,bubblewrap,crun,expect
packages=$packages,libsystemd0,libseccomp2,libjansson4,libcap-ng0,linux-image-cloud-amd64,initramfs-tools

die() {
	echo "vm image: $*" >&2
	exit 1
}

# ---- inside the map: the tree is unpacked, set up and made a file system ----------------

# unit NAME: standard input is a unit of the guest's.
unit() {
	cat >"$tree/etc/systemd/system/$1"
}

# A user of the guest's with 65,536 subordinate ids; nobody ever types a password.
add_user() {
	printf '%s:x:%d:%d::/home/%s:/bin/sh\n' "$1" "$2" "$2" "$1" >>"$tree/etc/passwd"
	printf '%s:x:%d:\n' "$1" "$2" >>"$tree/etc/group"
	printf '%s:*:19000:0:99999:7:::\n' "$1" >>"$tree/etc/shadow"
	for ids in subuid subgid; do
		printf '%s:%d:65536\n' "$1" $((($2 - 998) * 100000)) >>"$tree/etc/$ids"
	done
	mkdir -m 0700 "$tree/home/$1"
	chown "$2:$2" "$tree/home/$1"
}

set_up() {
	echo lichen-vm >"$tree/etc/hostname"
	printf '127.0.0.1 localhost lichen-vm\n' >"$tree/etc/hosts"
	: >"$tree/etc/fstab"
	echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
	add_user tester 1000
	add_user tester-all 1001
	add_user bare 1002
	add_user linger 1003
	add_user delegated 1004

	# Of all users one has all controllers; the others have what Debian gives.
	mkdir -p "$tree/etc/systemd/system/user@1001.service.d"
	printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$tree/etc/systemd/system/user@1001.service.d/delegate.conf"
	mkdir -p "$tree/etc/systemd/logind.conf.d" "$tree/etc/systemd/journald.conf.d"
	# The user manager is not ended and started again between two test files.
	printf '[Login]\nUserStopDelaySec=infinity\nNAutoVTs=0\nReserveVT=0\n' >"$tree/etc/systemd/logind.conf.d/vm.conf"
	printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' >"$tree/etc/systemd/journald.conf.d/vm.conf"

	unit vm.target <<-'END'
		[Unit]
		Description=The tests of lichen
		Requires=basic.target
		Wants=systemd-logind.service systemd-user-sessions.service vm-tests.service
		After=basic.target
		AllowIsolate=yes
	END
	# What it runs comes with each start, on the second disk, so that the image need not be made anew for it.
	unit vm-tests.service <<-'END'
		[Unit]
		Description=What the second disk asks for
		After=basic.target systemd-user-sessions.service dbus.socket
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		ExecStartPre=/bin/mkdir -p /vm
		ExecStartPre=/bin/tar -C /vm -xpf /dev/vdb
		ExecStart=/bin/sh /vm/src/tests/lib/vm/guest.sh
		ExecStopPost=/bin/systemctl poweroff -ff
		StandardOutput=journal+console
		StandardError=journal+console
	END
	# Nothing that a test could want, and seconds of the start under emulation.
	for name in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
		e2scrub_reap.service systemd-tmpfiles-clean.timer systemd-networkd.service systemd-timesyncd.service \
		systemd-resolved.service systemd-pstore.service systemd-update-utmp.service systemd-random-seed.service \
		systemd-journal-flush.service systemd-journal-catalog-update.service systemd-update-done.service \
		systemd-hwdb-update.service systemd-binfmt.service systemd-machine-id-commit.service \
		systemd-firstboot.service systemd-sysusers.service ldconfig.service \
		systemd-remount-fs.service proc-sys-fs-binfmt_misc.automount networking.service ifupdown-pre.service \
		systemd-udev-trigger.service systemd-modules-load.service sys-kernel-debug.mount sys-kernel-tracing.mount \
		sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount modprobe@configfs.service \
		modprobe@dm_mod.service modprobe@drm.service modprobe@fuse.service modprobe@loop.service \
		modprobe@efi_pstore.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
		systemd-initctl.socket systemd-ask-password-console.path systemd-ask-password-wall.path \
		getty.target getty@tty1.service; do
		ln -sf /dev/null "$tree/etc/systemd/system/$name"
	done
	mkdir -p "$tree/etc/systemd/system-generators"
	for name in "$tree"/lib/systemd/system-generators/*; do
		ln -sf /dev/null "$tree/etc/systemd/system-generators/${name##*/}"
	done
}

# The names of busybox for tests (see busybox_root in tap.sh): to make 400 links takes 15 s under emulation.
make_links() {
	mkdir -p "$tree/usr/share/lichen-vm/links"
	chroot "$tree" busybox --list | while read -r name; do
		[ "$name" = busybox ] || ln -s busybox "$tree/usr/share/lichen-vm/links/$name"
	done
}

# The start of the kernel: a busybox, and the modules that lead to the disk. initramfs-tools' own
# takes seconds more to run.
make_initrd() {
	version=$(basename "$(echo "$tree"/lib/modules/*)")
	mkdir -p "$tree/initrd/bin" "$tree/initrd/dev" "$tree/initrd/new" "$tree/initrd/modules"
	cp "$tree/bin/busybox" "$tree/initrd/bin/busybox" || return 1
	cp "$here/init" "$tree/initrd/init"
	chmod 0755 "$tree/initrd/init"
	number=10
	for name in virtio_pci virtio_blk ext4 crc32c_generic virtio_console; do
		chroot "$tree" modprobe -S "$version" --show-depends "$name" || return 1
	done >"$tree/modules.list"
	while read -r what file _; do
		[ "$what" = insmod ] || continue
		[ ! -e "$tree/seen.$(basename "$file")" ] || continue
		: >"$tree/seen.$(basename "$file")"
		to=$tree/initrd/modules/$number-$(basename "$file" .xz)
		case $file in
		*.xz) xz -dc "$tree/$file" >"$to" ;;
		*) cp "$tree/$file" "$to" ;;
		esac || return 1
		number=$((number + 1))
	done <"$tree/modules.list"
	rm "$tree"/seen.* "$tree/modules.list"
	chroot "$tree" sh -c 'cd /initrd && find . | busybox cpio -o -H newc 2>/dev/null' >"$new/initrd" || return 1
	rm -r "$tree/initrd"
}

if [ "${1:-}" = --inside ]; then
	new=$2
	tree=$new/tree
	mkdir "$tree" && tar -C "$tree" --exclude='./dev/*' -xpf "$new/tree.tar" || exit 1
	chroot "$tree" dpkg-query -W >"$new/packages" || exit 1
	set_up && make_links && make_initrd || exit 1
	cp "$tree"/boot/vmlinuz-* "$new/vmlinuz" || exit 1
	rm -rf "${tree:?}"/boot/* "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*
	# Sparse: it takes what the tree takes. The room is for the tests.
	mke2fs -q -t ext4 -L root -O ^has_journal -m 0 -E lazy_itable_init=1 -d "$tree" "$new/root.img" 4G || exit 1
	rm -rf "$tree" "$new/tree.tar"
	chmod 0644 "$new/root.img" "$new/vmlinuz" "$new/initrd" "$new/packages"
	exit 0
fi

# ---- outside -----------------------------------------------------------------------------

suite=${1:?usage: image.sh SUITE [CACHE]}
if [ "$(id -u)" -eq 0 ]; then
	default=/var/cache/lichen-test
else
	default=${XDG_CACHE_HOME:-$HOME/.cache}/lichen-test
fi
cache=${2:-$default}
recipe=$(cat "$here/image.sh" "$here/init" | cksum | cut -d' ' -f1)
image=$cache/vm-$suite-$recipe

# mmdebstrap runs apt with a configuration of its own: the machine's proxies are handed on.
proxies() {
	apt-config dump 2>/dev/null | sed -n 's/^\(Acquire::https\{0,1\}::[Pp]roxy "[^"]*";\)$/\1/p'
}

make_tar() {
	set -- "$suite" "$new/tree.tar"
	[ -z "${LICHEN_TEST_MIRROR:-}" ] || set -- "$@" "$LICHEN_TEST_MIRROR"
	proxies >"$new/proxies"
	# The hook comes before the kernel is set up: the image has an initrd of its own.
	mmdebstrap --variant=minbase --format=tar --include="$packages" --aptopt="$new/proxies" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt=force-confold --essential-hook='mkdir -p "$1/etc/initramfs-tools" && echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"' \
		"$@" >"$cache/vm-$suite.log" 2>&1
}

# failed WHAT: the log stays, the half image does not.
failed() {
	in_map rm -rf "$new"
	tail -n 5 "$cache/vm-$suite.log" >&2
	die "$1; the log is $cache/vm-$suite.log"
}

no_mirror() {
	: >"$cache/vm-$suite.no-mirror"
	tail -n 3 "$cache/vm-$suite.log" >&2
	in_map rm -rf "$new"
	exit 77
}

make_image() {
	command -v mmdebstrap >/dev/null 2>&1 || die 'mmdebstrap is missing'
	new=$image.new
	in_map rm -rf "$new"
	mkdir "$new" || exit 1
	rm -f "$cache/vm-$suite.no-mirror"
	make_tar || {
		grep -Eqi 'could not resolve|failed to fetch|unable to connect|connection (failed|timed out)|temporary failure' \
			"$cache/vm-$suite.log" && no_mirror
		failed 'no tree'
	}
	in_map sh "$here/image.sh" --inside "$new" >>"$cache/vm-$suite.log" 2>&1 || failed 'no image'
	mv "$new" "$image"
}

# Owners and the chroot need a map of the ids where we are not root.
in_map() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		unshare --user --map-root-user --map-auto -- "$@"
	fi
}

mkdir -p "$cache" || die "cannot make $cache"
if [ ! -d "$image" ]; then
	# The second of two waits, and finds what the first has made.
	exec 9>"$cache/vm-$suite.lock"
	flock 9 || die "cannot lock $cache/vm-$suite.lock"
	[ -d "$image" ] || make_image 9>&-
	# Images of recipes that nobody has used for two weeks.
	find "$cache" -maxdepth 1 -name "vm-$suite-*" -mtime +14 ! -path "$image" -print |
		while IFS= read -r old; do in_map rm -rf "$old"; done
fi
touch "$image" 2>/dev/null
printf '%s\n' "$image"
