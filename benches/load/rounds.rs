//! The values of the load: every series once a round, half of them counters, half gauges that move in
//! small steps.

use crate::series::{self, SAMPLES_PER_REQUEST};

/// Makes the requests of one round after the other.
pub struct Rounds {
    values: Vec<f64>,
    state: u64,
}

impl Rounds {
    pub fn new(series: usize) -> Rounds {
        Rounds { values: vec![0.0; series], state: 0x2545_f491_4f6c_dd1d }
    }

    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// One scrape of every series, in compressed bodies.
    pub fn at(&mut self, timestamp: i64) -> Vec<Vec<u8>> {
        let mut encoder = snap::raw::Encoder::new();
        let mut bodies = Vec::new();
        for first in (0..self.values.len()).step_by(SAMPLES_PER_REQUEST) {
            let chunk = first..self.values.len().min(first + SAMPLES_PER_REQUEST);
            let samples: Vec<(usize, f64)> = chunk.map(|at| (at, self.step(at))).collect();
            bodies.push(series::body(&mut encoder, samples.into_iter(), timestamp));
        }
        bodies
    }

    /// The next value of a series.
    fn step(&mut self, at: usize) -> f64 {
        let step = (self.random() % 100) as f64;
        self.values[at] += if series::is_counter(at) { step } else { step / 10.0 - 4.95 };
        self.values[at]
    }
}
