#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen-scope asks the right thing of a systemd, waits for it, and says what went wrong. The
# systemd is tests/tools/fake-systemd, which says what it was asked; the real one is in a virtual machine.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

scope=$top_builddir/helpers/lichen-scope
fake=$top_builddir/tests/tools/fake-systemd
if [ ! -x "$scope" ] || [ ! -x "$fake" ]; then
	skip_all no-libsystemd
fi

XDG_RUNTIME_DIR=$T/run
DBUS_SESSION_BUS_ADDRESS=
export XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
mkdir -m 0700 "$T/run" "$T/run/systemd"
me=$(id -u)

# with WORD... -- ARGS...: lichen-scope ARGS, answered as the words say. Sets $asked beside $out, $err, $status.
socket=systemd/private
with() {
	words=
	while [ "$1" != -- ]; do
		words="$words $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	"$fake" "$T/run/$socket" $words >"$T/asked" 2>"$T/fake.err" &
	fake_pid=$!
	wait_for '[ -S "$T/run/$socket" ]' || diag "$(cat "$T/fake.err")"
	run_as_is "$scope" "$@"
	# one that nobody asked still waits
	[ ! -S "$T/run/$socket" ] || kill "$fake_pid"
	wait "$fake_pid" 2>/dev/null
	asked=$(cat "$T/asked")
	rm -f "$T/run/$socket"
}

# failed STATUS REGEX DESC
failed() {
	is "$status" "$1" "$3: status $1"
	is "$out" '' "$3: nothing is printed"
	like "$err" "^lichen-scope: .*$2" "$3: says so"
	is "$(printf '%s\n' "$err" | wc -l)" 1 "$3: in one line"
}

start="start --unit x.scope --slice lichen.slice --description test --pid $$"
base="StartTransientUnit x.scope fail Description=test Slice=lichen.slice PIDs=[$$] Delegate=true"
more='CollectMode=inactive-or-failed TimeoutStopUSec=10000000'

# ---- start

# shellcheck disable=SC2086 # words
{
	with -- $start
	is "$status" 0 'start: works'
	is "$out" /user.slice/lichen.slice/x.scope 'start: prints the cgroup and nothing else'
	is "$err" '' 'start: is silent'
	is "$(head -n 1 "$T/asked")" "$base $more OOMPolicy=continue" 'start: the properties'
	like "$asked" '^Get .*/unit/x_2escope org.freedesktop.systemd1.Scope ControlGroup$' 'start: asks the unit for its cgroup'
	unlike "$asked" '^bus' 'the private socket is no bus'
	unlike "$asked" 'would start' 'nothing is started for it'

	with early -- $start
	is "$status $out" '0 /user.slice/lichen.slice/x.scope' 'start: a job that has ended before it is answered'

	with unknown=OOMPolicy -- $start
	is "$status" 0 'an older systemd: works'
	is "$(grep -c StartTransientUnit "$T/asked")" 2 'an older systemd: is asked again'
	is "$(sed -n 2p "$T/asked")" "$base $more MemoryAccounting=false" 'an older systemd: without what it does not know'
	with unknown=OOMPolicy unknown=TimeoutStopUSec -- $start
	is "$status" 0 'a very old systemd: works'
	is "$(sed -n 3p "$T/asked")" "$base" 'a very old systemd: with what is needed only'
	with unknown=Delegate -- $start
	failed 1 'PropertyReadOnly: Cannot set property Delegate' 'a systemd without Delegate'
	is "$(grep -c StartTransientUnit "$T/asked")" 3 'and it is not asked for ever'

	for result in failed canceled timeout dependency; do
		with job=$result -- $start
		failed 1 "starting x.scope: the systemd of user $me ended the job with '$result'" "job $result"
	done
	with job=never -- $start --timeout 1
	failed 1 'starting x.scope: .* did not finish the job within 1 s .*--timeout' 'a job without end'
	like "$asked" '^Cancel /org/freedesktop/systemd1/job/7$' 'a job without end is cancelled'
	with silent -- $start --timeout 1
	failed 1 'StartTransientUnit of x.scope: .* gave no answer within 1 s' 'no answer'
	with die=call -- $start
	failed 1 'StartTransientUnit of x.scope: the connection to .* ended' 'systemd ends before it answers'
	with die=reply -- $start
	failed 1 'starting x.scope: the connection to .* ended' 'systemd ends before the job'
	with cgroup= -- $start
	failed 1 "starting x.scope: process $$ has ended meanwhile" 'a scope that has gone'

	with error=org.freedesktop.systemd1.UnitExists -- $start
	failed 1 'systemd1.UnitExists: it said so.x0ain two lines .*is there already' 'a unit of that name'
	with error=org.freedesktop.DBus.Error.AccessDenied -- $start
	failed 1 'Error.AccessDenied: .*polkit' 'access denied'
	with error=org.example.Other -- $start
	failed 1 'org.example.Other: it said so' 'an error that we do not know'
}

