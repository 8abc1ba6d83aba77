//! Files that merges are busy with: what one of them reads no other one takes, and what it has written
//! and not committed yet no vacuum removes.

use std::collections::HashSet;
use std::sync::Arc;

use object_store::path::Path;
use parking_lot::Mutex;

/// All of them.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashSet<Path>>);

/// Those of one merge, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    claims: Arc<Claims>,
    paths: Vec<Path>,
}

impl Claims {
    /// `None` when somebody else is busy with one of them.
    pub fn claim(self: &Arc<Self>, paths: Vec<Path>) -> Option<Claim> {
        let mut claimed = self.0.lock();
        if paths.iter().any(|path| claimed.contains(path)) {
            return None;
        }
        claimed.extend(paths.iter().cloned());
        Some(Claim { claims: self.clone(), paths })
    }

    pub fn holds(&self, path: &Path) -> bool {
        self.0.lock().contains(path)
    }
}

impl Claim {
    /// A file that will come to be.
    pub fn add(&mut self, path: Path) {
        self.claims.0.lock().insert(path.clone());
        self.paths.push(path);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = self.claims.0.lock();
        for path in &self.paths {
            claimed.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_merges_at_a_time() {
        let claims = Arc::new(Claims::default());
        let paths = |names: &[&str]| names.iter().map(|name| Path::from(*name)).collect();
        let mut first = claims.claim(paths(&["a", "b"])).unwrap();
        assert!(claims.claim(paths(&["c", "b"])).is_none());
        assert!(!claims.holds(&Path::from("c")), "nothing of it is claimed");
        first.add(Path::from("out"));
        let second = claims.claim(paths(&["c"])).unwrap();
        assert!(claims.holds(&Path::from("out")) && claims.holds(&Path::from("c")));
        drop(first);
        assert!(claims.claim(paths(&["b", "out"])).is_some());
        drop(second);
        assert!(!claims.holds(&Path::from("c")));
    }
}
