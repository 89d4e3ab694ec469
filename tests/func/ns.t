#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# Every namespace as host, private, ns:PATH and container:NAME, alone and in all pairs.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root" keep
me=$(id -u)
sock=
TYPES='pid ipc uts cgroupns network'

# file_of OPTION: the name below /proc/PID/ns
file_of() {
	case $1 in
	userns) echo user ;;
	cgroupns) echo cgroup ;;
	network) echo net ;;
	*) echo "$1" ;;
	esac
}

# what the payload says of itself: one line "user=user:[1] pid=pid:[2] ..."
show='for n in user pid ipc uts cgroup net; do printf "%s=%s " $n "$(readlink /proc/self/ns/$n)"; done; echo'
value() { # value LINE NAME
	printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"
}
host=$(for n in user pid ipc uts cgroup net; do printf '%s=%s ' "$n" "$(readlink "/proc/self/ns/$n")"; done)

# ---- each switch ----

run_lichen run "$root" sh -c "$show"
for o in userns $TYPES; do
	f=$(file_of "$o")
	isnt "$(value "$out" "$f")" "$(value "$host" "$f")" "without --$o: a namespace of its own"
done
for o in $TYPES; do
	f=$(file_of "$o")
	run_lichen run "--$o=host" "$root" sh -c "$show; ls /proc/self /sys /dev/pts >/dev/null && echo mounted"
	is "$(value "$out" "$f")" "$(value "$host" "$f")" "--$o=host: this machine's"
	isnt "$(value "$out" user)" "$(value "$host" user)" "--$o=host: in a user namespace of its own nevertheless"
	like "$out" '^mounted$' "--$o=host: /proc, /sys and /dev/pts are there"
	run_lichen run "--$o=private" "$root" sh -c "$show"
	isnt "$(value "$out" "$f")" "$(value "$host" "$f")" "--$o=private: its own"
done
run_lichen run --pid=host "$root" sh -c 'echo $$; grep -c . /proc/sys/kernel/pid_max; echo 1 >/proc/sys/kernel/pid_max'
isnt "$(printf '%s\n' "$out" | head -n 1)" 1 '--pid=host: not pid 1'
isnt "$status" 0 "and this machine's /proc/sys cannot be written"
run_lichen run --pid=host "$root" sh -c 'sleep 301 & echo $!'
ok '! kill -0 "$out" 2>/dev/null' '--pid=host: what the command leaves running ends with it'
run_lichen run --pid=host "$root" sh -c 'kill -TERM $$'
is "$status" 143 '--pid=host: a signal that the payload dies of'
run_lichen run --ipc=none "$root" true
is "$status" 125 "docker's --ipc=none is refused"
like "$err" 'ipc=none is not part of this version' 'by its name'
like "$err" 'hint: --tmpfs /dev/shm:ro' 'and what comes near it is named'
run_lichen run --tmpfs /dev/shm:ro "$root" touch /dev/shm/x
isnt "$status" 0 'which leaves a /dev/shm that nothing can be put into'
run_lichen run --uts=host "$root" sh -c 'hostname; echo $HOSTNAME'
is "$out" "$(uname -n)
$(uname -n)" "--uts=host: this machine's name"
run_lichen run --network=host "$root" ls /sys/class/net
is "$out" "$(ls /sys/class/net)" "--network=host: /sys shows this machine's devices"
run_lichen run --network=host "$root" sh -c 'mkdir /sys/fs/cgroup/x || touch /sys/x'
isnt "$status" 0 '--network=host: and is read-only'
if [ -w /dev/shm ]; then
	echo shared >"/dev/shm/$mark"
	at_exit 'rm -f "/dev/shm/$mark"'
	run_lichen run --ipc=host "$root" cat "/dev/shm/$mark"
	is "$out" shared "--ipc=host: /dev/shm is this machine's"
fi
run_lichen run "$root" ls /dev/shm
is "$out" '' 'and else it is not'

