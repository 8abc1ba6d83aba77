//! CloudEvents: structured, binary and in a batch.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::cloudevents(body));
