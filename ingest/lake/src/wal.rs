//! The write-ahead log: what makes an acknowledgement true.
//!
//! Cast: a [`record`] is one batch or one checkpoint and has a *position*, its number in the log; a
//! [`segment`] is a file of records; the [`group_commit`] task is the only writer, takes the batches
//! that wait, writes them together, syncs once, applies them to memory in log order and answers.
//!
//! Invariants: a position is given once; segments are closed (cut to what is stored, and synced) before
//! the next one is created; a segment is removed only after everything before its end is in tables. The
//! log knows nothing of what its records mean. While a segment fills, the next one is made ready as a
//! [`spare`]; without one, a segment's room is reserved when it is needed.

pub mod group_commit;
mod logs;
pub mod payload;
pub mod reader;
pub mod record;
pub mod recovery;
pub mod samples;
pub mod segment;
mod spare;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::backup::{copy_beginning, copy_durably};
use crate::config::WalConfig;
use crate::faults::Faults;
use crate::storage::{create_dir_durably, sync_dir};
use record::RecordKind;
use segment::{Room, SegmentHeader, SegmentWriter};
use spare::Spare;

/// An open log.
#[derive(Debug)]
pub struct Wal {
    pub id: Uuid,
    dir: PathBuf,
    segment_bytes: u64,
    faults: Faults,
    files: Mutex<Files>,
    /// Of records that are still needed: whoever asks does not wait for a sync.
    bytes: AtomicU64,
}

/// A segment of which more than this part is written is worth closing, and needs a successor soon.
const WORTH_CLOSING: u64 = 4;

#[derive(Debug)]
struct Files {
    closed: VecDeque<ClosedSegment>,
    current: SegmentWriter,
    next: NextSegment,
}

/// What there is of the segment after the current one.
#[derive(Debug)]
enum NextSegment {
    Nothing,
    InTheMaking,
    Ready(Spare),
    /// It could not be made; tried again with the next segment.
    Failed,
}

/// A segment that is only read, after a start, unless it is released before.
#[derive(Debug)]
pub struct ClosedSegment {
    pub path: PathBuf,
    pub first_position: i64,
    /// The number after its last record.
    pub end_position: i64,
    pub bytes: u64,
}

/// What can be read of a segment: whole records, all of them acknowledged.
#[derive(Debug)]
pub struct Extent {
    pub path: PathBuf,
    pub first_position: i64,
    /// The number after its last record.
    pub end_position: i64,
    pub bytes: u64,
}

impl Wal {
    fn start(
        id: Uuid,
        dir: &Path,
        config: &WalConfig,
        faults: &Faults,
        closed: VecDeque<ClosedSegment>,
        next_position: i64,
    ) -> io::Result<Wal> {
        let header = SegmentHeader { log: id, first_position: next_position };
        let current = SegmentWriter::create(dir, header, Room::Reserve(config.segment_bytes), faults)?;
        let files = Files { closed, current, next: NextSegment::Nothing };
        Ok(Wal {
            id,
            dir: dir.to_owned(),
            segment_bytes: config.segment_bytes,
            faults: faults.clone(),
            bytes: AtomicU64::new(files.bytes()),
            files: Mutex::new(files),
        })
    }

    /// Writes records, and syncs them once if they have to be durable; returns the position of the first.
    /// Blocks. After an error nothing of it is in the log, and the next call starts a new segment.
    pub fn append(&self, records: &[(RecordKind, &[u8])], durable: bool) -> io::Result<i64> {
        let mut files = self.files.lock();
        let room: usize = records.iter().map(|(_, payload)| record::HEADER_BYTES + payload.len()).sum();
        if files.current.broken || !files.current.has_room_for(room) {
            self.rotate_locked(&mut files, room)?;
        }
        let first_position = files.current.next_position;
        let mut bytes = Vec::with_capacity(room);
        for (position, (kind, payload)) in (first_position..).zip(records) {
            record::write(&mut bytes, position, *kind, payload);
        }
        files.current.append(&bytes, records.len() as i64, durable)?;
        self.bytes.store(files.bytes(), Ordering::Relaxed);
        Ok(first_position)
    }

    /// Syncs what was written without it. Blocks.
    pub fn sync(&self) -> io::Result<()> {
        self.files.lock().current.sync()
    }

    /// Starts a new segment when the current one is worth closing, so that a checkpoint written next
    /// lets go of everything before it.
    ///
    /// `carries_state`: what follows in the log can only be read with what the checkpoint says, so that
    /// the checkpoint has to be the first record that is left when the segments before it go.
    pub fn rotate_before_checkpoint(&self, carries_state: bool) -> io::Result<()> {
        let mut files = self.files.lock();
        let current = &files.current;
        let is_worth_it = current.stored_bytes > self.segment_bytes / WORTH_CLOSING;
        if carries_state || current.broken || is_worth_it {
            self.rotate_locked(&mut files, 0)?;
        }
        Ok(())
    }

