//! The log alone: positions, rotation, release, torn tails, damage, failing disks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::reader::Reader;
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
    let recovery = Recovery::begin(dir, config, faults)?;
    let mut report = recovery.report;
    let wal = Arc::new(recovery.finish(0)?);
    let mut reader = Reader::new(wal.clone(), config.clone());
    let records = read_on(&mut reader)?;
    report.lost_bytes += reader.lost_bytes;
    drop(reader);
    Ok((Arc::into_inner(wal).expect("the reader is gone"), records, report))
}

/// What there is by now.
fn read_on(reader: &mut Reader) -> Result<Vec<(i64, String)>, LakeError> {
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push((record.position, String::from_utf8_lossy(&record.payload).into_owned()));
    }
    Ok(records)
}

fn open(dir: &Path) -> Result<Opened, LakeError> {
    open_with(dir, &config(false), &Faults::default())
}

fn put(wal: &Wal, text: &str) -> io::Result<i64> {
    wal.append(&[(RecordKind::Batch, text.as_bytes())], true)
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
    let checkpoint = wal.append(&[(RecordKind::Checkpoint, b"state")], true).unwrap();
    wal.release_before(checkpoint).unwrap();
    assert!(wal.bytes() < before);
    drop(wal);
    let (wal, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, [(checkpoint, "state".to_owned())]);
    assert_eq!(wal.next_position(), checkpoint + 1, "positions are never given again");
}

#[test]
fn what_is_written_while_the_log_is_read_comes_in_its_turn() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, mut expected, _) = open(dir.path()).unwrap();
    for n in 0..9 {
        let text = format!("before {n} {}", "x".repeat(40));
        expected.push((put(&wal, &text).unwrap(), text));
    }
    drop(wal);
    let wal =
        Arc::new(Recovery::begin(dir.path(), &config(false), &Faults::default()).unwrap().finish(0).unwrap());
    let mut reader = Reader::new(wal.clone(), config(false));
    let mut read = vec![];
    for n in 0..40 {
        let text = format!("meanwhile {n} {}", "x".repeat(n));
        expected.push((put(&wal, &text).unwrap(), text));
        // Sometimes one, sometimes all there are: within a segment, over its end, at the log's end.
        if n % 3 == 0 {
            read.extend(read_on(&mut reader).unwrap());
            assert_eq!(read, expected);
        } else if n % 3 == 1 {
            let record = reader.next_record().unwrap().unwrap();
            read.push((record.position, String::from_utf8_lossy(&record.payload).into_owned()));
        }
    }
    read.extend(read_on(&mut reader).unwrap());
    assert_eq!(read, expected);
    assert_eq!(reader.read_records, expected.len() as u64);
}

#[test]
fn a_segment_without_records_gives_way_to_its_successor_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    put(&wal, "kept").unwrap();
    drop(wal);
    drop(open(dir.path()).unwrap());
    let (wal, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, [(1, "kept".to_owned())]);
    wal.rotate_before_checkpoint(true).unwrap();
    let checkpoint = wal.append(&[(RecordKind::Checkpoint, b"state")], true).unwrap();
    wal.release_before(checkpoint).unwrap();
    put(&wal, "after").unwrap();
    drop(wal);
    let (_, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, [(2, "state".to_owned()), (3, "after".to_owned())]);
}

#[test]
fn without_a_sync_the_log_is_synced_later_and_when_a_segment_ends() {
    let dir = tempfile::tempdir().unwrap();
    let syncs = Arc::new(AtomicUsize::new(0));
    let counted = syncs.clone();
    let faults = Faults::new(move |step, _| {
        counted.fetch_add(usize::from(step == IoStep::Sync), Ordering::SeqCst);
        Ok(())
    });
    let (wal, _, _) = open_with(dir.path(), &config(false), &faults).unwrap();
    let before = syncs.load(Ordering::SeqCst);
    wal.append(&[(RecordKind::Batch, b"one")], false).unwrap();
    wal.append(&[(RecordKind::Batch, b"two")], false).unwrap();
    assert_eq!(syncs.load(Ordering::SeqCst), before);
    wal.sync().unwrap();
    wal.sync().unwrap();
    assert_eq!(syncs.load(Ordering::SeqCst), before + 1, "there was nothing left to sync");
    wal.append(&[(RecordKind::Batch, b"three")], false).unwrap();
    wal.rotate_before_checkpoint(true).unwrap();
    assert!(syncs.load(Ordering::SeqCst) > before + 1, "a closed segment is synced");
}

