//! OTLP metrics as JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::otlp_metrics_json(body));
