# SPDX-License-Identifier: MIT
#
# What the guest tests of hadald share: sourced from the root of the tree. Tests
# are functions; lines of $told are what hadald shipped, by tests/collector/receiver.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

module=build/kmod/$(uname -r)/hadal.ko
work=$(mktemp -d)
told=$work/told
port=4318
passed=0 failed=0

run_test() { # function
	bad=0
	"$1"
	if [ $bad -eq 0 ]; then
		passed=$((passed + 1)); echo "ok $1"
	else
		failed=$((failed + 1)); echo "not ok $1"
	fi
}

wrong() { # what
	echo "    $*"
	bad=1
}

patience=600		# s; nothing takes so long on a machine that is busy: what has not come by then does not

never() { # what
	wrong "never came true: $*"
	tail -n 3 "$work/log"
	return 1
}

until_true() { # command...
	local end=$((SECONDS + patience))
	while [ $SECONDS -lt $end ]; do "$@" && return 0; sleep 0.1; done
	never "$*"
}

# Whether something that was told lately has all of it.
is_told() { # jq's condition
	[ -s "$told" ] && tail -n 2000 "$told" | jq -se "any(.[]; $1)" >/dev/null
}

# Until something has all of it, of what was told lately or is told from now on: of which nothing is passed over,
# however long it takes to look.
until_told() { # jq's condition
	jq -n "(inputs | select(($1)?) | halt), (\"\" | halt_error)" >/dev/null \
		< <(exec timeout $patience tail -n 2000 -f --pid=$$ "$told" 2>/dev/null) || never "told: $1"
}

# What each series with that was told last, summed up.
told_sum() { # jq's condition
	jq -s "[.[] | select($1)] | group_by([.service, .name, .attributes]) | map(last.value) | add // 0" "$told"
}

is_told_all() { # number condition
	[ "$(told_sum "$2")" = "$1" ]
}

# A program in a network namespace and a cgroup, in place of this shell.
run_in() { # namespace cgroup command...
	local namespace=$1 cgroup=/sys/fs/cgroup/$2
	shift 2
	mkdir -p "$cgroup"
	exec nsenter --net="/run/netns/$namespace" bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cgroup" "$@"
}

# A namespace NAME with NETWORK.2, behind NETWORK.1 of this host, which forwards.
network() { # name network
	ip netns add "$1"
	ip link add "to-$1" type veth peer name uplink netns "$1"
	ip address add "$2.1/24" dev "to-$1"
	ip link set "to-$1" up
	ip -n "$1" address add "$2.2/24" dev uplink
	ip -n "$1" link set uplink up
	ip -n "$1" link set lo up
	ip -n "$1" route add default via "$2.1"
	sysctl -qw net.ipv4.ip_forward=1
}

intervals() { grep -cF '"name": "hadal.module.state"' "$told"; }

has_told_intervals() { # how many
	[ "$(intervals)" -ge "$1" ]
}

# Until an interval that begins now, or later, is told.
pass_interval() { until_true has_told_intervals $(($(intervals) + 2)); }

start_hadald() { # command before...
	"$@" build/user/hadald --config "$work/hadald.conf" 2>"$work/log" & hadald=$!
	until_told '.name == "hadal.module.state"'
}

# Its last interval tells all, also what waited for names.
end_hadald() {
	kill $hadald
	wait $hadald || { wrong "hadald ended with $?"; cat "$work/log"; }
}

stop_hadald() {
	end_hadald
	: >"$told"
}

begin() {
	insmod "$module" || { echo "0 passed, 1 failed"; exit 1; }
	: >"$told"
	tests/collector/receiver $port "$told" & receiver=$!
}

finish() {
	kill $receiver "$@"
	rmmod hadal || failed=$((failed + 1))
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ]
}
