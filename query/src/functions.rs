//! SQL functions of the field. One file per group; all are pure and immutable.

mod json;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use json::{JSON_OF, map_builder, map_type, timestamp_type};

/// Every function that a session registers.
pub(crate) fn all() -> Vec<ScalarUDF> {
    json::functions()
}
