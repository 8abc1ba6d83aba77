import { Button, Menu, SegmentedControl, Tabs } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { Code } from "../../components/Code.tsx";
import type { QueryLanguage } from "../../components/editor/QueryEditor.tsx";
import { useNow, usePatchSearch, useRange, useRefresh, useZone } from "../../components/hooks.ts";
import { Empty, ErrorPanel } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, PanelFoot } from "../../components/Panel.tsx";
import { count, duration, zoned } from "../../lib/format.ts";
import { recent, remember } from "../../lib/history.ts";
import { iso } from "../../lib/time.ts";
import { type Answer, ask } from "./ask.ts";
import css from "./ExplorePage.module.css";
import { ResultTable } from "./ResultTable.tsx";
import { SeriesView } from "./SeriesView.tsx";

const QueryEditor = lazy(() => import("../../components/editor/QueryEditor.tsx"));

const FIRST: Record<QueryLanguage, string> = {
  promql: "sum by (route) (rate(evenkeel_http_requests_total[5m]))",
  sql: "SELECT slo, service, sli, error_budget_remaining, state FROM slo_status ORDER BY error_budget_remaining",
};

type Outcome =
  | { state: "idle" }
  | { state: "running"; since: number; previous: Answer | null }
  | { state: "done"; answer: Answer }
  | { state: "failed"; error: Error };

/** PromQL and SQL over the same data. The query, its language and the range are the URL. */
export function ExplorePage() {
  const search = useSearch({ from: "/explore" });
  const language: QueryLanguage = search.lang ?? "promql";
  const patch = usePatchSearch();
  const range = useRange("now-1h");
  const zone = useZone();
  const refresh = useRefresh(false);
  const [draft, setDraft] = useState(search.q ?? FIRST[language]);
  const [outcome, setOutcome] = useState<Outcome>({ state: "idle" });
  const abort = useRef<AbortController | null>(null);

  const run = useCallback(
    async (text: string, lang: QueryLanguage) => {
      abort.current?.abort();
      const controller = new AbortController();
      abort.current = controller;
      setOutcome((last) => ({
        state: "running",
        since: Date.now(),
        previous: last.state === "done" ? last.answer : null,
      }));
      try {
        const answer = await ask(text, lang, range.resolve(Date.now()), controller.signal);
        if (!controller.signal.aborted) setOutcome({ state: "done", answer });
      } catch (error) {
        if (!controller.signal.aborted) setOutcome({ state: "failed", error: error as Error });
      }
    },
    [range],
  );

  // The URL runs: a link opens with its answer, and changing the range asks again.
  const asked = search.q;
  useEffect(() => {
    if (asked) {
      setDraft(asked);
      void run(asked, language);
    }
    return () => abort.current?.abort();
  }, [asked, language, run]);

  useEffect(() => {
    if (!refresh || !asked || !range.relative) return;
    const timer = setInterval(() => {
      if (!document.hidden) void run(asked, language);
    }, refresh);
    return () => clearInterval(timer);
  }, [refresh, asked, language, range.relative, run]);

  const submit = () => {
    const text = draft.trim();
    if (text === "") return;
    remember(language, text);
    if (text === asked) void run(text, language);
    else patch({ q: text, lang: language }, false);
  };
  const cancel = () => {
    abort.current?.abort();
    setOutcome({ state: "idle" });
  };
  const change = (next: string) => {
    setOutcome({ state: "idle" });
    setDraft(FIRST[next as QueryLanguage]);
    patch({ lang: next, q: undefined, view: undefined }, false);
  };
  const running = outcome.state === "running";
  return (
    <Page
      title="Explore"
      actions={
        <SegmentedControl
          aria-label="Query language"
          value={language}
          onChange={change}
          data={[
            { value: "promql", label: "PromQL" },
            { value: "sql", label: "SQL" },
          ]}
        />
      }
    >
      <div className={css.query}>
        <div className={css.editor}>
          <Suspense fallback={null}>
            <QueryEditor language={language} value={draft} onChange={setDraft} onRun={submit} />
          </Suspense>
        </div>
        {running ? (
          <Button onClick={cancel}>Cancel</Button>
        ) : (
          <Button variant="filled" onClick={submit}>
            Run
          </Button>
        )}
      </div>
      <div className={css.tools}>
        <span className="muted small">Ctrl+Enter runs · Ctrl+Space completes</span>
        <Recent language={language} choose={(text) => patch({ q: text, lang: language }, false)} />
      </div>
      <Result
        outcome={outcome}
        view={search.view}
        setView={(view) => patch({ view })}
        zone={zone}
        onBrush={(from, to) => range.set(iso(from * 1000), iso(to * 1000))}
        retry={submit}
      />
    </Page>
  );
}

