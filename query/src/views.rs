//! The SQL views: what people query instead of the tables. Their columns are a contract, and every
//! one carries a comment, which SQL shows in `catalog_comments`.
//!
//! A subject's current state is its event with the highest `seq`. Times inside payloads are
//! RFC 3339 text; `json_time` reads them.

mod changes;
pub(crate) mod delivery;
pub(crate) mod impact;
mod incidents;
mod metrics;
pub(crate) mod recovery;
mod slo;

use std::borrow::Cow;

use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use futures::FutureExt;

use crate::QueryError;
use crate::provider::SEQUENCE;

pub(crate) use changes::DEPLOYS;
pub(crate) use incidents::INCIDENTS;
pub(crate) use slo::slices as slo_slices;

/// A name with what it means.
pub(crate) type Comment = (&'static str, &'static str);

/// What SQL says about a table or view and its columns, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) comment: &'static str,
    pub(crate) columns: &'static [Comment],
}

/// A view by its query.
struct View {
    described: Described,
    definition: Cow<'static, str>,
}

impl View {
    fn new(described: Described, definition: impl Into<Cow<'static, str>>) -> View {
        View { described, definition: definition.into() }
    }
}

/// Stands in a definition for what events are read from.
const EVENTS: &str = "{events}";
/// The same for who takes the latest of a subject's events: repeated ones may be there more than once.
const EVENT_LOG: &str = "{event_log}";

const ALL_EVENTS: &str = "events";

/// A definition over the table of events, or over some of its rows.
pub(crate) fn over_events(definition: &str, events: &str) -> String {
    let event_log = match events {
        ALL_EVENTS => "lake.event_log".to_owned(),
        // Merged, so that no two are the same.
        some => format!("(SELECT *, 0 AS {SEQUENCE} FROM {some})"),
    };
    definition.replace(EVENT_LOG, &event_log).replace(EVENTS, events)
}

fn of_all_events(described: Described, definition: &str) -> View {
    View::new(described, over_events(definition, ALL_EVENTS))
}

/// Creates the views and says what there is to say about them.
pub(crate) fn create(context: &SessionContext) -> Result<Vec<Described>, QueryError> {
    let views = [metrics::views(), slo::views(), incidents::views(), changes::views(), delivery::views()];
    let mut described = Vec::new();
    for view in views.into_iter().flatten() {
        let name = view.described.name;
        plan(context, name, &format!("CREATE VIEW {name} AS {}", view.definition)).and_then(|plan| {
            let created = context.execute_logical_plan(plan).now_or_never();
            created.ok_or_else(|| waits(name))??;
            Ok(())
        })?;
        described.push(view.described);
    }
    Ok(described)
}

/// Planning reads no table, so it is done when it returns.
pub(crate) fn plan(context: &SessionContext, name: &str, text: &str) -> Result<LogicalPlan, QueryError> {
    let planned = context.state().create_logical_plan(text).now_or_never();
    Ok(planned.ok_or_else(|| waits(name))??)
}

fn waits(name: &str) -> QueryError {
    QueryError::Invalid(format!("the definition of {name} waits for something"))
}
