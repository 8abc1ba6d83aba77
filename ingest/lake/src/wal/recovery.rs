//! Reading the log at the start: every record that was acknowledged, in order, and what was torn.
//!
//! A bad record at the end of the newest segment is a torn tail: it was never acknowledged, it is cut
//! off and reported. A bad or missing record anywhere else was acknowledged: opening is refused unless
//! the configuration accepts the loss.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

use super::record::{self, Parsed, RecordKind};
use super::segment::{self, SegmentHeader};
use super::{ClosedSegment, Wal};
use crate::config::WalConfig;
use crate::error::LakeError;
use crate::faults::Faults;
use crate::storage::{Existing, create_dir_durably, sync_dir, write_durably};

/// A record as it was acknowledged.
#[derive(Debug)]
pub struct Record {
    pub position: i64,
    pub kind: RecordKind,
    pub payload: Bytes,
}

/// What a start found that should not be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    pub records: u64,
    /// Unacknowledged bytes that were cut off the newest segment.
    pub torn_bytes: u64,
    /// Acknowledged bytes given up because the configuration accepts it.
    pub lost_bytes: u64,
}

/// A log that is being read.
#[derive(Debug)]
pub struct Recovery {
    pub id: Uuid,
    pub report: RecoveryReport,
    dir: PathBuf,
    config: WalConfig,
    faults: Faults,
    /// Oldest first.
    waiting: VecDeque<PathBuf>,
    reading: Option<Reading>,
    read: VecDeque<ClosedSegment>,
    next_position: i64,
}

#[derive(Debug)]
struct Reading {
    path: PathBuf,
    content: Bytes,
    offset: usize,
    position: i64,
    /// Where the next segment begins; `None` for the newest segment.
    end_position: Option<i64>,
}

impl Recovery {
    /// Finds the segments of a directory, which is created when it is missing.
    pub fn begin(dir: &Path, config: &WalConfig, faults: &Faults) -> Result<Recovery, LakeError> {
        create_dir_durably(dir, faults).map_err(|error| LakeError::io("cannot create", dir, error))?;
        let id = read_or_create_id(&dir.join("id"), faults)?;
        let mut segments: Vec<(i64, PathBuf)> = Vec::new();
        let entries = fs::read_dir(dir).map_err(|error| LakeError::io("cannot list", dir, error))?;
        for entry in entries {
            let path = entry.map_err(|error| LakeError::io("cannot list", dir, error))?.path();
            if let Some(position) = segment::position_in_name(&path) {
                segments.push((position, path));
            }
        }
        segments.sort();
        Ok(Recovery {
            id,
            report: RecoveryReport::default(),
            dir: dir.to_owned(),
            config: config.clone(),
            faults: faults.clone(),
            waiting: segments.into_iter().map(|(_, path)| path).collect(),
            reading: None,
            read: VecDeque::new(),
            next_position: 1,
        })
    }

    /// The next record. Blocks on the disk, one segment at a time.
    pub fn next_record(&mut self) -> Result<Option<Record>, LakeError> {
        loop {
            let Some(mut reading) = self.reading.take() else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            if reading.end_position.is_some_and(|end| reading.position >= end) {
                // Whatever follows was written again in the next segment, or never acknowledged.
                self.finish_segment(reading);
                continue;
            }
            match record::parse(&reading.content[reading.offset..], reading.position) {
                Parsed::Record { kind, payload, total_bytes } => {
                    let payload = reading.content.slice_ref(payload);
                    let position = reading.position;
                    reading.offset += total_bytes;
                    reading.position += 1;
                    self.reading = Some(reading);
                    self.report.records += 1;
                    return Ok(Some(Record { position, kind, payload }));
                }
                Parsed::Unknown(kind) => {
                    let problem = format!("kind {kind} is unknown to this version");
                    return Err(LakeError::WalRecord { position: reading.position, problem });
                }
                Parsed::End if reading.end_position.is_none() => self.finish_segment(reading),
                Parsed::Bad(_) if reading.end_position.is_none() => self.cut_torn_tail(reading)?,
                Parsed::End => self.give_up_rest(reading, "acknowledged records are missing")?,
                Parsed::Bad(problem) => self.give_up_rest(reading, problem)?,
            }
        }
    }

