//! Earlier versions of a table: which of them can be read, and what is in one.
//!
//! A version can be read as long as it is the newest one, and for `log_retention` after the next one came:
//! so long the Delta log keeps its commit, and the disk the files that it names. They go `vacuum_after`
//! later, so that a query that has opened a version reads it to its end. A version has no buffered rows:
//! what was not in files by then belongs to a later one.

use std::fmt;
use std::time::Duration;

use deltalake::DeltaTableError;
use deltalake::kernel::Action;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use telemetry::Timestamp;

use crate::commit::{active_files, checkpoint_version, location, unopened};
use crate::error::LakeError;
use crate::lake::Inner;
use crate::schema::Table;
use crate::snapshot::TableSnapshot;

/// Which version of a table somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableVersion {
    /// By its number in the Delta log.
    Number(i64),
    /// The one that was the newest at a time.
    At(Timestamp),
}

impl fmt::Display for TableVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableVersion::Number(number) => write!(f, "version {number}"),
            TableVersion::At(time) => write!(f, "version of {time}"),
        }
    }
}

/// A version, and when it came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    pub version: i64,
    pub at: Timestamp,
}

impl fmt::Display for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}, of {}", self.version, self.at)
    }
}

/// Commits that are read at once.
const READS_AT_ONCE: usize = 16;

impl Inner {
    pub(crate) async fn snapshot_at(
        &self,
        table: Table,
        wanted: TableVersion,
    ) -> Result<TableSnapshot, LakeError> {
        let readable = self.readable_versions(table).await?;
        let found = choose(table, &readable, wanted)?;
        let root = self.root_of(table);
        let failed = |source| LakeError::Delta { table: table.name(), source: Box::new(source) };
        let mut delta = unopened(&root, self.store.clone()).map_err(failed)?;
        let number = u64::try_from(found.version).unwrap_or_default();
        delta.load_version(number).await.map_err(failed)?;
        let active = active_files(table, delta.snapshot().map_err(failed)?);
        Ok(TableSnapshot {
            table,
            schema: table.schema(),
            root,
            store: self.object_store(),
            files: active.files,
            buffered: Vec::new(),
            version: active.version,
            late_buffered: None,
        })
    }

    /// The versions that can be read now, oldest first; the newest is always among them.
    pub(crate) async fn readable_versions(&self, table: Table) -> Result<Vec<Committed>, LakeError> {
        let log_dir = location(&self.root_of(table), "_delta_log")?;
        let listed: Vec<ObjectMeta> = self.store.list(Some(&log_dir)).try_collect().await?;
        let complete = complete_versions(&listed);
        let reading = complete.into_iter().map(|(version, commit)| async move {
            let at = committed_at(self.store.as_ref(), &commit).await;
            at.map(|at| Committed { version, at })
                .map_err(|source| LakeError::Delta { table: table.name(), source: Box::new(source) })
        });
        let committed = stream::iter(reading).buffered(READS_AT_ONCE).try_collect().await?;
        Ok(within(committed, self.config.log_retention, self.clock.now()))
    }
}

/// The versions whose files the log still tells, with their commits: from the first one on that has a
/// checkpoint before it, or nothing at all.
fn complete_versions(listed: &[ObjectMeta]) -> Vec<(i64, ObjectMeta)> {
    let name = |meta: &ObjectMeta| meta.location.filename().map(str::to_owned).unwrap_or_default();
    let mut commits: Vec<(i64, ObjectMeta)> =
        listed.iter().filter_map(|meta| Some((commit_version(&name(meta))?, meta.clone()))).collect();
    commits.sort_by_key(|(version, _)| *version);
    // What was cleaned up is at the beginning; the last gap ends it.
    let gap = commits.windows(2).rposition(|pair| pair[1].0 != pair[0].0 + 1);
    commits.drain(..gap.map_or(0, |at| at + 1));
    let Some(first) = commits.first().map(|(version, _)| *version) else { return commits };
    let checkpoints = listed.iter().filter_map(|meta| i64::try_from(checkpoint_version(&name(meta))?).ok());
    let base = match first {
        0 => Some(0),
        first => checkpoints.filter(|checkpoint| *checkpoint >= first - 1).min(),
    };
    let Some(base) = base else { return Vec::new() };
    commits.retain(|(version, _)| *version >= base);
    commits
}

/// `00000000000000000099.json`
fn commit_version(name: &str) -> Option<i64> {
    let version = name.strip_suffix(".json")?;
    version.parse().ok().filter(|_| version.len() == 20)
}

/// When a commit was made, as it says itself; otherwise as the disk says.
async fn committed_at(store: &dyn ObjectStore, commit: &ObjectMeta) -> Result<Timestamp, DeltaTableError> {
    let content = store.get(&commit.location).await?.bytes().await?;
    let actions = serde_json::Deserializer::from_slice(&content).into_iter::<Action>();
    for action in actions {
        let Ok(Action::CommitInfo(info)) = action else { continue };
        if let Some(millis) = info.timestamp {
            return Ok(Timestamp::from_millis(millis));
        }
    }
    Ok(Timestamp::from_millis(commit.last_modified.timestamp_millis()))
}

