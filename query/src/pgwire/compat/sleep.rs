//! `pg_sleep(seconds)`: waits without holding a thread. The time limit of the query ends it, and so does
//! whoever cancels the query.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::sum;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Longer than any time limit.
const LONGEST: Duration = Duration::from_secs(1_000_000);

pub(super) fn pg_sleep() -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Volatile);
    AsyncScalarUDF::new(Arc::new(Sleep { signature })).into_scalar_udf()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sleep {
    signature: Signature,
}

impl ScalarUDFImpl for Sleep {
    fn name(&self) -> &str {
        "pg_sleep"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("pg_sleep waits, and is called by who can")
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Sleep {
    /// As long as all rows together ask for.
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let seconds = ColumnarValue::values_to_arrays(&args.args)?;
        let seconds = match &args.args[0] {
            ColumnarValue::Scalar(ScalarValue::Float64(seconds)) => seconds.unwrap_or(0.0) * rows as f64,
            _ => sum(seconds[0].as_primitive::<Float64Type>()).unwrap_or(0.0),
        };
        let wait = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(LONGEST);
        tokio::time::sleep(wait.min(LONGEST)).await;
        // PostgreSQL's answer has no value either; clients show it as empty.
        Ok(ColumnarValue::Scalar(ScalarValue::from("")))
    }
}