# ---- clocks ----

run_lichen run --time boottime=864000,monotonic=-1.5 "$root" sh -c 'cat /proc/self/timens_offsets; cat /proc/uptime'
like "$out" '^monotonic +-2 +500000000$' '--time: monotonic, with a fraction'
like "$out" '^boottime +864000 +0$' '--time: boottime'
ok '[ "$(printf "%s\n" "$out" | sed -n "3s/[.].*//p")" -gt 864000 ]' '--time: the uptime inside'
run_lichen run --time boottime=-99999999999 "$root" true
is "$status" 125 'too large an offset: 125'
run_lichen run --time boottime=-9999999999 "$root" true
is "$status" 125 'a clock below zero: 125'
like "$err" 'below zero' 'which is said'
run_lichen run --ids=single --time monotonic=100 host cat /proc/self/timens_offsets
like "$out" '^monotonic +100 +0$' '--time with host and one id'

# ---- wrong words ----

for o in userns $TYPES; do
	run_lichen run "--$o=hots" "$root" true
	is "$status" 125 "--$o=hots: 125"
	like "$err" 'expected .*ns:PATH or container:NAME' 'what was expected'
	run_lichen run "--$o=ns:" "$root" true
	like "$err" 'the path is missing' "--$o=ns: without a path"
	run_lichen run "--$o=container:" "$root" true
	like "$err" 'expected the name or id' "--$o=container: without a name"
	run_lichen run "--$o=ns:/etc/passwd" "$root" true
	like "$err" 'is not a namespace' "--$o=ns: with a file that is none"
	run_lichen run "--$o=ns:/nonexistent" "$root" true
	like "$err" '/nonexistent' "--$o=ns: with a file that is missing"
	run_lichen run "--$o=container:nobody-$$" "$root" true
	is "$status" 125 "--$o=container: of nobody: 125"
	like "$err" "no running sandbox has the name or id \"nobody-$$\"" 'who is named'
done
run_lichen run --pid=hots "$root" true
like "$err" 'did you mean host' 'the nearest word'
run_lichen run --pid=/proc/1/ns/pid "$root" true
like "$err" 'did you mean ns:/proc/1/ns/pid' 'a bare path'
run_lichen run --userns=host "$root" true
is "$status" 125 '--userns=host: 125'
like "$err" 'always is a user namespace' 'because everything stands on it'
like "$err" 'no-userns --landlock' 'and the other way is named'
run_lichen run --userns=ns:/proc/self/ns/user "$root" true
like "$err" 'is the one that you are in' "--userns=ns: with the caller's own"
for t in '' monotonic monotonic= monotonic=x 'monotonic=1,' boottime=1,boottime=2 realtime=1 monotonc=1 monotonic=1. monotonic=1e3; do
	run_lichen run "--time=$t" "$root" true
	is "$status" 125 "--time=$t: 125"
done
run_lichen run --time=monotonc=1 "$root" true
like "$err" 'did you mean monotonic' 'the nearest clock'
run_lichen run --uts=host -h name "$root" true
is "$status" 125 "--hostname with the host's uts namespace: 125"
for n in slirp pasta bridge; do
	run_lichen run "--network=$n" "$root" true
	like "$err" "network=$n is not part of this version" "--network=$n by name"
done

# ---- another sandbox's ----

mkfifo "$T/hold" "$T/told"
# start NAME OPTION...: a sandbox that says what it has, and lives until $T/hold is closed
start() {
	start_name=$1
	shift
	"$LICHEN" run -i --name "$start_name" "$@" "$root" sh -c "$show; exec cat" <"$T/hold" >"$T/told" 2>"$T/start.err" &
	start_pid=$!
	exec 8>"$T/hold"
	if ! timeout 20 head -n 1 <"$T/told" >"$T/start.out"; then bail_out "no sandbox to join: $(cat "$T/start.err")"; fi
	theirs=$(cat "$T/start.out")
}
stop() {
	exec 8>&-
	wait "$start_pid"
}
web=web-$mark
start "$web" -h webhost
# by path: the same without a supervisor to ask
for p in /proc/[0-9]*; do
	[ "$(readlink "$p/ns/net" 2>/dev/null)" = "$(value "$theirs" net)" ] && break
