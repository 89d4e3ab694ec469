#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# Which ids there are inside, and who the command runs as.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"
mkdir "$T/share"
chmod 0777 "$T/share"
printf 'staff:x:50:user\nwheel:x:51:root,user\n' >>"$root/etc/group"

# ---- one id: works everywhere ----

run_lichen run --ids=single "$root" id -u
is "$out" 0 '--ids=single: root inside'
run_lichen run --ids=single "$root" cat /proc/self/uid_map
is "$(printf '%s\n' "$out" | awk '{ n += $3 } END { print n }')" 1 'one id and no other'
run_lichen run --ids=single "$root" sh -c 'touch /tmp/f && chown 33 /tmp/f'
isnt "$status" 0 'chown to another fails'
printf 'games:x:5:60:games:/usr/games:/bin/sh\n' >>"$root/etc/passwd"
if [ "$(id -u)" -eq 0 ]; then
	run_lichen run --ids=single -u 33 "$root" true
	is "$status" 125 '-u of an id that is not there: 125'
	like "$err" '33' 'which is named'
	like "$err" 'range' 'and the way to more is shown'
else
	for user in 5 games; do
		run_lichen run --ids=single -u $user "$root" sh -c 'id -u; id -g'
		is "$out" '5
60' "--ids=single -u $user: the one id is that user, with the group of the root's passwd"
	done
	run_lichen run --ids=single -u 33 "$root" sh -c 'id -u; id -g'
	is "$out" '33
0' 'a number without an entry has group 0'
	run_lichen run --ids=single -u nosuch "$root" true
	is "$status" 125 'an unknown name: 125'
	like "$err" 'no user "nosuch"' 'which is named'
fi
run_lichen run --ids=many "$root" true
is "$status" 125 'an unknown --ids: 125'
like "$err" 'auto.*range.*single|did you mean' 'the valid words are named'

# ---- a range ----

if [ "$(id -u)" -eq 0 ] || have subids; then
	run_lichen run --ids=range "$root" id -u
	is "$out" 0 '--ids=range: root inside'
	run_lichen run --ids=range host id -u
	is "$out" "$(id -u)" 'with host the caller is itself also in a range'
	run_lichen run --ids=range -u 4000000000 "$root" true
	is "$status" 125 '-u of an id that is in no range: 125'
	like "$err" 'uid 4000000000 does not exist.*mapped are' 'which is named'
	unlike "$err" 'ids=range' 'a range is not advised where there is one'
	run_lichen run --ids=range "$root" cat /proc/self/uid_map /proc/self/gid_map
	ok '[ "$(printf "%s\n" "$out" | awk "{ n += \$3 } END { print n }")" -ge 131072 ]' 'at least 65536 users and groups'
	is "$(printf '%s\n' "$out" | awk '$2 == 0' | wc -l)" 0 "root of the host is not one of them"
	run_lichen run --ids=range -v "$T/share:/share" "$root" sh -c '
		cd /share; echo x >f; chown 33:34 f && stat -c %u:%g f && chown 0:0 f && stat -c %u:%g f
		chmod 0600 f; stat -c %a f; mkdir d; chown 65534 d; stat -c %u d; rmdir d'
	is "$out" '33:34
0:0
600
65534' 'chown to others and back works'
	if [ "$(id -u)" -ne 0 ]; then
		is "$(stat -c %u "$T/share/f")" "$(id -u)" "root inside is the caller, so the file is the caller's"
	else
		is "$(stat -c %u "$T/share/f")" 0 'in an idmapped volume ids are the same on both sides'
	fi
	rm -f "$T/share/f"
	run_lichen run -u 33:34 "$root" sh -c 'id -u; id -g; grep -E "^Cap(Eff|Prm):" /proc/self/status'
	is "$(printf '%s\n' "$out" | head -n 2 | tr '\n' ' ')" '33 34 ' '-u UID:GID'
	is "$(printf '%s\n' "$out" | grep -c '0000000000000000$')" 2 'without capabilities'
	run_lichen run -u user "$root" sh -c 'id -un; id -gn; echo $HOME; id -G | tr " " "\n" | sort -n | tr "\n" " "'
	is "$out" 'user
user
/home/user
50 51 1000 ' "-u NAME takes group, home and further groups of the tree's own files"
	run_lichen run -u user:staff "$root" sh -c 'id -u; id -g'
	is "$out" '1000
50' '-u NAME:GROUP'
	run_lichen run -u 1000 "$root" sh -c 'id -g; echo $HOME'
	is "$out" '1000
