//! `transaction_timestamp()`, `statement_timestamp()` and `clock_timestamp()`. The first two are one
//! constant in a whole query, however late its rows are read.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use telemetry::Timestamp;

use crate::pgwire::times::Times;

pub(super) fn functions(times: &Arc<Times>) -> Vec<ScalarUDF> {
    [Moment::Transaction, Moment::Statement, Moment::Clock]
        .into_iter()
        .map(|moment| {
            let volatility = if moment == Moment::Clock { Volatility::Volatile } else { Volatility::Stable };
            let signature = Signature::nullary(volatility);
            ScalarUDF::from(TimeOfConnection { moment, signature, times: times.clone() })
        })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Moment {
    Transaction,
    Statement,
    Clock,
}

#[derive(Debug)]
struct TimeOfConnection {
    moment: Moment,
    signature: Signature,
    times: Arc<Times>,
}

/// One connection has one of each.
impl PartialEq for TimeOfConnection {
    fn eq(&self, other: &Self) -> bool {
        self.moment == other.moment && Arc::ptr_eq(&self.times, &other.times)
    }
}

impl Eq for TimeOfConnection {}

impl Hash for TimeOfConnection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.moment.hash(state);
    }
}

impl ScalarUDFImpl for TimeOfConnection {
    fn name(&self) -> &str {
        match self.moment {
            Moment::Transaction => "transaction_timestamp",
            Moment::Statement => "statement_timestamp",
            Moment::Clock => "clock_timestamp",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// That of `now()`.
    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())))
    }

    fn simplify(&self, arguments: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let time = match self.moment {
            Moment::Transaction => self.times.transaction(),
            Moment::Statement => self.times.message(),
            Moment::Clock => return Ok(ExprSimplifyResult::Original(arguments)),
        };
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(value(time), None)))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match self.moment {
            Moment::Clock => Ok(ColumnarValue::Scalar(value(self.times.clock()))),
            _ => internal_err!("{} is a constant of the plan", self.name()),
        }
    }
}

fn value(time: Timestamp) -> ScalarValue {
    let nanos = time.micros().checked_mul(1_000);
    ScalarValue::TimestampNanosecond(nanos, Some("UTC".into()))
}
