//! Numerics shared by aggregations and functions: compensated sums, means that do not overflow,
//! variance, quantiles, linear regression. Formulas and order of operations are those of Prometheus 3,
//! so that results agree to the last bits that matter.

/// A Kahan-Neumaier sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KahanSum {
    pub sum: f64,
    pub compensation: f64,
}

impl KahanSum {
    pub(crate) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        if next.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.compensation += (self.sum - next) + value;
        } else {
            self.compensation += (value - next) + self.sum;
        }
        self.sum = next;
    }

    pub(crate) fn total(self) -> f64 {
        self.sum + self.compensation
    }
}

/// A mean that goes over to an incremental form when the sum would overflow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    /// The sum, or after the overflow the mean.
    kahan: KahanSum,
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.kahan;
            next.add(value);
            // An infinite first value is not an overflow.
            if self.count == 1.0 || !next.sum.is_infinite() {
                self.kahan = next;
                return;
            }
            self.incremental = true;
            self.kahan.sum /= self.count - 1.0;
            self.kahan.compensation /= self.count - 1.0;
        }
        let weight = (self.count - 1.0) / self.count;
        self.kahan.sum *= weight;
        self.kahan.compensation *= weight;
        self.kahan.add(value / self.count);
    }

    /// NaN without values.
    pub(crate) fn get(self) -> f64 {
        if self.incremental {
            self.kahan.total()
        } else {
            self.kahan.sum / self.count + self.kahan.compensation / self.count
        }
    }
}

pub(crate) fn sum(values: &[f64]) -> f64 {
    let mut sum = KahanSum::default();
    values.iter().for_each(|value| sum.add(*value));
    sum.total()
}

/// As [`mean`] of as many values, of which the sum did not overflow.
pub(crate) fn mean_of_sum(sum: KahanSum, count: usize) -> f64 {
    Mean { count: count as f64, kahan: sum, incremental: false }.get()
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    let mut mean = Mean::default();
    values.iter().for_each(|value| mean.add(*value));
    mean.get()
}

/// Population variance by Welford's method with compensated accumulators.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: KahanSum,
    squares: KahanSum,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.total();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.total()));
    }

    pub(crate) fn get(self) -> f64 {
        self.squares.total() / self.count
    }
}

pub(crate) fn variance(values: &[f64]) -> f64 {
    let mut variance = Variance::default();
    values.iter().for_each(|value| variance.add(*value));
    variance.get()
}

/// NaN below everything, as Prometheus' heaps order values.
pub(crate) fn nan_first(left: &f64, right: &f64) -> std::cmp::Ordering {
    left.partial_cmp(right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// The quantile with linear interpolation; reorders the values. NaN without values or for a NaN quantile,
/// infinite for one outside of 0..1.
pub(crate) fn quantile(quantile: f64, values: &mut [f64]) -> f64 {
    let rank = match rank(quantile, values.len()) {
        Ok(rank) => rank,
        Err(value) => return value,
    };
    let (_, low, above) = values.select_nth_unstable_by(rank.lower, nan_first);
    // With nothing above, the weight of the upper value is 0.
    let high = above.iter().copied().min_by(nan_first).unwrap_or(*low);
    rank.between(*low, high)
}

/// As [`quantile`], of values in the order of [`nan_first`].
pub(crate) fn quantile_of_sorted(quantile: f64, values: &[f64]) -> f64 {
    match rank(quantile, values.len()) {
        Ok(rank) => rank.between(values[rank.lower], values[(rank.lower + 1).min(values.len() - 1)]),
        Err(value) => value,
    }
}

/// Where a quantile lies: how far from the value at `lower` to the next.
struct Rank {
    lower: usize,
    weight: f64,
}

impl Rank {
    fn between(&self, low: f64, high: f64) -> f64 {
        low * (1.0 - self.weight) + high * self.weight
    }
}

/// An error is the value of a quantile that lies nowhere.
fn rank(quantile: f64, count: usize) -> Result<Rank, f64> {
    if count == 0 || quantile.is_nan() {
        return Err(f64::NAN);
    }
    if quantile < 0.0 {
        return Err(f64::NEG_INFINITY);
    }
    if quantile > 1.0 {
        return Err(f64::INFINITY);
    }
    let rank = quantile * (count - 1) as f64;
    Ok(Rank { lower: rank.floor() as usize, weight: rank - rank.floor() })
}

/// Slope per second and the value at `origin_ms`, by least squares.
pub(crate) fn linear_regression(ts_ms: &[i64], values: &[f64], origin_ms: i64) -> (f64, f64) {
    let first = values[0];
    if values.iter().all(|value| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = values.len() as f64;
    let [mut sum_x, mut sum_y, mut sum_xy, mut sum_xx] = [KahanSum::default(); 4];
    for (ts, &y) in ts_ms.iter().zip(values) {
        let x = (ts - origin_ms) as f64 / 1e3;
        sum_x.add(x);
        sum_y.add(y);
        sum_xy.add(x * y);
        sum_xx.add(x * x);
    }
    let (x, y) = (sum_x.total(), sum_y.total());
    let covariance = sum_xy.total() - x * y / n;
    let variance = sum_xx.total() - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

/// Equal within a relative tolerance; for counts that should be the same but for rounding.
pub(crate) fn almost_equal(left: f64, right: f64, tolerance: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let (magnitude, difference) = (left.abs() + right.abs(), (left - right).abs());
    if left == 0.0 || right == 0.0 || magnitude < f64::MIN_POSITIVE {
        return difference < tolerance * f64::MIN_POSITIVE;
    }
    difference / magnitude.min(f64::MAX) < tolerance
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_keep_small_terms() {
        let mut sum = KahanSum::default();
        [5.0, 1e100, 1.0, -1e100].into_iter().for_each(|value| sum.add(value));
        assert_eq!(sum.total(), 6.0);
    }

    #[test]
    fn means_do_not_overflow() {
        assert!(almost_equal(mean(&[f64::MAX, f64::MAX, f64::MAX]), f64::MAX, 1e-15));
        assert_eq!(mean(&[f64::MAX, -f64::MAX]), 0.0);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(mean(&[]).is_nan());
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0]), 2.0);
        assert_eq!(quantile(2.0, &mut [1.0]), f64::INFINITY);
        assert!(quantile(0.2, &mut [0.0, f64::NAN, 1.0]).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
    }

    #[test]
    fn a_line_is_found() {
        assert_eq!(linear_regression(&[0, 1_000, 2_000], &[1.0, 3.0, 5.0], 0), (2.0, 1.0));
        assert_eq!(linear_regression(&[0, 1_000], &[4.0, 4.0], 500), (0.0, 4.0));
    }

    proptest! {
        #[test]
        fn means_lie_between_the_extremes(values in proptest::collection::vec(-1e9_f64..1e9, 1..50)) {
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            let mean = mean(&values);
            prop_assert!(low - 1e-6 <= mean && mean <= high + 1e-6);
            prop_assert!(variance(&values) >= -1e-6);
        }
    }
}
