//! Reopenings, read off what was told about an incident in the course of time.
//!
//! Each event about an incident says how it stood then. An end that is taken back is a reopening at
//! the time of that event; an end that moves is a correction of the one before.

use telemetry::Timestamp;

use super::Reopening;

/// How an incident stood, according to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When it stood so.
    pub at: Timestamp,
    pub restored_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
}

impl Standing {
    fn is_over(&self) -> bool {
        self.restored_at.or(self.resolved_at).is_some()
    }
}

/// The first end of an incident, and what came after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub restored_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// Oldest first.
    pub reopened: Vec<Reopening>,
}

/// Reads the events about one incident, oldest first.
pub fn history(standings: impl IntoIterator<Item = Standing>) -> History {
    let mut stretches: Vec<Standing> = Vec::new();
    for told in standings {
        let Some(current) = stretches.last_mut() else {
            stretches.push(told);
            continue;
        };
        if current.is_over() && !told.is_over() {
            stretches.push(told);
            continue;
        }
        (current.restored_at, current.resolved_at) = (told.restored_at, told.resolved_at);
        // An end from before the reopening: there was none.
        let at = current.at;
        if stretches.len() > 1 && told.restored_at.or(told.resolved_at).is_some_and(|end| end <= at) {
            stretches.pop();
            if let Some(before) = stretches.last_mut() {
                (before.restored_at, before.resolved_at) = (told.restored_at, told.resolved_at);
            }
        }
    }
    let mut stretches = stretches.into_iter();
    let first = stretches.next();
    History {
        restored_at: first.and_then(|first| first.restored_at),
        resolved_at: first.and_then(|first| first.resolved_at),
        reopened: stretches
            .map(|stretch| Reopening {
                at: stretch.at,
                restored_at: stretch.restored_at,
                resolved_at: stretch.resolved_at,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(at: i64) -> Timestamp {
        Timestamp::from_secs(at)
    }

    fn told(at: i64, restored: Option<i64>, resolved: Option<i64>) -> Standing {
        Standing { at: secs(at), restored_at: restored.map(secs), resolved_at: resolved.map(secs) }
    }

    #[test]
    fn an_end_that_is_taken_back_is_a_reopening() {
        let found = history([
            told(0, None, None),
            told(30, Some(30), None),
            told(35, Some(30), Some(35)),
            told(50, None, None),
            told(80, Some(80), Some(80)),
        ]);
        assert_eq!((found.restored_at, found.resolved_at), (Some(secs(30)), Some(secs(35))));
        let again = Reopening { at: secs(50), restored_at: Some(secs(80)), resolved_at: Some(secs(80)) };
        assert_eq!(found.reopened, [again]);
    }

    #[test]
    fn a_corrected_end_is_none() {
        let found = history([told(30, Some(30), None), told(90, Some(25), None)]);
        assert_eq!((found.restored_at, found.reopened.len()), (Some(secs(25)), 0));
        let mistaken = history([told(30, Some(30), None), told(40, None, None), told(41, Some(30), None)]);
        assert_eq!((mistaken.restored_at, mistaken.reopened.len()), (Some(secs(30)), 0));
        assert_eq!(history([]), History::default());
    }
}
