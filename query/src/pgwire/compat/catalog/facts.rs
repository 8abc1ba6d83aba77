//! What is said about relations, columns and functions: comments and definitions, as the table
//! `pg_description` and as functions that look one up.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int32Type};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::regclass;
use super::relations::{number, text};
use super::shape::{PG_TYPE_KEY, Rows, Shape};
use crate::{Engine, QueryError};

/// The numbers of `pg_class`, `pg_proc` and `pg_namespace`, by which a comment says what it is about.
pub(super) const CLASS: i32 = 1_259;
pub(super) const FUNCTION: i32 = 1_255;
pub(super) const NAMESPACE: i32 = 2_615;

/// By object and column; 0 is the object itself.
type Answers = BTreeMap<(i32, i32), String>;

#[derive(Default)]
pub(super) struct Facts {
    comments: Answers,
    classes: BTreeMap<i32, i32>,
    views: Answers,
    arguments: Answers,
    results: Answers,
    relations: BTreeMap<String, i32>,
}

impl Facts {
    /// A table or view of a schema; `in_path` when its name alone means it too.
    pub(super) fn relation(&mut self, schema: &str, name: &str, oid: i32, in_path: bool) {
        self.relations.insert(format!("{schema}.{name}"), oid);
        if in_path {
            self.relations.insert(name.to_owned(), oid);
        }
    }

    /// A comment on an object of a catalogue table, or on one of its columns.
    pub(super) fn comment(&mut self, class: i32, object: i32, column: i32, comment: String) {
        self.classes.insert(object, class);
        self.comments.insert((object, column), comment);
    }

    pub(super) fn view(&mut self, object: i32, query: &str) {
        self.views.insert((object, 0), query.to_owned());
    }

    pub(super) fn function(&mut self, object: i32, arguments: &str, result: String) {
        self.arguments.insert((object, 0), arguments.to_owned());
        self.results.insert((object, 0), result);
    }

    /// `pg_description`, with what the library knows about PostgreSQL's own functions.
    pub(super) async fn descriptions(&self, shape: &Shape<'_>) -> Result<Arc<dyn TableProvider>> {
        let mut rows = Rows::of(shape.schema_of("pg_description").await?);
        for ((object, column), comment) in &self.comments {
            rows.push(&[
                ("objoid", number(*object)),
                ("classoid", number(self.classes[object])),
                ("objsubid", number(*column)),
                ("description", text(comment)),
            ])?;
        }
        rows.table(&shape.rows_of("pg_description").await?)
    }

    pub(super) fn functions(self) -> Vec<ScalarUDF> {
        let comments = Arc::new(self.comments);
        let arguments = Arc::new(self.arguments);
        let of = |name, answers: &Arc<Answers>, by_column| {
            let any = vec![TypeSignature::VariadicAny];
            let signature = Signature::one_of(any, Volatility::Stable);
            ScalarUDF::from(LookUp { name, answers: answers.clone(), by_column, signature })
        };
        vec![
            of("col_description", &comments, true),
            of("obj_description", &comments, false),
            of("pg_get_function_arguments", &arguments, false),
            of("pg_get_function_identity_arguments", &arguments, false),
            of("pg_get_function_result", &Arc::new(self.results), false),
            of("pg_get_viewdef", &Arc::new(self.views), false),
            regclass::function(self.relations),
            ScalarUDF::from(NoOids { signature: Signature::nullary(Volatility::Volatile) }),
        ]
    }
}

/// Rows of texts about what the engine's session knows by name.
pub(super) async fn look_up<const N: usize>(
    engine: &Engine,
    query: &str,
) -> Result<Vec<[Option<String>; N]>, QueryError> {
    let mut rows = Vec::new();
    for batch in engine.context().sql(query).await?.collect().await? {
        let columns: Vec<ArrayRef> =
            batch.columns().iter().map(|column| Ok(cast(column, &DataType::Utf8)?)).collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            rows.push(std::array::from_fn(|at| {
                let column = columns[at].as_string::<i32>();
                column.is_valid(row).then(|| column.value(row).to_owned())
            }));
        }
    }
    Ok(rows)
}

/// The answer about an object, whose number is the first argument.
#[derive(Debug)]
struct LookUp {
    name: &'static str,
    answers: Arc<Answers>,
    /// Whether the second argument is the number of a column.
    by_column: bool,
    signature: Signature,
}

/// A catalogue has one of each name.
impl PartialEq for LookUp {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.answers, &other.answers)
    }
}

impl Eq for LookUp {}

impl Hash for LookUp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for LookUp {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let numbers = |at: usize| -> Result<Option<ArrayRef>> {
            let Some(given) = arguments.args.get(at) else { return Ok(None) };
            Ok(Some(cast(&given.to_array(rows)?, &DataType::Int32)?))
        };
        let Some(objects) = numbers(0)? else { return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))) };
        let columns = if self.by_column { numbers(1)? } else { None };
        let number = |numbers: &ArrayRef, row| {
            let numbers = numbers.as_primitive::<Int32Type>();
            numbers.is_valid(row).then(|| numbers.value(row))
        };
        let answer = |row: usize| {
            let column = columns.as_ref().map_or(Some(0), |columns| number(columns, row));
            self.answers.get(&(number(&objects, row)?, column?))
        };
        let answers: StringArray = (0..rows).map(answer).collect();
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }
}

/// NULL as an array of the type `oid`: there are no composite types whose parts it would list.
pub(in crate::pgwire::compat) const NO_OIDS: &str = "pg_no_oids";

#[derive(Debug, PartialEq, Eq, Hash)]
struct NoOids {
    signature: Signature,
}

impl ScalarUDFImpl for NoOids {
    fn name(&self) -> &str {
        NO_OIDS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Int32, true))
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let field = Field::new(NO_OIDS, DataType::new_list(DataType::Int32, true), true);
        Ok(Arc::new(field.with_metadata([(PG_TYPE_KEY.to_owned(), "oid[]".to_owned())].into())))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::try_new_null(&DataType::new_list(DataType::Int32, true))?))
    }
}
