//! Adding histograms up, exactly: coarser buckets until both have the same ones, a zero bucket as wide
//! as the wider of the two.

use super::{Buckets, HistogramSample, ResetHint};

impl HistogramSample {
    /// The same observations in coarser buckets. Exact: every bound of a schema is one of each finer
    /// schema. Exponential histograms only.
    pub fn downscale(&mut self, schema: i32) {
        let Some(by) = u32::try_from(self.schema - schema).ok().filter(|by| *by > 0) else { return };
        for side in [&mut self.positive, &mut self.negative] {
            *side = Buckets::from_indexed(side.indexed().map(|(index, count)| (coarser(index, by), count)));
        }
        self.schema = schema;
    }

    /// Adds the observations of another exponential histogram; the time becomes the other's.
    pub fn add(&mut self, other: &HistogramSample) {
        let mut other = other.clone();
        let schema = self.schema.min(other.schema);
        self.downscale(schema);
        other.downscale(schema);
        while self.zero_threshold != other.zero_threshold {
            let threshold = self.zero_threshold.max(other.zero_threshold);
            self.widen_zero(threshold);
            other.widen_zero(threshold);
        }
        self.ts = other.ts;
        self.count += other.count;
        self.sum += other.sum;
        self.zero_count += other.zero_count;
        self.positive = merged(&self.positive, &other.positive);
        self.negative = merged(&self.negative, &other.negative);
        self.reset_hint = ResetHint::Unknown;
    }

    /// Takes buckets into the zero bucket that begin below a threshold. The threshold grows to the end
    /// of the last one, so that no bucket is cut.
    fn widen_zero(&mut self, threshold: f64) {
        let width = f64::from(-self.schema).exp2();
        let bound = |index: i32| (f64::from(index) * width).exp2();
        self.zero_threshold = threshold;
        loop {
            let before = self.zero_threshold;
            for side in [&mut self.positive, &mut self.negative] {
                let mut kept = Vec::with_capacity(side.counts.len());
                for (index, count) in side.indexed() {
                    if bound(index.saturating_sub(1)) < self.zero_threshold {
                        self.zero_count += count;
                        self.zero_threshold = self.zero_threshold.max(bound(index));
                    } else {
                        kept.push((index, count));
                    }
                }
                *side = Buckets::from_indexed(kept);
            }
            // What the negative side widened may cut a positive bucket.
            if self.zero_threshold == before {
                return;
            }
        }
    }
}

/// The bucket that holds a bucket of a schema that is finer by `by`.
pub(super) fn coarser(index: i32, by: u32) -> i32 {
    // The bucket is open at its lower bound: index 1 begins where index 0 ends.
    ((i64::from(index) - 1) >> by.min(32)) as i32 + 1
}

fn merged(a: &Buckets, b: &Buckets) -> Buckets {
    let (mut left, mut right) = (a.indexed().peekable(), b.indexed().peekable());
    Buckets::from_indexed(std::iter::from_fn(|| match (left.peek(), right.peek()) {
        (Some((i, _)), Some((j, _))) if i <= j => left.next(),
        (Some(_), None) => left.next(),
        _ => right.next(),
    }))
}
