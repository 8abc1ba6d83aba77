//! What the JSON API sends and takes, one file for each noun. Domain types never leave as they are:
//! each is converted by hand, so that a change inside does not change the contract by accident.
//!
//! Names and fields are the contract that the dashboard's types are generated from. Times are RFC
//! 3339 in UTC, ratios fractions, unknown is `null`: every optional field is always there.

pub mod alert;
pub mod backfill;
pub mod backup;
pub mod cardinality;
pub mod gate;
pub mod gate_decision;
pub mod impact;
pub mod inbox;
pub mod incident;
pub mod log;
pub mod oncall;
pub mod report;
pub mod retrospective;
pub mod run;
pub mod runbook;
pub mod service;
pub mod session;
pub mod slo;
pub mod slo_report;
pub mod status;
pub mod target;
pub mod timeline;
pub mod token;

use serde::Serialize;
use telemetry::Timestamp;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A time as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Time {
        Time(time)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Time {}

/// A number that JSON may have no word for: `"NaN"`, `"+Inf"` and `"-Inf"` are strings.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Number {
    Finite(f64),
    NotFinite(String),
}

impl From<f64> for Number {
    fn from(value: f64) -> Number {
        match value {
            value if value.is_finite() => Number::Finite(value),
            value if value.is_nan() => Number::NotFinite("NaN".into()),
            value if value > 0.0 => Number::NotFinite("+Inf".into()),
            _ => Number::NotFinite("-Inf".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_strings() {
        let numbers: Vec<Number> = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(Number::from).into();
        assert_eq!(serde_json::to_string(&numbers).unwrap(), r#"[1.5,"NaN","+Inf","-Inf"]"#);
    }
}