done
# arg OPTION FORM
arg() {
	case $2 in
	ns) printf -- '--%s=ns:%s/ns/%s' "$1" "$p" "$(file_of "$1")" ;;
	container) printf -- '--%s=container:%s' "$1" "$web" ;;
	*) printf -- '--%s=%s' "$1" "$2" ;;
	esac
}
# forms OPTION
forms() {
	[ "$1" = userns ] || echo host
	echo private ns container
}
# whose LINE NAME: host, theirs or own
whose() {
	case " $1 " in
	*" $2=$(value "$host" "$2") "*) echo host ;;
	*" $2=$(value "$theirs" "$2") "*) echo theirs ;;
	*) echo own ;;
	esac
}
for o in userns $TYPES; do
	f=$(file_of "$o")
	for form in ns container; do
		for target in "$root" host; do
			run_lichen run "$(arg "$o" $form)" "$target" sh -c "$show; ls /proc/self /sys /dev/mqueue >/dev/null && echo mounted"
			is "$(value "$out" "$f")" "$(value "$theirs" "$f")" "--$o=$form: the same namespace (${target##*/})"
			is "$(value "$out" user)" "$(value "$theirs" user)" 'in the user namespace that owns it'
			like "$out" '^mounted$' 'with /proc, /sys and /dev/mqueue'
		done
	done
done
# every pair of options, each in every form
pairs=0
rest="userns $TYPES"
for o in userns $TYPES; do
	rest=${rest#"$o"}
	rest=${rest# }
	for other in $rest; do
		for form in $(forms "$o"); do
			for form2 in $(forms "$other"); do
				is_joined=0 want=0
				case $form,$form2 in *ns* | *container*) is_joined=1 ;; esac
				# in a user namespace of its own only root can join, and not a pid namespace
				if [ "$o,$form,$is_joined" = userns,private,1 ] && { [ "$me" -ne 0 ] || [ "$other" = pid ]; }; then want=125; fi
				run_lichen run "$(arg "$o" "$form")" "$(arg "$other" "$form2")" "$root" sh -c "$show"
				got="$status"
				for i in "$o,$form" "$other,$form2"; do
					got="$got $(whose "$out" "$(file_of "${i%,*}")")"
				done
				for i in $form $form2; do
					case $i in
					host) want="$want host" ;;
					private) want="$want own" ;;
					*) want="$want theirs" ;;
					esac
				done
				[ "${want%% *}" = 0 ] || { want=125 got=${got%% *}; }
				is "$got" "$want" "--$o=$form and --$other=$form2"
				pairs=$((pairs + 1))
			done
		done
	done
done
is "$pairs" $((5 * 3 * 4 + 10 * 4 * 4)) 'all pairs'
run_lichen run --uts=container:"$web" "$root" sh -c 'hostname; echo $HOSTNAME'
is "$out" 'webhost
webhost' '--uts=container: its name'
run_lichen run --pid=container:"$web" "$root" sh -c 'cat /proc/1/comm; cat /proc/1/root/etc/passwd >/dev/null && echo looked'
like "$out" '^(cat|sh)$' '--pid=container: its processes'
run_lichen run --read-only --network=container:"$web" "$root" true
is "$status" 0 'with --read-only'
run_lichen run --time boottime=864000 --network=container:"$web" "$root" cat /proc/self/timens_offsets
like "$out" '^boottime +864000' 'with --time'
run_lichen run --uts=container:"$web" -h name "$root" true
like "$err" "another's is used" '--hostname where the name is the other one'"'"'s'
run_lichen run --name "self-$mark" --network=container:"self-$mark" "$root" true
like "$err" 'cannot join itself' 'a sandbox that names itself'
run_lichen run --network=container:../web "$root" true
like "$err" 'expected the name or id' 'a name that is a path'
run_lichen run --network=container:"$web" --dry-run "$root" true
like "$out" "stage +enter +user container:$web" '--dry-run shows who is entered'
if [ "$(id -u)" -ne 0 ]; then
	run_lichen run --userns=private --network=container:"$web" "$root" true
	is "$status" 125 'a user namespace of its own cannot join: 125'
	like "$err" 'only in the user namespace that owns it' 'which is said'
	run_lichen run --network=ns:/proc/self/ns/net "$root" true
	like "$err" 'belongs to this machine' "--network=ns: with this machine's own"
