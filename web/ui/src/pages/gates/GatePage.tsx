import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { gates } from "../../api/queries.ts";
import type { Gate, GateCondition } from "../../api/types.ts";
import { Code } from "../../components/Code.tsx";
import { useMay, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { copy } from "../../components/toast.ts";
import { because, checkLimit, checkName, checkValue } from "../../lib/gate.ts";
import { Decisions } from "./Decisions.tsx";
import css from "./gates.module.css";
import { OverrideGate } from "./OverrideGate.tsx";
import { Overrides } from "./Overrides.tsx";

/** One gate: what it looks at, who opened it, what it answered. */
export function GatePage() {
  const { service } = useParams({ from: "/gates/$service" });
  const query = useQuery({ ...gates(), refetchInterval: useRefresh(15_000) });
  const [opening, setOpening] = useState(false);
  const mayAct = useMay("responder");
  const gate = query.data?.find((one) => one.service === service);
  return (
    <Page
      title={`Gate: ${service}`}
      crumbs={[{ label: "Gates", to: "/gates" }, { label: service }]}
      status={gate && <Status of={gate.verdict} />}
      actions={
        <>
          <Button onClick={() => void copy(location.href, "Link")}>Copy link</Button>
          {mayAct && gate && (
            <Button
              variant={gate.verdict === "blocked" ? "filled" : "default"}
              onClick={() => setOpening(true)}
            >
              Override
            </Button>
          )}
        </>
      }
    >
      <Loaded query={query} rows={12}>
        {() =>
          gate ? (
            <>
              <Conditions gate={gate} />
              <Overrides gate={gate} mayAct={mayAct} />
              <Decisions service={service} />
              <Pipeline service={service} />
            </>
          ) : (
            <Panel flush>
              <Empty title="No such service" action={<Link to="/gates">Show all gates</Link>}>
                Neither the configuration nor an objective names {service}.
              </Empty>
            </Panel>
          )
        }
      </Loaded>
      {opening && gate && <OverrideGate gate={gate} close={() => setOpening(false)} />}
    </Page>
  );
}

function Conditions({ gate }: { gate: Gate }) {
  return (
    <>
      <p className={css.lead}>
        {because(gate)}
        {gate.opened_by && (
          <>
            {" "}
            until <At at={gate.opened_by.expires_at} />
          </>
        )}
        .
        {gate.next_freeze && (
          <>
            {" "}
            The next freeze is {gate.next_freeze.name}
            {gate.next_freeze.reason && ` (${gate.next_freeze.reason})`}, from{" "}
            <At at={gate.next_freeze.from} /> until <At at={gate.next_freeze.until} />.
          </>
        )}
      </p>
      <Panel
        title="Conditions"
        flush
        aside={
          <>
            Policy {gate.policy} · looked at <At at={gate.decided_at} style="second" />
          </>
        }
      >
        {gate.conditions.length === 0 ? (
          <Empty title="Nothing is asked for">The policy of this service has no conditions.</Empty>
        ) : (
          <Table caption="Conditions">
            <thead>
              <tr>
                <th scope="col">Condition</th>
                <th scope="col" data-num>
                  Now
                </th>
                <th scope="col">Has to be</th>
                <th scope="col">Outcome</th>
                <th scope="col" data-wide>
                  Blocks
                </th>
              </tr>
            </thead>
            <tbody>
              {gate.conditions.map((condition) => (
                <tr key={`${condition.check} ${condition.subject} ${condition.window} ${condition.limit}`}>
                  <th scope="row">
                    {checkName(condition)}
                    <Subject condition={condition} />
                  </th>
                  <td data-num className={condition.blocks ? css.blocks : undefined}>
                    {checkValue(condition)}
                  </td>
                  <td>{checkLimit(condition)}</td>
                  <td>
                    <Status of={condition.outcome} />
                  </td>
                  <td data-wide>
                    {condition.blocks ? <strong>Blocks</strong> : <span className="muted">No</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Panel>
    </>
  );
}

/** What a condition is about leads there: the objective, the incidents, the alerts. */
function Subject({ condition: { check, subject, detail } }: { condition: GateCondition }) {
  const [slo, objective] = (subject ?? "").split(/\/(?=[^/]*$)/);
  const about =
    (check === "budget_remaining" || check === "burn_rate") && slo ? (
      <Link to="/slos/$name" params={{ name: slo }} search={{ objective }} className="quiet-link">
        {subject}
      </Link>
    ) : check === "open_incidents" ? (
      <Link to="/incidents" className="quiet-link">
        {subject}
      </Link>
    ) : check === "firing_pages" ? (
      <Link to="/alerts" className="quiet-link">
        alerts
      </Link>
    ) : (
      subject
    );
  return (
    <p className={css.because} title={detail}>
      {about || detail}
    </p>
  );
}

function Pipeline({ service }: { service: string }) {
  return (
    <Panel title="In a pipeline" flush aside="Exit code 0: go; 2: blocked; 1: no answer">
      <Code className={css.command} label="Command">
        {`evenkeel gate ${shellWord(service)}`}
      </Code>
    </Panel>
  );
}

/** Names are other people's: what a shell would read as more than a word is quoted. */
const shellWord = (text: string): string =>
  /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
