//! How much room the disk has, asked at most once per second.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use telemetry::Limit;
use tokio::time::Instant;

use crate::config::LakeConfig;
use crate::error::LakeError;

/// What a file system has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What an unprivileged process may still write.
    pub free: u64,
    pub total: u64,
}

/// Asks a file system.
pub type Probe = dyn Fn(&Path) -> io::Result<Space> + Send + Sync;

/// Watches the file system that holds the lake.
pub struct DiskWatch {
    dir: PathBuf,
    free_min_bytes: u64,
    free_min_percent: f64,
    reserved_bytes: u64,
    probe: Arc<Probe>,
    last: Mutex<Option<(Instant, Space)>>,
}

const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Asks the file system that a directory is on.
pub fn space(dir: &Path) -> io::Result<Space> {
    let stat = nix::sys::statvfs::statvfs(dir)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
    Ok(Space { free: bytes(stat.blocks_available()), total: bytes(stat.blocks()) })
}

impl DiskWatch {
    pub fn new(dir: PathBuf, config: &LakeConfig, probe: Arc<Probe>) -> DiskWatch {
        DiskWatch {
            dir,
            free_min_bytes: config.disk_free_min_bytes,
            free_min_percent: config.disk_free_min_percent,
            reserved_bytes: config.disk_reserved_bytes.min(config.disk_free_min_bytes),
            probe,
            last: Mutex::new(None),
        }
    }

    pub fn space(&self) -> Space {
        let mut last = self.last.lock();
        if let Some((at, space)) = *last
            && at.elapsed() < PROBE_INTERVAL
        {
            return space;
        }
        // A file system that cannot be asked is not known to be full; writing will tell.
        let space = (self.probe)(&self.dir).unwrap_or(Space { free: u64::MAX, total: 0 });
        *last = Some((Instant::now(), space));
        space
    }

    /// Asks again at the next question.
    #[cfg(test)]
    pub fn forget(&self) {
        *self.last.lock() = None;
    }

    pub fn is_full(&self) -> bool {
        let space = self.space();
        space.free < self.needed(space).0
    }

    /// What is left belongs to the workflow store.
    pub fn is_reserved(&self) -> bool {
        self.space().free < self.reserved_bytes
    }

    /// Fails with [`LakeError::DiskFull`] below the bound.
    pub fn check(&self) -> Result<(), LakeError> {
        if self.is_full() { Err(self.full()) } else { Ok(()) }
    }

    /// What a sender is told, with the figures of now.
    pub fn full(&self) -> LakeError {
        let space = self.space();
        let (needed_bytes, limit) = self.needed(space);
        LakeError::DiskFull { free_bytes: space.free, needed_bytes, limit }
    }

    /// The larger of the two bounds.
    fn needed(&self, space: Space) -> (u64, Limit) {
        let share = (space.total as f64 * self.free_min_percent / 100.0) as u64;
        if share > self.free_min_bytes {
            (share, Limit::DiskFreePercent)
        } else {
            (self.free_min_bytes, Limit::DiskFreeBytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_the_two_bounds_counts() {
        let watch = |free, total| {
            let config = LakeConfig {
                disk_free_min_bytes: 1_000,
                disk_free_min_percent: 5.0,
                disk_reserved_bytes: 100,
                ..LakeConfig::default()
            };
            DiskWatch::new(PathBuf::new(), &config, Arc::new(move |_: &Path| Ok(Space { free, total })))
        };
        assert!(watch(999, 2_000).is_full() && !watch(1_000, 2_000).is_full());
        assert!(watch(4_999, 100_000).is_full() && !watch(5_000, 100_000).is_full());
        assert!(!watch(100, 2_000).is_reserved() && watch(99, 2_000).is_reserved());
        let full = |free, total| match watch(free, total).check() {
            Err(LakeError::DiskFull { free_bytes, needed_bytes, limit }) => (free_bytes, needed_bytes, limit),
            other => panic!("{other:?}"),
        };
        assert_eq!(full(10, 100_000), (10, 5_000, Limit::DiskFreePercent));
        assert_eq!(full(10, 2_000), (10, 1_000, Limit::DiskFreeBytes));
    }
}
