//! Bodies that every decoder has to bear, for tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

/// A message with some of its bytes changed, cut or not; and bytes that never were one.
pub(crate) fn bodies<M: Message>(
    message: impl Strategy<Value = M> + 'static,
) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<Index>(), any::<u8>()), 0..6);
    let damaged = (message, edits, option::of(any::<Index>())).prop_map(|(message, edits, cut)| {
        let mut body = message.encode_to_vec();
        if !body.is_empty() {
            for (place, byte) in edits {
                let place = place.index(body.len());
                body[place] = byte;
            }
            body.truncate(cut.map_or(body.len(), |cut| cut.index(body.len())));
        }
        body
    });
    let garbage = vec(any::<u8>(), 0..200);
    // Valid keys and short lengths: these parse far more often.
    let small_numbers = vec(0_u8..40, 0..60);
    prop_oneof![2 => damaged, 1 => garbage, 1 => small_numbers]
}
