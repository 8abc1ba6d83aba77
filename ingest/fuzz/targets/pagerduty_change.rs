//! PagerDuty's change events.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ingest::fuzzing::pagerduty_change(body));
