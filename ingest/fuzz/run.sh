#!/bin/bash
# Fuzzes decoders one after the other, with what is kept and what earlier runs found as the beginning:
#
#   ingest/fuzz/run.sh [SECONDS [DECODER...]]     900 seconds for each of all decoders unless told
#
# Ends at the first body that breaks a promise; it is in artifacts/DECODER/ then.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-900}
shift $(($# > 0 ? 1 : 0))
if [ $# = 0 ]; then
    for target in fuzz/targets/*.rs; do set -- "$@" "$(basename "$target" .rs)"; done
fi

# What the compiler needs for coverage is not stable; a nightly toolchain is not needed for it.
export RUSTC_BOOTSTRAP=1
# Beside the one of all other builds, whose flags are others.
export CARGO_TARGET_DIR=$HOME/.cache/evenkeel/fuzz-target
build=(--sanitizer none --codegen-units 16)

cargo fuzz build "${build[@]}"
for decoder in "$@"; do
    work=fuzz/work/$decoder corpus=fuzz/corpus/$decoder dictionary=fuzz/dictionaries/$decoder.dict
    mkdir -p "$work"
    options=(-max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 -timeout=20)
    if [ -f "$dictionary" ]; then options+=(-dict="$dictionary"); fi
    echo "== $decoder"
    # The first folder takes what is found.
    cargo fuzz run "${build[@]}" "$decoder" "$work" "$corpus" -- "${options[@]}"
done
