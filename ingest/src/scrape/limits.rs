//! Every bound of the scraper, by name.

use serde::{Deserialize, Serialize};

/// The section `scrape.limits` of the server settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrapeLimits {
    /// Targets of all jobs together. Those over it are not scraped, and said to be.
    pub targets_max: usize,
    /// Scrapes that run at the same time; others wait for their turn within their timeout.
    pub scrapes_in_flight_max: usize,
    /// Bytes of the pages of those scrapes, packed and unpacked.
    pub bytes_in_flight_max: u64,
    /// Of one page, where `body_size_limit` allows more.
    pub body_bytes_max: u64,
    /// Of one page, where `sample_limit` allows more.
    pub samples_per_scrape_max: u64,
    /// Files of one `file_sd_configs` entry.
    pub discovery_files_max: usize,
    /// Of one such file.
    pub discovery_file_bytes_max: u64,
    /// Help and unit texts of one target's families, which are kept to be shown.
    pub metadata_bytes_per_target_max: usize,
    /// Targets dropped by relabelling that are kept to be shown, per job.
    pub dropped_targets_shown_max: usize,
}

impl Default for ScrapeLimits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        ScrapeLimits {
            targets_max: 10_000,
            scrapes_in_flight_max: 64,
            bytes_in_flight_max: 256 * MIB,
            body_bytes_max: 64 * MIB,
            samples_per_scrape_max: 500_000,
            discovery_files_max: 1_000,
            discovery_file_bytes_max: 16 * MIB,
            metadata_bytes_per_target_max: 256 << 10,
            dropped_targets_shown_max: 100,
        }
    }
}
