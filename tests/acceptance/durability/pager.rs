//! No page is lost between its decision and its delivery.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Mailbox, PAGED_SERVICE, PEOPLE, Random, SOON, Server, ServerOptions, eventually, free_port,
};

const ADA: &str = "ada@shop.example";
const KILLS: u64 = 4;

/// Retries come fast, and never give up during the test.
const SETTINGS: &str = "
alerting:
  delivery: {attempts_max: 1000, backoff: 1s, backoff_max: 2s, send_timeout: 3s, lease: 5s}
";

fn options(smtp_port: u16) -> ServerOptions {
    ServerOptions::settings(SETTINGS).object("people.yaml", PEOPLE).smtp(smtp_port)
}

/// Declares an incident, which pages; its id, once that is decided.
async fn declare(server: &Server, title: &str) -> String {
    let body = json!({"title": title, "service": PAGED_SERVICE, "severity": "SEV1"});
    let incident = server.api().post("/api/incidents", &body).await;
    incident["incident_id"].as_str().expect("an incident has an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_decided_is_sent_after_kill_9() {
    let mailbox = Mailbox::start().await;
    let mut random = Random::from_env("EVENKEEL_CRASH_SEED");
    let mut server = Server::start(options(mailbox.port())).await;
    for number in 1..=KILLS {
        let title = format!("Checkout fails ({number})");
        let incident = declare(&server, &title).await;
        // Deliveries begin within a second: before, while and after.
        tokio::time::sleep(random.millis(0, 1_200)).await;
        server.kill9();
        server.start_again().await;
        let mail = mailbox.mail(ADA, &title, SOON).await;
        assert!(mail.subject.contains(&incident), "{mail:?}");
    }
    // The pages say so themselves, and nobody else was paged.
    let pages =
        "SELECT count(*), count(DISTINCT incident_id) FROM pages WHERE recipient = 'ada' AND state = 'sent'";
    eventually(SOON, "the pages are known as sent", async || {
        let counts = server.api().sql(pages).await;
        if counts == [[json!(KILLS), json!(KILLS)]] { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await;
    assert_eq!(server.api().count("SELECT count(*) FROM pages").await, KILLS);
    // A kill after the mail server took a mail and before that was written down sends it once more.
    assert!(mailbox.mails().len() as u64 <= 2 * KILLS, "{:#?}", mailbox.mails());
    assert!(mailbox.mails().iter().all(|mail| mail.is_to(ADA)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_waits_for_a_mail_server_that_is_down_over_kill_9() {
    let port = free_port();
    let mut server = Server::start(options(port)).await;
    let incident = declare(&server, "Nobody can pay").await;
    eventually(SOON, "an attempt failed", async || {
        let detail = server.api().get(&format!("/api/incidents/{incident}")).await;
        let page = &detail["pages"][0];
        let waits = page["state"] == "queued" && page["error"].is_string();
        if waits { Ok(()) } else { Err(detail["pages"].to_string()) }
    })
    .await;
    server.kill9();
    server.start_again().await;
    let mailbox = Mailbox::start_on(port).await;
    let mail = mailbox.mail(ADA, "Nobody can pay", Duration::from_secs(60)).await;
    assert!(mail.subject.contains(&incident), "{mail:?}");
    eventually(SOON, "the page is sent", async || {
        let detail = server.api().get(&format!("/api/incidents/{incident}")).await;
        let states: Vec<_> =
            detail["pages"].as_array().expect("pages").iter().map(|page| &page["state"]).collect();
        if states == [&json!("sent")] { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await;
}
