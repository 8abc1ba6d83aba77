//! A scalar function as a plain function over columns.

use std::fmt;
use std::hash::{Hash, Hasher};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::documented::Manual;

/// One value per row from columns of one length, which have the types of the signature.
pub(super) type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// Pure: the same arguments always give the same value.
pub(super) struct ColumnFunction {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Body,
    documentation: Documentation,
}

impl ColumnFunction {
    pub(super) fn udf(
        name: &'static str,
        signature: TypeSignature,
        returns: DataType,
        body: Body,
        manual: &Manual,
    ) -> ScalarUDF {
        let signature = Signature::new(signature, Volatility::Immutable);
        let documentation = manual.documentation();
        ScalarUDF::from(ColumnFunction { name, signature, returns, body, documentation })
    }
}

impl ScalarUDFImpl for ColumnFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let column = (self.body)(&ColumnarValue::values_to_arrays(&args.args)?)?;
        if all_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?));
        }
        Ok(ColumnarValue::Array(column))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Names are unique within a session.
impl PartialEq for ColumnFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ColumnFunction {}

impl Hash for ColumnFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for ColumnFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnFunction").field("name", &self.name).finish_non_exhaustive()
    }
}
