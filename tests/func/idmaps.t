#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# Which ids there are, said by the caller: keep-id, nomap, --uidmap, --groups, --group-add.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" proc sys dev
me=$(id -u)
my_group=$(id -g)

# wrong OPTION... -- REGEX: refused before the start, and why
wrong() {
	wrong_args=
	while [ "$1" != -- ]; do
		wrong_args="$wrong_args $1"
		shift
	done
	# shellcheck disable=SC2086
	run_lichen run $wrong_args "$root" true
	is "$status" 125 "$wrong_args: 125"
	like "$err" "$2" 'and why'
}

# ---- words ----

wrong --userns=auto -- 'userns=auto is not part'
wrong --userns=keep-id:uid=x -- 'expected keep-id or keep-id:uid=N,gid=N'
wrong --userns=keepid -- 'did you mean keep-id'
wrong --userns=keep-id --uidmap=0:0:1 -- 'both say which ids'
wrong --uidmap=0 -- 'expected CONTAINER:FROM'
wrong --uidmap=+0:0:1 -- 'flag \+ is not known'
wrong --uidmap=0:0:0 -- 'expected CONTAINER:FROM'
wrong --gidmap=0:0:x -- 'gidmap 0:0:x: expected'
wrong --uidmap=0:0:1 --uidmap=0:0:1 -- 'overlap inside'
wrong --uidmap=7:0:1 -- 'id 0 must exist inside'
wrong --ids=single --uidmap=0:0:1 -- 'ids=single, and more'
wrong --groups=dorp -- 'auto, keep, drop'
wrong --group-add=a,b -- 'expected one group'
wrong --group-add=keep-groups --group-add=5 -- 'no other group'
wrong --group-add=keep-groups --groups=drop -- 'contradicts'
wrong --subuidname=nobody-has-this -- 'nobody-has-this'

# ---- where subordinate ids come from ----

if command -v getsubids >/dev/null; then
	cat >"$T/getsubids" <<'END'
#!/bin/sh
[ "$1" = -g ] && shift
echo "0: $1 3000 1234"
END
	chmod 0755 "$T/getsubids"
	sed '/^subid:/d' /etc/nsswitch.conf >"$T/nss-other"
	cp "$T/nss-other" "$T/nss-files"
	echo 'subid: directory' >>"$T/nss-other"
	echo 'subid: files' >>"$T/nss-files"
	if [ "$me" -eq 0 ]; then enter='unshare -m'; else enter='unshare -m --map-current-user --keep-caps'; fi
	for n in other files; do
		# shellcheck disable=SC2016,SC2086
		run_as_is $enter sh -c 'mount --bind "$1/nss-$2" /etc/nsswitch.conf && mount --bind "$1/getsubids" "$(command -v getsubids)" &&
			exec "$LICHEN" run --dry-run "$1/root" true' sh "$T" "$n"
		case $n in
		other) like "$out" 'idmap .*[01]:3000:1234 ' 'nsswitch.conf names another source: getsubids is asked' ;;
		files) unlike "$out" '0:3000:1234' 'nsswitch.conf names the files: it is not' ;;
		esac
	done
else
	skip no-getsubids 'nsswitch.conf names another source'
fi

# ---- real root ----

if [ "$me" -eq 0 ]; then
	wrong --userns=keep-id -- 'root of this machine is never mapped'
	wrong --groups=keep -- 'never passed on'
	wrong --uidmap=0:0:1 -- 'maps root of the host'
	run_lichen run --uidmap 0:700000:1000 "$root" sh -c 'cat /proc/self/uid_map; touch /tmp/x && stat -c %u /tmp/x /bin/busybox'
	like "$out" '^ +0 +700000 +1000$' '--uidmap: ids of this machine'
	is "$(printf '%s\n' "$out" | tail -n 2 | tr '\n' ' ')" '0 0 ' 'and the tree is idmapped into them'
	run_lichen run --group-add 5 --group-add user "$root" sh -c 'id -G | tr " " "\n" | sort -n | tr "\n" " "'
	is "$out" '0 5 1000 ' '--group-add'
	run_lichen run --groups=drop "$root" id -G
	is "$out" 0 '--groups=drop'
	done_testing
fi

# ---- a single id: works everywhere ----

run_lichen run --ids=single --userns=keep-id "$root" sh -c 'id -u; id -g; echo x >/tmp/f && stat -c %u /tmp/f'
is "$out" "$me
$my_group
$me" '--userns=keep-id with one id: my own number'
run_lichen run --userns=keep-id:uid=7,gid=8 host sh -c 'id -u; id -g; echo x >$HOME/f && stat -c %u $HOME/f'
is "$out" '7
8
7' '--userns=keep-id:uid=,gid= with host'
run_lichen run --uidmap 0:0:1 "$root" sh -c 'cat /proc/self/uid_map /proc/self/gid_map'
is "$(printf '%s\n' "$out" | tr -s ' ')" " 0 $me 1
 0 $my_group 1" '--uidmap holds for groups too'
run_lichen run --uidmap 0:@"$me":1 --gidmap 0:@"$my_group":1 "$root" id -u
is "$out" 0 'a host id, with @'
wrong --uidmap=0:@0:1 -- 'not all of these ids are yours'
wrong --ids=single --groups=drop -- 'range of ids'
wrong --ids=single --group-add=5 -- 'range of ids'

