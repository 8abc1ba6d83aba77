//! `evenkeel sql "SELECT ..."`; without a query, on a terminal, a shell.

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use query::formats::Format;
use serde_json::json;

use super::client::{Client, ClientArgs, SqlAnswer};
use super::output::{self, JsonWriter, Output, OutputArgs, TableWriter};
use super::shell;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query; `-` reads it from standard input. Without one an interactive shell begins.
    query: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let query = match args.query {
        Some(query) if query != "-" => query,
        None if std::io::stdin().is_terminal() => return shell::run(&client, args.output.output).await,
        _ => {
            let mut query = String::new();
            std::io::stdin().read_to_string(&mut query)?;
            query
        }
    };
    let stdout = std::io::stdout();
    match args.output.output {
        Output::Csv => output::ignore_closed(copy_csv(&client, &query, &mut stdout.lock()).await)?,
        Output::Json => {
            let answer = client.sql(&query, &[]).await?;
            output::ignore_closed(write_json(answer, &mut stdout.lock()).await)?;
        }
        Output::Table => {
            let answer = client.sql(&query, &[]).await?;
            output::ignore_closed(write_table(answer, &mut stdout.lock()).await)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The server's own CSV.
async fn copy_csv(client: &Client, query: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let body = json!({ "query": query });
    let mut response = client.post_for("/api/sql", &body, Format::Csv.content_type()).await?;
    while let Some(bytes) = response.chunk().await? {
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}

async fn write_json(mut answer: SqlAnswer, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = answer.columns();
    let mut objects = JsonWriter::new(columns.iter().map(|column| column.name.as_str()));
    while let Some(rows) = answer.next_rows().await? {
        rows.iter().try_for_each(|row| objects.row(row, out))?;
    }
    objects.end(out)
}

async fn write_table(mut answer: SqlAnswer, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = answer.columns();
    let mut table = TableWriter::new(columns.iter().map(|column| column.name.as_str()));
    while let Some(rows) = answer.next_rows().await? {
        rows.iter().try_for_each(|row| table.row(row, out))?;
    }
    table.end(out)
}
