//! How much of a stretch of time was measured.

use std::time::Duration;

use crate::decimal::{Fraction, compare_products};

/// How much of a window was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub measured: Duration,
    pub elapsed: Duration,
    /// Measured slices, and those of them without any event.
    pub slices: u64,
    pub empty: u64,
    /// Slices that reported more good than total events and count as all good.
    pub clamped: u64,
}

impl Coverage {
    /// Measured over elapsed time, 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        (self.measured.as_secs_f64() / self.elapsed.as_secs_f64()).min(1.0)
    }

    /// `measured / elapsed < floor`, exactly. `floor` is not negative.
    pub fn is_below(&self, floor: Fraction) -> bool {
        let measured = [self.measured.as_micros(), floor.denominator().unsigned_abs()];
        compare_products(measured, [self.elapsed.as_micros(), floor.numerator().unsigned_abs()]).is_lt()
    }
}
