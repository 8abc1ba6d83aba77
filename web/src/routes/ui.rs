//! The dashboard's files.

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};

use crate::assets;
use crate::security::Nonce;
use crate::state::AppState;

/// `/assets/*`
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    assets::asset(&path, &headers)
}

/// `/favicon.svg` and `/favicon.ico`: also on the pages that are there before anybody is signed in.
pub(crate) async fn icon(uri: Uri, headers: HeaderMap) -> Response {
    assets::top_file(uri.path().trim_start_matches('/'), &headers)
}

/// Every other page: the dashboard, which reads the path itself.
pub(crate) async fn page(
    State(state): State<AppState>,
    uri: Uri,
    nonce: Nonce,
    headers: HeaderMap,
) -> Response {
    assets::page(uri.path().trim_start_matches('/'), &headers, &nonce, &state.config.base_path())
}
