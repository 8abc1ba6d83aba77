//! `pg_roles`: who asks, and the role that everything belongs to.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::relations::{OWNER, number, text};
use super::shape::Rows;
use crate::pgwire::login::ConnectionRole;

/// Who a connection belongs to. An extension of its session's configuration.
pub(in crate::pgwire::compat) struct ConnectedUser(pub(in crate::pgwire::compat) ConnectionRole);

/// Whoever asks; a connection does not learn who else there is.
const USER: i32 = OWNER + 1;

#[derive(Debug)]
pub(super) struct Roles {
    schema: SchemaRef,
}

impl Roles {
    pub(super) fn new(schema: SchemaRef) -> Roles {
        Roles { schema }
    }
}

#[async_trait]
impl TableProvider for Roles {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let connected = session.config().get_extension::<ConnectedUser>();
        let user = connected.and_then(|connected| connected.0.get()).map(|(user, _role)| user.to_string());
        let mut rows = Rows::of(self.schema.clone());
        let named = |oid, name: &str, can_login| {
            vec![
                ("oid", number(oid)),
                ("rolname", text(name)),
                ("rolsuper", ScalarValue::Boolean(Some(false))),
                ("rolinherit", ScalarValue::Boolean(Some(true))),
                ("rolcreaterole", ScalarValue::Boolean(Some(false))),
                ("rolcreatedb", ScalarValue::Boolean(Some(false))),
                ("rolcanlogin", ScalarValue::Boolean(Some(can_login))),
                ("rolreplication", ScalarValue::Boolean(Some(false))),
                ("rolconnlimit", number(-1)),
                ("rolbypassrls", ScalarValue::Boolean(Some(false))),
            ]
        };
        rows.push(&named(OWNER, "postgres", false))?;
        if let Some(user) = user.filter(|user| user != "postgres") {
            rows.push(&named(USER, &user, true))?;
        }
        rows.table(&[])?.scan(session, projection, filters, limit).await
    }
}
