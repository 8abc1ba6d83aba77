//! Reads the log in order, from its oldest record to its end, while others write behind that end.
//!
//! Whatever stands before the end of a segment was acknowledged: a bad or missing record there is
//! damage. Reading stops at it unless the configuration accepts the loss.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::record::{self, Parsed, RecordKind};
use super::recovery::{accept_loss, bytes_in_use};
use super::segment::{self, SegmentHeader};
use super::{Extent, Wal};
use crate::config::WalConfig;
use crate::error::LakeError;

/// A record as it was acknowledged.
#[derive(Debug)]
pub struct Record {
    pub position: i64,
    pub kind: RecordKind,
    pub payload: Bytes,
}

/// A place in the log; see the module's page.
#[derive(Debug)]
pub struct Reader {
    wal: Arc<Wal>,
    config: WalConfig,
    /// The number of the next record.
    position: i64,
    reading: Option<Reading>,
    /// How far the segment that was read last has been read.
    last: Option<(PathBuf, u64)>,
    pub read_records: u64,
    pub read_bytes: u64,
    /// Acknowledged bytes given up because the configuration accepts it.
    pub lost_bytes: u64,
}

/// A part of a segment.
#[derive(Debug)]
struct Reading {
    extent: Extent,
    file: File,
    /// Where the segment ends.
    end: u64,
    /// Where `content` begins in its file.
    base: u64,
    content: Bytes,
    offset: usize,
}

/// Bytes of a segment that are read at once; more if a record is longer.
const PART_BYTES: u64 = 8 << 20;

impl Reading {
    fn begin(extent: Extent, base: u64) -> io::Result<Reading> {
        let file = File::open(&extent.path)?;
        let end = file.metadata()?.len().min(extent.bytes);
        let mut reading = Reading { extent, file, end, base, content: Bytes::new(), offset: 0 };
        reading.go_on()?;
        Ok(reading)
    }

    /// Whether the segment goes on behind the part.
    fn has_more(&self) -> bool {
        self.base + (self.content.len() as u64) < self.end
    }

    /// Reads the part that begins with what was not taken yet: what is cut off at the end of this one is
    /// whole in that one or in a later, longer one.
    fn go_on(&mut self) -> io::Result<()> {
        let left = (self.content.len() - self.offset) as u64;
        self.base += self.offset as u64;
        self.offset = 0;
        let bytes = PART_BYTES.max(2 * left).min(self.end.saturating_sub(self.base));
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut content, self.base)?;
        self.content = Bytes::from(content);
        Ok(())
    }
}

impl Reader {
    /// From the oldest record that is left.
    pub fn new(wal: Arc<Wal>, config: WalConfig) -> Reader {
        Reader {
            wal,
            config,
            position: 0,
            reading: None,
            last: None,
            read_records: 0,
            read_bytes: 0,
            lost_bytes: 0,
        }
    }

    /// The next records, up to about a number of payload bytes; empty at the end of what is in the log
    /// by now. Blocks on the disk.
    pub fn next_records(&mut self, bytes_max: usize) -> Result<Vec<Record>, LakeError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max {
            let Some(record) = self.next_record()? else { break };
            bytes += record.payload.len();
            records.push(record);
        }
        Ok(records)
    }

    pub fn next_record(&mut self) -> Result<Option<Record>, LakeError> {
        loop {
            let Some(mut reading) = self.reading.take() else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            if self.position >= reading.extent.end_position {
                // Whatever follows was written again in the next segment, or never acknowledged.
                self.last = Some((reading.extent.path, reading.base + reading.offset as u64));
                continue;
            }
            match record::parse(&reading.content[reading.offset..], self.position) {
                Parsed::Record { kind, payload, total_bytes } => {
                    let payload = reading.content.slice_ref(payload);
                    let position = self.position;
                    reading.offset += total_bytes;
                    self.position += 1;
                    self.read_records += 1;
                    self.read_bytes += total_bytes as u64;
                    self.reading = Some(reading);
                    return Ok(Some(Record { position, kind, payload }));
                }
                Parsed::Unknown(kind) => {
                    let problem = format!("kind {kind} is unknown to this version");
                    return Err(LakeError::WalRecord { position: self.position, problem });
                }
                Parsed::End | Parsed::Bad(_) if reading.has_more() => {
                    let path = reading.extent.path.clone();
                    reading.go_on().map_err(|error| LakeError::io("cannot read", path, error))?;
                    self.reading = Some(reading);
                }
                Parsed::End => self.give_up_rest(reading, "acknowledged records are missing")?,
                Parsed::Bad(problem) => self.give_up_rest(reading, problem)?,
            }
        }
    }

    fn open_next(&mut self) -> Result<bool, LakeError> {
        let Some(extent) = self.wal.extent_from(self.position) else { return Ok(false) };
        // Numbers may be left out between two segments: after damage, and beside older tables.
        self.position = self.position.max(extent.first_position);
        let base = match self.last.take() {
            Some((path, offset)) if path == extent.path => offset,
            _ => 0,
        };
        let path = extent.path.clone();
        let reading = Reading::begin(extent, base);
        let mut reading = reading.map_err(|error| LakeError::io("cannot read", path, error))?;
        if base == 0 {
            let problem = match SegmentHeader::parse(&reading.content) {
                Some(header) if header.log != self.wal.id => "it belongs to another log",
                Some(_) => {
                    reading.offset = segment::HEADER_BYTES;
                    self.read_bytes += segment::HEADER_BYTES as u64;
                    self.reading = Some(reading);
                    return Ok(true);
                }
                None => "its header is damaged",
            };
            self.give_up_rest(reading, problem)?;
        } else {
            self.reading = Some(reading);
        }
        Ok(true)
    }

    fn give_up_rest(&mut self, reading: Reading, problem: &'static str) -> Result<(), LakeError> {
        let offset = reading.base + reading.offset as u64;
        let lost_bytes = bytes_in_use(&reading.content).saturating_sub(reading.offset) as u64;
        accept_loss(&self.config, &reading.extent.path, offset, lost_bytes, problem)?;
        self.lost_bytes += lost_bytes;
        self.position = reading.extent.end_position;
        Ok(())
    }
}
