#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# lichen exec -t gives the command a terminal of its own, and the caller's is as before afterwards.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/terminal.sh"

need userns busybox expect
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
name=tty-exec-$$
export name
start --name "$name" "$root" sh -c 'echo ready; exec sleep 300'
first=$pid
export first

expects <<'END'
set stty_init "rows 31 columns 97"
begin exec -it $env(name) sh -c {test -t 0 && test -t 1 && test -t 2 && echo all-terminals; tty; echo TERM=$TERM; stty size; until [ "$(stty size)" = "17 53" ]; do :; done; echo size-followed; exit 4}
want {31 97}
stty rows 17 columns 53 < $spawn_out(slave,name)
want {size-followed}
want {status=4\.}
finish
END
is "$status" 0 'the window size is there from the start, and follows' || diag "$out"
like "$out" 'all-terminals' 'standard streams are terminals'
like "$out" '^/dev/pts/[0-9]+$' "of the sandbox's own devpts"
like "$out" '^TERM=.' 'TERM is there'
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) sh
want {[#$] }
send "echo sum=\$((40+2))\r"
want {sum=42}
send "exit 9\r"
want {status=9\.}
finish
END
is "$status" 0 'a shell can be talked to' || diag "$out"
unlike "$out" "job control|can't access tty" 'with job control'
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) sh -c {trap : INT; sh -c 'echo ready; exec tail -f /dev/null'; echo sleep=$?}
want {ready}
send "\003"
want {sleep=130}
want {status=0\.}
finish
END
is "$status" 0 "Ctrl-C goes to the command's terminal" || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) sh
want {[#$] }
send "sh -c 'echo rea''dy; read x'\r"
want {ready}
send "\032"
want {Stopped}
send "jobs | wc -l | sed s/^/jobs=/\r"
want {jobs=1}
want {[#$] }
send "fg >/dev/null; exit 6\r"
want {exit 6}
send "\r\r"
want {status=6\.}
finish
END
is "$status" 0 'Ctrl-Z stops a job of the shell inside, not lichen' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) sh -c {stty raw -echo; echo pid=$$.; exec sleep 300}
expect -re {pid=(\d+)\.} {} timeout { exit 3 }
exec $env(LICHEN) exec $env(name) kill -KILL $expect_out(1,string)
want {status=137\.}
finish
END
is "$status" 0 'a command that is killed with its terminal raw' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) sh -c {echo ready; exec sleep 300}
want {ready}
exec sh -c "kill -TERM [lichen_pid]"
want {status=143\.}
finish
END
is "$status" 0 'SIGTERM of lichen exec' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) no-such-command
want {status=127\.}
finish
END
is "$status" 0 'a command that is not found' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin exec -it $env(name) cat
send "one line\r"
want {one line.*one line}
send "\004"
want {status=0\.}
finish
END
is "$status" 0 'Ctrl-D ends the input' || diag "$out"

expects <<'END'
proc mode {} { global spawn_out; return [exec stty -a < $spawn_out(slave,name)] }
begin exec -it $env(name) sh -c {echo ready; read x; exit 6}
want {ready}
set p [lichen_pid]
exec sh -c "kill -STOP $p"
exec stty sane < $spawn_out(slave,name)
exec sh -c "kill -CONT $p"
for {set i 0} {$i < 200 && [string first " -icanon" [mode]] < 0} {incr i} { after 50 }
if {$i == 200} { puts "not raw again"; exit 5 }
send "\r"
want {status=6\.}
finish
END
is "$status" 0 'after a SIGSTOP and SIGCONT the terminal is raw again' || diag "$out"
restored 'the terminal is as before'

run_lichen exec -it "$name" true
is "$status" 125 '-it without a terminal: 125'
like "$err" 'terminal' 'and that is said'

expects <<'END'
begin exec -it $env(name) sh -c {stty raw -echo; echo ready; exec sleep 300}
want {ready}
exec kill -TERM $env(first)
want {status=137\.}
finish
END
is "$status" 0 'the sandbox ends under it' || diag "$out"
restored 'the terminal is as before'
finish
done_testing
