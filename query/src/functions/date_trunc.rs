//! `date_trunc` for times in UTC, as all tables have them: integer arithmetic.
//!
//! DataFusion's own goes by the calendar of the time's zone, row by row, even where the zone is UTC; for
//! a time without a zone it computes. The results are the same, and so are documentation and types.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::functions::datetime::date_trunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(DateTrunc { inner: date_trunc() })]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((times, zone)) = args.args.get(1).and_then(in_utc) else {
            return self.inner.invoke_with_args(args);
        };
        args.args[1] = ColumnarValue::Array(times);
        let truncated = self.inner.invoke_with_args(args)?;
        let ColumnarValue::Array(times) = truncated else { return Ok(truncated) };
        let times = times.as_primitive::<TimestampMicrosecondType>().clone();
        Ok(ColumnarValue::Array(Arc::new(times.with_timezone(zone))))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// The same instants without their zone, and the zone, when it is UTC.
fn in_utc(times: &ColumnarValue) -> Option<(ArrayRef, Arc<str>)> {
    let ColumnarValue::Array(times) = times else { return None };
    match times.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if matches!(&**zone, "UTC" | "+00:00") => {
            let bare =
                times.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>);
            Some((Arc::new(bare), zone.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::TimestampMicrosecondArray;
    use datafusion::arrow::datatypes::Field;
    use datafusion::common::ScalarValue;
    use datafusion::config::ConfigOptions;
    use proptest::prelude::*;

    use super::*;

    fn truncate(udf: &ScalarUDF, part: &str, times: &TimestampMicrosecondArray) -> ArrayRef {
        let field = Arc::new(Field::new("ts", times.data_type().clone(), true));
        let args = ScalarFunctionArgs {
            args: vec![
                ColumnarValue::Scalar(ScalarValue::from(part)),
                ColumnarValue::Array(Arc::new(times.clone())),
            ],
            arg_fields: vec![Arc::new(Field::new("part", DataType::Utf8, false)), field.clone()],
            number_rows: times.len(),
            return_field: field,
            config_options: Arc::new(ConfigOptions::default()),
        };
        udf.invoke_with_args(args).unwrap().into_array(times.len()).unwrap()
    }

    proptest! {
        /// From 1677 to 2262: what nanoseconds can tell.
        #[test]
        fn every_part_is_cut_where_the_calendar_cuts_it(
            micros in prop::collection::vec(prop::option::of(-9_200_000_000_000_000i64..9_200_000_000_000_000), 1..50),
            zone in prop::sample::select(vec!["UTC", "+00:00", "Europe/Berlin"]),
        ) {
            let times = TimestampMicrosecondArray::from(micros).with_timezone(zone);
            let ours = functions().remove(0);
            for part in ["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"] {
                let expected = truncate(&date_trunc(), part, &times);
                prop_assert_eq!(&truncate(&ours, part, &times), &expected, "{}", part);
            }
        }
    }
}
