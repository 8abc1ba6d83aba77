//! Loki's push as JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::loki_json(body));
