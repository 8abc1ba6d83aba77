import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { runbook } from "../../api/queries.ts";
import type { Runbook } from "../../api/types.ts";
import { Html } from "../../components/Html.tsx";
import { useMay } from "../../components/hooks.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { UNKNOWN } from "../../lib/format.ts";
import { Preview } from "../runs/Preview.tsx";
import steps from "../runs/RunSteps.module.css";
import { useStartRun } from "../runs/StartRun.tsx";

const KINDS = { command: "Command", http: "HTTP request", manual: "By hand" } as const;

export function RunbookPage() {
  const { id } = useParams({ from: "/runbooks/$id" });
  const query = useQuery(runbook(id));
  const navigate = useNavigate();
  const mayAct = useMay("responder");
  const start = useStartRun(null, (run) => void navigate({ to: "/runs/$id", params: { id: run.id } }));
  const data = query.data;
  return (
    <Page
      title={data?.title ?? id}
      crumbs={[{ label: "Runbooks", to: "/runbooks" }, { label: id }]}
      lead={
        data &&
        [data.owner && `Owner ${data.owner}`, data.risk && `risk ${data.risk}`, data.source]
          .filter(Boolean)
          .join(" · ")
      }
      actions={
        mayAct &&
        data && (
          <Button variant="filled" loading={start.pending !== null} onClick={() => start.begin(id)}>
            Start run
          </Button>
        )
      }
    >
      <Loaded query={query} rows={12}>
        {(loaded) => <Content book={loaded} />}
      </Loaded>
      {start.dialog}
    </Page>
  );
}

function Content({ book }: { book: Runbook }) {
  return (
    <>
      {book.html && (
        <Panel>
          <Html html={book.html} />
        </Panel>
      )}
      {book.params.length > 0 && (
        <Panel title="Parameters" flush>
          <Table caption="Parameters">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Type</th>
                <th scope="col">Required</th>
                <th scope="col">Filled from</th>
              </tr>
            </thead>
            <tbody>
              {book.params.map((param) => (
                <tr key={param.name}>
                  <th scope="row" className="mono">
                    {param.name}
                  </th>
                  <td>{param.secret ? `${param.type}, secret` : param.type}</td>
                  <td>{param.required ? "Yes" : "No"}</td>
                  <td>
                    {param.from_alert
                      ? `alert label ${param.from_alert}`
                      : param.default !== null
                        ? `default ${param.default}`
                        : UNKNOWN}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        </Panel>
      )}
      <Panel title="Steps" flush aside="Nothing runs until somebody starts a run and presses Run">
        <ol className={steps.steps}>
          {book.steps.map((step, index) => (
            <li key={step.name} className={steps.step}>
              <h3 className={steps.title}>
                <span className={steps.number}>{index + 1}.</span>
                <span>
                  {step.title} <span className={steps.kind}>{KINDS[step.kind]}</span>
                </span>
              </h3>
              <div className={steps.body}>
                {step.html && <Html html={step.html} />}
                <Preview of={step} />
                <p className={steps.outcome}>
                  {[
                    step.timeout && `at most ${step.timeout}`,
                    step.approve && `may be run by ${step.approve}`,
                    step.confirm && "asks before it runs",
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </p>
              </div>
            </li>
          ))}
        </ol>
      </Panel>
    </>
  );
}
