//! One file of the log: a header, then records until the preallocated room is used up.
//!
//! A segment is written by one thread, only at its end, and never again after it was closed. What may
//! be acknowledged is known (`stored_bytes`); after a failed write or sync the segment is broken: it is
//! cut there and closed, and nothing is written to it again, because a second sync of the same file
//! could succeed without the pages that the first one lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::spare::Spare;
use crate::faults::{Faults, IoStep};
use crate::storage::sync_dir;

const MAGIC: &[u8; 8] = b"EKWAL\0\0\x01";
/// Magic, log id, first position, checksum.
pub const HEADER_BYTES: usize = 8 + 16 + 8 + 4;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Which log this is: the application id of the flush commits.
    pub log: Uuid,
    /// The number of the first record.
    pub first_position: i64,
}

impl SegmentHeader {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..24].copy_from_slice(self.log.as_bytes());
        bytes[24..32].copy_from_slice(&self.first_position.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..32]);
        bytes[32..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` when the bytes are no header.
    pub fn parse(bytes: &[u8]) -> Option<SegmentHeader> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let checksum = u32::from_le_bytes(*bytes[32..].first_chunk()?);
        if &bytes[..8] != MAGIC || crc32c::crc32c(&bytes[..32]) != checksum {
            return None;
        }
        Some(SegmentHeader {
            log: Uuid::from_bytes(*bytes[8..24].first_chunk()?),
            first_position: i64::from_le_bytes(*bytes[24..32].first_chunk()?),
        })
    }
}

/// The file's name, which sorts by position.
pub fn path_of(dir: &Path, first_position: i64) -> PathBuf {
    dir.join(format!("{first_position:020}.wal"))
}

/// The position in a file's name, if it is a segment's.
pub fn position_in_name(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".wal")?;
    name.parse().ok().filter(|position| *position >= 0)
}

/// The segment that is being written.
#[derive(Debug)]
pub struct SegmentWriter {
    file: File,
    path: PathBuf,
    pub first_position: i64,
    /// The number that the next record gets.
    pub next_position: i64,
    /// Up to here everything is written, and synced if that was asked for.
    pub stored_bytes: u64,
    pub capacity: u64,
    /// Something was written without a sync.
    pub unsynced: bool,
    /// A write or a sync failed: what is behind `stored_bytes` is unknown.
    pub broken: bool,
    faults: Faults,
}

/// Where a segment's room comes from.
#[derive(Debug)]
pub enum Room {
    /// So many bytes of the disk.
    Reserve(u64),
    /// Zeros that are there already.
    Spare(Spare),
}

impl Room {
    fn bytes(&self) -> u64 {
        match self {
            Room::Reserve(bytes) => *bytes,
            Room::Spare(spare) => spare.bytes(),
        }
    }
}

impl SegmentWriter {
    /// Creates the file with all the room it may use; a spare brings it along.
    pub fn create(
        dir: &Path,
        header: SegmentHeader,
        room: Room,
        faults: &Faults,
    ) -> io::Result<SegmentWriter> {
        let path = path_of(dir, header.first_position);
        let capacity = room.bytes();
        let placed = match room {
            Room::Reserve(bytes) => reserve(&path, header, bytes, faults),
            Room::Spare(spare) => spare.place(&path, &header.to_bytes(), faults),
        };
        let file = placed.and_then(|file| sync_dir(dir, faults).map(|()| file)).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })?;
        Ok(SegmentWriter {
            file,
            path,
            first_position: header.first_position,
            next_position: header.first_position,
            stored_bytes: HEADER_BYTES as u64,
            capacity,
            unsynced: false,
            broken: false,
            faults: faults.clone(),
        })
    }

    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.stored_bytes + bytes as u64 <= self.capacity
    }

    /// Writes whole records, and syncs them if they have to be durable. After an error the segment is
    /// broken.
    pub fn append(&mut self, bytes: &[u8], record_count: i64, durable: bool) -> io::Result<()> {
        let written = self.faults.write(&self.path, bytes, |bytes| {
            self.file.write_all_at(bytes, self.stored_bytes)?;
            if !durable {
                return Ok(());
            }
            self.faults.check(IoStep::Sync, &self.path)?;
            self.file.sync_data()
        });
        match written {
            Ok(()) => {
                self.stored_bytes += bytes.len() as u64;
                self.next_position += record_count;
                self.unsynced = !durable;
            }
            Err(_) => self.broken = true,
        }
        written
    }

    /// Syncs what was written without it. After an error the segment is broken.
    pub fn sync(&mut self) -> io::Result<()> {
        if !self.unsynced || self.broken {
            return Ok(());
        }
        self.unsynced = false;
        let synced = self.faults.check(IoStep::Sync, &self.path).and_then(|()| self.file.sync_data());
        self.broken = synced.is_err();
        synced
    }

    /// Cuts off everything that was not acknowledged and the unused room.
    pub fn close(&self) -> io::Result<()> {
        cut(&self.file, &self.path, self.stored_bytes, &self.faults)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Shortens a segment, durably.
pub fn cut(file: &File, path: &Path, bytes: u64, faults: &Faults) -> io::Result<()> {
    faults.check(IoStep::Write, path)?;
    file.set_len(bytes)?;
    faults.check(IoStep::Sync, path)?;
    file.sync_all()
}

fn reserve(path: &Path, header: SegmentHeader, bytes: u64, faults: &Faults) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    faults.check(IoStep::Preallocate, path)?;
    preallocate(&file, bytes)?;
    faults.write(path, &header.to_bytes(), |header| file.write_all_at(header, 0))?;
    faults.check(IoStep::Sync, path)?;
    file.sync_all()?;
    Ok(file)
}

fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    let length = i64::try_from(bytes).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
    match nix::fcntl::posix_fallocate(file, 0, length) {
        // File systems without the call (and some network ones) get a sparse file.
        Err(nix::errno::Errno::EOPNOTSUPP | nix::errno::Errno::ENOSYS) => file.set_len(bytes),
        allocated => allocated.map_err(io::Error::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader { log: Uuid::from_u128(7), first_position: 42 };

    #[test]
    fn a_header_reads_back_and_damage_shows() {
        let mut bytes = HEADER.to_bytes();
        assert_eq!(SegmentHeader::parse(&bytes), Some(HEADER));
        bytes[25] ^= 1;
        assert_eq!(SegmentHeader::parse(&bytes), None);
        assert_eq!(SegmentHeader::parse(&bytes[..10]), None);
    }

    #[test]
    fn a_segment_takes_its_room_at_once_and_gives_back_what_it_did_not_use() {
        let dir = tempfile::tempdir().unwrap();
        let mut segment =
            SegmentWriter::create(dir.path(), HEADER, Room::Reserve(4096), &Faults::default()).unwrap();
        assert_eq!(position_in_name(segment.path()), Some(42));
        assert_eq!(fs::metadata(segment.path()).unwrap().len(), 4096);
        segment.append(b"0123456789", 1, true).unwrap();
        segment.close().unwrap();
        assert_eq!(fs::metadata(segment.path()).unwrap().len(), HEADER_BYTES as u64 + 10);
        assert_eq!(segment.next_position, 43);
    }

    #[test]
    fn a_spare_becomes_a_segment_with_the_room_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let spare = Spare::create(dir.path(), 4096, &Faults::default()).unwrap();
        let mut segment =
            SegmentWriter::create(dir.path(), HEADER, Room::Spare(spare), &Faults::default()).unwrap();
        segment.append(b"0123456789", 1, true).unwrap();
        let content = fs::read(segment.path()).unwrap();
        assert_eq!(SegmentHeader::parse(&content), Some(HEADER));
        assert_eq!((content.len() as u64, segment.capacity), (4096, 4096));
        assert_eq!(&content[HEADER_BYTES..HEADER_BYTES + 10], b"0123456789");
        assert!(content[HEADER_BYTES + 10..].iter().all(|byte| *byte == 0));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_spare_that_cannot_be_made_or_placed_leaves_no_file() {
        for failing in [IoStep::Preallocate, IoStep::Write, IoStep::Sync, IoStep::Rename, IoStep::SyncDir] {
            let dir = tempfile::tempdir().unwrap();
            let broken = Faults::new(move |step, _| match step == failing {
                true => Err(ErrorKind::StorageFull.into()),
                false => Ok(()),
            });
            let made = Spare::create(dir.path(), 4096, &broken).and_then(|spare| {
                SegmentWriter::create(dir.path(), HEADER, Room::Spare(spare), &broken).map(drop)
            });
            assert!(made.is_err(), "{failing:?}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{failing:?}");
        }
    }

    #[test]
    fn a_segment_that_could_not_be_created_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let full = Faults::new(|step, _| match step {
            IoStep::Preallocate => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        });
        let error = SegmentWriter::create(dir.path(), HEADER, Room::Reserve(4096), &full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
