#!/usr/bin/env bash
# The dashboard's browser tests against the real binary: a demo server with two days of history in a
# directory of its own, which ends with this script. E2E_FULL=1 runs every test on every screen;
# EVENKEEL_BINARY names a binary to test instead of the one that is built here.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${EVENKEEL_BINARY:-}" ]; then
    # The binary that is tested has the dashboard in it, never its placeholder.
    REQUIRE_UI=1 cargo build --quiet --bin evenkeel
    EVENKEEL_BINARY="${CARGO_TARGET_DIR:-target}/debug/evenkeel"
fi
dir="$(mktemp -d)"
log="$dir/demo.log"
server='' tests=''

# Asks to end, waits for ten seconds, then insists.
end() {
    local pid=$1 tries=40
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do
        [ $((tries -= 1)) -gt 0 ] || { kill -KILL "$pid" 2>/dev/null; break; }
        sleep 0.25
    done
    wait "$pid" 2>/dev/null || true
}
finish() {
    local outcome=$?
    trap - EXIT INT TERM
    end "$tests"
    end "$server"
    [ "$outcome" -eq 0 ] || { echo "--- the server said:"; tail -n 60 "$log"; }
    rm -rf "$dir"
    exit "$outcome"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$EVENKEEL_BINARY" demo --data-dir "$dir/data" --history-days 2 >"$log" 2>&1 &
server=$!

# Looks every quarter of a second, for two minutes at most.
wait_for() {
    local what=$1 tries=480
    shift
    until "$@"; do
        kill -0 "$server" 2>/dev/null || { echo "browser: the server ended before $what" >&2; exit 1; }
        [ $((tries -= 1)) -gt 0 ] || { echo "browser: not within two minutes: $what" >&2; exit 1; }
        sleep 0.25
    done
}
has_printed_its_address() { grep -q 'export EVENKEEL_URL=' "$log"; }
is_ready() { curl --silent --fail --max-time 10 --output /dev/null "$EVENKEEL_URL/readyz"; }
# Every objective has numbers: the history is in and measured.
has_history() {
    curl --silent --fail --max-time 10 --header "Authorization: Bearer $EVENKEEL_TOKEN" "$EVENKEEL_URL/api/slos" |
        node -e 'const { slos } = JSON.parse(require("fs").readFileSync(0)); process.exit(slos.length > 0 && slos.every((slo) => slo.sli !== null) ? 0 : 1)' 2>/dev/null
}

wait_for "it printed its address" has_printed_its_address
EVENKEEL_URL="$(sed -n 's/.*EVENKEEL_URL=\([^[:space:]]*\).*/\1/p' "$log" | head -n 1)"
EVENKEEL_TOKEN="$(sed -n 's/.*EVENKEEL_TOKEN=\([^[:space:]]*\).*/\1/p' "$log" | head -n 1)"
export EVENKEEL_URL EVENKEEL_TOKEN
wait_for "it is ready" is_ready
wait_for "its history is measured" has_history

# In the background, so that a signal ends this script at once and not only after the tests.
npm --prefix web/ui run e2e -- "$@" &
tests=$!
wait "$tests"
