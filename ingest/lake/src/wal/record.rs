//! One record of the log: `length u32, crc32c u32, kind u8, payload`, little endian.
//!
//! The checksum covers the record's position, its kind and its payload, so that bytes of another
//! place in the log never pass for this record.

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 9;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Rows that were accepted together (`payload`).
    Batch,
    /// Where a flush begins, with the state that cannot be read from tables (`checkpoint`).
    Checkpoint,
}

impl RecordKind {
    fn byte(self) -> u8 {
        match self {
            RecordKind::Batch => 1,
            RecordKind::Checkpoint => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<RecordKind> {
        match byte {
            1 => Some(RecordKind::Batch),
            2 => Some(RecordKind::Checkpoint),
            _ => None,
        }
    }
}

/// Appends a record to a buffer. `position` is the record's number in the log.
pub fn write(buffer: &mut Vec<u8>, position: i64, kind: RecordKind, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("payloads are bounded far below 4 GiB by the encoder");
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&checksum(position, kind.byte(), payload).to_le_bytes());
    buffer.push(kind.byte());
    buffer.extend_from_slice(payload);
}

fn checksum(position: i64, kind: u8, payload: &[u8]) -> u32 {
    let mut head = [0_u8; 9];
    head[..8].copy_from_slice(&position.to_le_bytes());
    head[8] = kind;
    crc32c::crc32c_append(crc32c::crc32c(&head), payload)
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    Record {
        kind: RecordKind,
        payload: &'a [u8],
        total_bytes: usize,
    },
    /// Nothing but zeros: preallocated room that was never written.
    End,
    /// Something that is not a whole record.
    Bad(&'static str),
    /// A whole record of a kind that this version does not know.
    Unknown(u8),
}

/// Reads the record that should have number `position`.
pub fn parse(bytes: &[u8], position: i64) -> Parsed<'_> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return if all_zero(bytes) { Parsed::End } else { Parsed::Bad("a record's header is cut off") };
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind_byte] = *header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let expected = u32::from_le_bytes([c0, c1, c2, c3]);
    if kind_byte == 0 && length == 0 && expected == 0 {
        return if all_zero(bytes) { Parsed::End } else { Parsed::Bad("a record's header is missing") };
    }
    let Some(payload) = bytes.get(HEADER_BYTES..HEADER_BYTES + length) else {
        return Parsed::Bad("a record is longer than its segment");
    };
    if checksum(position, kind_byte, payload) != expected {
        return Parsed::Bad("a record's checksum is wrong");
    }
    match RecordKind::from_byte(kind_byte) {
        Some(kind) => Parsed::Record { kind, payload, total_bytes: HEADER_BYTES + length },
        None => Parsed::Unknown(kind_byte),
    }
}

fn all_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_at_its_own_position_only() {
        let mut bytes = Vec::new();
        write(&mut bytes, 7, RecordKind::Batch, b"rows");
        bytes.extend_from_slice(&[0; 32]);
        let record = Parsed::Record { kind: RecordKind::Batch, payload: b"rows", total_bytes: 13 };
        assert_eq!(parse(&bytes, 7), record);
        assert_eq!(parse(&bytes, 8), Parsed::Bad("a record's checksum is wrong"));
        assert_eq!(parse(&bytes[13..], 8), Parsed::End);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let mut bytes = Vec::new();
        write(&mut bytes, 1, RecordKind::Checkpoint, b"some payload");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(parse(&damaged, 1), Parsed::Bad(_)), "bit {bit}");
        }
        for length in 1..bytes.len() {
            assert!(matches!(parse(&bytes[..length], 1), Parsed::Bad(_)), "cut to {length}");
        }
    }

    #[test]
    fn zeros_with_something_behind_are_no_clean_end() {
        let mut bytes = vec![0; 64];
        assert_eq!(parse(&bytes, 1), Parsed::End);
        bytes[50] = 1;
        assert_eq!(parse(&bytes, 1), Parsed::Bad("a record's header is missing"));
    }
}
