//! Webhooks of GitHub and GitLab.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::hooks(body));
