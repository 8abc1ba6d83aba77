//! The reader by hand and the types that prost generates, side by side: what the first says of a body,
//! the second says too. For the tests and for fuzzing.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;

use crate::{Context, Decoded};

/// Returns what was read by hand, if anything was.
///
/// # Panics
///
/// When the two differ.
pub(crate) fn check(body: &[u8], context: &Context<'_>) -> Option<Decoded> {
    let by_hand = super::plain::decode(body, context)?;
    let request = ExportLogsServiceRequest::decode(body).expect("what is read by hand is a request");
    let by_prost =
        super::decode_request(&request, context).expect("what is read by hand is within all limits");
    assert_eq!(by_hand.batch, by_prost.batch);
    assert_eq!(by_hand.rows, by_prost.rows);
    assert!(by_prost.rejections.faults().is_empty(), "a request with refused records is not plain");
    Some(by_hand)
}
