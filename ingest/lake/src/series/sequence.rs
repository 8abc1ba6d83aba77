//! Finding slots for numbers that come in the same order again and again.
//!
//! A log holds the same series once per interval, and senders keep their order. Looking a number up in
//! the registry costs a wait for memory; looking at who came next the last time does not. Where
//! batches are cut does not matter.

use telemetry::SeriesId;

use super::SeriesIndex;

/// The order in which series were seen first. About 20 bytes for each.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// Number and slot.
    seen: Vec<(i64, u32)>,
    /// By slot: its place in `seen`.
    places: Vec<u32>,
    /// The place that is expected next.
    next: usize,
}

const NOWHERE: u32 = u32::MAX;

impl Sequence {
    /// Goes on behind a slot.
    fn find(&mut self, id: i64, slot: u32) {
        let at = slot as usize;
        if at >= self.places.len() {
            self.places.resize(at + 1, NOWHERE);
        }
        if self.places[at] == NOWHERE {
            self.places[at] = self.seen.len() as u32;
            self.seen.push((id, slot));
        }
        self.next = self.places[at] as usize + 1;
    }
}

impl SeriesIndex {
    /// The slots of some numbers, as [`SeriesIndex::slots_of`].
    pub(crate) fn slots_in_sequence(
        &self,
        ids: impl ExactSizeIterator<Item = i64>,
        sequence: &mut Sequence,
    ) -> Result<Vec<u32>, SeriesId> {
        let inner = self.inner.read();
        let mut slots = Vec::with_capacity(ids.len());
        for id in ids {
            let slot = match sequence.seen.get(sequence.next) {
                Some((expected, slot)) if *expected == id => {
                    sequence.next += 1;
                    *slot
                }
                _ => {
                    let slot = *inner.by_id.get(&id).ok_or(SeriesId::from_stored(id))?;
                    sequence.find(id, slot);
                    slot
                }
            };
            slots.push(slot);
        }
        Ok(slots)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telemetry::{Labels, SeriesMeta};

    use super::*;
    use crate::series::limits::SeriesLimits;

    proptest! {
        #[test]
        fn whatever_the_order_the_slots_are_those_of_the_registry(
            batches in prop::collection::vec(prop::collection::vec(0_u32..30, 0..40), 1..8)
        ) {
            let index = SeriesIndex::default();
            let sets: Vec<Labels> = (0..30).map(|at| Labels::new([("a", at.to_string())]).unwrap()).collect();
            let meta = SeriesMeta::default();
            index.resolve(sets.iter().map(|set| (set, &meta)), "test", &SeriesLimits::NONE);
            let mut sequence = Sequence::default();
            for slots in &batches {
                let ids: Vec<i64> = slots.iter().map(|slot| index.cells().of(*slot).id()).collect();
                for _ in 0..2 {
                    let found = index.slots_in_sequence(ids.iter().copied(), &mut sequence).unwrap();
                    prop_assert_eq!(&found, slots);
                }
            }
            let unknown = index.slots_in_sequence([-1].into_iter(), &mut sequence);
            prop_assert_eq!(unknown, Err(SeriesId::from_stored(-1)));
        }
    }
}
