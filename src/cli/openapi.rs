//! `evenkeel openapi`: the source of `web/ui/openapi.json`.

use std::process::ExitCode;

use super::output::print;

pub fn run() -> anyhow::Result<ExitCode> {
    print(&web::openapi_json())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_dashboards_types_are_made_from_this_api() {
        let committed = include_str!("../../web/ui/openapi.json");
        assert!(
            committed.trim_end() == web::openapi_json().trim_end(),
            "the API has changed: run `make openapi`"
        );
    }
}
