#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# --ulimit, --umask, --oom-score-adj, --personality and --shm-size are in force, or refused before the start.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox cmd:prlimit
root=$T/root
busybox_root "$root"

# ---- --ulimit ----

run_lichen run --ulimit nofile=64:128 --ulimit core=0 "$root" sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc'
is "$out" '64
128
0
0' '--ulimit: soft and hard, or both at once'
run_lichen run --init --ulimit nofile=64:128 "$root" sh -c 'ulimit -Sn; ulimit -Hn'
is "$out" '64
128' 'below init, too'
run_lichen run --ulimit RLIMIT_NOFILE=64 --ulimit nofile=32 "$root" sh -c 'ulimit -Sn; ulimit -Hn'
is "$out" '32
32' 'the last one of a type counts; the long names are taken'
run_lichen run --ulimit nofile=3 "$root" echo works
is "$out" works 'a limit as low as can be does not hit the start itself'
run_lichen run --init --ulimit nofile=3 --ulimit nproc=2 "$root" echo works
is "$out" works 'below init, too'
wrong_option 'no process for the command' 'nproc' -- --init --ulimit nproc=1
hard=$(prlimit --cpu --noheadings -o HARD | tr -d " ")
if [ "$hard" = unlimited ]; then
	run_lichen run --ulimit cpu=unlimited "$root" sh -c 'ulimit -Ht'
	is "$out" unlimited 'unlimited'
	run_lichen run --ulimit cpu=100:-1 "$root" sh -c 'ulimit -St; ulimit -Ht'
	is "$out" '100
unlimited' '-1'
else
	wrong_option 'unlimited, where the caller is limited' 'RLIMIT_CPU' "$hard" -- --ulimit cpu=unlimited
fi
run_lichen run --ulimit fsize=4096 "$root" sh -c 'trap "" XFSZ; head -c 100000 /dev/zero >/tmp/x 2>/dev/null || echo "too large"'
is "$out" 'too large' 'the kernel keeps to it'
run_lichen run --ulimit host "$root" true
is "$status" 0 "podman's word host is what is done anyway"
run_as_is prlimit --nofile=500:500 "$LICHEN" run --ulimit nofile=400:501 "$root" echo started
is "$status" 125 "above the caller's hard limit: 125"
like "$err" 'RLIMIT_NOFILE.*501.*500' 'both numbers are named'
like "$err" 'hint: .*hard limit' 'and who could change that'
is "$out" '' 'nothing is started'
wrong_option 'a type with a slip' "'nofle'" 'nofile=64' -- --ulimit nofle=64
wrong_option 'no value' 'TYPE=SOFT' -- --ulimit nofile
wrong_option 'a unit' 'TYPE=SOFT' 'units' -- --ulimit nofile=1k
wrong_option 'three values' 'TYPE=SOFT' -- --ulimit nofile=1:2:3
wrong_option 'soft above hard' 'above' -- --ulimit nofile=5:4

# ---- --umask ----

run_lichen run --umask 077 "$root" sh -c 'umask; touch /tmp/x; stat -c %a /tmp/x'
is "$out" '0077
600' '--umask'
old_umask=$(umask)
umask 027
run_lichen run host sh -c umask
is "$out" 0027 "host: the caller's by default"
run_lichen run --umask 022 host sh -c umask
is "$out" 0022 'or another'
umask "$old_umask"
run_lichen run --init --umask 0 "$root" sh -c umask
is "$out" 0000 '0, below init'
run_lichen run --umask 077 -w /new/dir "$root" stat -c %a /new /etc/hosts /etc/resolv.conf
is "$out" '755
644
644' 'what lichen makes itself is as ever'
wrong_option 'no octal number' '--umask 088' 'octal' -- --umask 088
wrong_option 'too large a mask' '--umask 1777' '777' -- --umask 1777
wrong_option 'a word as mask' 'u=rwx' 'octal' -- --umask u=rwx

# ---- --oom-score-adj ----

own=$(cat /proc/self/oom_score_adj)
run_lichen run --oom-score-adj 900 "$root" cat /proc/self/oom_score_adj
is "$out" 900 '--oom-score-adj'
run_lichen run --init --oom-score-adj 900 "$root" cat /proc/1/oom_score_adj /proc/2/oom_score_adj
is "$out" '900
900' 'below init: both'
is "$(cat /proc/self/oom_score_adj)" "$own" "the caller's own stays"
if (echo -900 >/proc/self/oom_score_adj) 2>/dev/null; then
	run_lichen run --oom-score-adj -900 "$root" cat /proc/self/oom_score_adj
	is "$out" -900 'lower, where the caller may'
else
	wrong_option 'lower than the own' '--oom-score-adj -900' "$own" 'EACCES|EPERM' 'CAP_SYS_RESOURCE' -- --oom-score-adj -900
fi
wrong_option 'out of range' '--oom-score-adj 1001' '-1000 to 1000' -- --oom-score-adj 1001
wrong_option 'no number' '--oom-score-adj high' '-1000 to 1000' -- --oom-score-adj high

# ---- --personality ----

run_lichen run --personality addr-no-randomize "$root" cat /proc/self/personality
is "$out" 00040000 '--personality: a flag'
run_lichen run --init --personality linux32,addr-no-randomize "$root" sh -c 'cat /proc/self/personality'
is "$out" 00040008 'a domain and a flag, below init'
run_lichen run --personality linux32 --personality=--uname-2.6 "$root" uname -r
like "$out" '^2\.6\.' 'several times, also as setarch has its options'
case $(uname -m) in
x86_64)
	run_lichen run --personality linux32 "$root" uname -m
	is "$out" i686 'linux32 is what uname says' ;;
esac
run_lichen run --personality LINUX32 "$root" cat /proc/self/personality
is "$out" 00000008 "podman's LINUX32"
run_lichen run --personality=LINUX "$root" cat /proc/self/personality
is "$out" 00000000 "and its LINUX"
wrong_option 'a word with a slip' 'linux23' 'linux32' -- --personality linux23
wrong_option 'another one' 'addr-no-randomise' 'addr-no-randomize' -- --personality linux32,addr-no-randomise

# ---- --shm-size ----

run_lichen run --shm-size 1m "$root" sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"; grep " /dev/shm " /proc/self/mountinfo'
like "$out" '^1024$' '--shm-size'
like "$out" 'nosuid,nodev,noexec' 'as safe as the default'
run_lichen run --shm-size 65536k "$root" sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"'
is "$out" 65536 'in other units'
run_lichen run --read-only --shm-size 2M "$root" sh -c 'head -c 1000000 /dev/zero >/dev/shm/x && echo fits; head -c 3000000 /dev/zero >/dev/shm/x || echo full'
is "$out" 'fits
full' 'with a read-only root'
run_lichen run --shm-size 1.5m "$root" sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"'
is "$out" 1536 '--shm-size with a fraction'
wrong_option 'no size' '--shm-size big' '64m' -- --shm-size big
wrong_option 'zero' '--shm-size 0' '64m' -- --shm-size 0
wrong_option 'two mounts there' '/dev/shm' -- --shm-size 1m --tmpfs /dev/shm

# ---- it is in the description, too, and nothing of it in a dry run ----

run_lichen run --dry-run --umask 077 --oom-score-adj 900 --personality linux32 --ulimit nofile=64 "$root" true
for word in 'umask +077' 'oom-score +900' 'personality +linux32' 'rlimits'; do
	like "$out" "$word" "--dry-run names $word"
done
run_lichen run --dry-run --ulimit nofile=9999999999 "$root" true
is "$status" 125 '--dry-run refuses what cannot be'

done_testing
