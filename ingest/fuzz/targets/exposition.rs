//! The pages of exporters: Prometheus' text and OpenMetrics.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::exposition(body));
