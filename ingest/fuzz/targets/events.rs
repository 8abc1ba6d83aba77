//! Events as JSON and as NDJSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::events(body));
