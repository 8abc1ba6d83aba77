//! `services`: what is configured as a service, and which team has it. The workflow plane knows;
//! the root publishes it here.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use parking_lot::RwLock;

use super::in_memory::InMemoryTable;

/// Teams by service; shared between the engine, the table and the reports.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceOwners {
    teams: Arc<RwLock<Arc<Teams>>>,
}

type Teams = BTreeMap<String, Option<String>>;

impl ServiceOwners {
    pub(crate) fn publish(&self, teams: BTreeMap<String, Option<String>>) {
        *self.teams.write() = Arc::new(teams);
    }

    pub(crate) fn team_of(&self, service: &str) -> Option<String> {
        self.teams.read().get(service).cloned().flatten()
    }

    pub(crate) fn services(&self) -> Vec<String> {
        self.teams.read().keys().cloned().collect()
    }

    pub(super) fn table(&self) -> Arc<dyn TableProvider> {
        let schema = Schema::new(vec![
            Field::new("service", DataType::Utf8, false),
            Field::new("team", DataType::Utf8, true),
        ]);
        let owners = self.clone();
        InMemoryTable::provider(schema, move |schema| {
            let teams = owners.teams.read().clone();
            let columns: Vec<ArrayRef> = vec![
                Arc::new(StringArray::from_iter_values(teams.keys())),
                Arc::new(StringArray::from_iter(teams.values().map(|team| team.as_deref()))),
            ];
            Ok(RecordBatch::try_new(schema.clone(), columns)?)
        })
    }
}
