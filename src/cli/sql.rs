//! `evenkeel sql "SELECT ..."`.

use std::io::Read;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::ClientArgs;
use super::output::{Output, OutputArgs, print, print_rows};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query; `-` reads it from standard input.
    query: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut query = args.query;
    if query == "-" {
        query.clear();
        std::io::stdin().read_to_string(&mut query)?;
    }
    let client = args.client.client()?;
    let body = json!({ "query": query });
    if args.output.output == Output::Csv {
        print(client.post_for("/api/sql", &body, "text/csv").await?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let answer = client.post("/api/sql", &body).await?;
    let columns: Vec<&str> = texts(&answer["columns"], "name");
    let rows = answer["rows"].as_array().cloned().unwrap_or_default();
    if args.output.output == Output::Json {
        let objects: Vec<Value> = rows
            .iter()
            .map(|row| {
                columns.iter().enumerate().map(|(at, name)| ((*name).to_owned(), row[at].clone())).collect()
            })
            .collect();
        print(&serde_json::to_string_pretty(&objects)?)?;
    } else {
        print_rows(
            Output::Table,
            &columns,
            rows.into_iter().map(|row| row.as_array().cloned().unwrap_or_default()),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|item| item[key].as_str()).collect()
}
