// The steps of a run. A command runs only when a person presses Run, after seeing exactly what would run.

import { Button, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { actOnStep, runbook, run as runQuery, type StepVerb } from "../../api/queries.ts";
import type { Run, RunStep } from "../../api/types.ts";
import { Code } from "../../components/Code.tsx";
import form from "../../components/Form.module.css";
import { Html } from "../../components/Html.tsx";
import { useNow } from "../../components/hooks.ts";
import { Panel } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { refused } from "../../components/toast.ts";
import { plainOutput } from "../../lib/ansi.ts";
import { duration, since } from "../../lib/format.ts";
import { Preview } from "./Preview.tsx";
import css from "./RunSteps.module.css";

interface Props {
  initial: Run;
  mayAct: boolean;
  expanded: boolean;
  expand: () => void;
}

const KINDS: Record<RunStep["kind"], string> = {
  command: "Command",
  http: "HTTP request",
  manual: "By hand",
};

/** Live while something runs (1 s), slower while the run is open, still when it is over. */
const pollMs = (run: Run | undefined): number | false => {
  if (run?.state !== "open") return false;
  return run.steps.some((step) => step.state === "running") ? 1000 : 5000;
};

export function RunSteps({ initial, mayAct, expanded, expand }: Props) {
  const client = useQueryClient();
  const { data } = useQuery({
    ...runQuery(initial.id),
    initialData: initial,
    refetchInterval: (query) => pollMs(query.state.data),
  });
  const run = data ?? initial;
  const { data: book } = useQuery({ ...runbook(run.runbook_id), enabled: run.state === "open" });
  const [confirming, setConfirming] = useState<RunStep | null>(null);
  const act = useMutation({
    mutationFn: ({ step, verb }: { step: string; verb: StepVerb }) => actOnStep(run.id, step, verb),
    onError: refused,
    onSuccess: async (next) => {
      client.setQueryData(["runs", run.id], next);
      await client.invalidateQueries({ queryKey: ["incidents"] });
    },
  });
  const confirms = (step: RunStep) => {
    const definition = book?.steps.find((one) => one.name === step.name);
    return definition?.confirm === true || Boolean(definition?.approve);
  };
  const start = (step: RunStep) => {
    if (confirms(step)) setConfirming(step);
    else act.mutate({ step: step.name, verb: "start" });
  };
  const finished = run.steps.filter((step) => !["waiting", "running"].includes(step.state)).length;
  return (
    <Panel
      flush
      title={
        <button type="button" className={css.toggle} onClick={expand} aria-expanded={expanded}>
          {run.runbook_title}
        </button>
      }
      aside={
        <span style={{ display: "inline-flex", gap: 12, alignItems: "center" }}>
          {finished} of {run.steps.length} steps · started by {run.started_by}
          <Status of={run.state} />
        </span>
      }
    >
      {expanded && (
        <>
          <Announce run={run} />
          <ol className={css.steps} aria-label={`Steps of ${run.runbook_title}`}>
            {run.steps.map((step, index) => (
              <Step
                key={step.name}
                step={step}
                number={index + 1}
                approve={book?.steps.find((one) => one.name === step.name)?.approve ?? null}
                open={mayAct && run.state === "open"}
                next={run.steps.find((one) => one.state === "waiting")?.name === step.name}
                busy={act.isPending}
                start={() => start(step)}
                act={(verb) => act.mutate({ step: step.name, verb })}
              />
            ))}
          </ol>
        </>
      )}
      {confirming && (
        <Modal opened onClose={() => setConfirming(null)} title={`Run "${confirming.title}"?`} size="lg">
          <p>Exactly this will run:</p>
          <pre className={css.preview}>{confirming.preview}</pre>
          <div className={form.buttons}>
            <Button data-autofocus onClick={() => setConfirming(null)}>
              Cancel
            </Button>
            <Button
              variant="filled"
              onClick={() => {
                act.mutate({ step: confirming.name, verb: "start" });
                setConfirming(null);
              }}
            >
              Run it
            </Button>
          </div>
        </Modal>
      )}
    </Panel>
  );
}

/** Says only that a step changed its state; the output itself would drown a screen reader. */
function Announce({ run }: { run: Run }) {
  const latest = [...run.steps].reverse().find((step) => step.state !== "waiting");
  return (
    <div className="visually-hidden" aria-live="polite">
      {latest ? `Step ${latest.title}: ${latest.state}` : ""}
    </div>
  );
}

interface StepProps {
  step: RunStep;
  number: number;
  approve: string | null;
  open: boolean;
  next: boolean;
  busy: boolean;
  start: () => void;
  act: (verb: StepVerb) => void;
}

function Step({ step, number, approve, open, next, busy, start, act }: StepProps) {
  const runnable = step.kind !== "manual";
  const again = step.state === "failed";
  return (
    <li className={css.step} data-step={step.name}>
      <div className={css.head}>
        <h3 className={css.title}>
          <span className={css.number}>{number}.</span>
          <span>
            {step.title} <span className={css.kind}>{KINDS[step.kind]}</span>
          </span>
        </h3>
        <Status of={step.state} />
      </div>
      <div className={css.body}>
        {step.html && <Html html={step.html} className={`prose ${css.text}`} />}
        <Preview of={step} />
        {approve && step.state === "waiting" && <p className={css.outcome}>May be run by: {approve}</p>}
        {step.output !== null && <Output text={step.output} live={step.state === "running"} />}
        <Outcome step={step} />
        {open && (step.state === "waiting" || again) && (
          <div className={css.buttons}>
            {runnable && (
              <Button variant={next ? "filled" : "default"} disabled={busy} onClick={start}>
                {again ? "Run again" : "Run"}
              </Button>
            )}
            {!runnable && (
              <Button variant={next ? "filled" : "default"} disabled={busy} onClick={() => act("done")}>
                Mark done
              </Button>
            )}
            <Button disabled={busy} onClick={() => act("skip")}>
              Skip
            </Button>
          </div>
        )}
      </div>
    </li>
  );
}

function Outcome({ step }: { step: RunStep }) {
  const now = useNow(1000);
  if (!step.started_at && !step.finished_at) return null;
  const parts = [
    step.actor && `by ${step.actor}`,
    step.started_at && `took ${duration(since(step.started_at, step.finished_at ?? now))}`,
    step.exit_code !== null &&
      (step.kind === "http" ? `status ${step.exit_code}` : `exit code ${step.exit_code}`),
  ].filter(Boolean);
  return (
    <p className={`num ${css.outcome}`}>
      {parts.join(" · ").replace("took", step.finished_at ? "took" : "running for")}
    </p>
  );
}

function Output({ text, live }: { text: string; live: boolean }) {
  const pane = useRef<HTMLPreElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text scrolls a live pane to its end
  useEffect(() => {
    if (live && pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [text, live]);
  return (
    <Code ref={pane} className={css.output} label="Output">
      {plainOutput(text) || (live ? "Waiting for output" : "No output")}
    </Code>
  );
}
