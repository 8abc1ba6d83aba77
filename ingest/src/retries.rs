//! The key by which the lake knows a sender's retry of a batch without identities of its own.
//!
//! Logs have none: a retry of a batch that was stored after all would store every line twice. The
//! lake remembers the keys of stored batches (durably, for its `retry_window`) and acknowledges a
//! known one without storing it again.

use xxhash_rust::xxh3::Xxh3;

/// Source, scope ([`Dialect::batch_scope`](crate::Dialect::batch_scope)) and plain body of a batch,
/// hashed.
pub(crate) type BatchKey = u128;

pub(crate) fn batch_key(source: &str, scope: &str, body: &[u8]) -> BatchKey {
    let mut hasher = Xxh3::new();
    for text in [source, scope] {
        hasher.update(text.as_bytes());
        // Not in UTF-8, so no two triples feed the same bytes.
        hasher.update(&[0xff]);
    }
    hasher.update(body);
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_body_of_another_source_or_scope_is_another_batch() {
        let key = batch_key("loki:a", "", b"lines");
        assert_eq!(key, batch_key("loki:a", "", b"lines"));
        assert_ne!(key, batch_key("loki:b", "", b"lines"));
        assert_ne!(key, batch_key("loki:a", "tenant", b"lines"));
        assert_ne!(key, batch_key("loki:al", "", b"ines"));
        assert_ne!(key, batch_key("loki:", "a", b"lines"));
    }
}
