//! OTLP metrics as protobuf.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::otlp_metrics(body));
