//! The key by which the lake knows a sender's retry of a batch without identities of its own.
//!
//! Logs have none: a retry of a batch that was stored after all would store every line twice. The
//! lake remembers the keys of stored batches (durably, for its `retry_window`) and acknowledges a
//! known one without storing it again.

use xxhash_rust::xxh3::Xxh3;

/// Source and plain body of a batch, hashed.
pub(crate) type BatchKey = u128;

pub(crate) fn batch_key(source: &str, body: &[u8]) -> BatchKey {
    let mut hasher = Xxh3::new();
    hasher.update(source.as_bytes());
    // Not in UTF-8, so no two sources and bodies feed the same bytes.
    hasher.update(&[0xff]);
    hasher.update(body);
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_body_of_another_source_is_another_batch() {
        assert_eq!(batch_key("otlp_logs:a", b"lines"), batch_key("otlp_logs:a", b"lines"));
        assert_ne!(batch_key("otlp_logs:a", b"lines"), batch_key("otlp_logs:b", b"lines"));
        assert_ne!(batch_key("otlp_logs:a", b"lines"), batch_key("otlp_logs:al", b"ines"));
    }
}
