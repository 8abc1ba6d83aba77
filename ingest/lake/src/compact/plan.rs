//! Which files to merge now: a pure function of the files, the clock, the settings and what was merged
//! lately.
//!
//! A merged file takes the highest sequence of what went into it. So whatever may repeat rows of a file
//! is merged with it or before it, never after: where late rows are in sight, all files of the hour (or
//! of the day) go together, and an hour that late rows of a still open time reach into is left alone.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use telemetry::Timestamp;
use telemetry::time::MICROS_PER_HOUR;

use crate::config::LakeConfig;
use crate::file::{DataFile, FileKind};
use crate::schema::{Partition, Table};

/// Files that become one sorted run.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeGroup {
    pub partition: String,
    pub inputs: Vec<DataFile>,
    pub kind: FileKind,
}

/// Tables that are not kept by the hour merge when a partition has this many small files ...
const SMALL_FILES_MAX: usize = 8;
/// ... of less than this, and whatever is left of them when the partition is over.
const SMALL_FILE_BYTES: u64 = 32 << 20;
/// Flush files of an hour that is still open are merged from this many on: at full load one is written
/// each second, and every file costs each commit and each query something.
const OPEN_HOUR_FILES_MAX: usize = 32;
/// Imports leave day files of any size; so many of them below `SMALL_FILE_BYTES` become one.
const SMALL_DAY_FILES_MAX: usize = 8;
/// A day that was merged is written again for late rows, but not more often than this: one late row a
/// minute must not rewrite a day a minute. Queries see late rows at once all the same.
const DAY_AGAIN_AFTER: Duration = Duration::from_secs(3_600);

/// When days were merged again for late rows; forgotten at a restart, which costs one more merge.
#[derive(Clone, Debug, Default)]
pub struct DayMerges(HashMap<(Table, String), Timestamp>);

impl DayMerges {
    pub fn note(&mut self, table: Table, group: &MergeGroup, now: Timestamp) {
        self.0.retain(|_, at| now.since(*at) < DAY_AGAIN_AFTER);
        if group.kind == FileKind::Day {
            self.0.insert((table, group.partition.clone()), now);
        }
    }

    fn was_lately(&self, table: Table, partition: &str, now: Timestamp) -> bool {
        let at = self.0.get(&(table, partition.to_owned()));
        at.is_some_and(|at| now.since(*at) < DAY_AGAIN_AFTER)
    }
}

pub fn plan(
    table: Table,
    files: &[DataFile],
    now: Timestamp,
    config: &LakeConfig,
    lately: &DayMerges,
) -> Vec<MergeGroup> {
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
                let lately = lately.was_lately(table, partition, now);
                plan_day(table, partition, &files, now, config, lately)
            } else {
                plan_small(table, partition, &files, now, config)
            }
        })
        .collect()
}

fn plan_small(
    table: Table,
    partition: &str,
    files: &[&DataFile],
    now: Timestamp,
    config: &LakeConfig,
) -> Vec<MergeGroup> {
    let small: Vec<&DataFile> = files.iter().copied().filter(|file| file.bytes < SMALL_FILE_BYTES).collect();
    let is_over = partition_end(table, partition).is_some_and(|end| end.plus(config.day_grace) <= now);
    let files_max = if is_over { 2 } else { SMALL_FILES_MAX };
    if small.len() < files_max {
        return Vec::new();
    }
    vec![group(partition, &small, FileKind::Hour)]
}

/// The first moment after a partition.
fn partition_end(table: Table, partition: &str) -> Option<Timestamp> {
    let midnight = |day: &str| Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).ok();
    match table.partition() {
        Partition::Date => Some(midnight(partition)?.plus(Duration::from_secs(86_400))),
        Partition::Month => {
            let (year, month) = partition.split_once('-')?;
            let (year, month): (u16, u8) = (year.parse().ok()?, month.parse().ok()?);
            let (year, month) = if month < 12 { (year, month + 1) } else { (year + 1, 1) };
            midnight(&format!("{year:04}-{month:02}-01"))
        }
    }
}

