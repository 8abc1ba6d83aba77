//! Texts that many rows share, each kept once and named by a number.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A text of [`Words`] by its number, or no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(u32);

impl Word {
    /// No text; not the same as an empty one.
    pub const NONE: Word = Word(0);

    /// Its place among the words, from 0; `None` for no text.
    #[inline]
    pub fn place(self) -> Option<usize> {
        self.0.checked_sub(1).map(|place| place as usize)
    }
}

/// Texts, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// # Panics
    ///
    /// When there is no such text.
    #[inline]
    pub fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// All of them without a border.
    pub fn joined(&self) -> &str {
        &self.text
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

/// Different texts, each once.
#[derive(Clone, Default)]
pub struct Words {
    texts: Texts,
    /// Open addressing: a word's number at the first free place from its hash on. A power of two of
    /// places, at most half of them taken.
    table: Vec<u32>,
}

/// Senders choose the words: they must not know where they meet in the table.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u64));

impl Words {
    /// The number of a text, a new one if it was not there.
    pub fn word(&mut self, text: &str) -> Word {
        if self.table.len() <= 2 * self.texts.len() {
            self.grow();
        }
        match self.find(text) {
            Ok(word) => word,
            Err(free) => {
                self.texts.push(text);
                self.table[free] = self.texts.len() as u32;
                Word(self.texts.len() as u32)
            }
        }
    }

    /// `None` for [`Word::NONE`].
    #[inline]
    pub fn get(&self, word: Word) -> Option<&str> {
        word.place().map(|place| self.texts.get(place))
    }

    /// By [`Word::place`].
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The word, or the free place where it belongs.
    fn find(&self, text: &str) -> Result<Word, usize> {
        let mask = self.table.len() - 1;
        let mut place = xxh3_64_with_seed(text.as_bytes(), *SEED) as usize & mask;
        loop {
            let word = Word(self.table[place]);
            match self.get(word) {
                None => return Err(place),
                Some(present) if present == text => return Ok(word),
                Some(_) => place = (place + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        const PLACES_MIN: usize = 64;

        let places = (4 * self.texts.len()).next_power_of_two().max(PLACES_MIN);
        self.table = vec![0; places];
        for at in 0..self.texts.len() {
            if let Err(free) = self.find(self.texts.get(at)) {
                self.table[free] = at as u32 + 1;
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.texts.bytes() + self.table.capacity() * size_of::<u32>()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_its_number_while_others_come() {
        let mut words = Words::default();
        let numbers: Vec<Word> = (0..1_000).map(|n| words.word(&format!("w{n}"))).collect();
        assert_eq!(words.len(), 1_000);
        for (n, word) in numbers.iter().enumerate() {
            assert_eq!((words.word(&format!("w{n}")), words.get(*word)), (*word, Some(&*format!("w{n}"))));
        }
        let empty = words.word("");
        assert_eq!((words.get(empty), words.get(Word::NONE)), (Some(""), None));
    }
}
