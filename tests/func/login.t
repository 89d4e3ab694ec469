#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lichen login keeps what the registry takes, where podman and docker look for it; pull and push use it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum cmd:docker-registry expect
XDG_RUNTIME_DIR=$T/run
export XDG_RUNTIME_DIR
mkdir -m 0700 "$XDG_RUNTIME_DIR"
file=$XDG_RUNTIME_DIR/containers/auth.json
unset REGISTRY_AUTH_FILE DOCKER_CONFIG
start_registry auth
printf 'secret\n' >"$T/secret"
printf 'wrong\n' >"$T/wrong"
busybox_image "$T/i.tar" busybox:1
run_lichen load -q "$T/i.tar"
run_lichen push -q busybox:1 "$registry/box" 2>/dev/null
run_lichen push busybox:1 "$registry/box"
is "$status" 125 'without a login the registry says no'

LICHEN_STDIN=$T/wrong run_lichen login -u me --password-stdin "$registry"
is "$status:$out" 125: 'a wrong password is not kept'
ok '[ ! -e "$file" ]' 'and no file is made'
LICHEN_STDIN=$T/secret run_lichen login -u me --password-stdin "$registry"
is "$status:$out" '0:Login Succeeded!' 'login'
like "$err" 'speaks plain HTTP' 'a password that goes by plain HTTP, on loopback only, is warned of'
is "$(stat -c %a "$file")" 600 'the file is ours alone'
run_lichen login --get-login "$registry"
is "$out" me '--get-login'
run_lichen __complete registries
is "$out" "$registry" 'completion knows it'
run_lichen push busybox:1 "$registry/box"
is "$status" 0 'push uses it'
run_lichen logout "$registry"
is "$status:$out" "0:Removed login credentials for $registry" 'logout'
run_lichen logout "$registry"
is "$status:$out" "0:Not logged in to $registry" 'there is nothing more to take away'
run_lichen login --get-login "$registry"
is "$status" 125 '--get-login without a login'
run_lichen pull -q "$registry/box"
is "$status" 125 'and pull is refused'
run_lichen pull -q --creds me:secret "$registry/box"
is "$status:$out" "0:$image_id" '--creds'
conf=${XDG_CONFIG_HOME:-$HOME/.config}/lichen
mkdir -p "$conf"
echo "mirror private.invalid = $registry" >"$conf/images.conf"
run_lichen pull -q --creds me:secret private.invalid/box
is "$status" 125 '--creds are not for a mirror'
like "$err" 'lichen login localhost' 'which has to be logged in to'
rm "$conf/images.conf"
run_lichen login -u me -p secret "$registry"
like "$err" 'other users of this machine can see' '-p is warned of'
run_lichen logout --all
is "$out" 'Removed login credentials for all registries' 'logout --all'

# ---- by a helper ----

mkdir "$T/bin" "$HOME/.docker"
cat >"$T/bin/docker-credential-fake" <<-'END'
	#!/bin/sh
	read -r server || :
	case $1 in
	get) printf '{"ServerURL":"%s","Username":"me","Secret":"secret"}' "$server" ;;
	esac
END
chmod +x "$T/bin/docker-credential-fake"
printf '{"credHelpers":{"%s":"fake"}}' "$registry" >"$HOME/.docker/config.json"
PATH=$T/bin:$PATH run_lichen pull -q "$registry/box"
is "$status:$out" "0:$image_id" 'a credential helper of docker is asked'
run_lichen pull -q "$registry/box"
like "$err" 'docker-credential-fake is not in \$PATH' 'one that is not there is named'
rm "$HOME/.docker/config.json"

# what login gives it, it keeps: a file below $T/kept
cat >"$T/bin/docker-credential-keeps" <<-END
	#!/bin/sh
	kept=$T/kept
	END
cat >>"$T/bin/docker-credential-keeps" <<-'END'
	case $1 in
	store) cat >"$kept" ;;
	get) [ -s "$kept" ] && cat "$kept" || { echo 'credentials not found in native keychain'; exit 1; } ;;
	erase) rm -f "$kept" ;;
	esac
END
chmod +x "$T/bin/docker-credential-keeps"
for how in '"credsStore":"keeps"' "\"credHelpers\":{\"$registry\":\"keeps\"}"; do
	printf '{%s,"auths":{"%s":{"auth":"bWU6b2xk"}}}' "$how" "$registry" >"$file"
	PATH=$T/bin:$PATH LICHEN_STDIN=$T/secret run_lichen login -u me --password-stdin "$registry"
	is "$status:$out" '0:Login Succeeded!' "login: $how"
	is "$(cat "$T/kept")" "{\"ServerURL\":\"$registry\",\"Username\":\"me\",\"Secret\":\"secret\"}" 'the helper has it, by docker'"'"'s protocol'
	unlike "$(cat "$file")" 'bWU6' 'and the file has not, nor what it had before'
	PATH=$T/bin:$PATH run_lichen pull -q "$registry/box"
	is "$status:$out" "0:$image_id" 'pull asks the helper'
	PATH=$T/bin:$PATH run_lichen logout "$registry"
	is "$status:$out" "0:Removed login credentials for $registry" 'logout'
	ok '[ ! -e "$T/kept" ]' 'takes it out of the helper'
	PATH=$T/bin:$PATH run_lichen logout "$registry"
	is "$status:$out" "0:Not logged in to $registry" 'and then there is nothing more'
done
printf '{"credsStore":"nosuch"}' >"$file"
LICHEN_STDIN=$T/secret run_lichen login -u me --password-stdin "$registry"
is "$status" 125 'a helper that is not there: nothing is kept elsewhere'
like "$err" 'docker-credential-nosuch is not in .PATH' 'and it is named'
unlike "$(cat "$file")" 'auths' 'not in the file'
rm "$file"

# ---- on a terminal ----

cat >"$T/asked.exp" <<-END
	log_user 1
	spawn $LICHEN login $registry
	expect "Username: " { send "me\r" }
	expect "Password: " { send "secret\r" }
	expect eof
	lassign [wait] pid id os status
	puts "status \$status"
END
run_as_is expect "$T/asked.exp"
like "$out" 'Login Succeeded!' 'name and password are asked for'
like "$out" 'status 0' 'on the terminal'
unlike "$out" secret 'and the password is not shown'

wrong 'a registry that is none' "'Not/One' is not a registry" -- login Not/One
wrong 'no name' 'needs a name: -u USER' -- login --password-stdin "$registry"
stop_registry
done_testing
