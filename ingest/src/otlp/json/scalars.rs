//! Protobuf's JSON forms of numbers and bytes: 64-bit integers as number or text, special floats as
//! text, ids as hex, other bytes as base64.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A number that may be written as text.
#[derive(Clone, Copy, Default)]
pub(super) struct Number<T>(pub(super) T);

pub(super) trait FromNumber: Sized {
    const EXPECTED: &'static str;
    fn from_u64(number: u64) -> Option<Self>;
    fn from_i64(number: i64) -> Option<Self>;
    fn from_f64(number: f64) -> Option<Self>;
    fn from_text(text: &str) -> Option<Self>;
}

impl FromNumber for u64 {
    const EXPECTED: &'static str = "an integer from 0 to 2^64-1, as number or text";

    fn from_u64(number: u64) -> Option<u64> {
        Some(number)
    }

    fn from_i64(number: i64) -> Option<u64> {
        number.try_into().ok()
    }

    fn from_f64(_: f64) -> Option<u64> {
        None
    }

    fn from_text(text: &str) -> Option<u64> {
        text.parse().ok()
    }
}

impl FromNumber for i64 {
    const EXPECTED: &'static str = "an integer of 64 bits, as number or text";

    fn from_u64(number: u64) -> Option<i64> {
        number.try_into().ok()
    }

    fn from_i64(number: i64) -> Option<i64> {
        Some(number)
    }

    fn from_f64(_: f64) -> Option<i64> {
        None
    }

    fn from_text(text: &str) -> Option<i64> {
        text.parse().ok()
    }
}

impl FromNumber for f64 {
    const EXPECTED: &'static str = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";

    fn from_u64(number: u64) -> Option<f64> {
        Some(number as f64)
    }

    fn from_i64(number: i64) -> Option<f64> {
        Some(number as f64)
    }

    fn from_f64(number: f64) -> Option<f64> {
        Some(number)
    }

    fn from_text(text: &str) -> Option<f64> {
        text.parse().ok()
    }
}

impl<'de, T: FromNumber> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number<T>, D::Error> {
        deserializer.deserialize_any(NumberVisitor(PhantomData)).map(Number)
    }
}

struct NumberVisitor<T>(PhantomData<T>);

impl<T: FromNumber> Visitor<'_> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::from_u64(number).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_i64(number).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::from_f64(number).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Trace and span ids.
#[derive(Default)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        let pairs = text.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
        let bad = || de::Error::invalid_value(de::Unexpected::Str(&text), &"hex digits, two for each byte");
        Option::<Vec<u8>>::map(bytes, Hex).ok_or_else(bad)
    }
}

#[derive(Default)]
pub(super) struct Base64(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Base64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text.as_bytes());
        bytes.map(Base64).map_err(|error| de::Error::custom(format!("not base64: {error}")))
    }
}
