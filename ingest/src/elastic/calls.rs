//! Which of Elasticsearch's calls a path below the mount is.

use http::Method;

use super::DocumentInPath;

/// A call, found by its method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`ElasticBulk`](super::ElasticBulk), with the index of the path.
    Bulk { index: Option<String> },
    /// [`ElasticDocument`](super::ElasticDocument).
    Document(DocumentInPath),
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
            [index, kind, id @ ..] if writes && id.len() <= 1 && !index.starts_with('_') => {
                let document = |create| {
                    let (index, id) = (index.clone(), id.first().cloned());
                    Call::Document(DocumentInPath { index, id, create })
                };
                match (kind.as_str(), id.is_empty()) {
                    ("_doc", _) => document(false),
                    ("_create", false) => document(true),
                    _ => Call::Other { path },
                }
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
            Call::Document(_) | Call::Other { .. } => None,
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

    #[test]
    fn documents_are_found_with_index_and_id() {
        let check = |method: Method, path: &str, expect: Option<(&str, Option<&str>, bool)>| {
            let found = match Call::of(&method, path) {
                Call::Document(document) => Some(document),
                _ => None,
            };
            let expect = expect.map(|(index, id, create)| DocumentInPath {
                index: index.to_owned(),
                id: id.map(str::to_owned),
                create,
            });
            assert_eq!(found, expect, "{method} {path}");
        };
        check(Method::POST, "/logs/_doc", Some(("logs", None, false)));
        check(Method::POST, "/logs/_doc/", Some(("logs", None, false)));
        check(Method::PUT, "/logs/_doc/7", Some(("logs", Some("7"), false)));
        check(Method::PUT, "/logs/_create/7", Some(("logs", Some("7"), true)));
        check(Method::POST, "/logs/_create", None);
        check(Method::GET, "/logs/_doc/7", None);
        check(Method::DELETE, "/logs/_doc/7", None);
        check(Method::POST, "/logs/_doc/7/8", None);
        check(Method::POST, "/_nodes/_doc", None);
        check(Method::POST, "/logs/_update/7", None);
    }
}
