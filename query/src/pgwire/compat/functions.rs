//! Functions that have one answer here, whatever they are asked about.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions::string::uuid;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::SERVER_VERSION;
use crate::formats::type_name;

pub(super) fn all() -> Vec<ScalarUDF> {
    let mut all: Vec<ScalarUDF> = fixed().into_iter().map(ScalarUDF::from).collect();
    all.push(ScalarUDF::from(TypeOf { signature: Signature::any(1, Volatility::Immutable) }));
    all.extend([super::sleep::pg_sleep(), super::text::format()]);
    all.push(uuid().as_ref().clone().with_aliases(["gen_random_uuid"]));
    all
}

fn fixed() -> Vec<Fixed> {
    let yes = || ScalarValue::from(true);
    let no_text = || ScalarValue::Utf8(None);
    let no_size = || ScalarValue::Int64(None);
    let mut all = vec![
        Fixed::new("version", ScalarValue::from(format!("PostgreSQL {SERVER_VERSION}"))),
        // Everything is visible under its own name.
        Fixed::new("pg_collation_is_visible", yes()),
        Fixed::new("pg_conversion_is_visible", yes()),
        Fixed::new("pg_function_is_visible", yes()),
        Fixed::new("pg_opclass_is_visible", yes()),
        Fixed::new("pg_operator_is_visible", yes()),
        Fixed::new("pg_opfamily_is_visible", yes()),
        Fixed::new("pg_statistics_obj_is_visible", yes()),
        Fixed::new("pg_ts_config_is_visible", yes()),
        Fixed::new("pg_type_is_visible", yes()),
        Fixed::new("has_any_column_privilege", yes()),
        Fixed::new("has_column_privilege", yes()),
        Fixed::new("has_function_privilege", yes()),
        Fixed::new("pg_is_in_recovery", ScalarValue::from(false)),
        Fixed::new("pg_is_other_temp_schema", ScalarValue::from(false)),
        // Locks, transactions and addresses that do not exist.
        Fixed::new("pg_advisory_unlock_all", no_text()),
        Fixed::new("pg_my_temp_schema", ScalarValue::from(0_i32)),
        Fixed::new("txid_current", ScalarValue::from(1_i64)),
        Fixed::new("inet_server_port", ScalarValue::Int32(None)),
        // The encoding is always UTF-8, whose number this is.
        Fixed::new("getdatabaseencoding", ScalarValue::from("UTF8")),
        Fixed::new("pg_char_to_encoding", ScalarValue::from(6_i32)),
    ];
    for name in ["pg_database_size", "pg_indexes_size", "pg_table_size", "pg_tablespace_size"] {
        all.push(Fixed::new(name, no_size()));
    }
    for name in ["to_regnamespace", "to_regproc", "to_regtype"] {
        all.push(Fixed::new(name, ScalarValue::Int32(None)));
    }
    for name in [
        "inet_client_addr",
        "inet_server_addr",
        "json_build_object",
        "pg_describe_object",
        "pg_get_function_sqlbody",
        "pg_get_functiondef",
        "pg_get_indexdef",
        "pg_get_ruledef",
        "pg_get_serial_sequence",
        "pg_get_triggerdef",
        "pg_size_pretty",
        "pg_tablespace_location",
        "shobj_description",
    ] {
        all.push(Fixed::new(name, no_text()));
    }
    all
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fixed {
    name: &'static str,
    signature: Signature,
    answer: ScalarValue,
}

impl Fixed {
    fn new(name: &'static str, answer: ScalarValue) -> Fixed {
        let any_arguments = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        Fixed { name, signature: Signature::one_of(any_arguments, Volatility::Stable), answer }
    }
}

impl ScalarUDFImpl for Fixed {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.answer.data_type())
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.answer.clone()))
    }
}

/// `pg_typeof(x)`, by the names that the other surfaces use for types.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &str {
        "pg_typeof"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = arguments.args.first().map(|argument| type_name(&argument.data_type()));
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(name)))
    }
}
