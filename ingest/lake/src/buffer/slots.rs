//! A set of series by their slots: a bit for each, asked once for every buffered row.

/// Slots count up from 0, so that the bits of all of them take little room.
#[derive(Debug, Default)]
pub struct SlotSet {
    bits: Vec<u64>,
    len: usize,
}

impl SlotSet {
    pub fn contains(&self, slot: u32) -> bool {
        let word = self.bits.get(slot as usize / 64);
        word.is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    pub fn len(&self) -> usize {
        self.len
    }
}

impl FromIterator<u32> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u32>>(slots: I) -> SlotSet {
        let mut set = SlotSet::default();
        for slot in slots {
            let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
            if set.bits.len() <= word {
                set.bits.resize(word + 1, 0);
            }
            set.len += usize::from(set.bits[word] & bit == 0);
            set.bits[word] |= bit;
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_was_given() {
        let set: SlotSet = [0, 63, 64, 1_000, 64].into_iter().collect();
        assert_eq!(set.len(), 4);
        let found: Vec<u32> = (0..2_000).filter(|slot| set.contains(*slot)).collect();
        assert_eq!(found, [0, 63, 64, 1_000]);
    }
}
