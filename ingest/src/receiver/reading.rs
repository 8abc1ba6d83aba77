//! From the bytes of a request to what its dialect makes of them: read within the limits, unpacked,
//! decoded where it keeps nobody waiting.

use std::fmt::Display;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use telemetry::Limit;

use super::{Decoded, Dialect, Inner, Source};
use crate::IngestError;
use crate::body::{Encoding, decompress};
use crate::gate::Ticket;
use crate::json_text::mend_lone_surrogates;
use crate::retries::{BatchKey, batch_key};

/// Bodies up to this size are unpacked and decoded where they arrive; larger ones would keep the
/// executor's thread from its other connections.
pub(super) const INLINE_BODY_BYTES_MAX: usize = 16 << 10;

/// Reads a body within the limits.
pub(super) async fn read<S, E>(
    mut body: S,
    headers: &HeaderMap,
    (max, limit): (u64, Limit),
    ticket: &mut Ticket,
) -> Result<Bytes, IngestError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    let too_large = || IngestError::TooLarge { what: "the body in bytes", limit, max };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let mut collected = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| IngestError::Malformed(format!("the body ended early: {error}")))?;
        if (collected.len() + chunk.len()) as u64 > max {
            return Err(too_large());
        }
        ticket.charge(chunk.len() as u64)?;
        collected.extend_from_slice(&chunk);
    }
    Ok(collected.freeze())
}

/// JSON has none, and programs on Windows put one before it all the same.
fn without_byte_order_mark(plain: Bytes) -> Bytes {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if plain.starts_with(MARK) { plain.slice(MARK.len()..) } else { plain }
}

/// The part of a request's way that only computes.
pub(super) struct DecodeJob {
    pub inner: Arc<Inner>,
    pub dialect: &'static dyn Dialect,
    pub parts: Arc<Parts>,
    pub encoding: Encoding,
    pub body: Bytes,
    pub source: Source,
    pub ticket: Ticket,
}

type DecodeDone = (Decoded, Option<BatchKey>, Source, Ticket);

impl DecodeJob {
    pub async fn run_where_it_fits(self) -> Result<DecodeDone, IngestError> {
        if self.body.len() <= INLINE_BODY_BYTES_MAX {
            return self.run();
        }
        let dialect = self.dialect.name();
        tokio::task::spawn_blocking(move || self.run()).await.unwrap_or_else(|error| {
            tracing::error!(%error, dialect, "a decoder failed");
            Err(IngestError::Malformed("the body could not be decoded".to_owned()))
        })
    }

    fn run(self) -> Result<DecodeDone, IngestError> {
        let DecodeJob { inner, dialect, parts, encoding, body, mut source, mut ticket } = self;
        let mut plain = decompress(encoding, body, &inner.limits, &mut |bytes| ticket.charge(bytes))?;
        if dialect.is_json(&parts) {
            plain = mend_lone_surrogates(without_byte_order_mark(plain));
        }
        let ledger_name = source.to_string();
        let mut decoded =
            inner.with_context(&ledger_name, |context| dialect.decode(&parts, &plain, context))?;
        if let Some(sender) = decoded.sender.take() {
            source.name = sender;
        }
        let scope = dialect.batch_scope(&parts);
        let retry = (decoded.batch.log_count() > 0).then(|| batch_key(&source.to_string(), scope, &plain));
        Ok((decoded, retry, source, ticket))
    }
}
