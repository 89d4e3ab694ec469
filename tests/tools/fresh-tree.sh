#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tests/tools/fresh-tree.sh - runs a command in a Debian that nobody has touched yet
#
#	fresh-tree.sh [OPTIONS] COMMAND [ARG...]	(as root)
#
#	--as root|user|sudo	who runs COMMAND: root, a user without sudo, a user with it (root)
#	--suite NAME		which Debian (default: this machine's, else bookworm)
#	--keep			leaves the tree there afterwards and says where
#	--tree DIR		uses a tree that --keep left, and keeps it (rm -r it in the end)
#	--chroot		enters by chroot, where the kernel refuses user namespaces, to see what is said then
#	--no-copy		does not copy the sources in
#
# Tries what a newcomer sees: fresh-tree.sh --as sudo ./quickstart. The tree has apt and
# ca-certificates and nothing else; the sources lie in "lichen" in the home directory, and COMMAND
# starts there. The tree is entered by unshare and pivot_root (in a chroot there are no user
# namespaces), with an own /dev, so that what is done to devices there does not reach this machine.
set -euo pipefail

usage() {
	sed -n '/^#	/s/^#	//p' "$0" >&2
	exit 2
}

source_dir=$(cd "$(dirname "$0")/../.." && pwd)
as=root suite='' keep='' tree='' enter=pivot copy=yes
while [ $# -gt 0 ]; do
	case $1 in
	--as) as=$2; shift 2 ;;
	--suite) suite=$2; shift 2 ;;
	--tree) tree=$2; keep=yes; shift 2 ;;
	--keep) keep=yes; shift ;;
	--chroot) enter=chroot; shift ;;
	--no-copy) copy=; shift ;;
	-*) usage ;;
	*) break ;;
	esac
done
[ $# -gt 0 ] || usage
[ "$(id -u)" -eq 0 ] || { echo 'fresh-tree: is for root' >&2; exit 1; }
case $as in root | user | sudo) ;; *) usage ;; esac

# ---- the base: made once, kept as an archive -------------------------------------------

if [ -z "$suite" ]; then
	suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)
fi
cache=/var/cache/lichen-test
base=$cache/fresh-$suite.tar
proxies=$cache/fresh-proxies

mkdir -p "$cache"
# This machine's own way to the mirror: the source lists of Debian and the proxies of apt.
apt-config dump 2>/dev/null | { grep -Ei '^Acquire::https?::proxy ' || true; } >"$proxies"
if [ ! -e "$base" ]; then
	sources=()
	[ ! -e /etc/apt/sources.list.d/debian.sources ] || [ "$suite" != "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ] ||
		sources=(/etc/apt/sources.list.d/debian.sources)
	mmdebstrap --variant=minbase --include=apt,ca-certificates --aptopt="$proxies" --format=tar \
		"$suite" "$base.new" "${sources[@]}" >&2
	mv "$base.new" "$base"
fi

# ---- the tree ----------------------------------------------------------------------------

if [ -z "$tree" ]; then
	tree=$(mktemp -d /var/tmp/lichen-fresh.XXXXXX)
	chmod 0755 "$tree"
	tar -C "$tree" --exclude='./dev/*' -xpf "$base"
	cp /etc/resolv.conf "$tree/etc/resolv.conf"
	cp /etc/hosts "$tree/etc/hosts"
	[ ! -s "$proxies" ] || cp "$proxies" "$tree/etc/apt/apt.conf.d/90proxies"
fi
finish() {
	if [ -n "$keep" ]; then
		echo "fresh-tree: kept: $tree" >&2
	else
		rm -rf --one-file-system "$tree"
	fi
}
trap finish EXIT

home=/root
if [ "$as" != root ]; then
	home=/home/newcomer
	[ -d "$tree$home" ] || chroot "$tree" useradd -m -s /bin/bash newcomer
fi
if [ "$copy" = yes ]; then
	rm -rf "$tree$home/lichen"
	mkdir -p "$tree$home/lichen"
	# What git keeps and what it would take, not what a build left here.
	(cd "$source_dir" && git ls-files --cached --others --exclude-standard | sort -u |
		while IFS= read -r file; do [ ! -e "$file" ] || printf '%s\n' "$file"; done |
		tar -cf - -T -) | tar -C "$tree$home/lichen" --no-same-owner -xf -
	[ "$as" = root ] || chroot "$tree" chown -R newcomer: "$home/lichen"
	start=$home/lichen
else
	start=$home
fi

# ---- going in ------------------------------------------------------------------------------

# First process in the tree's own mount and pid namespace: $1 the tree, $2 how to enter, $3 who,
# $4 home, $5 where to start, then the command.
# shellcheck disable=SC2016 # for the inner shell
inner='
set -eu
tree=$1 enter=$2 as=$3 home=$4 start=$5
shift 5
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount -t tmpfs -o mode=0755,size=64k,nr_inodes=1k dev "$tree/dev"
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
	name=${node%% *}
	mknod -m 0666 "$tree/dev/$name" c ${node#* }
done
# Closed to all but root, as on some servers: a test set-up has to open them itself.
mknod -m 0600 "$tree/dev/fuse" c 10 229
mkdir "$tree/dev/net" "$tree/dev/pts" "$tree/dev/shm"
mknod -m 0600 "$tree/dev/net/tun" c 10 200
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$tree/dev/pts"
ln -s pts/ptmx "$tree/dev/ptmx"
mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
ln -s /proc/self/fd "$tree/dev/fd"
ln -s /proc/self/fd/0 "$tree/dev/stdin"
ln -s /proc/self/fd/1 "$tree/dev/stdout"
ln -s /proc/self/fd/2 "$tree/dev/stderr"

if [ "$enter" = pivot ]; then
	cd "$tree"
	mkdir -p .old
	pivot_root . .old
	cd /
	umount -l /.old
	rmdir /.old
	tree=/
fi
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ "$as" = sudo ] && ! chroot "$tree" sh -c "command -v sudo" >/dev/null; then
	chroot "$tree" apt-get -qq update
	chroot "$tree" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends sudo >/dev/null
	echo "newcomer ALL=(ALL) NOPASSWD: ALL" >"$tree/etc/sudoers.d/newcomer"
	chmod 0440 "$tree/etc/sudoers.d/newcomer"
fi
ids="--reuid=0 --regid=0 --init-groups"
[ "$as" = root ] || ids="--reuid=newcomer --regid=newcomer --init-groups"
# chroot to "/" changes nothing; to another directory it is what --chroot asks for.
if [ "$enter" = chroot ]; then set -- chroot "$tree" setpriv $ids -- sh -c "cd \"\$0\" && exec \"\$@\"" "$start" "$@"
else set -- setpriv $ids -- sh -c "cd \"\$0\" && exec \"\$@\"" "$start" "$@"
fi
# The environment is that of a fresh ssh session, and what reaches the mirror.
path=/usr/local/bin:/usr/bin:/bin
[ "$as" = root ] && path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec env -i PATH="$path" HOME="$home" USER="$(basename "$home")" LANG=C.UTF-8 TERM="${TERM:-dumb}" \
	${CI:+"CI=$CI"} ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} "$@"
'
# --kill-child and the own pid namespace: nothing started in there outlives this.
unshare --mount --propagation private --pid --fork --kill-child -- \
	sh -c "$inner" sh "$tree" "$enter" "$as" "$home" "$start" "$@"