if ! have subids; then
	wrong --userns=nomap --read-only -- 'nomap needs subordinate ids'
	run_lichen run --groups=drop host true
	is "$status" 125 '--groups=drop without subordinate ids: 125'
	like "$err" 'groups=drop needs subordinate ids' 'which is said'
	wrong --uidmap=0:1:1 -- 'not all of these ids are yours'
	run_lichen run --userns=keep-id "$root" id -u
	is "$out" "$me" '--userns=keep-id takes one id then'
	done_testing
fi

# ---- ranges ----

first=$(awk -F: -v n="$(id -un)" '$1 == n { print $2; exit }' /etc/subuid)
run_lichen run --userns=keep-id -v "$T:/mnt" "$root" sh -c 'id -u; id -g; touch /mnt/mine; stat -c %u /mnt/mine; cat /proc/self/uid_map'
is "$(printf '%s\n' "$out" | head -n 3)" "$me
$my_group
$me" '--userns=keep-id: my own numbers'
is "$(stat -c %u "$T/mine")" "$me" 'in a volume too'
like "$out" "^ +0 +$first +$me\$" 'below are subordinate ids'
run_lichen run --userns=keep-id -u 0 "$root" sh -c 'touch /tmp/f; chown 33:33 /tmp/f; stat -c %u:%g /tmp/f'
is "$out" 33:33 'root inside is one of them and may give files away'
run_lichen run --userns=keep-id:uid=200,gid=210 "$root" sh -c 'id -u; id -g'
is "$out" '200
210' 'keep-id:uid=,gid='
run_lichen run --userns=keep-id "$root" grep '^CapEff:' /proc/self/status
like "$out" ':.0*$' 'without capabilities, as no root'
run_lichen run --userns=nomap --read-only --tmpfs /tmp "$root" sh -c 'id -u; cat /proc/self/uid_map; echo x >/tmp/f && stat -c %u /tmp/f'
is "$(printf '%s\n' "$out" | tr -s ' ' | head -n 2)" "0
 0 $first 65536" '--userns=nomap: subordinate ids only'
like "$out" '^0$' 'which can write'
run_lichen run --userns=nomap -v "$T:/mnt" host sh -c 'stat -c %u /mnt/mine; touch /mnt/new'
is "$(printf '%s\n' "$out" | head -n 1)" 65534 'and my files are nobody'"'"'s'
isnt "$status" 0 'which it cannot write to'
wrong --userns=nomap -- 'writable layer would be yours'
run_lichen run --uidmap 0:1:1000 --uidmap 1000:0:1 -u 1000:0 "$root" sh -c 'id -u; cat /proc/self/uid_map'
is "$(printf '%s\n' "$out" | tr -s ' ')" "1000
 0 $first 1000
 1000 $me 1" '--uidmap, as podman has it'
wrong --uidmap=0:0:70000000 -- 'count from 1 to'
run_lichen run --subuidname "$(id -un)" "$root" cat /proc/self/uid_map
like "$out" " $first " '--subuidname with my own name'
wrong --subuidname=daemon -- 'only your own ids'

# ---- groups ----

run_lichen run --group-add 44 --group-add user "$root" sh -c 'id -G | tr " " "\n" | sort -n | tr "\n" " "'
is "$out" '0 44 1000 ' '--group-add by number and by name'
run_lichen run -u user --group-add tty "$root" sh -c 'id -G | tr " " "\n" | sort -n | tr "\n" " "'
is "$out" '5 1000 ' 'with -u'
run_lichen run --group-add 44 host sh -c 'id -u; id -G | tr " " "\n" | grep -x 44'
is "$out" "$me
44" 'with host, where it takes a range'
wrong --group-add=nosuch -- 'no group "nosuch"'
wrong --group-add=99999999 -- 'does not exist in the sandbox'
run_lichen run --groups=drop host sh -c 'id -u; id -G; grep -c "^Groups:.*[0-9]" /proc/self/status; echo x >$HOME/f && stat -c %u $HOME/f'
is "$(printf '%s\n' "$out" | sed -n '1,2p;4p')" "$me
$my_group
$me" '--groups=drop with host: me, my group, and my home'
run_lichen run --groups=keep "$root" grep '^Groups:' /proc/self/status
is "$(printf '%s\n' "$out" | wc -w)" "$(($(id -G | wc -w) + 1))" '--groups=keep: as many as outside'
run_lichen run --group-add keep-groups "$root" grep '^Groups:' /proc/self/status
is "$(printf '%s\n' "$out" | wc -w)" "$(($(id -G | wc -w) + 1))" '--group-add keep-groups'

if [ "$(id -u)" -ne 0 ]; then
	rm -rf "$T/keep"
	run_lichen run --overlay-keep "$T/keep" --uidmap 0:1:1000 "$root" id
	is "$status" 125 '--uidmap without the caller, and a writable layer: 125'
	like "$err" 'your own uid .* is not mapped' 'which is said'
	like "$err" 'hint: add --uidmap 1000:0:1' 'with what to add'
	ok '[ ! -e "$T/keep/upper" ]' 'before anything is made'
	run_lichen run --uidmap 0:1:1000 --uidmap 1000:0:1 --gidmap 0:1:1000 --gidmap 1000:0:1 "$root" id -u
	is "$out" 0 'and so it runs'
	run_lichen run --read-only --uidmap 0:1:1000 "$root" id -u
	is "$out" 0 'as it does with --read-only'
fi

done_testing
