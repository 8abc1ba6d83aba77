//! Waiting for another process: looks again and again until a deadline. Never sleeps in the hope
//! that something will have happened.

use std::time::Duration;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks until `look` finds what it looks for; fails with its last reason after `within`.
pub async fn eventually<T>(
    within: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let mut reason = String::from("it was never looked at");
    let found = tokio::time::timeout(within, async {
        loop {
            match look().await {
                Ok(found) => return found,
                Err(not_yet) => reason = not_yet,
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    });
    match found.await {
        Ok(found) => found,
        Err(_) => panic!("not within {within:?}: {what}: {reason}"),
    }
}

/// The wall clock, which senders stamp their rows with.
pub fn now_ms() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a sender outside of the product, its clock is the real one"
    )]
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.expect("the clock is set").as_millis() as i64
}
