//! The configured bounds that a refusal can be for, by the settings that move them.
//!
//! Whoever refuses something because of a bound says which one here, so that counters and answers never
//! look for it in a text.

use std::fmt;

macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = $setting:literal,)+) => {
        /// A configured bound.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Limit {
            $($(#[$doc])* $limit,)+
        }

        impl Limit {
            pub const ALL: &[Limit] = &[$(Limit::$limit,)+];

            /// The setting, as its section of the server settings calls it.
            pub fn setting(self) -> &'static str {
                match self {
                    $(Limit::$limit => $setting,)+
                }
            }
        }
    };
}

limits! {
    // Of `ingest.limits`.
    BodyBytes = "body_bytes_max",
    HookBodyBytes = "hook_body_bytes_max",
    DecompressedBytes = "decompressed_bytes_max",
    DecodedBytes = "decoded_bytes_max",
    RowsPerRequest = "rows_per_request_max",
    EventsPerRequest = "events_per_request_max",
    JsonDepth = "json_depth_max",
    ValueDepth = "value_depth_max",
    SymbolsPerRequest = "symbols_per_request_max",
    BucketsPerHistogram = "buckets_per_histogram_max",
    LabelsPerSeries = "labels_per_series_max",
    LabelNameBytes = "label_name_bytes_max",
    LabelValueBytes = "label_value_bytes_max",
    AttributesPerLog = "attributes_per_log_max",
    AttributeValueBytes = "attribute_value_bytes_max",
    LogBodyBytes = "log_body_bytes_max",
    EventPayloadBytes = "event_payload_bytes_max",
    RequestsInFlight = "requests_in_flight_max",
    BytesInFlight = "bytes_in_flight_max",
    MetricFamilies = "metric_families_max",
    KnownSeries = "known_series_max",
    SourcesCounted = "sources_counted_max",
    // Of `lake`.
    Series = "series_max",
    SeriesPerMetric = "series_per_metric_max",
    SeriesPerSource = "series_per_source_max",
    BufferBytes = "buffer_bytes_max",
    WalBytes = "wal.bytes_max",
    UnmergedFiles = "unmerged_files_max",
    DiskFreeBytes = "disk_free_min_bytes",
    DiskFreePercent = "disk_free_min_percent",
    // Of `web`.
    RequestTimeout = "web.request_timeout",
}

impl Limit {
    /// What a message ends with: ` (wal.bytes_max)`, or nothing.
    pub fn note(limit: Option<Limit>) -> impl fmt::Display {
        fmt::from_fn(move |f| limit.map_or(Ok(()), |limit| write!(f, " ({limit})")))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.setting())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_limit_has_a_setting_of_its_own() {
        let settings: BTreeSet<&str> = Limit::ALL.iter().map(|limit| limit.setting()).collect();
        assert_eq!(settings.len(), Limit::ALL.len());
    }

    #[test]
    fn a_message_ends_with_its_limit_if_it_has_one() {
        let told = |limit| format!("the log is full{}", Limit::note(limit));
        assert_eq!(told(Some(Limit::WalBytes)), "the log is full (wal.bytes_max)");
        assert_eq!(told(None), "the log is full");
    }
}
