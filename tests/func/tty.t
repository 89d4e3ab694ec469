#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# -t gives the command a terminal of its own, and the caller's is as before afterwards.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/terminal.sh"

need userns busybox expect
root=$T/root
busybox_root "$root"
export root

expects <<'END'
begin run -it $env(root) sh -c {test -t 0 && test -t 1 && test -t 2 && echo all-terminals; readlink /proc/self/fd/0; tty; echo TERM=$TERM; ls /dev/pts; ls -l /dev/console; exit 4}
want {status=\d+\.}
finish
END
is "$status" 0 'the session came to its end' || diag "$out"
like "$out" 'all-terminals' 'standard streams are terminals'
like "$out" '^/dev/(pts/0|console)$' "of the sandbox's own devpts"
like "$out" '^TERM=.' 'TERM is passed on'
like "$out" 'status=4\.' "the command's status comes back"
restored 'the terminal is as before'

expects <<'END'
begin run -it $env(root) sh
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
set stty_init "rows 31 columns 97"
begin run -it $env(root) sh -c {stty size; until [ "$(stty size)" = "17 53" ]; do :; done; echo size-followed}
want {31 97}
stty rows 17 columns 53 < $spawn_out(slave,name)
want {size-followed}
want {status=0\.}
finish
END
is "$status" 0 'the window size is there from the start, and follows' || diag "$out"

expects <<'END'
begin run -it $env(root) sh -c {trap : INT; sh -c 'echo ready; exec tail -f /dev/null'; echo sleep=$?}
want {ready}
send "\003"
want {sleep=130}
want {status=0\.}
finish
END
is "$status" 0 "Ctrl-C goes to the command's terminal" || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin run -it $env(root) sh -c {echo ready; exec sleep 300}
want {ready}
exec sh -c "kill -TERM [lichen_pid]"
want {status=143\.}
finish
END
is "$status" 0 'SIGTERM of lichen' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin run -it $env(root) sh -c {echo ready; stty raw -echo; echo raw; read x; exit 3}
want {ready}
want {raw}
send "\r"
send "\n"
want {status=3\.}
finish
END
is "$status" 0 'a command that leaves its own terminal raw' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
begin run -it $env(root) no-such-command
want {status=127\.}
finish
END
is "$status" 0 'a command that is not found' || diag "$out"
like "$out" 'no-such-command' 'is named'
restored 'the terminal is as before'

expects <<'END'
begin run -it $env(root) cat
want {\n|}
send "one line\r"
want {one line.*one line}
send "\004"
want {status=0\.}
finish
END
is "$status" 0 'Ctrl-D ends the input' || diag "$out"

expects <<'END'
begin run -it $env(root) sh -c {echo ready; exec </dev/null >/dev/null 2>&1; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec >/dev/console; echo back-again; read x </dev/console; echo got=$x.}
want {ready}
want {back-again}
send "typed\r"
want {got=typed\.}
want {status=0\.}
finish
END
is "$status" 0 'a terminal that nobody had open for a while works on' || diag "$out"
restored 'the terminal is as before'

expects <<'END'
proc mode {} { global spawn_out; return [exec stty -a < $spawn_out(slave,name)] }
begin run -it $env(root) sh -c {echo ready; read x; exit 6}
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

run_lichen run -t -v "$T:/dev/pts" "$root" true
is "$status" 125 '-t with a volume on /dev/pts: 125'
like "$err" "own /dev/pts" 'and says why'

run_lichen run -it "$root" true
is "$status" 125 '-it without a terminal: 125'
like "$err" 'terminal' 'and that is said'
run_lichen run "$root" sh -c 'test -t 0 || test -t 1; echo $?; cat </dev/tty'
like "$out" '^1$' 'without -t there is none'
isnt "$status" 0 'nor a controlling one'

done_testing
