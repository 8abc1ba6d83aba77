#!/usr/bin/env bash
# Runs Prometheus' own PromQL scripts against the binary, over remote write and the query API. They
# are kept outside of this repository, beside it; where they are not there this says so and passes.
# Every core (float) case has to pass.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts="${EVENKEEL_CONFORMANCE:-../shared/conformance}"
if [ ! -d "$scripts" ]; then
    echo "skipped: no conformance scripts in $scripts"
    exit 0
fi
cargo build --quiet --bin evenkeel
binary="${CARGO_TARGET_DIR:-target}/debug/evenkeel"
export EVENKEEL_ADMIN_TOKEN=conformance-token
report="$(mktemp)"
trap 'rm -f "$report"' EXIT
python3 "$scripts/promqltest.py" run "$scripts"/promql/*.test --isolate restart \
    --spawn "$binary serve --data-dir {dir} --http-listen 127.0.0.1:{port} --otlp-grpc-listen off --otlp-http-listen off --postgres-listen off --retention-metrics forever" \
    --ready "http://127.0.0.1:{port}/readyz" --header "Authorization: Bearer $EVENKEEL_ADMIN_TOKEN" \
    --write "http://127.0.0.1:{port}/prometheus/api/v1/write" --query "http://127.0.0.1:{port}/prometheus" >"$report" 2>&1 || true
cat "$report"
# TOTAL ... | core  633/ 633 (100.0%) | ...
if ! grep -E '^TOTAL' "$report" | grep -qE 'core +([0-9]+)/ *\1 '; then
    echo "conformance: a core case fails" >&2
    exit 1
fi
