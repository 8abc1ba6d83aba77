//! Finding the log at the start: its identity, its segments, and where its last whole record ends.
//!
//! A bad record at the end of the newest segment is a torn tail: it was never acknowledged, it is cut
//! off and reported. Nothing else is read here, so that a long log is open for writing at once; the
//! [`reader`](super::reader) reads the rest and finds damage in it.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::record::{self, Parsed};
use super::segment::{self, SegmentHeader};
use super::{ClosedSegment, Wal, spare};
use crate::config::WalConfig;
use crate::error::LakeError;
use crate::faults::Faults;
use crate::storage::{Existing, create_dir_durably, sync_dir, write_durably};

/// What a start found that should not be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Unacknowledged bytes that were cut off the newest segment.
    pub torn_bytes: u64,
    /// Acknowledged bytes given up because the configuration accepts it.
    pub lost_bytes: u64,
}

/// A log that was found, before anything is written to it.
#[derive(Debug)]
pub struct Recovery {
    pub id: Uuid,
    pub report: RecoveryReport,
    dir: PathBuf,
    config: WalConfig,
    faults: Faults,
    /// Oldest first, each with records.
    segments: VecDeque<ClosedSegment>,
    next_position: i64,
}

impl Recovery {
    /// Finds the segments of a directory, which is created when it is missing, and repairs the end of
    /// the newest one. Blocks on the disk for one segment.
    pub fn begin(dir: &Path, config: &WalConfig, faults: &Faults) -> Result<Recovery, LakeError> {
        create_dir_durably(dir, faults).map_err(|error| LakeError::io("cannot create", dir, error))?;
        spare::remove_left_over(dir)
            .map_err(|error| LakeError::io("cannot remove the spare segment of", dir, error))?;
        let mut recovery = Recovery {
            id: read_or_create_id(&dir.join("id"), faults)?,
            report: RecoveryReport::default(),
            dir: dir.to_owned(),
            config: config.clone(),
            faults: faults.clone(),
            segments: VecDeque::new(),
            next_position: 1,
        };
        let mut found = Vec::new();
        let failed = |error| LakeError::io("cannot list", dir, error);
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Some(position) = segment::position_in_name(&entry.path()) {
                found.push((position, entry.path(), entry.metadata().map_err(failed)?.len()));
            }
        }
        found.sort();
        if let Some((position, path, _)) = found.pop() {
            recovery.repair_newest(position, path)?;
        }
        let mut end_position = recovery.segments.front().map_or(recovery.next_position, |s| s.first_position);
        for (first_position, path, bytes) in found.into_iter().rev() {
            recovery.segments.push_front(ClosedSegment { path, first_position, end_position, bytes });
            end_position = first_position;
        }
        Ok(recovery)
    }

    /// Bytes that are to be read.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Opens the log for writing at the first free position, or at `position_min` if that is later.
    pub fn finish(self, position_min: i64) -> Result<Wal, LakeError> {
        let next_position = self.next_position.max(position_min);
        Wal::start(self.id, &self.dir, &self.config, &self.faults, self.segments, next_position)
            .map_err(|error| LakeError::io("cannot start a WAL segment in", &self.dir, error))
    }

    /// Finds the end of the newest segment and cuts off what is behind it.
    fn repair_newest(&mut self, first_position: i64, path: PathBuf) -> Result<(), LakeError> {
        let content = fs::read(&path).map_err(|error| LakeError::io("cannot read", &path, error))?;
        let used = bytes_in_use(&content);
        self.next_position = first_position;
        let problem = match SegmentHeader::parse(&content) {
            Some(header) if header.log != self.id => "it belongs to another log",
            Some(_) => return self.cut_torn_tail(first_position, path, &content),
            None if used <= segment::HEADER_BYTES => {
                // A crash while the segment was created: nothing was ever written into it.
                return fs::remove_file(&path)
                    .and_then(|()| sync_dir(&self.dir, &self.faults))
                    .map_err(|error| LakeError::io("cannot remove", &path, error));
            }
            None => "its header is damaged",
        };
        accept_loss(&self.config, &path, 0, used as u64, problem)?;
        self.report.lost_bytes += used as u64;
        // Kept under another name: its records cannot be told apart, but somebody may want to look. What
        // it held has no number any more; positions go on far behind it.
        let aside = path.with_extension("wal.damaged");
        fs::rename(&path, &aside)
            .and_then(|()| sync_dir(&self.dir, &self.faults))
            .map_err(|error| LakeError::io("cannot move aside", &path, error))?;
        self.next_position = first_position.saturating_add(used as i64);
        Ok(())
    }

    fn cut_torn_tail(&mut self, first_position: i64, path: PathBuf, content: &[u8]) -> Result<(), LakeError> {
        let (mut offset, mut position) = (segment::HEADER_BYTES, first_position);
        loop {
            match record::parse(&content[offset..], position) {
                Parsed::Record { total_bytes, .. } => {
                    (offset, position) = (offset + total_bytes, position + 1)
                }
                Parsed::Unknown(kind) => {
                    let problem = format!("kind {kind} is unknown to this version");
                    return Err(LakeError::WalRecord { position, problem });
                }
                Parsed::End | Parsed::Bad(_) => break,
            }
        }
        let torn_bytes = bytes_in_use(content).saturating_sub(offset) as u64;
        if torn_bytes > 0 {
            tracing::warn!(
                segment = %path.display(),
                offset,
                torn_bytes,
                "WAL tail is torn: unacknowledged bytes are cut off"
            );
            self.report.torn_bytes += torn_bytes;
        }
        self.next_position = position;
        // A segment without records has the name of its successor, which takes its place.
        if position == first_position {
            return Ok(());
        }
        if content.len() > offset {
            OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|file| segment::cut(&file, &path, offset as u64, &self.faults))
                .map_err(|error| LakeError::io("cannot cut", &path, error))?;
        }
        let bytes = offset as u64;
        self.segments.push_back(ClosedSegment { path, first_position, end_position: position, bytes });
        Ok(())
    }
}

/// Whether the configuration gives up acknowledged bytes.
pub(super) fn accept_loss(
    config: &WalConfig,
    segment: &Path,
    offset: u64,
    lost_bytes: u64,
    problem: &'static str,
) -> Result<(), LakeError> {
    if !config.accept_data_loss {
        return Err(LakeError::WalDamaged { segment: segment.to_owned(), offset, lost_bytes, problem });
    }
    tracing::error!(segment = %segment.display(), offset, lost_bytes, problem, "WAL data loss accepted");
    Ok(())
}

/// Bytes up to the last one that is not zero: the rest is preallocated room.
pub(super) fn bytes_in_use(content: &[u8]) -> usize {
    content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

fn read_or_create_id(path: &Path, faults: &Faults) -> Result<Uuid, LakeError> {
    match fs::read_to_string(path) {
        Ok(text) => Uuid::parse_str(text.trim()).map_err(|_| LakeError::WalDamaged {
            segment: path.to_owned(),
            offset: 0,
            lost_bytes: 0,
            problem: "the log's id is unreadable",
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = Uuid::new_v4();
            write_durably(path, &[id.to_string().as_bytes()], Existing::Refuse, faults)
                .map_err(|error| LakeError::io("cannot write", path, error))?;
            Ok(id)
        }
        Err(error) => Err(LakeError::io("cannot read", path, error)),
    }
}
