//! The hand-written decoder against the types that prost generates: equal, or both refuse.

use proptest::prelude::*;
use prost::Message;

use super::against_prost::{by_hand, by_prost};
use super::generated::{EntryAdapter, LabelPairAdapter, PushRequest, StreamAdapter, Timestamp};
use super::*;
use crate::protobuf::hostile::bodies;

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    against_prost::check(body).map_err(TestCaseError::fail)
}

prop_compose! {
    fn pair()(name in "[a-zA-Z_é]{0,8}", value in ".{0,12}") -> LabelPairAdapter {
        LabelPairAdapter { name, value }
    }
}

prop_compose! {
    fn entry()(
        timestamp in prop::option::of((any::<i64>(), any::<i32>())),
        line in ".{0,20}",
        structured_metadata in prop::collection::vec(pair(), 0..4),
    ) -> EntryAdapter {
        let timestamp = timestamp.map(|(seconds, nanos)| Timestamp { seconds, nanos });
        EntryAdapter { timestamp, line, structured_metadata }
    }
}

prop_compose! {
    fn stream()(
        labels in ".{0,20}",
        entries in prop::collection::vec(entry(), 0..5),
    ) -> StreamAdapter {
        StreamAdapter { labels, entries }
    }
}

prop_compose! {
    fn request()(streams in prop::collection::vec(stream(), 0..4)) -> PushRequest {
        PushRequest { streams }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_message_decodes_to_the_same(request in request()) {
        let body = request.encode_to_vec();
        prop_assert!(by_hand(&body).is_ok());
        check(&body)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn any_body_decodes_to_the_same_or_is_refused_by_both(body in bodies(request())) {
        check(&body)?;
    }
}

#[test]
fn labels_that_come_after_their_entries_are_theirs() {
    let entry = [0x12, 0x03, 0x12, 0x01, b'x'];
    let labels = [0x0a, 0x02, b'{', b'}'];
    let body = [&[0x0a, 0x09][..], &entry, &labels].concat();
    assert_eq!(by_hand(&body).unwrap(), [("{}".to_owned(), vec![(0, 0, "x".to_owned(), vec![])])]);
    assert_eq!(by_hand(&body).unwrap(), by_prost(&body).unwrap());
}

#[test]
fn metadata_without_end_is_refused() {
    let entry: Vec<u8> = [0x1a, 0x00].repeat(PAIRS_MAX + 1);
    let entry_length = prost::encoding::encoded_len_varint(entry.len() as u64);
    let mut body = vec![0x0a];
    prost::encoding::encode_varint((1 + entry_length + entry.len()) as u64, &mut body);
    body.push(0x12);
    prost::encoding::encode_varint(entry.len() as u64, &mut body);
    body.extend(entry);
    assert_eq!(by_hand(&body).unwrap_err().what, TOO_MUCH_METADATA);
}

#[test]
fn a_tower_of_groups_is_refused_without_recursion() {
    assert_eq!(by_hand(&[0x3b; 1_000_000]).unwrap_err().what, "groups that nest too deeply");
}
