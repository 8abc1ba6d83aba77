//! Which of Elasticsearch's calls a path below the mount is.

use http::Method;

/// A call, found by its method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`ElasticBulk`](super::ElasticBulk), with the index of the path.
    Bulk { index: Option<String> },
    /// Everything else is a question or a wish that is answered without being kept: see
    /// [`Call::answer`].
    Other { path: Vec<String> },
}

impl Call {
    /// `path` is what follows the mount, decoded, with or without slashes around it.
    pub fn of(method: &Method, path: &str) -> Call {
        let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let writes = method == Method::POST || method == Method::PUT;
        match &path[..] {
            [bulk] if writes && bulk == "_bulk" => Call::Bulk { index: None },
            // Before version 8 a document's type stood between the two.
            [index, .., bulk] if writes && bulk == "_bulk" && path.len() <= 3 && !index.starts_with('_') => {
                Call::Bulk { index: Some(index.clone()) }
            }
            _ => Call::Other { path },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, index: Option<Option<&str>>) {
        let found = match Call::of(&method, path) {
            Call::Bulk { index } => Some(index),
            Call::Other { .. } => None,
        };
        assert_eq!(found, index.map(|index| index.map(str::to_owned)), "{method} {path}");
    }

    #[test]
    fn bulk_is_found_with_its_index() {
        check(Method::POST, "/_bulk", Some(None));
        check(Method::PUT, "_bulk/", Some(None));
        check(Method::POST, "/logs-shop-prod/_bulk", Some(Some("logs-shop-prod")));
        check(Method::POST, "/logs/_doc/_bulk", Some(Some("logs")));
        check(Method::GET, "/_bulk", None);
        check(Method::POST, "/_nodes/_bulk", None);
        check(Method::POST, "/a/b/c/_bulk", None);
        check(Method::POST, "/", None);
    }
}
