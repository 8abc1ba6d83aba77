//! The log alone: positions, rotation, release, torn tails, damage, failing disks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::recovery::{Recovery, RecoveryReport};
use super::*;
use crate::error::LakeError;
use crate::faults::IoStep;

const SMALL: u64 = 256;

fn config(accept_data_loss: bool) -> WalConfig {
    WalConfig { segment_bytes: SMALL, accept_data_loss, ..WalConfig::default() }
}

type Opened = (Wal, Vec<(i64, String)>, RecoveryReport);

/// Reads everything and opens the log for writing.
fn open_with(dir: &Path, config: &WalConfig, faults: &Faults) -> Result<Opened, LakeError> {
    let mut recovery = Recovery::begin(dir, config, faults)?;
    let mut records = Vec::new();
    while let Some(record) = recovery.next_record()? {
        records.push((record.position, String::from_utf8_lossy(&record.payload).into_owned()));
    }
    let report = recovery.report;
    Ok((recovery.finish(0)?, records, report))
}

fn open(dir: &Path) -> Result<Opened, LakeError> {
    open_with(dir, &config(false), &Faults::default())
}

fn put(wal: &Wal, text: &str) -> io::Result<i64> {
    wal.append(&[(RecordKind::Batch, text.as_bytes())])
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| segment::position_in_name(path).is_some())
        .collect();
    paths.sort();
    paths
}

#[test]
fn records_come_back_in_order_over_segments_and_starts() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for start in 0..4 {
        let (wal, records, report) = open(dir.path()).unwrap();
        assert_eq!(records, expected);
        assert_eq!(report.torn_bytes, 0);
        for n in 0..10 {
            let text = format!("start {start} record {n} {}", "x".repeat(n * 5));
            let position = put(&wal, &text).unwrap();
            expected.push((position, text));
        }
    }
    let positions: Vec<i64> = expected.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, (1..=40).collect::<Vec<_>>());
    assert!(segments(dir.path()).len() > 4);
}

#[test]
fn a_record_larger_than_a_segment_gets_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    put(&wal, "small").unwrap();
    put(&wal, &"big".repeat(1000)).unwrap();
    put(&wal, "small again").unwrap();
    drop(wal);
    let (_, records, _) = open(dir.path()).unwrap();
    assert_eq!(records.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(), [5, 3000, 11]);
}

#[test]
fn release_removes_only_what_ends_before_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    for n in 0..20 {
        put(&wal, &format!("record {n:02} {}", "x".repeat(30))).unwrap();
    }
    let before = wal.bytes();
    wal.rotate_before_checkpoint(false).unwrap();
    let checkpoint = wal.append(&[(RecordKind::Checkpoint, b"state")]).unwrap();
    wal.release_before(checkpoint).unwrap();
    assert!(wal.bytes() < before);
    drop(wal);
    let (wal, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, [(checkpoint, "state".to_owned())]);
    assert_eq!(wal.next_position(), checkpoint + 1, "positions are never given again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Power loss at any byte of the newest segment keeps all whole records before it.
    #[test]
    fn a_torn_tail_loses_no_whole_record(cut in 0_usize..200, garbage in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let (wal, _, _) = open(dir.path()).unwrap();
        let mut ends = vec![segment::HEADER_BYTES];
        for n in 0..8 {
            put(&wal, &format!("record {n}")).unwrap();
            ends.push(ends[ends.len() - 1] + record::HEADER_BYTES + 8);
        }
        drop(wal);
        let path = segments(dir.path()).pop().unwrap();
        let mut content = fs::read(&path).unwrap();
        let cut = cut.clamp(segment::HEADER_BYTES, ends[8]);
        content[cut..].fill(0);
        if garbage && cut < ends[8] {
            content[cut + 3] = 0xa5;
        }
        fs::write(&path, &content).unwrap();

        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        let (wal, records, _) = open(dir.path()).unwrap();
        prop_assert_eq!(records.len(), whole);
        prop_assert_eq!(put(&wal, "next").unwrap(), whole as i64 + 1);
        drop(wal);
        let (_, records, report) = open(dir.path()).unwrap();
        prop_assert_eq!(records.len(), whole + 1);
        prop_assert_eq!(report.torn_bytes, 0);
    }
}

#[test]
fn damage_in_an_earlier_segment_refuses_to_open_and_says_what_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    for n in 0..12 {
        put(&wal, &format!("record {n:02} {}", "x".repeat(40))).unwrap();
    }
    drop(wal);
    let first = segments(dir.path()).remove(0);
    let mut content = fs::read(&first).unwrap();
    content[segment::HEADER_BYTES + record::HEADER_BYTES + 2] ^= 0xff;
    fs::write(&first, &content).unwrap();

    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, LakeError::WalDamaged { lost_bytes, .. } if lost_bytes > 100), "{error}");
    let (_, records, report) = open_with(dir.path(), &config(true), &Faults::default()).unwrap();
    assert!(report.lost_bytes > 0 && !records.is_empty() && records.len() < 12);
    assert_eq!(records[records.len() - 1].0, 12, "later segments are still read");
}

#[test]
fn a_missing_segment_is_damage_too() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    for n in 0..12 {
        put(&wal, &format!("record {n:02} {}", "x".repeat(40))).unwrap();
    }
    drop(wal);
    fs::remove_file(&segments(dir.path())[1]).unwrap();
    assert!(matches!(open(dir.path()), Err(LakeError::WalDamaged { .. })));
}

#[test]
fn an_empty_newest_segment_is_a_crash_at_creation() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    put(&wal, "kept").unwrap();
    drop(wal);
    fs::write(segment::path_of(dir.path(), 2), vec![0; 100]).unwrap();
    let (wal, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, [(1, "kept".to_owned())]);
    assert_eq!(put(&wal, "next").unwrap(), 2);
}

#[test]
fn after_a_failed_write_the_log_goes_on_without_it() {
    for failing in [IoStep::Write, IoStep::Sync] {
        let dir = tempfile::tempdir().unwrap();
        let countdown = Arc::new(AtomicUsize::new(usize::MAX));
        let left = countdown.clone();
        let faults = Faults::new(move |step, _| {
            if step == failing && left.fetch_sub(1, Ordering::SeqCst) == 1 {
                return Err(io::Error::other("injected"));
            }
            Ok(())
        });
        let (wal, _, _) = open_with(dir.path(), &config(false), &faults).unwrap();
        put(&wal, "one").unwrap();
        countdown.store(1, Ordering::SeqCst);
        put(&wal, "never stored").unwrap_err();
        assert_eq!(put(&wal, "two").unwrap(), 2, "{failing:?}");
        drop(wal);
        let (_, records, _) = open(dir.path()).unwrap();
        let texts: Vec<_> = records.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["one", "two"], "{failing:?}");
    }
}