/// An fsync that failed may have lost pages; the next one would succeed without them.
#[test]
fn a_segment_whose_sync_failed_is_never_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let failing = Arc::new(AtomicUsize::new(0));
    let left = failing.clone();
    let faults = Faults::new(move |step, _| {
        let fails = step == IoStep::Sync && left.swap(0, Ordering::SeqCst) == 1;
        if fails { Err(io::Error::other("injected")) } else { Ok(()) }
    });
    let (wal, _, _) = open_with(dir.path(), &config(false), &faults).unwrap();
    put(&wal, "one").unwrap();
    let broken = segments(dir.path()).pop().unwrap();
    let stored = wal.bytes();
    failing.store(1, Ordering::SeqCst);
    put(&wal, "never stored").unwrap_err();
    put(&wal, "two").unwrap();
    assert_eq!(fs::metadata(&broken).unwrap().len(), stored, "cut to what was acknowledged");
    assert_ne!(segments(dir.path()).pop().unwrap(), broken);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the newest segment, a whole prefix comes back, in order, or it is refused.
    #[test]
    fn a_damaged_newest_segment_gives_a_prefix_of_its_records(
        damages in prop::collection::vec((0_usize..400, any::<u8>(), any::<bool>()), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (wal, _, _) = open(dir.path()).unwrap();
        for n in 0..8 {
            put(&wal, &format!("record {n}")).unwrap();
        }
        drop(wal);
        let path = segments(dir.path()).pop().unwrap();
        let mut content = fs::read(&path).unwrap();
        for (at, bits, cut) in damages {
            let at = at % content.len().max(1);
            if cut {
                content.truncate(at.max(segment::HEADER_BYTES));
            } else if let Some(byte) = content.get_mut(at) {
                *byte ^= bits;
            }
        }
        fs::write(&path, &content).unwrap();
        match open(dir.path()) {
            Ok((wal, records, _)) => {
                let expected: Vec<_> = (0..records.len()).map(|n| (n as i64 + 1, format!("record {n}"))).collect();
                prop_assert_eq!(&records, &expected);
                put(&wal, "next").unwrap();
                drop(wal);
                let (_, again, report) = open(dir.path()).unwrap();
                prop_assert_eq!(again.len(), records.len() + 1);
                prop_assert_eq!(report.torn_bytes, 0);
            }
            Err(error) => prop_assert!(matches!(error, LakeError::WalDamaged { .. }), "{}", error),
        }
    }

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

/// What the committer does when a segment is about to be full.
fn put_prepared(wal: &Wal, text: &str) -> io::Result<i64> {
    let position = put(wal, text)?;
    if wal.needs_next_segment() {
        wal.prepare_next_segment()?;
    }
    Ok(position)
}

#[test]
fn segments_that_were_made_ready_hold_the_same_log() {
    let dir = tempfile::tempdir().unwrap();
    let reserved = Arc::new(AtomicUsize::new(0));
    let counted = reserved.clone();
    let faults = Faults::new(move |step, path| {
        let is_reserved = step == IoStep::Preallocate && segment::position_in_name(path).is_some();
        counted.fetch_add(usize::from(is_reserved), Ordering::Relaxed);
        Ok(())
    });
    let mut expected = Vec::new();
    for start in 0..2 {
        let (wal, records, report) = open_with(dir.path(), &config(false), &faults).unwrap();
        assert_eq!((records, report), (expected.clone(), RecoveryReport::default()));
        for n in 0..20 {
            let text = format!("start {start} record {n} {}", "x".repeat(30));
            expected.push((put_prepared(&wal, &text).unwrap(), text));
        }
        assert!(wal.bytes() > expected.iter().map(|(_, text)| text.len() as u64).sum());
    }
    assert!(segments(dir.path()).len() > 8);
    assert_eq!(reserved.load(Ordering::Relaxed), 2, "the first of each start has no predecessor");
    let (_, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, expected);
}

/// A crash leaves a spare as it was made, or with the header of the segment it was about to become.
#[test]
fn a_spare_that_a_crash_left_is_no_part_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, _, _) = open(dir.path()).unwrap();
    let mut expected = Vec::new();
    for n in 0..3 {
        let text = format!("record {n} {}", "x".repeat(20));
        expected.push((put(&wal, &text).unwrap(), text));
    }
    let header = SegmentHeader { log: wal.id, first_position: wal.next_position() };
    drop(wal);
    let newest = segments(dir.path()).pop().unwrap();
    let mut spare = fs::read(newest).unwrap();
    for content in [vec![0; 100], Vec::new(), std::mem::take(&mut spare)] {
        fs::write(dir.path().join("next.spare"), content).unwrap();
        let (wal, records, report) = open(dir.path()).unwrap();
        assert_eq!((records, report), (expected.clone(), RecoveryReport::default()));
        assert_eq!(wal.next_position(), header.first_position);
        assert!(!dir.path().join("next.spare").exists());
    }
}

#[test]
fn a_segment_that_cannot_be_made_ready_is_reserved_when_it_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(|step, path| {
        let is_spare = path.extension().is_some_and(|extension| extension == "spare");
        if is_spare && step == IoStep::Write { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    });
    let (wal, _, _) = open_with(dir.path(), &config(false), &faults).unwrap();
    let mut failures = 0;
    for n in 0..20 {
        put(&wal, &format!("record {n:02} {}", "x".repeat(30))).unwrap();
        if wal.needs_next_segment() {
            wal.prepare_next_segment().unwrap_err();
            failures += 1;
            assert!(!wal.needs_next_segment(), "not again before the next segment");
        }
    }
    assert!(failures > 3 && !dir.path().join("next.spare").exists());
    drop(wal);
    assert_eq!(open(dir.path()).unwrap().1.len(), 20);
}

/// A segment without records and its successor have one name.
#[test]
fn a_successor_that_cannot_be_created_takes_no_empty_segment_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let asked = turns.clone();
    let faults = Faults::new(move |step, _| {
        // The first segment is created, the second is not.
        let fails = step == IoStep::Preallocate && asked.fetch_add(1, Ordering::Relaxed) == 1;
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    });
    let (wal, _, _) = open_with(dir.path(), &config(false), &faults).unwrap();
    wal.rotate_before_checkpoint(true).unwrap_err();
    put(&wal, "acknowledged").unwrap();
    drop(wal);
    let (_, records, _) = open(dir.path()).unwrap();
    assert_eq!(records, [(1, "acknowledged".to_owned())]);
}
