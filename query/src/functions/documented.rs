//! What SQL says about a function: `SHOW FUNCTIONS`, `information_schema.routines`, `catalog_functions`.

use datafusion::logical_expr::{DocSection, Documentation};

/// The groups that our functions are listed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Counters,
    Time,
    Logs,
    Json,
    Text,
    Tables,
}

impl Section {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Section::Counters => "Counters and histograms",
            Section::Time => "Time buckets and gaps",
            Section::Logs => "Log lines",
            Section::Json => "JSON",
            Section::Text => "Text for people",
            Section::Tables => "Table functions",
        }
    }
}

/// A name with what it means.
pub(crate) type Argument = (&'static str, &'static str);

/// Everything that is said about one function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manual {
    pub(crate) section: Section,
    /// How a call is written, optional parts in brackets.
    pub(crate) syntax: &'static str,
    pub(crate) description: &'static str,
    pub(crate) arguments: &'static [Argument],
    /// A whole query.
    pub(crate) example: &'static str,
}

impl Manual {
    pub(crate) fn documentation(&self) -> Documentation {
        let section = DocSection { include: true, label: self.section.label(), description: None };
        let mut builder =
            Documentation::builder(section, self.description, self.syntax).with_sql_example(self.example);
        for (name, meaning) in self.arguments {
            builder = builder.with_argument(*name, *meaning);
        }
        builder.build()
    }
}