fn plan_day(
    table: Table,
    partition: &str,
    files: &[&DataFile],
    now: Timestamp,
    config: &LakeConfig,
    lately: bool,
) -> Vec<MergeGroup> {
    // Files that do not say their times are left alone.
    let spans = files.iter().filter_map(|file| Some((*file, hours_of(table, file)?)));
    let is_closed = |hour: i64| end_of(hour).plus(config.hour_grace) <= now;
    let (closed, open): (Vec<_>, Vec<_>) = spans.partition(|(_, hours)| is_closed(*hours.end()));
    let is_day_wide = |(file, hours): &&(&DataFile, RangeInclusive<i64>)| {
        file.kind == FileKind::Day || hours.start() != hours.end()
    };
    let has_late = closed.iter().any(|(file, _)| file.kind == FileKind::Late);
    let has_day_wide = closed.iter().any(|file| is_day_wide(&file));
    let day_is_closed = closed.iter().map(|(_, hours)| *hours.start()).min().is_some_and(|first| {
        let day_end = Timestamp::from_micros((first.div_euclid(24) + 1) * 24 * MICROS_PER_HOUR);
        day_end.plus(config.day_grace) <= now
    });
    let something_new = closed.iter().any(|(file, _)| file.kind != FileKind::Day);
    let whole_day = (has_late && has_day_wide) || (day_is_closed && something_new);
    if whole_day && !(has_day_wide && lately) {
        let all: Vec<&DataFile> = closed.iter().map(|(file, _)| *file).collect();
        return vec![group(partition, &all, FileKind::Day)];
    }

    // What reaches from closed hours into open ones: the end of an import.
    let reaching: Vec<_> = open.iter().filter(is_day_wide).collect();
    let late_reaching = reaching.iter().any(|(file, _)| file.kind == FileKind::Late);
    let mut groups = Vec::new();
    let is_small_day = |file: &&DataFile| file.kind == FileKind::Day && file.bytes < SMALL_FILE_BYTES;
    let small_days: Vec<&DataFile> = closed.iter().map(|(file, _)| *file).filter(is_small_day).collect();
    if small_days.len() >= SMALL_DAY_FILES_MAX && !late_reaching && !whole_day {
        groups.push(group(partition, &small_days, FileKind::Day));
    }
    let mut hours: BTreeMap<i64, Vec<&DataFile>> = BTreeMap::new();
    for (file, span) in closed.iter().chain(&open).filter(|file| !is_day_wide(file)) {
        hours.entry(*span.start()).or_default().push(file);
    }
    for (hour, files) in hours {
        let is_late = |file: &DataFile| file.kind == FileKind::Late;
        let has_late = files.iter().any(|file| is_late(file));
        let may_repeat = |(file, span): &&&(&DataFile, RangeInclusive<i64>)| {
            span.contains(&hour) && (has_late || is_late(file))
        };
        if reaching.iter().any(|file| may_repeat(&file)) || (whole_day && is_closed(hour)) {
            continue;
        }
        let merged = if is_closed(hour) { closed_hour(files) } else { open_hour(files) };
        groups.extend(merged.map(|files| group(partition, &files, FileKind::Hour)));
    }
    groups
}

/// Everything becomes one run, again when something came late.
fn closed_hour(files: Vec<&DataFile>) -> Option<Vec<&DataFile>> {
    let is_done = files.len() == 1 && files[0].kind == FileKind::Hour;
    (!is_done).then_some(files)
}

fn open_hour(files: Vec<&DataFile>) -> Option<Vec<&DataFile>> {
    let has_late = files.iter().any(|file| file.kind == FileKind::Late);
    let (fresh, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.kind == FileKind::Flush);
    if fresh.len() < OPEN_HOUR_FILES_MAX {
        return None;
    }
    Some(if has_late { fresh.into_iter().chain(rest).collect() } else { fresh })
}

fn group(partition: &str, files: &[&DataFile], kind: FileKind) -> MergeGroup {
    let inputs = files.iter().map(|file| (*file).clone()).collect();
    MergeGroup { partition: partition.to_owned(), inputs, kind }
}

