//! Slices as they lie in memory, 32 bytes each: ten thousand objectives have a hundred million.

use std::time::Duration;

use telemetry::{SloSlice, Timestamp};

use crate::error::SloError;
use crate::exclusions::Effect;

/// All of a slice was measured.
const WHOLE: u16 = 50_000;

const MICROS: i64 = 1_000_000;

/// One slice with the counts that windows add up. Of a slice that is excluded, the counts are what
/// the exclusion leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    start_secs: i64,
    pub(super) good: i64,
    pub(super) total: i64,
    width_secs: u16,
    /// Measured share of the slice in parts of [`WHOLE`].
    covered: u16,
    pub(super) rev: u16,
    pub(super) clamped: bool,
    /// An exclusion takes all of it out.
    pub(super) removed: bool,
}

/// What a window adds up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) good: i128,
    pub(super) total: i128,
    pub(super) measured_micros: i64,
    pub(super) slices: u64,
    pub(super) empty: u64,
    pub(super) clamped: u64,
}

impl Sums {
    pub(super) fn add(&mut self, slice: &Packed) {
        if slice.removed {
            return;
        }
        self.good += i128::from(slice.good);
        self.total += i128::from(slice.total);
        self.measured_micros += slice.measured_micros();
        self.slices += 1;
        self.empty += u64::from(slice.total == 0);
        self.clamped += u64::from(slice.clamped);
    }
}

impl Packed {
    /// More good than total is clamped.
    ///
    /// # Errors
    /// [`SloError::BadSlice`] for negative counts, no width, more than 18 hours of it, and times between
    /// seconds: slices are whole seconds.
    pub(super) fn of(slice: &SloSlice) -> Result<Packed, SloError> {
        let bad = || SloError::BadSlice { start: slice.slice_start };
        let micros = slice.slice_start.micros();
        let width_secs = u16::try_from(slice.slice_secs).ok().filter(|secs| *secs > 0).ok_or_else(bad)?;
        let has_end = micros.checked_add(i64::from(width_secs) * MICROS).is_some();
        if slice.good_milli < 0 || slice.total_milli < 0 || !has_end || micros % MICROS != 0 {
            return Err(bad());
        }
        let coverage = if slice.coverage.is_finite() { slice.coverage.clamp(0.0, 1.0) } else { 0.0 };
        Ok(Packed {
            start_secs: micros / MICROS,
            good: slice.good_milli.min(slice.total_milli),
            total: slice.total_milli,
            width_secs,
            covered: (coverage * f64::from(WHOLE)).round() as u16,
            // Nobody measures a slice this often.
            rev: u16::try_from(slice.rev.max(0)).unwrap_or(u16::MAX),
            clamped: slice.good_milli > slice.total_milli,
            removed: false,
        })
    }

    pub(super) fn start_micros(&self) -> i64 {
        self.start_secs * MICROS
    }

    pub(super) fn end_micros(&self) -> i64 {
        (self.start_secs + i64::from(self.width_secs)) * MICROS
    }

    pub(super) fn start(&self) -> Timestamp {
        Timestamp::from_micros(self.start_micros())
    }

    pub(super) fn end(&self) -> Timestamp {
        Timestamp::from_micros(self.end_micros())
    }

    pub(super) fn width(&self) -> Duration {
        Duration::from_secs(u64::from(self.width_secs))
    }

    fn measured_micros(&self) -> i64 {
        i64::from(self.width_secs) * MICROS * i64::from(self.covered) / i64::from(WHOLE)
    }

    /// What an exclusion leaves of the slice as it was measured. Parts are rounded to thousandths of
    /// an event once, here.
    pub(super) fn under(mut self, effect: Effect) -> Packed {
        let width = i128::from(self.width_secs) * i128::from(MICROS);
        let (removed, as_good) = (i128::from(effect.removed), i128::from(effect.as_good));
        self.removed = removed >= width;
        let part = |count: i64, share: i128| ((i128::from(count) * share + width / 2) / width) as i64;
        let bad = part(self.total - self.good, width - removed - as_good);
        self.total = part(self.total, width - removed);
        self.good = (self.total - bad).max(0);
        self.covered = part(i64::from(self.covered), width - removed) as u16;
        self
    }

    /// Several slices as one of `width_secs` from `start_secs` on.
    pub(super) fn folded(start_micros: i64, width_secs: u16, slices: &[Packed]) -> Packed {
        let measured: i64 = slices.iter().map(Packed::measured_micros).sum();
        let width = i64::from(width_secs) * MICROS;
        Packed {
            start_secs: start_micros / MICROS,
            good: slices.iter().map(|slice| slice.good).sum(),
            total: slices.iter().map(|slice| slice.total).sum(),
            width_secs,
            covered: ((measured * i64::from(WHOLE) + width / 2) / width).min(i64::from(WHOLE)) as u16,
            rev: slices.iter().map(|slice| slice.rev).max().unwrap_or_default(),
            clamped: slices.iter().any(|slice| slice.clamped),
            removed: false,
        }
    }
}