function Recent({ language, choose }: { language: QueryLanguage; choose: (text: string) => void }) {
  const [list, setList] = useState<string[]>([]);
  return (
    <Menu position="bottom-end" onOpen={() => setList(recent(language))} width={360}>
      <Menu.Target>
        <Button size="xs">Recent queries</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {list.length === 0 && <Menu.Label>None yet in this browser</Menu.Label>}
        {list.map((text) => (
          <Menu.Item key={text} onClick={() => choose(text)} className="mono">
            {text.length > 120 ? `${text.slice(0, 120)}…` : text}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

interface ResultProps {
  outcome: Outcome;
  view: "table" | "json" | undefined;
  setView: (view: string | undefined) => void;
  zone: string;
  onBrush: (from: number, to: number) => void;
  retry: () => void;
}

function Result({ outcome, view, setView, zone, onBrush, retry }: ResultProps) {
  if (outcome.state === "idle") {
    return (
      <Panel flush>
        <Empty title="Nothing has been asked yet">
          Type a query and run it. PromQL answers with series over the time range; SQL reads every table,
          incidents, pages and deploys included.
        </Empty>
      </Panel>
    );
  }
  if (outcome.state === "failed") return <ErrorPanel error={outcome.error} retry={retry} />;
  const answer = outcome.state === "done" ? outcome.answer : outcome.previous;
  if (!answer) return <Waiting since={outcome.state === "running" ? outcome.since : 0} />;
  if (answer.rows.length === 0) {
    return (
      <Panel flush>
        <Empty title={answer.series ? "0 series" : "0 rows"}>
          The query is valid, but nothing matches
          {answer.range && ` between ${zoned(answer.range.from, zone)} and ${zoned(answer.range.to, zone)}`}.
        </Empty>
      </Panel>
    );
  }
  const shown = view ?? (answer.series ? "chart" : "table");
  return (
    <Panel flush>
      <Tabs
        value={shown}
        onChange={(next) => setView(next === "chart" ? undefined : (next ?? undefined))}
        keepMounted={false}
      >
        <Tabs.List className={css.tabs}>
          {answer.series && <Tabs.Tab value="chart">Chart</Tabs.Tab>}
          <Tabs.Tab value="table">Table</Tabs.Tab>
          <Tabs.Tab value="json">JSON</Tabs.Tab>
        </Tabs.List>
        {answer.series && (
          <Tabs.Panel value="chart">
            <SeriesView table={answer.series} zone={zone} onBrush={onBrush} />
          </Tabs.Panel>
        )}
        <Tabs.Panel value="table">
          <ResultTable columns={answer.columns} rows={answer.rows} />
        </Tabs.Panel>
        <Tabs.Panel value="json">
          <Code className={css.json} label="Answer as JSON">
            {answer.json}
          </Code>
        </Tabs.Panel>
      </Tabs>
      <PanelFoot>
        {answer.series && <span>{count(answer.series.series.length)} series</span>}
        {answer.series ? (
          <span>{count(answer.series.samples)} samples</span>
        ) : (
          <span>{count(answer.rows.length)} rows</span>
        )}
        <span className="num">{duration(answer.tookMs / 1000)}</span>
        {answer.step && <span>step {duration(answer.step)}</span>}
        {answer.warnings.map((warning) => (
          <span key={warning}>{warning}</span>
        ))}
      </PanelFoot>
    </Panel>
  );
}

function Waiting({ since }: { since: number }) {
  const now = useNow(250);
  const secs = (now - since) / 1000;
  return (
    <Panel flush>
      <div className={css.waiting} role="status">
        {secs > 2 ? `Running for ${duration(Math.floor(secs))}` : secs > 0.3 ? "Running" : ""}
      </div>
    </Panel>
  );
}
