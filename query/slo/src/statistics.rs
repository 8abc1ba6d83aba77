//! Summaries of lengths of time that never hide how many there were.

use serde::Serialize;

/// Mean, median and 90th percentile in seconds, NULL where `n` is 0, and what is not in them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spans {
    /// Lengths in the summary.
    pub n: u64,
    /// Still running: counted, never averaged.
    pub open: u64,
    /// Over, but a time was not recorded.
    pub missing: u64,
    /// Ended before they began: NULL, and a sign of bad data.
    pub negative: u64,
    pub mean_secs: Option<f64>,
    pub median_secs: Option<f64>,
    pub p90_secs: Option<f64>,
}

/// One length of time on its way into [`Spans`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// In microseconds; below zero when the end precedes the start.
    Micros(i64),
    Open,
    Missing,
}

impl Spans {
    pub fn of(lengths: impl IntoIterator<Item = Length>) -> Spans {
        let mut spans = Spans::default();
        let mut micros = Vec::new();
        for length in lengths {
            match length {
                Length::Micros(length) if length < 0 => spans.negative += 1,
                Length::Micros(length) => micros.push(length),
                Length::Open => spans.open += 1,
                Length::Missing => spans.missing += 1,
            }
        }
        micros.sort_unstable();
        spans.n = micros.len() as u64;
        spans.mean_secs = mean(&micros);
        spans.median_secs = percentile(&micros, 0.5);
        spans.p90_secs = percentile(&micros, 0.9);
        spans
    }
}

/// In seconds; `None` for nothing.
pub fn mean(micros: &[i64]) -> Option<f64> {
    let sum: i128 = micros.iter().map(|value| i128::from(*value)).sum();
    (!micros.is_empty()).then(|| sum as f64 / 1e6 / micros.len() as f64)
}

/// Interpolated like SQL's PERCENTILE_CONT, in seconds; `None` for nothing. `sorted` ascends.
pub fn percentile(sorted: &[i64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    Some((below as f64 + (above as f64 - below as f64) * rank.fract()) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(Spans::of([]), Spans::default());
        let spans = Spans::of([Length::Open, Length::Missing, Length::Micros(-1)]);
        assert_eq!((spans.n, spans.open, spans.missing, spans.negative), (0, 1, 1, 1));
        assert_eq!((spans.mean_secs, spans.median_secs), (None, None));
    }

    #[test]
    fn percentiles_are_interpolated() {
        let sorted: Vec<i64> = [1, 2, 3, 4].map(|secs| secs * 1_000_000).into();
        assert_eq!(percentile(&sorted, 0.5), Some(2.5));
        assert_eq!(percentile(&sorted, 1.0), Some(4.0));
        assert_eq!(percentile(&sorted, 0.0), Some(1.0));
    }
}
