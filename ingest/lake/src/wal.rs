//! The write-ahead log: what makes an acknowledgement true.
//!
//! Cast: a [`record`] is one batch or one checkpoint and has a *position*, its number in the log; a
//! [`segment`] is a file of records; the [`group_commit`] task is the only writer, takes the batches
//! that wait, writes them together, syncs once, applies them to memory in log order and answers.
//!
//! Invariants: a position is given once; segments are closed (cut to what is stored, and synced) before
//! the next one is created; a segment is removed only after everything before its end is in tables. The
//! log knows nothing of what its records mean.

pub mod group_commit;
mod logs;
pub mod payload;
pub mod reader;
pub mod record;
pub mod recovery;
pub mod samples;
pub mod segment;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::backup::{copy_beginning, copy_durably};
use crate::config::WalConfig;
use crate::faults::Faults;
use crate::storage::{create_dir_durably, sync_dir};
use record::RecordKind;
use segment::{SegmentHeader, SegmentWriter};

/// An open log.
#[derive(Debug)]
pub struct Wal {
    pub id: Uuid,
    dir: PathBuf,
    segment_bytes: u64,
    faults: Faults,
    files: Mutex<Files>,
}

#[derive(Debug)]
struct Files {
    closed: VecDeque<ClosedSegment>,
    current: SegmentWriter,
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
        let current = SegmentWriter::create(dir, header, config.segment_bytes, faults)?;
        Ok(Wal {
            id,
            dir: dir.to_owned(),
            segment_bytes: config.segment_bytes,
            faults: faults.clone(),
            files: Mutex::new(Files { closed, current }),
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
        if carries_state || current.broken || current.stored_bytes > self.segment_bytes / 4 {
            self.rotate_locked(&mut files, 0)?;
        }
        Ok(())
    }

    fn rotate_locked(&self, files: &mut Files, room: usize) -> io::Result<()> {
        files.current.close()?;
        let next_position = files.current.next_position;
        // One batch may be larger than a segment; it gets one of its own.
        let capacity = self.segment_bytes.max((segment::HEADER_BYTES + room) as u64);
        let header = SegmentHeader { log: self.id, first_position: next_position };
        let next = SegmentWriter::create(&self.dir, header, capacity, &self.faults)?;
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
        Ok(())
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
        let files = self.files.lock();
        files.closed.iter().map(|segment| segment.bytes).sum::<u64>() + files.current.stored_bytes
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

#[cfg(test)]
mod tests;
