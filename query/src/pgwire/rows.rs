//! Results as PostgreSQL clients read them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_postgres::arrow_pg::datatypes::arrow_schema_to_pg_fields;
use datafusion_postgres::arrow_pg::row_encoder::RowEncoder;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{
    DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response,
};
use datafusion_postgres::pgwire::error::PgWireResult;
use futures::{StreamExt, stream};

use super::compat::PG_TYPE_KEY;
use super::error::pg_error;
use crate::functions::JSON_OF;
use crate::{QueryError, SqlRows};

/// The protocol has no maps, and no lists of lists: they become their JSON text.
pub(super) fn without_maps(
    plan: LogicalPlan,
    functions: &dyn FunctionRegistry,
) -> Result<LogicalPlan, QueryError> {
    let is_query = !matches!(
        plan,
        LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Copy(_)
    );
    let has_map = |field: &FieldRef| match field.data_type() {
        DataType::Map(_, _) => true,
        DataType::List(item) => item.data_type().is_nested(),
        _ => false,
    };
    if !is_query || !plan.schema().fields().iter().any(has_map) {
        return Ok(plan);
    }
    let json_of = functions.udf(JSON_OF)?;
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let column = Expr::from((qualifier, field));
            if has_map(field) { json_of.call(vec![column]).alias(field.name()) } else { column }
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

/// Rows in the format that the client asked for.
pub(super) fn respond(rows: SqlRows, names: &Names, format: &Format) -> PgWireResult<QueryResponse> {
    let fields = arrow_schema_to_pg_fields(&rows.schema, format, None)?;
    let fields = Arc::new(named(of_types(fields, &rows.schema), names));
    let encoder_fields = fields.clone();
    let encoded = rows.stream.flat_map(move |batch| {
        let rows: Vec<_> = match batch {
            Ok(batch) => {
                let mut encoder = RowEncoder::new(batch, encoder_fields.clone());
                std::iter::from_fn(|| encoder.next_row()).collect()
            }
            Err(error) => vec![Err(pg_error(error))],
        };
        stream::iter(rows)
    });
    // A cursor that is at its end is asked again.
    Ok(QueryResponse::new(fields, encoded.fuse()))
}

/// The fields with the types that their schema marks them with.
pub(super) fn of_types(fields: Vec<FieldInfo>, schema: &Schema) -> Vec<FieldInfo> {
    let typed = |(field, marked): (FieldInfo, &FieldRef)| match marked.metadata().get(PG_TYPE_KEY) {
        Some(name) if name == "oid[]" => {
            let (table, column) = (field.table_id(), field.column_id());
            FieldInfo::new(field.name().to_owned(), table, column, Type::OID_ARRAY, field.format())
        }
        // A name that was a number of the catalogue before a cast.
        None if marked.data_type() == &DataType::Utf8 && is_number(field.datatype()) => {
            let (table, column) = (field.table_id(), field.column_id());
            FieldInfo::new(field.name().to_owned(), table, column, Type::TEXT, field.format())
        }
        _ => field,
    };
    fields.into_iter().zip(schema.fields()).map(typed).collect()
}

fn is_number(of: &Type) -> bool {
    matches!(*of, Type::OID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC | Type::REGNAMESPACE)
}

/// What PostgreSQL calls the columns of a result, where that differs from DataFusion: `None` keeps it.
pub(super) type Names = Vec<Option<String>>;

/// The fields under those names; as they are, when the names are not of these fields.
pub(super) fn named(fields: Vec<FieldInfo>, names: &Names) -> Vec<FieldInfo> {
    if names.len() != fields.len() {
        return fields;
    }
    let rename = |(field, name): (FieldInfo, &Option<String>)| match name {
        Some(name) => FieldInfo::new(
            name.clone(),
            field.table_id(),
            field.column_id(),
            field.datatype().clone(),
            field.format(),
        ),
        None => field,
    };
    fields.into_iter().zip(names).map(rename).collect()
}

/// Columns of text, for what has no plan: `SHOW`.
pub(super) fn text_rows(columns: &[&str], rows: Vec<Vec<String>>) -> PgWireResult<Response> {
    let field = |name: &&str| FieldInfo::new((*name).to_owned(), None, None, Type::TEXT, FieldFormat::Text);
    let fields: Arc<Vec<FieldInfo>> = Arc::new(columns.iter().map(field).collect());
    let mut encoder = DataRowEncoder::new(fields.clone());
    let mut encoded = Vec::new();
    for row in rows {
        for cell in row {
            encoder.encode_field(&Some(cell))?;
        }
        encoded.push(Ok(encoder.take_row()));
    }
    Ok(Response::Query(QueryResponse::new(fields, stream::iter(encoded))))
}
