#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# --cow: everything of `host` can be written inside, and nothing of it is written outside.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns fuse cmd:make
before=$(cat /etc/hosts; ls -la --time-style=full-iso /usr/local/bin /etc/hosts)
mkdir "$T/src"
cat >"$T/src/Makefile" <<'END'
install:
	install -d $(DESTDIR)/usr/local/bin $(DESTDIR)/usr/local/share/lichen-test
	printf '#!/bin/sh\necho installed\n' >/usr/local/bin/lichen-test-tool
	chmod 0755 /usr/local/bin/lichen-test-tool
END
# shellcheck disable=SC2016 # for the inner shell
run_lichen run --cow -v "$T/src:/src" -w /src host sh -c '
	make install >/dev/null && lichen-test-tool
	echo "192.0.2.1 changed" >>/etc/hosts && tail -n 1 /etc/hosts
	rm /etc/passwd && [ ! -e /etc/passwd ] && echo removed
	mv /usr/share/common-licenses /usr/share/moved 2>/dev/null || mkdir /usr/share/moved; ls -d /usr/share/moved
	: >/at-the-top && echo top; id -u'
is "$status" 0 'make install works inside'
like "$out" '^installed$' 'what it installed runs'
like "$out" '^192.0.2.1 changed$' 'a file of root is overwritten'
like "$out" '^removed$' 'one is removed'
like "$out" '^/usr/share/moved$' 'a directory is moved'
like "$out" '^top$' 'and made at the top'
after=$(cat /etc/hosts; ls -la --time-style=full-iso /usr/local/bin /etc/hosts)
is "$after" "$before" 'the machine is untouched'
ok '[ ! -e /usr/local/bin/lichen-test-tool ] && [ -e /etc/passwd ] && [ ! -e /at-the-top ] && [ ! -e /usr/share/moved ]' 'all of it'
run_lichen run --cow host sh -c 'command -v lichen-test-tool || echo gone; ls -A /root 2>/dev/null | wc -l; cat /etc/shadow 2>&1'
like "$out" '^gone$' 'the next run begins anew'
like "$out" '^0$' 'homes are not there'
unlike "$out" '^root:' 'and secrets are not to be read'
run_lichen run --cow -u 0 host sh -c 'id -u; touch /usr/x && stat -c %u /usr/x /usr/bin/env'
is "$out" '0
0
0' '-u 0: all belongs to root inside'

# ---- kept ----

run_lichen run --cow --overlay-keep "$T/keep" host sh -c 'echo kept >/usr/local/kept; rm /etc/issue 2>/dev/null; true'
is "$status" 0 'a layer is kept'
is "$(cat "$T/keep/upper/usr/local/kept")" kept 'where the user says'
run_lichen run --cow --overlay-keep "$T/keep" host sh -c 'cat /usr/local/kept; ls /etc/issue 2>&1'
like "$out" '^kept$' 'and the next run goes on from it'
like "$out" 'No such file' 'with what was removed'

# ---- wrong ----

busybox=$T/root
mkdir "$busybox"
run_lichen run --cow "$busybox" true
is "$status" 125 '--cow is for host'
like "$err" 'writable layer by itself' 'as the error says'
run_lichen run --cow --read-only host true
is "$status" 125 'and not with --read-only'
run_lichen run --cow --overlay=kernel host true
is "$status" 125 'nor with another way'
run_lichen run --overlay-keep "$T/keep" host true
is "$status" 125 '--overlay-keep without a layer'
like "$err" '[-][-]cow' 'says what is missing'
done_testing
