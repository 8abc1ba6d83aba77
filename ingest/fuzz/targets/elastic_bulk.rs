//! Elasticsearch's bulk.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::elastic_bulk(body));