    /// The next records up to about a number of payload bytes; empty at the end of the log.
    pub fn next_records(&mut self, bytes_max: usize) -> Result<Vec<Record>, LakeError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max {
            let Some(record) = self.next_record()? else { break };
            bytes += record.payload.len();
            records.push(record);
        }
        Ok(records)
    }

    /// Opens the log for writing at the first free position, or at `position_min` if that is later.
    pub fn finish(self, position_min: i64) -> Result<Wal, LakeError> {
        let next_position = self.next_position.max(position_min);
        Wal::start(self.id, &self.dir, &self.config, &self.faults, self.read, next_position)
            .map_err(|error| LakeError::io("cannot start a WAL segment in", &self.dir, error))
    }

    fn open_next(&mut self) -> Result<bool, LakeError> {
        let Some(path) = self.waiting.pop_front() else { return Ok(false) };
        let content = fs::read(&path).map_err(|error| LakeError::io("cannot read", &path, error))?;
        let end_position = self.waiting.front().and_then(|next| segment::position_in_name(next));
        let header = SegmentHeader::parse(&content);
        let problem = match header {
            Some(header) if header.log != self.id => "it belongs to another log",
            Some(header) => {
                self.reading = Some(Reading {
                    path,
                    content: content.into(),
                    offset: segment::HEADER_BYTES,
                    position: header.first_position,
                    end_position,
                });
                return Ok(true);
            }
            None if end_position.is_none() && bytes_in_use(&content) <= segment::HEADER_BYTES => {
                // A crash while the segment was created: nothing was ever written into it.
                fs::remove_file(&path)
                    .and_then(|()| sync_dir(&self.dir, &self.faults))
                    .map_err(|error| LakeError::io("cannot remove", &path, error))?;
                return Ok(true);
            }
            None => "its header is damaged",
        };
        self.accept_loss(&path, 0, bytes_in_use(&content) as u64, problem)?;
        Ok(true)
    }

    fn finish_segment(&mut self, reading: Reading) {
        self.next_position = self.next_position.max(reading.position);
        self.read.push_back(ClosedSegment {
            path: reading.path,
            end_position: reading.position,
            bytes: reading.offset as u64,
        });
    }

    fn cut_torn_tail(&mut self, reading: Reading) -> Result<(), LakeError> {
        let torn_bytes = (bytes_in_use(&reading.content) - reading.offset) as u64;
        tracing::warn!(
            segment = %reading.path.display(),
            offset = reading.offset,
            torn_bytes,
            "WAL tail is torn: unacknowledged bytes are cut off"
        );
        OpenOptions::new()
            .write(true)
            .open(&reading.path)
            .and_then(|file| segment::cut(&file, &reading.path, reading.offset as u64, &self.faults))
            .map_err(|error| LakeError::io("cannot cut", &reading.path, error))?;
        self.report.torn_bytes += torn_bytes;
        self.finish_segment(reading);
        Ok(())
    }

    fn give_up_rest(&mut self, reading: Reading, problem: &'static str) -> Result<(), LakeError> {
        let lost = bytes_in_use(&reading.content).saturating_sub(reading.offset) as u64;
        self.accept_loss(&reading.path, reading.offset as u64, lost, problem)?;
        self.finish_segment(reading);
        Ok(())
    }

    fn accept_loss(
        &mut self,
        segment: &Path,
        offset: u64,
        lost_bytes: u64,
        problem: &'static str,
    ) -> Result<(), LakeError> {
        if !self.config.accept_data_loss {
            return Err(LakeError::WalDamaged { segment: segment.to_owned(), offset, lost_bytes, problem });
        }
        tracing::error!(segment = %segment.display(), offset, lost_bytes, problem, "WAL data loss accepted");
        self.report.lost_bytes += lost_bytes;
        Ok(())
    }
}

/// Bytes up to the last one that is not zero: the rest is preallocated room.
fn bytes_in_use(content: &[u8]) -> usize {
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
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let id = Uuid::new_v4();
            write_durably(path, &[id.to_string().as_bytes()], Existing::Refuse, faults)
                .map_err(|error| LakeError::io("cannot write", path, error))?;
            Ok(id)
        }
        Err(error) => Err(LakeError::io("cannot read", path, error)),
    }
}
