//! Packed bodies: gzip, deflate, zstd and snappy.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::decompression(body));