/home/user' '-u UID finds the same entry'
	run_lichen run -u user "$root" sh -c 'echo x >/root/x'
	isnt "$status" 0 'an ordinary user inside cannot write what is of root inside'
	run_lichen run "$root" sh -c 'id -G'
	is "$out" '0 51' "root has the groups of the tree's own files, and none of the caller's"
	if [ "$(id -u)" -ne 0 ]; then
		if (umask 022; mkdir "$T/subs") && busybox_root "$T/subs/tree0" &&
			chmod 0777 "$T/subs" && in_subid_map cp -a "$T/subs/tree0" "$T/subs/tree"; then
			in_subid_map chown -R 0:0 "$T/subs/tree"
			run_lichen run "$T/subs/tree" sh -c 'id -u; stat -c %u:%g /bin/busybox; touch /etc/new && echo written'
			is "$out" '0
0:0
written' 'a tree of the first subordinate id: that id is root inside'
		else
			fail 'a tree of the first subordinate id can be made'
		fi
	fi
else
	skip no-subids '--ids=range'
fi

# ---- names that are not there ----

run_lichen run -u usr "$root" true
is "$status" 125 'an unknown user: 125'
like "$err" 'usr' 'which is named'
like "$err" '"?user"?' 'with the nearest that exists'
like "$err" 'etc/passwd' 'and the file that was asked'
run_lichen run -u root:stuff "$root" true
is "$status" 125 'an unknown group: 125'
like "$err" 'stuff' 'which is named'
for bad in '' ':' '-1' '4294967295' 'root:' '1000 '; do
	run_lichen run -u "$bad" "$root" true
	is "$status" 125 "-u '$bad' is an error"
done
run_lichen run -u root "$root" id -u
is "$out" 0 '-u root'
rm "$root/etc/passwd" "$root/etc/group"
run_lichen run "$root" id -u
is "$out" 0 'without /etc/passwd root is still 0'
mkfifo "$root/etc/passwd"
run_lichen run -u user "$root" true
is "$status" 125 'a /etc/passwd that is a pipe does not make lichen wait'

# ---- when the tools fail ----

if [ "$(id -u)" -ne 0 ] && have subids; then
	# through a pipe: the limit is lichen's, not that of what the test writes
	said=$( (ulimit -f 0; "$LICHEN" run "$root" true 2>&1; echo "status $?") | cat)
	like "$said" 'EFBIG' 'no room for config.json while the tools run: said as it is'
	like "$said" 'ulimit -f' 'with the limit that is to be raised'
	unlike "$said" 'AppArmor|uid_map' 'not as a refused map'
	like "$said" 'status 125' 'and the status is 125'
fi
if [ "$(id -u)" -eq 0 ] && have cmd:setpriv && unshare -m true 2>/dev/null && id lichen-test >/dev/null 2>&1 &&
	grep -q '^lichen-test:' /etc/subuid; then
	printf '#!/bin/sh\necho "newgidmap: broken on purpose" >&2\nexit 1\n' >"$T/newgidmap"
	chmod 0755 "$T/newgidmap"
	mkdir "$T/theirs"
	chown -R lichen-test: "$T/theirs" "$root"
	# as_user LICHEN-ARGS...: as an ordinary user, with a newgidmap that fails
	as_user() {
		run_as_is unshare -m sh -c 'mount --bind "$1" "$(command -v newgidmap)" || exit 99; u=$2; shift 2
			exec setpriv --reuid="$u" --regid="$u" --init-groups env XDG_DATA_HOME="$T/theirs" "$@"' \
			sh "$T/newgidmap" lichen-test "$their_lichen" "$@"
	}
	lichen_for lichen-test
	as_user run "$root" true
	is "$status" 0 'one of the two tools fails after the other has written its map: it runs'
	like "$err" 'newgidmap failed.*broken on purpose.*one id' 'with a warning that names the tool and its words'
	as_user run --ids=range "$root" true
	is "$status" 125 'with --ids=range it is an error'
	like "$err" 'newgidmap failed.*broken on purpose' 'that names them too'
fi

# Removal inside the map: root inside has no way through a directory that only a group opens.
if [ "$(id -u)" -eq 0 ] && have cmd:setpriv && id lichen-test >/dev/null 2>&1 && grep -q '^lichen-test:' /etc/subuid; then
	rm -f "$root/etc/passwd"
	lichen_for lichen-test
	mkdir -p "$T/group/data"
	chown lichen-test: "$T/group/data" "$root"
	chgrp 12345 "$T/group"
	chmod 0710 "$T/group"
	chmod 0700 "$T/group/data"
	run_as_is setpriv --reuid=lichen-test --regid=lichen-test --groups=12345 env XDG_DATA_HOME="$T/group/data" \
		"$their_lichen" run --ids=range "$root" sh -c 'mkdir -m 0700 /d /d/e && : >/d/e/f && chown -R 33:33 /d'
	is "$status" 0 'the data directory lies below one that only a group opens: a run with a range works'
	is "$err" '' 'and its files are removed without a warning'
	is "$(ls "$T/group/data/lichen/containers")" '' 'all of them'
fi

done_testing
