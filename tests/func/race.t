#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# A source that somebody exchanges while it is used is never another one than the one that was looked at.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root" srv
mkdir "$T/race" "$T/race/source" "$T/secret" "$T/race/third"
chmod 0755 "$T/race" "$T/race/source" "$T/secret" "$T/race/third"
echo good >"$T/race/source/which"
echo secret >"$T/secret/which"
echo third >"$T/race/third/which"
ln -s "$T/secret" "$T/race/link"
exec 7<"$T/race/source"

meddle() { # A B: exchanges them until stopped
	"$probe" swap "$1" "$2" &
	swapper=$!
}
at_exit '[ -z "${swapper:-}" ] || kill "$swapper" 2>/dev/null'
stop() {
	kill "$swapper"
	wait "$swapper" 2>/dev/null
	swapper=
}
mounted='awk "\$5 == \"/srv\" { print \$4 }" /proc/self/mountinfo; cat /srv/which'

# ---- by descriptor: it is known which one is meant ----

for other in link third; do
	meddle "$T/race/source" "$T/race/$other"
	good=0 refused=0 bad=
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
		run_lichen run --ids=single --mount type=bind,source=fd:7,target=/srv "$root" cat /srv/which
		case $status:$out in
		0:good) good=$((good + 1)) ;;
		125:) refused=$((refused + 1)) ;;
		*) bad="$bad $status:$out:$err" ;;
		esac
	done
	stop
	is "$bad" '' "by descriptor, exchanged with a ${other}: what is mounted is what was opened, or nothing ($good, $refused)"
done

# ---- by name: what --debug says is taken is what is there ----

# exec 7 may be under any of the names now.
for other in link third; do
	rm -rf "$T/race"
	mkdir "$T/race" "$T/race/source" "$T/race/third"
	echo good >"$T/race/source/which"
	echo third >"$T/race/third/which"
	ln -s "$T/secret" "$T/race/link"
	meddle "$T/race/source" "$T/race/$other"
	bad=
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
		run_lichen run --debug --ids=single -v "$T/race/source:/srv" "$root" sh -c "$mounted"
		taken=$(printf '%s\n' "$err" | sed -n 's/.*step [0-9]*, \(id\)*tree \(.*\)$/\2/p' | grep -e race -e secret)
		case $status:$taken:$(printf '%s\n' "$out" | tail -n 1) in
		# The link was followed when it was looked at: then its end is what is taken.
		0:"$T"/secret:secret | 0:"$T"/race/*:good | 0:"$T"/race/*:third) ;;
		125:*:) ;;
		*) bad="$bad $status:$taken:$out" ;;
		esac
		# an exchange of directories must show in what is mounted: its root is what was taken
		case $status:$other:$(printf '%s\n' "$out" | tail -n 1) in
		0:link:third | 0:third:secret) bad="$bad $out" ;;
		esac
	done
	stop
	is "$bad" '' "by name, exchanged with a ${other}: never another file than the one that was looked at"
done
exec 7<&-

done_testing
