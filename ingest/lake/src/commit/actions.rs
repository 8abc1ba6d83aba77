//! What a commit says: the actions of the Delta protocol, one a line.

use std::collections::HashMap;

use bytes::Bytes;
use deltalake::kernel::transaction::{CommitData, TransactionError};
use deltalake::kernel::{Action, Add, CommitInfo, Remove, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use telemetry::Timestamp;

use super::Purpose;
use crate::file::DataFile;
use crate::schema::Table;

/// The content of a commit that adds and removes files.
pub fn commit(
    table: Table,
    application: &str,
    added: &[DataFile],
    removed: &[DataFile],
    purpose: Purpose,
    now: Timestamp,
) -> Result<Bytes, TransactionError> {
    let data_change = !matches!(purpose, Purpose::Compact);
    let mut transactions = Vec::new();
    let operation = match purpose {
        Purpose::Append(position) => {
            transactions.extend(position.map(|position| Transaction::new(application, position)));
            let partition_by = Some(vec![table.partition_column().to_owned()]);
            DeltaOperation::Write { mode: SaveMode::Append, partition_by, predicate: None }
        }
        Purpose::Compact => DeltaOperation::Optimize { predicate: None, target_size: 0 },
        Purpose::Expire => DeltaOperation::Delete { predicate: None },
    };
    // By the clock that everything here goes by; Delta would take that of the machine.
    let info = CommitInfo { timestamp: Some(now.millis()), ..operation.get_commit_info() };
    let removes = removed.iter().map(|file| Action::Remove(remove_action(file, data_change, now)));
    let adds = added.iter().map(|file| Action::Add(add_action(file, data_change, now)));
    let actions = [Action::CommitInfo(info)].into_iter().chain(removes).chain(adds).collect();
    CommitData::new(actions, operation, HashMap::new(), transactions).get_bytes()
}

fn partition_values(file: &DataFile) -> HashMap<String, Option<String>> {
    file.partition.iter().map(|(column, value)| (column.clone(), Some(value.clone()))).collect()
}

fn add_action(file: &DataFile, data_change: bool, now: Timestamp) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: partition_values(file),
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: now.millis(),
        data_change,
        stats: Some(file.stats_json()),
        ..Add::default()
    }
}

fn remove_action(file: &DataFile, data_change: bool, now: Timestamp) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change,
        deletion_timestamp: Some(now.millis()),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file)),
        size: Some(i64::try_from(file.bytes).unwrap_or(i64::MAX)),
        ..Remove::default()
    }
}
