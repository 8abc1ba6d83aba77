#!/bin/bash
# Makes the kept corpus of each decoder anew: of what is kept and what runs have found since, the
# smallest bodies that together reach everything. Bodies with a name of their own (seeds of a kind,
# findings that were fixed) stay as they are.
#
#   ingest/fuzz/keep.sh [DECODER...]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# = 0 ]; then
    for target in fuzz/targets/*.rs; do set -- "$@" "$(basename "$target" .rs)"; done
fi
export RUSTC_BOOTSTRAP=1
# Beside the one of all other builds, whose flags are others.
export CARGO_TARGET_DIR=$HOME/.cache/evenkeel/fuzz-target

for decoder in "$@"; do
    corpus=fuzz/corpus/$decoder work=fuzz/work/$decoder
    mkdir -p "$work" "$corpus"
    merged=$(mktemp -d)
    find "$corpus" -regextype posix-extended -type f ! -regex '.*/[0-9a-f]{40}' -exec cp {} "$merged" \;
    # How often a place was reached says too little to keep a body for it.
    cargo fuzz run --sanitizer none --codegen-units 16 "$decoder" "$merged" "$corpus" "$work" -- \
        -set_cover_merge=1 -use_counters=0 -max_len=512 -rss_limit_mb=2048
    rm -r "$corpus"
    mv "$merged" "$corpus"
    chmod 755 "$corpus"
done
