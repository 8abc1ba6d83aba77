import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { runbooks } from "../../api/queries.ts";
import type { IncidentDetail } from "../../api/types.ts";
import { Panel } from "../../components/Panel.tsx";
import { RunSteps } from "../runs/RunSteps.tsx";
import { useStartRun } from "../runs/StartRun.tsx";
import css from "./IncidentPage.module.css";

/** The runs of this incident, then what its labels suggest, then any other runbook. */
export function RunbookPanel({ detail, mayAct }: { detail: IncidentDetail; mayAct: boolean }) {
  const { data: all } = useQuery(runbooks());
  const start = useStartRun(detail.incident_id);
  const runs = [...detail.runs].sort((a, b) => b.started_at.localeCompare(a.started_at));
  const started = new Set(detail.runs.map((run) => run.runbook_id));
  const suggested = detail.runbooks.filter((suggestion) => !started.has(suggestion.id));
  const others = (all ?? []).filter((one) => !suggested.some((suggestion) => suggestion.id === one.id));
  const [openRun, setOpenRun] = useState<string | null>(null);
  const shown =
    openRun ?? start.started ?? runs.find((run) => run.state === "open")?.id ?? runs[0]?.id ?? null;
  return (
    <>
      {runs.map((run) => (
        <RunSteps
          key={run.id}
          initial={run}
          mayAct={mayAct}
          expanded={run.id === shown}
          expand={() => setOpenRun(run.id)}
        />
      ))}
      <Panel
        title={runs.length > 0 ? "Other runbooks" : "Runbooks"}
        flush
        aside={
          mayAct &&
          others.length > 0 && (
            <Menu position="bottom-end">
              <Menu.Target>
                <Button size="xs">Choose a runbook</Button>
              </Menu.Target>
              <Menu.Dropdown>
                {others.map((one) => (
                  <Menu.Item key={one.id} onClick={() => start.begin(one.id)}>
                    {one.title}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          )
        }
      >
        {suggested.length === 0 ? (
          <p className={css.empty}>
            {runs.length > 0 ? "Nothing else is suggested." : "No runbook matches this incident's labels."}
          </p>
        ) : (
          <ul className={css.list} aria-label="Suggested runbooks">
            {suggested.map((suggestion) => (
              <li key={suggestion.id}>
                <div className={css.row}>
                  <div>
                    <Link to="/runbooks/$id" params={{ id: suggestion.id }}>
                      {suggestion.title}
                    </Link>
                    <p className="muted small">
                      {suggestion.reason}
                      {suggestion.risk && ` · risk ${suggestion.risk}`}
                    </p>
                  </div>
                  {mayAct && (
                    <Button
                      loading={start.pending === suggestion.id}
                      onClick={() => start.begin(suggestion.id)}
                    >
                      Start runbook
                    </Button>
                  )}
                </div>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {start.dialog}
    </>
  );
}
