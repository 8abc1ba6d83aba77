//! Exact numbers: decimals as people write them, and the fractions they turn into.
//!
//! A target such as 99.99995 % must survive, so nothing here passes through `f64` before the very
//! end. Products that could leave `i128` are compared in 256 bits, so a comparison has no range in
//! which it silently rounds. Deliberately not a number tower: only what budgets need.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most digits behind the point, and most digits in all, of a [`Decimal`]. With 18 the product of
/// two of them (10^36) still fits `i128`.
pub const DECIMAL_DIGITS_MAX: u32 = 18;

/// `numerator / 10^scale`, read from text, never from a float. Not negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    numerator: i128,
    scale: u32,
}

/// The text was not a decimal number that can be kept exactly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("`{0}` is not a decimal number such as 0.999")]
    NotANumber(String),
    #[error("`{0}` is negative")]
    Negative(String),
    #[error("`{0}` has more than {DECIMAL_DIGITS_MAX} digits")]
    TooManyDigits(String),
}

impl Decimal {
    pub const ZERO: Decimal = Decimal { numerator: 0, scale: 0 };
    pub const ONE: Decimal = Decimal { numerator: 1, scale: 0 };

    /// A whole number; digits beyond [`DECIMAL_DIGITS_MAX`] cannot occur in a `u32`.
    pub const fn whole(value: u32) -> Decimal {
        Decimal { numerator: value as i128, scale: 0 }
    }

    /// `mantissa / 10^scale`, for constants: `Decimal::of(144, 1)` is 14.4.
    pub const fn of(mantissa: u32, scale: u32) -> Decimal {
        assert!(scale <= DECIMAL_DIGITS_MAX, "scale is at most 18");
        Decimal { numerator: mantissa as i128, scale }
    }

    /// The hundredth part: 99.9 becomes 0.999. `None` when that needs too many digits.
    pub fn percent(self) -> Option<Decimal> {
        (self.scale + 2 <= DECIMAL_DIGITS_MAX)
            .then(|| Decimal { numerator: self.numerator, scale: self.scale + 2 }.normal())
    }

    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub fn to_fraction(self) -> Fraction {
        Fraction::new(self.numerator, power_of_ten(self.scale))
    }

    /// For display and for JSON; decisions use [`Decimal::to_fraction`].
    pub fn to_f64(self) -> f64 {
        // Going through text gives the double nearest to the decimal.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    fn normal(mut self) -> Decimal {
        while self.scale > 0 && self.numerator % 10 == 0 {
            self.numerator /= 10;
            self.scale -= 1;
        }
        self
    }
}

fn power_of_ten(exponent: u32) -> i128 {
    10_i128.pow(exponent.min(2 * DECIMAL_DIGITS_MAX))
}

/// Reads `0.999`, `99.9`, `14`, `.5` and `1e-3`.
impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        let not_a_number = || DecimalError::NotANumber(text.to_owned());
        let too_many = || DecimalError::TooManyDigits(text.to_owned());
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        if let Some(rest) = unsigned.strip_prefix('-') {
            let looks_like_number = rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            return Err(if looks_like_number {
                DecimalError::Negative(text.to_owned())
            } else {
                not_a_number()
            });
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| not_a_number())?),
            None => (unsigned, 0),
        };
        let (whole, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && behind.is_empty()) || !all_digits(whole) || !all_digits(behind) {
            return Err(not_a_number());
        }
        let behind = behind.trim_end_matches('0');
        let digits = format!("{whole}{behind}");
        let digits = digits.trim_start_matches('0');
        if digits.len() > DECIMAL_DIGITS_MAX as usize {
            return Err(too_many());
        }
        let mut numerator: i128 =
            if digits.is_empty() { 0 } else { digits.parse().map_err(|_| too_many())? };
        let mut scale = i64::try_from(behind.len()).map_err(|_| too_many())? - i64::from(exponent);
        if numerator == 0 {
            scale = 0;
        }
        while scale < 0 {
            numerator *= 10;
            scale += 1;
            if numerator >= power_of_ten(DECIMAL_DIGITS_MAX) {
                return Err(too_many());
            }
        }
        let scale = u32::try_from(scale).map_err(|_| too_many())?;
        let decimal = Decimal { numerator, scale: scale.min(10_000) };
        let decimal = if decimal.scale > DECIMAL_DIGITS_MAX { decimal.normal() } else { decimal };
        if decimal.scale > DECIMAL_DIGITS_MAX { Err(too_many()) } else { Ok(decimal.normal()) }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        // Both products stay below 10^36.
        (self.numerator * power_of_ten(other.scale)).cmp(&(other.numerator * power_of_ten(self.scale)))
    }
}

