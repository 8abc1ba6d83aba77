//! Makes the directories of compacted files before a query asks for them, so that the first look at a
//! dashboard is as fast as the next one. Newest files first, and only as many as leave room for what queries
//! ask for.

use std::cmp::Reverse;
use std::time::Duration;

use datafusion::error::DataFusionError;
use lake::{DataFile, Table};
use promql::ScanOptions;

use super::LakeSeriesSource;
use super::plan::ScanPlan;
use super::runs::Window;
use super::stop::Stop;
use crate::QueryError;

/// What most queries look at: of what is older, directories are made when they are asked for.
const LEARNED_SPAN: Duration = Duration::from_secs(2 * 86_400);

impl LakeSeriesSource {
    /// Makes what is missing, a row group at a time.
    pub(crate) async fn learn(&self) -> Result<(), QueryError> {
        if self.directories.is_off() || self.directories.is_half_full() || self.lake.check_replayed().is_err()
        {
            return Ok(());
        }
        // Of no series: what is buffered does not matter.
        let snapshot = self.lake.snapshot_of_series(&[]).await?;
        let plan = ScanPlan {
            snapshot: &snapshot,
            window: Window { after: i64::MIN, until: i64::MAX },
            options: ScanOptions::default(),
            memory: self.memory.clone(),
            footers: self.runtime.cache_manager.get_file_metadata_cache(),
            directories: self.directories.clone(),
            stop: Stop::default(),
        };
        for file in newest(&snapshot.files) {
            let Some(directories) = plan.directories_for(file) else { continue };
            let open = plan.open(file).await?;
            for group in 0..open.metadata.num_row_groups() {
                if self.directories.is_half_full() {
                    return Ok(());
                }
                if self.directories.has(&open.path, group) {
                    continue;
                }
                let mut runs = open.runs(Vec::new(), plan.window, Some(directories.clone()));
                let made = self.pool.compute(move || runs.directory(group).map(drop)).await?;
                made.map_err(|error| {
                    let cause = DataFusionError::ParquetError(Box::new(error));
                    QueryError::Internal(cause.context(format!("reading {}", file.path)))
                })?;
            }
        }
        Ok(())
    }
}

/// The files of the last days that have any, newest first.
fn newest(files: &[DataFile]) -> Vec<&DataFile> {
    let last = |file: &DataFile| file.time_range(Table::MetricSamples).map(|(_, last)| last);
    let Some(since) = files.iter().filter_map(last).max().map(|newest| newest.minus(LEARNED_SPAN)) else {
        return Vec::new();
    };
    let mut files: Vec<&DataFile> = files.iter().filter(|file| last(file) >= Some(since)).collect();
    files.sort_by_key(|file| Reverse(last(file)));
    files
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use telemetry::Batch;

    use crate::testing::{Bench, at, run, series};

    #[test]
    fn compacted_files_are_known_before_a_query_asks() {
        run(async {
            let bench = Bench::new().await;
            let start = at("2026-11-23T11:00:00Z");
            let sample = |n: u64| (start.plus(Duration::from_secs(15 * n)), n as f64);
            let samples: Vec<_> = (0..100).map(sample).collect();
            let of_host = |host: usize| series(&[("__name__", "m"), ("host", &host.to_string())], &samples);
            let batch = Batch { series: (0..40).map(of_host).collect(), ..Batch::default() };
            bench.lake.append(batch).await.unwrap();
            bench.lake.flush().await.unwrap();
            let source = bench.engine.lake_source();
            let known = || source.directories.len();
            source.learn().await.unwrap();
            assert_eq!(known(), 0, "flush files have none");
            bench.clock.set(at("2026-11-25T13:00:00Z"));
            bench.lake.compact().await.unwrap();
            source.learn().await.unwrap();
            assert_eq!(known(), 1);
            source.learn().await.unwrap();
            assert_eq!(known(), 1);
        });
    }
}