/// Those of all versions that are the newest, or were it less than `kept` ago.
fn within(mut committed: Vec<Committed>, kept: Duration, now: Timestamp) -> Vec<Committed> {
    // The clock may have been set back; no version is later than the next one all the same.
    for at in (1..committed.len()).rev() {
        committed[at - 1].at = committed[at - 1].at.min(committed[at].at);
    }
    let cutoff = now.minus(kept);
    let oldest = committed.windows(2).position(|pair| pair[1].at > cutoff);
    let oldest = oldest.unwrap_or(committed.len().saturating_sub(1));
    committed.drain(..oldest);
    committed
}

fn choose(table: Table, readable: &[Committed], wanted: TableVersion) -> Result<Committed, LakeError> {
    let (Some(oldest), Some(newest)) = (readable.first(), readable.last()) else {
        return Err(LakeError::NoVersions { table: table.name() });
    };
    let found = match wanted {
        TableVersion::Number(number) if number > newest.version => {
            return Err(LakeError::VersionToCome { table: table.name(), wanted, newest: *newest });
        }
        TableVersion::Number(number) => readable.iter().find(|known| known.version == number),
        TableVersion::At(time) => readable.iter().rfind(|known| known.at <= time),
    };
    found.copied().ok_or(LakeError::VersionGone { table: table.name(), wanted, oldest: *oldest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Vec<ObjectMeta> {
        let meta = |name: &&str| ObjectMeta {
            location: object_store::path::Path::from(format!("t/_delta_log/{name}")),
            last_modified: Default::default(),
            size: 0,
            e_tag: None,
            version: None,
        };
        names.iter().map(meta).collect()
    }

    #[track_caller]
    fn check_complete(names: &[&str], expected: &[i64]) {
        let found: Vec<i64> = complete_versions(&listed(names)).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, expected, "{names:?}");
    }

    const COMMITS: [&str; 4] = [
        "00000000000000000007.json",
        "00000000000000000008.json",
        "00000000000000000009.json",
        "00000000000000000010.json",
    ];

    #[test]
    fn a_version_needs_all_commits_since_a_checkpoint() {
        check_complete(&["00000000000000000001.json", "00000000000000000000.json"], &[0, 1]);
        check_complete(&COMMITS, &[]);
        let with = |names: &[&'static str]| [COMMITS.as_slice(), names].concat();
        check_complete(&with(&["00000000000000000006.checkpoint.parquet"]), &[7, 8, 9, 10]);
        check_complete(&with(&["00000000000000000009.checkpoint.parquet"]), &[9, 10]);
        check_complete(&with(&["00000000000000000004.checkpoint.parquet"]), &[]);
        // A commit that was left over before a gap is of no use.
        let names = with(&["00000000000000000003.json", "00000000000000000006.checkpoint.parquet"]);
        check_complete(&names, &[7, 8, 9, 10]);
    }

    #[test]
    fn a_version_is_kept_for_its_time_after_the_next_one_came() {
        let at = Timestamp::from_secs;
        let committed = |rows: &[(i64, i64)]| -> Vec<Committed> {
            rows.iter().map(|(version, secs)| Committed { version: *version, at: at(*secs) }).collect()
        };
        let all = committed(&[(0, 0), (1, 100), (2, 200)]);
        let kept = Duration::from_secs(100);
        let oldest = |now: i64| within(all.clone(), kept, at(now))[0].version;
        assert_eq!([199, 200, 299, 300, 9_999].map(oldest), [0, 1, 1, 2, 2]);
        // The clock of the second commit was ahead.
        let set_back = within(committed(&[(0, 0), (1, 500), (2, 200)]), kept, at(250));
        assert_eq!(set_back, committed(&[(0, 0), (1, 200), (2, 200)]));
        assert_eq!(within(Vec::new(), kept, at(0)), []);
    }

    #[test]
    fn versions_are_found_by_number_and_by_time() {
        let at = Timestamp::from_secs;
        let readable = [Committed { version: 7, at: at(100) }, Committed { version: 8, at: at(200) }];
        let find = |wanted| choose(Table::Logs, &readable, wanted).map(|found| found.version);
        assert_eq!(find(TableVersion::Number(7)).unwrap(), 7);
        for (secs, expected) in [(100, 7), (199, 7), (200, 8), (9_999, 8)] {
            assert_eq!(find(TableVersion::At(at(secs))).unwrap(), expected, "{secs}");
        }
        let message = |wanted| find(wanted).unwrap_err().to_string();
        assert_eq!(
            message(TableVersion::Number(6)),
            "the version 6 of logs cannot be read any more (lake.log_retention); the oldest that can is version 7, of 1970-01-01T00:01:40Z"
        );
        assert_eq!(
            message(TableVersion::At(at(99))),
            "the version of 1970-01-01T00:01:39Z of logs cannot be read any more (lake.log_retention); the oldest that can is version 7, of 1970-01-01T00:01:40Z"
        );
        assert_eq!(
            message(TableVersion::Number(9)),
            "logs has no version 9 yet; the newest is version 8, of 1970-01-01T00:03:20Z"
        );
    }
}
