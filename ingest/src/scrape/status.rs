//! What is shown of targets: how each one is, and what its job made of the others.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Labels, Timestamp};

use super::metadata::TargetMetadata;
use super::target::Target;
use super::targets::Pool;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Up,
    Down,
    /// Not scraped yet.
    #[default]
    Unknown,
}

impl Health {
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Up => "up",
            Health::Down => "down",
            Health::Unknown => "unknown",
        }
    }
}

/// How the last scrape of a target went.
#[derive(Clone, Debug, Default)]
pub struct LastScrape {
    pub health: Health,
    pub at: Option<Timestamp>,
    pub duration: Duration,
    /// After relabelling.
    pub samples: u64,
    pub error: Option<Arc<str>>,
    /// Samples that were refused while the rest was stored, and why.
    pub complaint: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct TargetStatus {
    pub target: Target,
    pub last: LastScrape,
    /// What its pages say of metric families.
    pub metadata: TargetMetadata,
}

/// A job with what relabelling dropped.
#[derive(Clone, Debug)]
pub struct PoolStatus {
    pub job: String,
    pub pool: Pool,
}

impl PoolStatus {
    pub fn dropped(&self) -> &[Labels] {
        &self.pool.dropped
    }
}
