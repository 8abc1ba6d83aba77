//! Results and errors as PostgreSQL clients read them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_postgres::arrow_pg::datatypes::arrow_schema_to_pg_fields;
use datafusion_postgres::arrow_pg::row_encoder::RowEncoder;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::QueryResponse;
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use futures::{StreamExt, stream};

use crate::functions::JSON_OF;
use crate::{QueryError, SqlRows};

/// The error with its SQLSTATE, and the place in the text when it is known.
pub(super) fn pg_error(error: QueryError) -> PgWireError {
    let mut text = error.to_string();
    if let Some(place) = error.position() {
        text.push_str(&format!(" (line {}, column {})", place.line, place.column));
    }
    if let QueryError::Internal(source) = &error {
        tracing::error!(error = %source, "a query failed");
    }
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), error.sqlstate().to_owned(), text)))
}

/// The protocol has no maps: they become their JSON text.
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
    let has_map = |field: &FieldRef| matches!(field.data_type(), DataType::Map(_, _));
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
pub(super) fn respond(rows: SqlRows, format: &Format) -> PgWireResult<QueryResponse> {
    let fields = Arc::new(arrow_schema_to_pg_fields(&rows.schema, format, None)?);
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
    Ok(QueryResponse::new(fields, encoded))
}
