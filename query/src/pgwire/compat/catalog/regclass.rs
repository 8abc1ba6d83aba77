//! `to_regclass(name)`: the number of a table or view, which `'name'::regclass` means too.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(in crate::pgwire::compat) const TO_REGCLASS: &str = "to_regclass";

/// Numbers by name, with the schema and, where the search path leads there, without.
pub(super) fn function(numbers: BTreeMap<String, i32>) -> ScalarUDF {
    let signature = Signature::any(1, Volatility::Stable);
    ScalarUDF::from(ToRegclass { numbers: Arc::new(numbers), signature })
}

#[derive(Debug)]
struct ToRegclass {
    numbers: Arc<BTreeMap<String, i32>>,
    signature: Signature,
}

/// A catalogue has one.
impl PartialEq for ToRegclass {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.numbers, &other.numbers)
    }
}

impl Eq for ToRegclass {}

impl Hash for ToRegclass {
    fn hash<H: Hasher>(&self, state: &mut H) {
        TO_REGCLASS.hash(state);
    }
}

impl ScalarUDFImpl for ToRegclass {
    fn name(&self) -> &str {
        TO_REGCLASS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [given] = arguments.args.as_slice() else {
            return Ok(ColumnarValue::Array(Arc::new(Int32Array::new_null(arguments.number_rows))));
        };
        let given = cast(&given.to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let names = given.as_string::<i32>();
        let number = |row| names.is_valid(row).then(|| self.numbers.get(&as_stored(names.value(row))))?;
        let numbers: Int32Array = (0..names.len()).map(|row| number(row).copied()).collect();
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    }
}

/// Names without quotes are lower case; all of ours are.
fn as_stored(name: &str) -> String {
    name.replace('"', "").to_lowercase()
}