# ---- the process

gone=$(sh -c 'echo $$')
with job=failed -- start --unit x.scope --slice lichen.slice --description test --pid "$gone"
failed 1 "the job with 'failed' .process $gone has ended" 'a process that has ended'
with -- start --unit x.scope --slice lichen.slice --description test --pid "$gone"
failed 1 "starting x.scope: process $gone has ended meanwhile" 'a process that ends meanwhile'
like "$asked" '^StopUnit x.scope' 'and its scope is not left'
# shellcheck disable=SC2016 # for the inner shell
sh -c 'true & echo $! >"$1/zombie"; exec tail -f /dev/null' sh "$T" &
parent=$!
at_exit 'kill "$parent" 2>/dev/null'
wait_for 'grep -qs "^State:.Z" "/proc/$(cat "$T/zombie" 2>/dev/null)/status"'
zombie=$(cat "$T/zombie")
with -- start --unit x.scope --slice lichen.slice --description test --pid "$zombie"
failed 1 "process $zombie has ended meanwhile" 'a process that is a zombie'
kill "$parent"
wait "$parent" 2>/dev/null
other=$(find /proc -mindepth 1 -maxdepth 1 -name '[0-9]*' -uid 0 2>/dev/null | sort -V | head -n 1 | cut -d/ -f3)
if [ "$me" -ne 0 ] && [ -n "$other" ]; then
	with job=failed -- start --unit x.scope --slice lichen.slice --description test --pid "$other"
	failed 1 "process $other belongs to user 0, not to $me" 'a process of root'
	with error=org.freedesktop.DBus.Error.AccessDenied -- attach --unit x.scope --subgroup /box --pid "$other"
	failed 1 "AccessDenied: .*process $other belongs to user 0" 'a process of root to be moved'
elif [ "$me" -ne 0 ]; then
	# a pid namespace whose first process is the user's
	skip no-process-of-root 'a process of another user'
else
	skip is-root 'a process of another user'
fi

# ---- names: nobody is asked

# wrong_words REGEX ARGS...
wrong_words() {
	regex=$1
	shift
	run_as_is "$scope" "$@"
	failed 1 "$regex" "$(printf '%.60s' "$*" | tr '\n' ' ')"
}
wrong_words "'' is not start" ''
wrong_words "'begin' is not start" begin
wrong_words 'start needs --slice' start --unit x.scope
wrong_words 'show takes no --pid' show --unit x.scope --pid 1
wrong_words 'stop needs --unit' stop
wrong_words "'y' is one word too many" show --unit x.scope y
wrong_words "'--nonsense': unknown" show --unit x.scope --nonsense
wrong_words "'--unit': unknown, or its value" show --unit
wrong_words "'x.service' is not like 'NAME.scope'" show --unit x.service
wrong_words 'letters, digits' show --unit ../x.scope
wrong_words 'letters, digits' show --unit 'x
y.scope'
wrong_words 'a name of 306 bytes' show --unit "$(printf '%0300d' 0).scope"
wrong_words "'x' is not like 'NAME.slice'" start --unit x.scope --slice x
wrong_words 'without .* and' attach --unit x.scope --subgroup /a/../b --pid 1
for pid in 0 -1 1x 4294967297 ''; do
	wrong_words "--pid: '$pid' is no number" attach --unit x.scope --subgroup /a --pid "$pid"
done
wrong_words "--timeout: '0' is no number" show --unit x.scope --timeout 0
run_as_is "$scope" --help
is "$status" 0 '--help'
like "$out" '2 no such unit, 3 no systemd answers' '--help has the exit statuses'

with -- start --unit x.scope --slice lichen.slice --pid $$ --description "$(printf 'a\nb\033[31m\377')"
like "$asked" 'Description=a\\x0ab\\x1b\[31m\\xff Slice' 'a description of control characters'

# ---- attach, stop, show

with -- attach --unit x.scope --subgroup /box/in --pid $$
is "$status" 0 'attach: works'
is "$asked" "AttachProcessesToUnit x.scope /box/in [$$]" 'attach: what is asked'
with error=org.freedesktop.systemd1.NoSuchUnit -- attach --unit x.scope --subgroup /box --pid $$
failed 2 "moving process $$ to /box: .*NoSuchUnit" 'attach: no such unit'
with error=org.freedesktop.DBus.Error.UnknownMethod -- attach --unit x.scope --subgroup /box --pid $$
failed 1 'UnknownMethod.*version 238' 'attach: a systemd that is too old'
with error=org.freedesktop.DBus.Error.FileNotFound -- attach --unit x.scope --subgroup /box --pid $$
failed 1 'FileNotFound: .*has to be made before' 'attach: a subgroup that is not there'
with error=org.freedesktop.DBus.Error.InvalidArgs -- attach --unit x.scope --subgroup /box --pid "$gone"
failed 1 "InvalidArgs.*process $gone has ended" 'attach: a process that has ended'

