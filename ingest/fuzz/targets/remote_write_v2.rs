//! Remote write 2.0.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::remote_write_v2(body));
