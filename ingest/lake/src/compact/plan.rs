//! Which files to merge now: a pure function of the files, the clock and the settings.

use std::collections::BTreeMap;

use telemetry::Timestamp;
use telemetry::time::MICROS_PER_HOUR;

use crate::config::LakeConfig;
use crate::file::{DataFile, FileKind};
use crate::schema::Table;

/// Files that become one sorted run.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeGroup {
    pub partition: String,
    pub inputs: Vec<DataFile>,
    pub kind: FileKind,
}

/// Tables that are not kept by the hour merge when a partition has this many small files ...
const SMALL_FILES_MAX: usize = 8;
/// ... of less than this.
const SMALL_FILE_BYTES: u64 = 32 << 20;

pub fn plan(table: Table, files: &[DataFile], now: Timestamp, config: &LakeConfig) -> Vec<MergeGroup> {
    let mut partitions: BTreeMap<&str, Vec<&DataFile>> = BTreeMap::new();
    for file in files {
        if let Some((_, partition)) = &file.partition {
            partitions.entry(partition).or_default().push(file);
        }
    }
    partitions
        .into_iter()
        .flat_map(|(partition, files)| {
            if table.is_hourly() {
                plan_day(table, partition, &files, now, config)
            } else {
                plan_small(partition, &files)
            }
        })
        .collect()
}

fn plan_small(partition: &str, files: &[&DataFile]) -> Vec<MergeGroup> {
    let small: Vec<&DataFile> = files.iter().copied().filter(|file| file.bytes < SMALL_FILE_BYTES).collect();
    if small.len() < SMALL_FILES_MAX {
        return Vec::new();
    }
    vec![group(partition, &small, FileKind::Hour)]
}

fn plan_day(
    table: Table,
    partition: &str,
    files: &[&DataFile],
    now: Timestamp,
    config: &LakeConfig,
) -> Vec<MergeGroup> {
    // Hours that are still open, and files that do not say their times, are left alone.
    let mut closed: Vec<(&DataFile, Hours)> = Vec::new();
    for file in files {
        let Some(hours) = hours_of(table, file) else { continue };
        if end_of(hours.last).plus(config.hour_grace) <= now {
            closed.push((file, hours));
        }
    }
    let is_late = |(file, _): &&(&DataFile, Hours)| file.kind == FileKind::Late;
    let is_day_wide =
        |(file, hours): &&(&DataFile, Hours)| file.kind == FileKind::Day || hours.first != hours.last;
    let has_late = closed.iter().any(|file| is_late(&file));
    let day_wide_late = has_late && closed.iter().any(|file| is_day_wide(&file));
    let day_is_closed = closed.iter().map(|(_, hours)| hours.first).min().is_some_and(|first| {
        let day_end = Timestamp::from_micros((first.div_euclid(24) + 1) * 24 * MICROS_PER_HOUR);
        day_end.plus(config.day_grace) <= now
    });
    let something_new = closed.iter().any(|(file, _)| file.kind != FileKind::Day);
    if day_wide_late || (day_is_closed && something_new) {
        let all: Vec<&DataFile> = closed.iter().map(|(file, _)| *file).collect();
        return vec![group(partition, &all, FileKind::Day)];
    }

    let mut hours: BTreeMap<i64, Vec<&DataFile>> = BTreeMap::new();
    for (file, span) in closed.iter().filter(|file| !is_day_wide(file)) {
        hours.entry(span.first).or_default().push(file);
    }
    let worth_it = |files: &Vec<&DataFile>| files.iter().any(|file| file.kind != FileKind::Hour);
    hours.into_values().filter(worth_it).map(|files| group(partition, &files, FileKind::Hour)).collect()
}

fn group(partition: &str, files: &[&DataFile], kind: FileKind) -> MergeGroup {
    let inputs = files.iter().map(|file| (*file).clone()).collect();
    MergeGroup { partition: partition.to_owned(), inputs, kind }
}

/// Hours since the epoch.
#[derive(Clone, Copy)]
struct Hours {
    first: i64,
    last: i64,
}

