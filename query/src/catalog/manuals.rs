//! `catalog_comments` and `catalog_functions`: the manual of the database, to be read in SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::Documentation;
use datafusion::prelude::SessionContext;

use super::described::TABLES;
use super::in_memory::InMemoryTable;
use crate::functions::TableManual;
use crate::views::Described;

/// What every table, view and column means.
pub(super) fn comments(views: &[Described]) -> Arc<dyn TableProvider> {
    let mut described: Vec<Described> = TABLES.iter().chain(views).copied().collect();
    described.sort_by_key(|table| table.name);
    let mut rows = Vec::new();
    for table in described {
        rows.push([Some(table.name), None, Some(table.comment)]);
        rows.extend(
            table.columns.iter().map(|(column, comment)| [Some(table.name), Some(*column), Some(*comment)]),
        );
    }
    table_of_texts(["table_name", "column_name", "comment"], rows)
}

/// The functions that a session knows.
pub(super) fn functions(context: &SessionContext, tables: &[TableManual]) -> Arc<dyn TableProvider> {
    let state = context.state();
    let mut entries: BTreeMap<(String, &'static str), Entry> = BTreeMap::new();
    for (name, function) in state.scalar_functions() {
        entries.insert((name.clone(), "scalar"), Entry::of(function.documentation()));
    }
    for (name, function) in state.aggregate_functions() {
        entries.insert((name.clone(), "aggregate"), Entry::of(function.documentation()));
    }
    for (name, function) in state.window_functions() {
        entries.insert((name.clone(), "window"), Entry::of(function.documentation()));
    }
    for name in state.table_functions().keys() {
        entries.insert((name.clone(), "table"), Entry::default());
    }
    for (name, manual) in tables {
        let documentation = manual.documentation();
        entries.insert(((*name).to_owned(), "table"), Entry::of(Some(&documentation)));
    }
    let rows = entries.into_iter().map(|((name, kind), entry)| {
        let Entry { section, syntax, description, arguments, example } = entry;
        [Some(name), Some(kind.to_owned()), section, syntax, description, arguments, example]
    });
    let columns = ["name", "kind", "section", "syntax", "description", "arguments", "example"];
    table_of_texts(columns, rows.collect())
}

/// What is known about one function.
#[derive(Default)]
struct Entry {
    section: Option<String>,
    syntax: Option<String>,
    description: Option<String>,
    arguments: Option<String>,
    example: Option<String>,
}

impl Entry {
    fn of(documentation: Option<&Documentation>) -> Entry {
        let Some(known) = documentation else { return Entry::default() };
        let lines = |arguments: &Vec<(String, String)>| {
            let lines: Vec<String> =
                arguments.iter().map(|(name, meaning)| format!("{name}: {meaning}")).collect();
            lines.join("\n")
        };
        Entry {
            section: Some(known.doc_section.label.to_owned()),
            syntax: Some(known.syntax_example.clone()),
            description: Some(known.description.clone()),
            arguments: known.arguments.as_ref().map(lines),
            example: known.sql_example.clone(),
        }
    }
}

fn table_of_texts<const N: usize, T: AsRef<str>>(
    names: [&str; N],
    rows: Vec<[Option<T>; N]>,
) -> Arc<dyn TableProvider> {
    let schema = Schema::new(names.map(|name| Field::new(name, DataType::Utf8, true)).to_vec());
    let column =
        |at: usize| Arc::new(rows.iter().map(|row| row[at].as_ref()).collect::<StringArray>()) as ArrayRef;
    let columns: Vec<ArrayRef> = (0..N).map(column).collect();
    InMemoryTable::provider(schema, move |schema| Ok(RecordBatch::try_new(schema.clone(), columns.clone())?))
}
