//! `log_match(body, 'search')` for everybody, and the test of a field for our own plans.
//!
//! Both are pure. Scans look at their constant arguments to leave out blocks of rows ([`super::index`]).

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::language::{FieldTest, LogQuery, Test};
use super::matcher::TextMatcher;
use crate::functions::{Manual, Section};

/// What a session registers.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(LogMatch::new())]
}

/// `log_match(body, 'refused -"connection reset" ~"time(d )?out"')`: the words, phrases and regular
/// expressions of a log search; true where all of them hold.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogMatch {
    signature: Signature,
}

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    let manual = Manual {
        section: Section::Logs,
        syntax: "log_match(body, search)",
        description: "Whether a log line has all words, phrases and patterns of a search, in any case. Blocks of lines whose index knows that a word is not in them are not read.",
        arguments: &[
            ("body", "The column `body`."),
            ("search", "Such as `refused -\"connection reset\" conn* ~\"time(d )?out\"`."),
        ],
        example: "SELECT ts, service, body FROM logs WHERE ts > now() - INTERVAL '1 day' AND log_match(body, 'payment refused')",
    };
    manual.documentation()
});

impl LogMatch {
    pub(crate) fn new() -> LogMatch {
        let signature = Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
        LogMatch { signature }
    }
}

/// The terms of a text that says nothing about fields.
pub(crate) fn text_query(text: &str) -> Result<LogQuery> {
    let query =
        LogQuery::parse(text).map_err(|error| DataFusionError::Execution(format!("log_match: {error}")))?;
    match query.terms.iter().find(|term| matches!(term.test, Test::Field { .. })) {
        Some(_) => Err(DataFusionError::Execution(
            "log_match looks at the text alone: compare columns and attrs['key'] in SQL, or quote the term"
                .to_owned(),
        )),
        None => Ok(query),
    }
}

impl ScalarUDFImpl for LogMatch {
    fn name(&self) -> &str {
        "log_match"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bodies = args.args[0].to_array(args.number_rows)?;
        let bodies = bodies.as_string::<i32>();
        if let ColumnarValue::Scalar(ScalarValue::Utf8(text)) = &args.args[1] {
            let Some(text) = text else {
                return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
            };
            let matcher = TextMatcher::of(&text_query(text)?);
            let matches: BooleanArray = bodies.iter().map(|body| Some(matcher.matches(body?))).collect();
            return Ok(ColumnarValue::Array(Arc::new(matches)));
        }
        // A search per row: rare, and as slow as it looks.
        let texts = args.args[1].to_array(args.number_rows)?;
        let matches = bodies.iter().zip(texts.as_string::<i32>()).map(|(body, text)| match (body, text) {
            (Some(body), Some(text)) => Ok(Some(TextMatcher::of(&text_query(text)?).matches(body))),
            _ => Ok(None),
        });
        Ok(ColumnarValue::Array(Arc::new(matches.collect::<Result<BooleanArray>>()?)))
    }
}

/// One field of lines: of a column, or of the attributes when it has a name. Not in the catalog.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogField {
    pub(crate) attribute: Option<String>,
    pub(crate) test: FieldTest,
    signature: Signature,
}

impl LogField {
    pub(crate) fn new(attribute: Option<String>, test: FieldTest) -> LogField {
        LogField { attribute, test, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for LogField {
    fn name(&self) -> &str {
        "log_field"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let matches: BooleanArray = match &self.attribute {
            None => {
                let texts = array.as_string::<i32>();
                texts.iter().map(|value| Some(self.test.holds(value))).collect()
            }
            Some(name) => {
                let maps = array.as_map();
                let (keys, values) = (maps.keys().as_string::<i32>(), maps.values().as_string::<i32>());
                let value_of = |row: usize| {
                    let entries = maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize;
                    let at = entries.into_iter().find(|at| keys.value(*at) == name)?;
                    (maps.is_valid(row) && values.is_valid(at)).then(|| values.value(at))
                };
                (0..maps.len()).map(|row| Some(self.test.holds(value_of(row)))).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(matches)))
    }
}