fn hours_of(table: Table, file: &DataFile) -> Option<Hours> {
    let (first, last) = file.time_range(table)?;
    let hour = |time: Timestamp| time.micros().div_euclid(MICROS_PER_HOUR);
    Some(Hours { first: hour(first), last: hour(last) })
}

fn end_of(hour: i64) -> Timestamp {
    Timestamp::from_micros((hour + 1) * MICROS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::file::{ColumnStats, StatValue};

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(&format!("2026-11-{text}Z")).unwrap()
    }

    fn file(kind: FileKind, first: &str, last: &str) -> DataFile {
        let time = |text| Some(StatValue::Time(at(text)));
        let stats = ColumnStats { min: time(first), max: time(last), null_count: Some(0) };
        DataFile {
            path: format!("{kind:?} {first}"),
            bytes: 1,
            rows: 1,
            partition: Some(("date".into(), format!("2026-11-{}", &first[..2]))),
            stats: BTreeMap::from([("ts".to_owned(), stats)]),
            kind,
            sequence: 1,
        }
    }

    /// `kind: number of inputs`, one per group.
    fn check(files: &[DataFile], now: &str, expected: &[(FileKind, usize)]) {
        let groups = plan(Table::MetricSamples, files, at(now), &LakeConfig::default());
        let found: Vec<_> = groups.iter().map(|group| (group.kind, group.inputs.len())).collect();
        assert_eq!(found, expected, "{now}");
    }

    #[test]
    fn an_hour_is_merged_once_it_is_closed() {
        let files = [
            file(FileKind::Flush, "23T10:00:00", "23T10:30:00"),
            file(FileKind::Flush, "23T10:30:00", "23T10:59:59"),
            file(FileKind::Flush, "23T11:00:00", "23T11:00:10"),
        ];
        check(&files, "23T11:09:59", &[]);
        check(&files, "23T11:10:00", &[(FileKind::Hour, 2)]);
        check(&files, "23T12:10:00", &[(FileKind::Hour, 2), (FileKind::Hour, 1)]);
    }

    #[test]
    fn a_merged_hour_is_touched_again_only_for_late_rows() {
        let hour = file(FileKind::Hour, "23T10:00:00", "23T10:59:59");
        check(std::slice::from_ref(&hour), "23T13:00:00", &[]);
        let late = file(FileKind::Late, "23T10:05:00", "23T10:05:00");
        check(&[hour, late], "23T13:00:00", &[(FileKind::Hour, 2)]);
    }

    #[test]
    fn a_day_is_merged_a_day_later_and_again_for_late_rows() {
        let hours = [
            file(FileKind::Hour, "23T10:00:00", "23T10:59:59"),
            file(FileKind::Hour, "23T11:00:00", "23T11:59:59"),
        ];
        check(&hours, "24T23:59:59", &[]);
        check(&hours, "25T00:00:00", &[(FileKind::Day, 2)]);
        let day = file(FileKind::Day, "23T00:00:00", "23T23:59:59");
        check(std::slice::from_ref(&day), "26T00:00:00", &[]);
        let late = file(FileKind::Late, "23T10:05:00", "23T10:05:00");
        check(&[day, late], "26T00:00:00", &[(FileKind::Day, 2)]);
    }

    #[test]
    fn late_rows_beside_an_imported_day_are_merged_with_it() {
        let files = [
            file(FileKind::Day, "23T00:00:00", "23T08:00:00"),
            file(FileKind::Late, "23T07:00:00", "23T07:00:10"),
            file(FileKind::Flush, "23T12:00:00", "23T12:00:10"),
        ];
        check(&files, "23T12:05:00", &[(FileKind::Day, 2)]);
    }

    #[test]
    fn other_tables_merge_when_small_files_add_up() {
        let files = vec![file(FileKind::Flush, "23T10:00:00", "23T10:30:00"); SMALL_FILES_MAX];
        let plan = |files: &[DataFile]| plan(Table::Events, files, at("23T10:31:00"), &LakeConfig::default());
        assert_eq!(plan(&files).len(), 1);
        assert_eq!(plan(&files[1..]).len(), 0);
    }
}
