//! Loki's push as protobuf.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::loki_protobuf(body));
