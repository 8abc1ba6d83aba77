//! Remote write 1.0.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::remote_write_v1(body));