with -- stop --unit x.scope
is "$status $out" '0 ' 'stop: works'
is "$asked" 'StopUnit x.scope replace' 'stop: what is asked'
with error=org.freedesktop.systemd1.NoSuchUnit -- stop --unit x.scope
is "$status $err" '0 ' 'stop: a unit that is not there'
with job=never -- stop --unit x.scope --timeout 1
failed 1 'stopping x.scope: .* did not finish' 'stop: a job without end'
with job=canceled -- stop --unit x.scope
failed 1 "ended the job with 'canceled'" 'stop: somebody else starts it'

with -- show --unit x.scope
is "$status" 0 'show: works'
is "$out" 'ControlGroup=/user.slice/lichen.slice/x.scope
ActiveState=active' 'show: what it prints'
with error=org.freedesktop.systemd1.NoSuchUnit -- show --unit x.scope
failed 2 'NoSuchUnit' 'show: no such unit'
with cgroup= state=inactive -- show --unit x.scope
failed 2 'it has ended' 'show: a unit that ends meanwhile'

# ---- who answers

run_as_is "$scope" show --unit x.scope
failed 3 "user $me does not answer on $T/run/systemd/private .*, nor on $T/run/bus .*loginctl enable-linger" 'nobody'
: >"$T/run/systemd/private"
run_as_is "$scope" show --unit x.scope
failed 3 "$T/run/systemd/private .Connection refused" 'a file that is no socket'
rm "$T/run/systemd/private"
with garbage -- show --unit x.scope
failed 3 "does not speak D-Bus" 'somebody who speaks something else'
unlike "$err" enable-linger 'somebody who speaks something else: a session is not what is missing'
with mute -- show --unit x.scope --timeout 1
failed 3 'no answer within 1 s' 'somebody who is silent'
unlike "$err" 'nor on' 'somebody who is silent: the time is over, nobody else is asked'

# the machine's own: there or not, it has no such unit
run_as_is "$scope" show --system --unit "lichen-$mark.scope"
like "$status" '^[23]$' '--system: no such unit, or nobody'
like "$err" "the system's systemd" '--system: it is the system that was asked'

# As root of a namespace of its own: numbers of processes would mean others out here.
if have userns; then
	real=$scope
	cat >"$T/inside" <<-END
		#!/bin/sh
		exec unshare --user --map-root-user --pid --fork "$real" "\$@"
	END
	chmod 0755 "$T/inside"
	scope=$T/inside
	with -- show --unit x.scope
	failed 3 'in another pid namespace' 'a systemd that counts processes in another way'
	scope=$real
else
	skip "$tap_why" 'a systemd that counts processes in another way'
fi
if have root; then
	real=$fake
	mkdir "$T/other"
	chown 65534 "$T/other"
	cp "$fake" "$T/fake-systemd"
	cat >"$T/as-other" <<-END
		#!/bin/sh
		shift
		exec setpriv --reuid 65534 --clear-groups "$T/fake-systemd" "$T/other/socket" "\$@"
	END
	chmod 0755 "$T/as-other" "$T/fake-systemd"
	ln -s "$T/other/socket" "$T/run/systemd/private"
	fake=$T/as-other
	with -- show --unit x.scope
	failed 3 'it belongs to user 65534' 'a systemd of somebody else'
	fake=$real
else
	skip not-root 'a systemd of somebody else'
fi

chmod 0750 "$T/run"
with -- show --unit x.scope
failed 3 "/run/user/$me/systemd/private" 'a runtime directory that is open to others is not used'
is "$asked" '' 'and nobody in it is asked'
chmod 0700 "$T/run"

socket=bus
with -- show --unit x.scope
is "$status" 0 'by the bus where there is no private socket'
like "$asked" '^bus Hello$' 'and it is spoken to as a bus'
# shellcheck disable=SC2086 # words
with -- $start
is "$status" 0 'start by a bus'
like "$asked" '^bus AddMatch$' 'start by a bus: subscribes there'
with error=org.freedesktop.DBus.Error.ServiceUnknown -- show --unit x.scope
failed 3 'no systemd on it' 'a bus without a systemd'
with error=org.freedesktop.DBus.Error.NameHasNoOwner -- stop --unit x.scope
failed 3 'no systemd on it' 'a bus without a systemd, to stop'

socket=elsewhere
DBUS_SESSION_BUS_ADDRESS=unix:path=$T/run/elsewhere
with -- show --unit x.scope
is "$status" 0 'by DBUS_SESSION_BUS_ADDRESS'
socket=bus
DBUS_SESSION_BUS_ADDRESS=unixexec:path=/bin/touch,argv1=$T/executed
with -- show --unit x.scope
is "$status" 0 'an address that is a program is not used'
ok '[ ! -e "$T/executed" ]' 'and not executed'

done_testing