    fn rotate_locked(&self, files: &mut Files, room: usize) -> io::Result<()> {
        files.current.close()?;
        // Whatever happens now, nothing more is written to it: if it has no records, its successor has its
        // name.
        files.current.broken = true;
        let next_position = files.current.next_position;
        let header = SegmentHeader { log: self.id, first_position: next_position };
        // One batch may be larger than a segment; it gets one of its own.
        let capacity = self.segment_bytes.max((segment::HEADER_BYTES + room) as u64);
        let room = match std::mem::replace(&mut files.next, NextSegment::Nothing) {
            NextSegment::Ready(spare) if spare.bytes() >= capacity => Room::Spare(spare),
            NextSegment::InTheMaking => {
                files.next = NextSegment::InTheMaking;
                Room::Reserve(capacity)
            }
            _ => Room::Reserve(capacity),
        };
        let next = SegmentWriter::create(&self.dir, header, room, &self.faults)?;
        let closed = std::mem::replace(&mut files.current, next);
        // A segment without records has the name of its successor: the file is already the new one.
        if closed.next_position > closed.first_position {
            files.closed.push_back(ClosedSegment {
                path: closed.path().to_owned(),
                first_position: closed.first_position,
                end_position: closed.next_position,
                bytes: closed.stored_bytes,
            });
        }
        self.bytes.store(files.bytes(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether [`Wal::prepare_next_segment`] has something to do.
    pub fn needs_next_segment(&self) -> bool {
        self.files.lock().needs_next(self.segment_bytes)
    }

    /// Makes the next segment ready while this one is written. Blocks for as long as the disk takes, and
    /// nobody else meanwhile. After an error the next segment begins without it.
    pub fn prepare_next_segment(&self) -> io::Result<()> {
        {
            let mut files = self.files.lock();
            if !files.needs_next(self.segment_bytes) {
                return Ok(());
            }
            files.next = NextSegment::InTheMaking;
        }
        let made = Spare::create(&self.dir, self.segment_bytes, &self.faults);
        let (next, made) = match made {
            Ok(spare) => (NextSegment::Ready(spare), Ok(())),
            Err(error) => (NextSegment::Failed, Err(error)),
        };
        self.files.lock().next = next;
        made
    }

    /// Removes the segments that end before a checkpoint whose flush is complete.
    pub fn release_before(&self, checkpoint: i64) -> io::Result<()> {
        let mut files = self.files.lock();
        let mut removed = false;
        while let Some(oldest) = files.closed.front() {
            if oldest.end_position > checkpoint {
                break;
            }
            match fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => removed = true,
            }
            files.closed.pop_front();
        }
        self.bytes.store(files.bytes(), Ordering::Relaxed);
        if removed { sync_dir(&self.dir, &self.faults) } else { Ok(()) }
    }

    /// Copies the log as far as it is acknowledged. The caller keeps segments from being released.
    pub fn copy_to(&self, dir: &Path) -> io::Result<()> {
        create_dir_durably(dir, &self.faults)?;
        copy_durably(&self.dir.join("id"), &dir.join("id"))?;
        let segments: Vec<(PathBuf, u64)> = {
            let files = self.files.lock();
            let closed = files.closed.iter().map(|segment| (segment.path.clone(), segment.bytes));
            closed.chain([(files.current.path().to_owned(), files.current.stored_bytes)]).collect()
        };
        for (path, bytes) in segments {
            copy_beginning(&path, bytes, dir)?;
        }
        sync_dir(dir, &self.faults)
    }

    /// Bytes of records that are still needed.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The first segment with records from `position` on, as far as it is acknowledged by now; `None` at
    /// the end of the log.
    pub fn extent_from(&self, position: i64) -> Option<Extent> {
        let files = self.files.lock();
        let closed = files.closed.iter().map(|segment| Extent {
            path: segment.path.clone(),
            first_position: segment.first_position,
            end_position: segment.end_position,
            bytes: segment.bytes,
        });
        let current = Extent {
            path: files.current.path().to_owned(),
            first_position: files.current.first_position,
            end_position: files.current.next_position,
            bytes: files.current.stored_bytes,
        };
        closed.chain([current]).find(|extent| extent.end_position > position.max(extent.first_position))
    }

    /// The position that the next record gets.
    pub fn next_position(&self) -> i64 {
        self.files.lock().current.next_position
    }
}

impl Files {
    fn bytes(&self) -> u64 {
        self.closed.iter().map(|segment| segment.bytes).sum::<u64>() + self.current.stored_bytes
    }

    fn needs_next(&self, segment_bytes: u64) -> bool {
        let is_soon = self.current.stored_bytes > segment_bytes / WORTH_CLOSING;
        is_soon && matches!(self.next, NextSegment::Nothing)
    }
}

#[cfg(test)]
mod tests;