else
	run_lichen run --userns=private --network=container:"$web" "$root" sh -c "$show"
	is "$(value "$out" net)" "$(value "$theirs" net)" 'real root joins from a user namespace of its own'
	isnt "$(value "$out" user)" "$(value "$theirs" user)" 'which is its own'
	run_lichen run --network=ns:/proc/self/ns/net "$root" sh -c "$show"
	is "$(value "$out" net)" "$(value "$host" net)" "real root joins this machine's own by path"
	setpriv --reuid=65534 --regid=65534 --clear-groups unshare -U -n sleep 301 &
	other=$!
	at_exit 'kill "$other" 2>/dev/null'
	wait_for '[ "$(cat /proc/$other/comm)" = sleep ]'
	for n in network:net userns:user; do
		run_lichen run "--${n%:*}=ns:/proc/$other/ns/${n#*:}" "$root" true
		is "$status" 125 "another user's, for root too (${n%:*}): 125"
		like "$err" 'belongs to uid 65534, not to you' 'and whose it is'
	done
	kill "$other"
	wait "$other"
fi
run_lichen run --userns=private --pid=container:"$web" "$root" true
is "$status" 125 'a pid namespace without its user namespace: 125'
run_lichen run --ids=single --network=container:"$web" "$root" true
is "$status" 125 '--ids where the ids are the other one'"'"'s: 125'
for option in --userns=keep-id --userns=nomap --uidmap=0:0:1 --gidmap=0:0:1; do
	run_lichen run "$option" --network=container:"$web" "$root" true
	is "$status" 125 "$option, where the ids are the other one's: 125"
	like "$err" "hint: leave .*${option%%=*}.* out" 'and named'
done
run_lichen run --network=container:"x$web" "$root" true
like "$err" "did you mean $web \?" 'a slip in the name'
run_lichen run --network=container:"$web" --pid=host "$root" sh -c '[ "$PPID" -gt 0 ] && echo seen'
is "$out" seen '--pid=host and another network: its supervisor is seen'

run_lichen run "--network=ns:$p/ns/net" "--ipc=ns:$p/ns/ipc" "$root" sh -c "$show"
is "$(value "$out" net) $(value "$out" ipc)" "$(value "$theirs" net) $(value "$theirs" ipc)" 'ns:PATH'
is "$(value "$out" user)" "$(value "$theirs" user)" 'in the user namespace that owns them'
run_lichen run "--network=ns:$p/ns/ipc" "$root" true
like "$err" 'of another kind, ipc' 'a namespace of the wrong kind'

# a second one has another owner, unless it shares the user namespace
exec 9>&8
web_pid=$start_pid
mv "$T/hold" "$T/hold1"; mkfifo "$T/hold"
theirs1=$theirs
start "second-$mark"
run_lichen run --network=container:"$web" "--ipc=container:second-$mark" "$root" true
if [ "$(id -u)" -eq 0 ]; then
	is "$status" 125 'namespaces of two user namespaces: 125'
else
	like "$err" 'belong to different user namespaces' 'namespaces of two user namespaces'
