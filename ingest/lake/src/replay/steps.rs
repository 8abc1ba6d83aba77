//! From the log to records that are ready to be applied, in two steps that go on beside each other: what can
//! be read of a record by itself, and what needs the registry of series.

use tokio::sync::mpsc;

use crate::error::LakeError;
use crate::series::sequence::Sequence;
use crate::state::State;
use crate::wal::payload::{self, Checkpoint, DefinedSeries, PreparedBatch};
use crate::wal::reader::{Reader, Record};
use crate::wal::record::RecordKind;

/// Payload bytes that are read and decoded at once.
const CHUNK_BYTES: usize = 8 << 20;

/// A record that is ready to be applied.
pub struct Decoded {
    pub position: i64,
    /// Where its bytes end, counted over all that was read.
    pub read_bytes: u64,
    pub content: Content,
}

pub enum Content {
    Batch(Box<PreparedBatch>),
    Checkpoint(Checkpoint),
}

/// A record with the series that it defines.
pub struct Read {
    record: Record,
    defined: Vec<DefinedSeries>,
    /// As in [`Decoded`].
    read_bytes: u64,
    /// What the reader lost before it.
    has_losses: bool,
}

/// Reads on until there is nothing more by now.
pub fn read_all(mut reader: Reader, chunks: &mpsc::Sender<Vec<Read>>) -> Result<Reader, LakeError> {
    loop {
        let chunk = read_chunk(&mut reader)?;
        // A receiver that is gone was cancelled or failed, and says so itself.
        if chunk.is_empty() || chunks.blocking_send(chunk).is_err() {
            return Ok(reader);
        }
    }
}

/// The next records; nothing at the end of what is in the log by now.
pub fn read_chunk(reader: &mut Reader) -> Result<Vec<Read>, LakeError> {
    let records = reader.next_records(CHUNK_BYTES)?;
    let (read_bytes, has_losses) = (reader.read_bytes, reader.lost_bytes > 0);
    let read = |record: Record| {
        let defined = match record.kind {
            RecordKind::Batch => payload::decode_series(record.position, &record.payload)?,
            RecordKind::Checkpoint => Vec::new(),
        };
        Ok(Read { record, defined, read_bytes, has_losses })
    };
    records.into_iter().map(read).collect()
}

/// Decodes what is read until there is nothing more. Returns the bytes of records that cannot be read
/// because of what was lost before.
pub fn decode_all(
    mut read: mpsc::Receiver<Vec<Read>>,
    state: &State,
    decoded: &mpsc::Sender<Vec<Decoded>>,
) -> Result<u64, LakeError> {
    let mut sequence = Sequence::default();
    let mut lost_bytes = 0;
    while let Some(chunk) = read.blocking_recv() {
        let chunk = decode_chunk(chunk, state, &mut sequence, &mut lost_bytes)?;
        if decoded.blocking_send(chunk).is_err() {
            break;
        }
    }
    Ok(lost_bytes)
}

pub fn decode_chunk(
    chunk: Vec<Read>,
    state: &State,
    sequence: &mut Sequence,
    lost_bytes: &mut u64,
) -> Result<Vec<Decoded>, LakeError> {
    let mut decoded = Vec::with_capacity(chunk.len());
    for read in chunk {
        let (position, bytes) = (read.record.position, read.record.payload.len() as u64);
        let (read_bytes, has_losses) = (read.read_bytes, read.has_losses || *lost_bytes > 0);
        match decode(read, state, sequence) {
            Ok(content) => decoded.push(Decoded { position, read_bytes, content }),
            // It speaks of series that a record defined which is lost, too.
            Err(LakeError::WalRecord { problem, .. }) if has_losses => {
                tracing::error!(position, bytes, problem, "WAL data loss accepted");
                *lost_bytes += bytes;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(decoded)
}

fn decode(read: Read, state: &State, sequence: &mut Sequence) -> Result<Content, LakeError> {
    let Record { position, kind, payload } = read.record;
    Ok(match kind {
        RecordKind::Batch => {
            let batch = payload::decode_rows(position, &payload, read.defined, &state.series, sequence)?;
            Content::Batch(Box::new(batch))
        }
        RecordKind::Checkpoint => Content::Checkpoint(payload::decode_checkpoint(position, &payload)?),
    })
}
