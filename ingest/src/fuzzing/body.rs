//! Packed bodies.

use bytes::Bytes;
use telemetry::Limit;

use super::LIMITS;
use crate::IngestError;
use crate::body::{Encoding, decompress};

const ENCODINGS: [Encoding; 5] =
    [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy, Encoding::Identity];

/// The first byte says how the others are packed. Nothing is unpacked beyond the limit or unpaid for;
/// a refused charge ends the work with its own error; and what was unpacked from a snappy block can be
/// packed and unpacked again.
pub fn decompression(body: &[u8]) {
    let Some((which, packed)) = body.split_first() else { return };
    let encoding = ENCODINGS[usize::from(*which) % ENCODINGS.len()];
    let packed = Bytes::copy_from_slice(packed);
    let limit = LIMITS.decompressed_bytes_max;

    let (mut charges, mut charged) = (0, 0);
    let unpacked = decompress(encoding, packed.clone(), &LIMITS, &mut |bytes| {
        charges += 1;
        charged += bytes;
        Ok(())
    });
    assert!(charged <= limit, "{encoding:?} unpacked {charged} bytes");
    match &unpacked {
        Ok(plain) if encoding == Encoding::Identity => assert_eq!(*plain, packed),
        Ok(plain) => assert_eq!(plain.len() as u64, charged, "{encoding:?}"),
        Err(IngestError::TooLarge { limit, .. }) => assert_eq!(*limit, Limit::DecompressedBytes),
        Err(error) => assert!(matches!(error, IngestError::Malformed(_)), "{error}"),
    }

    let full =
        IngestError::Overloaded { what: "full".to_owned(), limit: None, retry_after: LIMITS.retry_after };
    let stopped = decompress(encoding, packed, &LIMITS, &mut |_| Err(full.clone()));
    if charges > 0 {
        assert_eq!(stopped, Err(full), "{encoding:?}");
    } else {
        assert_eq!(stopped, unpacked, "{encoding:?}");
    }

    if let (Encoding::Snappy, Ok(plain)) = (encoding, unpacked) {
        let packed =
            snap::raw::Encoder::new().compress_vec(&plain).expect("what fits our limit fits snappy's");
        let again = decompress(encoding, packed.into(), &LIMITS, &mut |_| Ok(()));
        assert_eq!(again, Ok(plain));
    }
}