fi
stop
start "second-$mark" --userns=container:"$web"
run_lichen run --network=container:"$web" "--ipc=container:second-$mark" "$root" sh -c "$show"
is "$(value "$out" net) $(value "$out" ipc)" "$(value "$theirs1" net) $(value "$theirs" ipc)" 'of two sandboxes in one user namespace'
stop
start "second-$mark" --network=host
run_lichen run "--network=container:second-$mark" "$root" sh -c "$show"
is "$(value "$out" net)" "$(value "$host" net)" "container: of one that has the host's: the host's"
stop

# ---- who may ask ----

for d in /run/lichen "/run/user/$me/lichen" "/dev/shm/lichen-$me" "/tmp/lichen-$me" "/var/tmp/lichen-$me"; do
	[ ! -L "$d/names/$web" ] || sock=$d/$(basename "$(readlink "$d/names/$web")")/ns
done
ok '[ -S "$sock" ]' 'the socket is there'
is "$(stat -c %a "$(dirname "$sock")")" 700 'in a directory of ours alone'
if [ "$(id -u)" -ne 0 ] && command -v python3 >/dev/null; then
	cat >"$T/ask.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(5)
try:
    s.connect(sys.argv[1])
    d, anc, f, a = s.recvmsg(64, socket.CMSG_SPACE(64 * 4))
    print("descriptors" if anc else "nothing", len(d))
except OSError as x:
    print("refused", x)
END
	is "$(python3 "$T/ask.py" "$sock")" 'descriptors 16' 'the user itself gets them'
	run_lichen run --ids=single -v "$(dirname "$sock"):/mnt" -v "$T:$T" host python3 "$T/ask.py" /mnt/ns
	unlike "$out" descriptors 'a payload that is shown the directory does not'
	like "$out" 'nothing 0|refused' 'it is turned away'
	run_lichen run --network=container:"$web" -v "$(dirname "$sock"):/mnt" -v "$T:$T" host python3 "$T/ask.py" /mnt/ns
	unlike "$out" descriptors 'nor does one that has joined it'
	is "$(python3 "$T/ask.py" "$sock")" 'descriptors 16' 'and the supervisor still answers'
fi
# many that ask at once
n=0
while [ "$n" -lt 8 ]; do
	"$LICHEN" run --network=container:"$web" --ids=auto "$root" readlink /proc/self/ns/net >"$T/many.$n" 2>&1 &
	eval "many_$n=\$!"
	n=$((n + 1))
done
while [ "$n" -gt 0 ]; do
	n=$((n - 1))
	eval "wait \$many_$n"
done
is "$(cat "$T"/many.* | sort -u)" "$(value "$theirs1" net)" 'eight at once'

# ---- the end of the one that was joined ----

mkfifo "$T/go" "$T/begun"
"$LICHEN" run -i --network=container:"$web" --ipc=container:"$web" "$root" sh -c 'echo begun; read x; ls /sys/class/net' <"$T/go" >"$T/begun" 2>&1 &
joiner=$!
exec 7>"$T/go" 6<"$T/begun"
read -r _ <&6
"$LICHEN" run --pid=container:"$web" "$root" sleep 301 >/dev/null 2>&1 &
in_pid=$!
wait_for '"$LICHEN" run --pid=container:"$web" "$root" ps 2>/dev/null | grep -v lichen | grep -q "sleep 301"'
kill "$web_pid"
wait "$web_pid"
exec 9>&-
echo go >&7
exec 7>&-
is "$(cat <&6)" lo 'who has joined its network lives on, and so does the network'
wait "$joiner"
is "$?" 0 'to its own end'
wait "$in_pid"
is "$?" 137 'who has joined its pid namespace dies with it'
exec 6<&-
run_lichen run --network=container:"$web" "$root" true
like "$err" 'no running sandbox' 'and its name is gone'

done_testing
