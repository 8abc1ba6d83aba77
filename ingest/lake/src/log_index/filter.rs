//! A split-block Bloom filter: a set of marks that never denies one it was given.
//!
//! Eight bits are set for a mark, all of them in one slot of 32 bytes: a question costs one small read
//! wherever the filter lies. Sized for what went into it, ten bits a mark: about one in a hundred others is
//! taken for one of them.

use std::collections::HashSet;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

pub const SLOT_BYTES: usize = 32;

/// Bits of a filter for each mark in it.
const BITS_PER_MARK: usize = 10;
/// Beyond it a filter gets less certain instead of larger: so many distinct words in a block are no words.
const SLOTS_MAX: usize = 1 << 14;

/// Odd numbers that choose a bit in each of a slot's eight words, as Parquet's own filters do.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Something that a log line has: a word, or an attribute with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(u64);

impl Mark {
    /// Of a word as [`super::words`] finds it in a folded text.
    pub fn word(word: &str) -> Mark {
        Mark(xxh3_64(word.as_bytes()))
    }

    pub fn attribute(key: &str, value: &str) -> Mark {
        Mark(xxh3_64_with_seed(value.as_bytes(), xxh3_64(key.as_bytes()) | 1))
    }
}

#[derive(Default)]
pub struct FilterBuilder {
    marks: HashSet<u64, FixedState>,
}

impl FilterBuilder {
    pub fn add(&mut self, mark: Mark) {
        self.marks.insert(mark.0);
    }

    /// Whole slots, one at least.
    pub fn finish(self) -> Vec<u8> {
        let slots = (self.marks.len() * BITS_PER_MARK).div_ceil(SLOT_BYTES * 8).clamp(1, SLOTS_MAX);
        let mut content = vec![0; slots * SLOT_BYTES];
        for mark in self.marks {
            let start = slot_of(Mark(mark), slots as u32) as usize * SLOT_BYTES;
            for (byte, bit) in bits_of(Mark(mark)) {
                content[start + byte] |= bit;
            }
        }
        content
    }
}

/// In which of so many slots the bits of a mark are.
pub fn slot_of(mark: Mark, slots: u32) -> u32 {
    // The upper half says which slot, the lower one which bits.
    (((mark.0 >> 32) * u64::from(slots)) >> 32) as u32
}

/// Whether a slot has all bits of a mark.
pub fn slot_holds(slot: &[u8], mark: Mark) -> bool {
    bits_of(mark).all(|(byte, bit)| slot.get(byte).is_none_or(|byte| byte & bit != 0))
}

fn bits_of(mark: Mark) -> impl Iterator<Item = (usize, u8)> {
    let low = mark.0 as u32;
    SALTS.iter().enumerate().map(move |(word, salt)| {
        let bit = (low.wrapping_mul(*salt) >> 27) as usize;
        (word * 4 + bit / 8, 1 << (bit % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_denied_that_is_there_and_one_in_a_hundred_is_taken_for_it() {
        let mut builder = FilterBuilder::default();
        (0..10_000).for_each(|n| builder.add(Mark::word(&n.to_string())));
        let content = builder.finish();
        let slots = (content.len() / SLOT_BYTES) as u32;
        assert_eq!(content.len(), (10_000_usize * 10).div_ceil(256) * 32);
        let holds = |mark: Mark| {
            let start = slot_of(mark, slots) as usize * SLOT_BYTES;
            slot_holds(&content[start..start + SLOT_BYTES], mark)
        };
        assert!((0..10_000).all(|n| holds(Mark::word(&n.to_string()))));
        let mistaken = (10_000..110_000).filter(|n| holds(Mark::word(&n.to_string()))).count();
        assert!(mistaken < 2_000, "{mistaken} of 100 000");
        let attributes = (0..10_000).filter(|n| holds(Mark::attribute("n", &n.to_string()))).count();
        assert!(attributes < 200, "{attributes} of 10 000: an attribute is no word");
    }

    #[test]
    fn an_empty_filter_holds_nothing() {
        let content = FilterBuilder::default().finish();
        assert_eq!(content.len(), SLOT_BYTES);
        assert!(!slot_holds(&content, Mark::word("any")));
    }
}