/// Hours since the epoch, the first and the last that a file has rows of.
fn hours_of(table: Table, file: &DataFile) -> Option<RangeInclusive<i64>> {
    let (first, last) = file.time_range(table)?;
    let hour = |time: Timestamp| time.micros().div_euclid(MICROS_PER_HOUR);
    Some(hour(first)..=hour(last))
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
        check_after(files, now, &DayMerges::default(), expected);
    }

    fn check_after(files: &[DataFile], now: &str, lately: &DayMerges, expected: &[(FileKind, usize)]) {
        let groups = plan(Table::MetricSamples, files, at(now), &LakeConfig::default(), lately);
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
    fn one_late_row_a_minute_does_not_rewrite_a_day_a_minute() {
        let day = file(FileKind::Day, "23T00:00:00", "23T23:59:59");
        let late = file(FileKind::Late, "23T10:05:00", "23T10:05:00");
        let files = [day, late];
        let mut lately = DayMerges::default();
        let groups = plan(Table::MetricSamples, &files, at("26T00:00:00"), &LakeConfig::default(), &lately);
        lately.note(Table::MetricSamples, &groups[0], at("26T00:00:00"));
        check_after(&files, "26T00:59:59", &lately, &[]);
        check_after(&files, "26T01:00:00", &lately, &[(FileKind::Day, 2)]);
    }

    #[test]
    fn an_open_hour_is_merged_when_its_files_become_many() {
        let flush = file(FileKind::Flush, "23T10:00:00", "23T10:30:00");
        let mut files = vec![flush; OPEN_HOUR_FILES_MAX];
        check(&files[1..], "23T10:31:00", &[]);
        check(&files, "23T10:31:00", &[(FileKind::Hour, OPEN_HOUR_FILES_MAX)]);
        // What was merged before is left alone, unless late rows may repeat some of it.
        files.push(file(FileKind::Hour, "23T10:00:00", "23T10:20:00"));
        check(&files, "23T10:31:00", &[(FileKind::Hour, OPEN_HOUR_FILES_MAX)]);
        files.push(file(FileKind::Late, "23T10:01:00", "23T10:01:00"));
        check(&files, "23T10:31:00", &[(FileKind::Hour, OPEN_HOUR_FILES_MAX + 2)]);
        // At its end all of it becomes one run.
        check(&files, "23T11:10:00", &[(FileKind::Hour, OPEN_HOUR_FILES_MAX + 2)]);
    }

    #[test]
    fn an_hour_that_late_rows_of_an_open_time_reach_into_waits_for_them() {
        let files = [
            file(FileKind::Flush, "23T08:00:00", "23T08:30:00"),
            file(FileKind::Flush, "23T08:30:00", "23T08:59:59"),
            file(FileKind::Late, "23T08:10:00", "23T12:20:00"),
            file(FileKind::Flush, "23T07:00:00", "23T07:30:00"),
        ];
        check(&files, "23T12:30:00", &[(FileKind::Hour, 1)]);
        check(&files, "23T13:10:00", &[(FileKind::Day, 4)]);
    }

    #[test]
    fn late_rows_beside_an_import_that_reaches_into_an_open_hour_stay_marked() {
        let files = [
            file(FileKind::Day, "23T00:00:00", "23T12:20:00"),
            file(FileKind::Late, "23T08:10:00", "23T08:10:00"),
            file(FileKind::Flush, "23T09:00:00", "23T09:10:00"),
        ];
        check(&files, "23T12:30:00", &[(FileKind::Hour, 1)]);
        check(&files, "23T13:10:00", &[(FileKind::Day, 3)]);
    }

    #[test]
    fn small_day_files_of_many_imports_become_one() {
        let files = vec![file(FileKind::Day, "23T00:00:00", "23T23:59:59"); SMALL_DAY_FILES_MAX];
        check(&files[1..], "25T00:00:00", &[]);
        check(&files, "25T00:00:00", &[(FileKind::Day, SMALL_DAY_FILES_MAX)]);
        check(&files, "24T12:00:00", &[(FileKind::Day, SMALL_DAY_FILES_MAX)]);
    }

    #[test]
    fn other_tables_merge_when_small_files_add_up_and_when_their_partition_is_over() {
        let files = vec![file(FileKind::Flush, "23T10:00:00", "23T10:30:00"); SMALL_FILES_MAX];
        let plan = |table: Table, files: &[DataFile], now: &str| {
            let now = Timestamp::parse_rfc3339(now).unwrap();
            let groups = plan(table, files, now, &LakeConfig::default(), &DayMerges::default());
            groups.iter().map(|group| group.inputs.len()).collect::<Vec<_>>()
        };
        let none: [usize; 0] = [];
        assert_eq!(plan(Table::MetricSeries, &files, "2026-11-23T10:31:00Z"), [SMALL_FILES_MAX]);
        assert_eq!(plan(Table::MetricSeries, &files[1..], "2026-11-24T23:59:59Z"), none);
        assert_eq!(plan(Table::MetricSeries, &files[..2], "2026-11-25T00:00:00Z"), [2]);
        assert_eq!(plan(Table::MetricSeries, &files[..1], "2026-11-25T00:00:00Z"), none);
        let mut december = files[..2].to_vec();
        december.iter_mut().for_each(|file| file.partition = Some(("month".into(), "2026-12".into())));
        assert_eq!(plan(Table::Events, &december, "2027-01-01T23:59:59Z"), none);
        assert_eq!(plan(Table::Events, &december, "2027-01-02T00:00:00Z"), [2]);
    }
}
