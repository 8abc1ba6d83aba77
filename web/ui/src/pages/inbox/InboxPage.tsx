import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { inbox } from "../../api/queries.ts";
import type { Mail } from "../../api/types.ts";
import { useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel } from "../../components/Panel.tsx";
import { Linkified } from "../../components/SafeLink.tsx";
import { Ago, At } from "../../components/Time.tsx";
import css from "./InboxPage.module.css";

/** The demo's mailbox: what the mail server built into the demo received. */
export function InboxPage() {
  const query = useQuery({ ...inbox(), refetchInterval: useRefresh(3000) });
  const { mail: chosen } = useSearch({ from: "/inbox" });
  return (
    <Page
      title="Inbox"
      lead="Every mail the demo sends arrives here, by real SMTP. Links open as they would on a phone."
    >
      <Loaded query={query} rows={8}>
        {(mails) => {
          const sorted = [...mails].sort((a, b) => b.received_at.localeCompare(a.received_at));
          const shown = sorted.find((mail) => mail.id === chosen) ?? sorted[0];
          return shown ? (
            <div className={css.columns}>
              <Panel title="Mails" flush aside={`${mails.length} received`}>
                <ul className={css.list}>
                  {sorted.map((mail) => (
                    <li key={mail.id}>
                      <Link
                        to="/inbox"
                        search={{ mail: mail.id }}
                        className={css.mail}
                        aria-current={mail.id === shown.id ? "true" : undefined}
                        data-row
                      >
                        <span className={css.subject}>{mail.subject}</span>
                        <span className={css.meta}>
                          <span>to {mail.to}</span>
                          <Ago at={mail.received_at} />
                        </span>
                      </Link>
                    </li>
                  ))}
                </ul>
              </Panel>
              <Message mail={shown} />
            </div>
          ) : (
            <Panel flush>
              <Empty title="No mail yet">
                The first page arrives when the scripted deploy burns its budget.
              </Empty>
            </Panel>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Message({ mail }: { mail: Mail }) {
  return (
    <Panel title={mail.subject}>
      <dl className={css.head}>
        <dt>From</dt>
        <dd>{mail.from}</dd>
        <dt>To</dt>
        <dd>{mail.to}</dd>
        <dt>Received</dt>
        <dd>
          <At at={mail.received_at} style="second" />
        </dd>
      </dl>
      <pre className={css.text}>
        <Linkified text={mail.text} />
      </pre>
    </Panel>
  );
}
