//! Cursors: `DECLARE c CURSOR FOR query`, read by `FETCH` as rows are wanted.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{DeclareType, Statement};
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::results::{Response, Tag};
use datafusion_postgres::pgwire::api::stmt::StoredStatement;
use datafusion_postgres::pgwire::api::store::PortalStore;

use super::error::Failure;
use super::runner::{Planned, Runner};

/// The name of the cursor that is declared, and its query.
pub(super) fn declared(statement: &Statement) -> Result<(String, Statement), Failure> {
    let refused = || Failure::read_only("a DECLARE other than one CURSOR FOR a query");
    let Statement::Declare { stmts } = statement else { return Err(refused()) };
    let [declare] = stmts.as_slice() else { return Err(refused()) };
    match (&declare.declare_type, declare.names.first(), &declare.for_query) {
        (Some(DeclareType::Cursor), Some(name), Some(query)) => {
            Ok((name.value.clone(), Statement::Query(query.clone())))
        }
        _ => Err(refused()),
    }
}

/// Starts the query and keeps its rows for `FETCH`.
pub(super) async fn declare(
    runner: &Runner,
    name: String,
    query: Statement,
    planned: Planned,
    client: &mut dyn HookClient,
) -> Result<Response, Failure> {
    let plan = planned.plan.clone();
    let response = runner.run_query(planned, client, &Format::UnifiedText).await?;
    // The plan is what a Describe of the cursor reads its columns from.
    let described = (query.to_string(), Some((query, plan)));
    let portal = Portal::new_cursor(name.clone(), Arc::new(StoredStatement::new(name, described, vec![])));
    portal.start(response).await;
    client.portal_store().put_portal(Arc::new(portal));
    Ok(Response::Execution(Tag::new("DECLARE CURSOR")))
}