/// As short as it can be: `0.999`, `14.4`, `0`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = power_of_ten(self.scale);
        write!(f, "{}", self.numerator / unit)?;
        if self.scale > 0 {
            write!(f, ".{:0width$}", self.numerator % unit, width = self.scale as usize)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From the text of a YAML scalar, quoted or not; never from a float.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        struct FromText;
        impl Visitor<'_> for FromText {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.trim().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(FromText)
    }
}

/// An exact signed fraction in lowest terms with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    pub const ZERO: Fraction = Fraction { numerator: 0, denominator: 1 };
    pub const ONE: Fraction = Fraction { numerator: 1, denominator: 1 };

    /// `denominator` must not be zero.
    pub fn new(numerator: i128, denominator: i128) -> Fraction {
        assert!(denominator != 0, "a fraction over zero is NULL, which the caller decides");
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs());
        // The divisor divides `denominator`, hence fits in i128 unless it is 2^127, which no count reaches.
        let divisor = i128::try_from(divisor).unwrap_or(1) * denominator.signum();
        Fraction { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    pub fn numerator(self) -> i128 {
        self.numerator
    }

    pub fn denominator(self) -> i128 {
        self.denominator
    }

    pub fn is_negative(self) -> bool {
        self.numerator < 0
    }

    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The nearest `f64` but for the last bit; for display only.
    pub fn to_f64(self) -> f64 {
        let whole = self.numerator / self.denominator;
        let rest = self.numerator % self.denominator;
        if whole == 0 {
            return rest as f64 / self.denominator as f64;
        }
        whole as f64 + rest as f64 / self.denominator as f64
    }

    /// `None` when the result does not fit 128 bits.
    pub fn checked_mul(self, other: Fraction) -> Option<Fraction> {
        // Reducing crosswise first keeps the products as small as they can be.
        let left = Fraction::new(self.numerator, other.denominator);
        let right = Fraction::new(other.numerator, self.denominator);
        Some(Fraction::new(
            left.numerator.checked_mul(right.numerator)?,
            left.denominator.checked_mul(right.denominator)?,
        ))
    }

    /// `None` when the result does not fit 128 bits or `other` is zero.
    pub fn checked_div(self, other: Fraction) -> Option<Fraction> {
        if other.is_zero() {
            return None;
        }
        self.checked_mul(Fraction::new(other.denominator, other.numerator))
    }

    /// `None` when the result does not fit 128 bits.
    pub fn checked_add(self, other: Fraction) -> Option<Fraction> {
        self.checked_sub(Fraction { numerator: other.numerator.checked_neg()?, ..other })
    }

    /// `None` when the result does not fit 128 bits.
    pub fn checked_sub(self, other: Fraction) -> Option<Fraction> {
        let divisor =
            i128::try_from(greatest_common_divisor(self.denominator as u128, other.denominator as u128))
                .ok()?;
        let widened = other.denominator / divisor;
        let left = self.numerator.checked_mul(widened)?;
        let right = other.numerator.checked_mul(self.denominator / divisor)?;
        Some(Fraction::new(left.checked_sub(right)?, self.denominator.checked_mul(widened)?))
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> Ordering {
        let magnitudes = || {
            compare_products(
                [self.numerator.unsigned_abs(), other.denominator.unsigned_abs()],
                [other.numerator.unsigned_abs(), self.denominator.unsigned_abs()],
            )
        };
        match (self.is_negative(), other.is_negative()) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitudes(),
            (true, true) => magnitudes().reverse(),
        }
    }
}

/// Compares `left[0] * left[1]` with `right[0] * right[1]` in 256 bits.
pub fn compare_products(left: [u128; 2], right: [u128; 2]) -> Ordering {
    match (left[0].checked_mul(left[1]), right[0].checked_mul(right[1])) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => wide_product(left).cmp(&wide_product(right)),
    }
}

