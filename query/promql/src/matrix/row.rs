//! Rows of a matrix: cells and which of them count.

/// One series over all steps.
#[derive(Clone, Copy)]
pub(crate) struct Row<'m> {
    /// Cells that do not count hold anything.
    pub values: &'m [f64],
    pub bits: &'m [u64],
}

impl<'m> Row<'m> {
    pub(crate) fn has(&self, step: usize) -> bool {
        self.bits[step / 64] >> (step % 64) & 1 == 1
    }

    pub(crate) fn get(&self, step: usize) -> Option<f64> {
        self.has(step).then(|| self.values[step])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    /// Whether every cell counts.
    pub(crate) fn is_full(&self) -> bool {
        let (whole, rest) = (self.values.len() / 64, self.values.len() % 64);
        self.bits[..whole].iter().all(|word| *word == u64::MAX)
            && (rest == 0 || self.bits[whole] == (1 << rest) - 1)
    }

    /// The cells that count: step and value.
    pub(crate) fn iter(self) -> impl Iterator<Item = (usize, f64)> + 'm {
        set_bits(self.bits).map(move |step| (step, self.values[step]))
    }
}

/// The positions of the bits that are set, ascending.
pub(crate) fn set_bits(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(index * 64 + bit)
        })
    })
}

pub(crate) struct RowMut<'m> {
    pub values: &'m mut [f64],
    pub bits: &'m mut [u64],
}

impl RowMut<'_> {
    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.bits[step / 64] |= 1 << (step % 64);
    }

    /// Every step counts.
    pub(crate) fn fill(&mut self, value: impl Fn(usize) -> f64) {
        for step in 0..self.values.len() {
            self.set(step, value(step));
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(usize, f64) -> bool) {
        for (index, word) in self.bits.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let step = index * 64 + bit;
                if !keep(step, self.values[step]) {
                    *word &= !(1 << bit);
                }
            }
        }
    }
}