/// The product as (high, low) halves of 128 bits.
fn wide_product([a, b]: [u128; 2]) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let middle_low = a_low * b_high + (middle & LOW);
    (a_high * b_high + (middle >> 64) + (middle_low >> 64), (middle_low << 64) | (low & LOW))
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        // Nearly always after a step or two, and division is several times faster there.
        if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
            return u128::from(narrow_divisor(a, b)).max(1);
        }
        (a, b) = (b, a % b);
    }
    a.max(1)
}

fn narrow_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A target: a share of at least 0 and less than 1. One would leave no error budget to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Ratio(Decimal);

impl Ratio {
    /// `None` for 1 and more.
    pub fn new(share: Decimal) -> Option<Ratio> {
        (share < Decimal::ONE).then_some(Ratio(share))
    }

    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// The error budget as a share of all events: `1 - target`, never zero.
    pub fn budget(self) -> Fraction {
        let unit = power_of_ten(self.0.scale);
        Fraction::new(unit - self.0.numerator, unit)
    }

    pub fn to_f64(self) -> f64 {
        self.0.to_f64()
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        for text in ["0.9999995", "14.4", "0", "1", "0.000000000000000001", "123456789.123456789"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        let same =
            |a: &str, b: &str| assert_eq!(a.parse::<Decimal>().unwrap(), b.parse::<Decimal>().unwrap());
        same("0.9990", ".999");
        same("1e-3", "0.001");
        same("1.5E2", "150");
        same("+99", "99.0");
        same("0e-99", "0");
    }

    #[test]
    fn what_is_not_a_decimal_is_refused() {
        for text in ["", ".", "1.2.3", "0x1", "NaN", "inf", "1e", "99,9", "99.9%", "string", "-"] {
            let wrong = text.parse::<Decimal>();
            assert_eq!(wrong, Err(DecimalError::NotANumber(text.into())), "{text:?}");
        }
        assert_eq!("-0.5".parse::<Decimal>(), Err(DecimalError::Negative("-0.5".into())));
        for text in ["0.1234567890123456789", "1e-19", "1e40", "1e-2000000000", "1e2000000000"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::TooManyDigits(text.into())), "{text:?}");
        }
    }

    #[test]
    fn percent_is_exact() {
        let target = "99.99995".parse::<Decimal>().unwrap().percent().unwrap();
        assert_eq!(target.to_string(), "0.9999995");
        assert_eq!(Ratio::new(target).unwrap().budget(), Fraction::new(5, 10_000_000));
        assert_eq!(Ratio::new(Decimal::ONE), None);
    }

    #[test]
    fn products_beyond_128_bits_are_compared() {
        let huge = u128::MAX;
        assert_eq!(compare_products([huge, huge], [huge, huge - 1]), Ordering::Greater);
        assert_eq!(compare_products([huge, 2], [huge - 1, 2]), Ordering::Greater);
        assert_eq!(compare_products([huge, 4], [4, huge]), Ordering::Equal);
        assert_eq!(wide_product([huge, huge]), (huge - 1, 1));
    }

    proptest! {
        #[test]
        fn fractions_order_as_their_cross_products(a in -1000_i128..1000, b in 1_i128..1000, c in -1000_i128..1000, d in 1_i128..1000) {
            prop_assert_eq!(Fraction::new(a, b).cmp(&Fraction::new(c, d)), (a * d).cmp(&(c * b)));
        }

        #[test]
        fn subtraction_and_division_undo(a in -1000_i128..1000, b in 1_i128..1000, c in 1_i128..1000, d in 1_i128..1000) {
            let (x, y) = (Fraction::new(a, b), Fraction::new(c, d));
            let difference = x.checked_sub(y).unwrap();
            prop_assert_eq!(difference.checked_sub(Fraction::new(-c, d)).unwrap(), x);
            prop_assert_eq!(x.checked_div(y).unwrap().checked_mul(y).unwrap(), x);
        }

        #[test]
        fn decimals_read_back(numerator in 0_i128..1_000_000_000_000, scale in 0_u32..18) {
            let decimal = Decimal { numerator, scale }.normal();
            prop_assert_eq!(decimal.to_string().parse::<Decimal>().unwrap(), decimal);
        }
    }
}
