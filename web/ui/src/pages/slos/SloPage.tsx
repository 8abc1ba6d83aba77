import { Button, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { slo } from "../../api/queries.ts";
import type { SloDetail, SloStatus } from "../../api/types.ts";
import { Code } from "../../components/Code.tsx";
import { DeclareIncident } from "../../components/DeclareIncident.tsx";
import { useMay, useNow, usePatchSearch, useRange, useRefresh, useZone } from "../../components/hooks.ts";
import { IconAlertTriangle, IconSnowflake } from "../../components/icons.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Status, type Tone } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { copy } from "../../components/toast.ts";
import {
  budget,
  budgetSecs,
  burn,
  count,
  duration,
  sli,
  span,
  target,
  threshold,
  UNKNOWN,
  windowText,
  zoned,
} from "../../lib/format.ts";
import { budgetsOf, objectiveOf, objectiveSearch } from "../../lib/objective.ts";
import { parseDuration } from "../../lib/time.ts";
import { AlertWindows } from "./AlertWindows.tsx";
import { BudgetPanel } from "./BudgetPanel.tsx";
import { ObjectiveSelect } from "./ObjectiveSelect.tsx";
import css from "./SloPage.module.css";

export function SloPage() {
  const { name } = useParams({ from: "/slos/$name" });
  const { tab, ...search } = useSearch({ from: "/slos/$name" });
  const patch = usePatchSearch();
  const query = useQuery({ ...slo(name), refetchInterval: useRefresh(15_000) });
  const [declaring, setDeclaring] = useState(false);
  const mayAct = useMay("responder");
  const detail = query.data;
  const budgets = detail ? budgetsOf(detail) : [];
  const status = objectiveOf(budgets, search) ?? detail;
  return (
    <Page
      title={status?.display_name ?? name}
      crumbs={[{ label: "SLOs", to: "/slos" }, { label: status?.service ?? UNKNOWN }]}
      status={status && <Status of={status.state} />}
      lead={detail?.description || undefined}
      actions={
        <>
          <ObjectiveSelect budgets={budgets} chosen={status} />
          <Button onClick={() => void copy(location.href, "Link")}>Copy link</Button>
          <Button
            renderRoot={(props) => (
              <Link
                {...props}
                to="/slos/$name/report"
                params={{ name }}
                search={status ? objectiveSearch(status) : {}}
              />
            )}
          >
            Report
          </Button>
          {mayAct && (
            <Button variant="filled" onClick={() => setDeclaring(true)}>
              Open incident
            </Button>
          )}
        </>
      }
    >
      <Loaded query={query} rows={16}>
        {(loaded) => (
          <Content
            detail={loaded}
            status={status ?? loaded}
            tab={tab ?? "budget"}
            setTab={(next) => patch({ tab: next === "budget" ? undefined : next })}
          />
        )}
      </Loaded>
      {declaring && status && (
        <DeclareIncident
          close={() => setDeclaring(false)}
          service={status.service}
          title={`${status.display_name}: error budget`}
        />
      )}
    </Page>
  );
}

interface ContentProps {
  detail: SloDetail;
  status: SloStatus;
  tab: string;
  setTab: (tab: string) => void;
}

function Content({ detail, status, tab, setTab }: ContentProps) {
  const zone = useZone();
  return (
    <>
      <StatStrip stats={strip(status, zone)} />
      {status.state === "frozen" && (
        <div className={css.banner}>
          <IconSnowflake size={16} aria-hidden />
          <p>
            <strong>Frozen: alerts neither fire nor resolve.</strong> Only {sli(status.coverage)} of the
            window has data, so nothing derived from it is shown.
          </p>
        </div>
      )}
      {detail.problems.map(({ slo_id, problem }) => (
        <div className={css.banner} key={slo_id}>
          <IconAlertTriangle size={16} aria-hidden />
          <p>
            <strong>{slo_id} cannot be measured.</strong> {problem}
          </p>
        </div>
      ))}
      {status.clamped_slices > 0 && (
        <div className={css.banner}>
          <IconAlertTriangle size={16} aria-hidden />
          <p>
            <strong>More good than total events in {count(status.clamped_slices)} slices.</strong> They count
            as all good; the two queries of the indicator do not count the same events.
          </p>
        </div>
      )}
      <Tabs value={tab} onChange={(next) => next && setTab(next)} className={css.tabs} keepMounted={false}>
        <Tabs.List mb={16}>
          <Tabs.Tab value="budget">Budget</Tabs.Tab>
          <Tabs.Tab value="definition">Definition</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="budget">
          <LiveBudget status={status} />
          <AlertWindows status={status} alerts={detail.alerts} />
        </Tabs.Panel>
        <Tabs.Panel value="definition">
          <Definition detail={detail} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

const TONES: Partial<Record<SloStatus["state"], Tone>> = { breached: "crit", at_risk: "warn" };

function strip(status: SloStatus, zone: string): Stat[] {
  const whole = budgetSecs(parseDuration(status.window), status.target);
  const remaining = status.error_budget_remaining;
  const timeLeft =
    whole !== null && remaining !== null
      ? `${duration(remaining * whole)} of ${duration(whole)}`
      : `of ${windowText(status.window)}`;
  const page = status.burn_windows.find((window) => window.severity === "page");
  return [
    {
      label: `SLI, ${windowText(status.window)}`,
      value: sli(status.sli),
      detail: `target ${target(status.target)}`,
    },
    { label: "Error budget left", value: budget(remaining), tone: TONES[status.state], detail: timeLeft },
    {
      label: "Burn rate, 1 h",
      value: burn(status.burn_rate_1h),
      detail: page ? `pages at ${threshold(page.threshold)}` : `6 h: ${burn(status.burn_rate_6h)}`,
    },
    spent(status, zone),
    {
      label: `Bad events, ${windowText(status.window)}`,
      value: count(status.bad),
      detail: `of ${count(status.allowed_bad)} allowed`,
    },
  ];
}

function spent(status: SloStatus, zone: string): Stat {
  const label = "Spent at this rate";
  if (status.error_budget_remaining !== null && status.error_budget_remaining <= 0) {
    const since =
      status.exhausted_at === null ? "nothing is left" : `since ${zoned(status.exhausted_at, zone)}`;
    return { label, value: "Spent", tone: "crit", detail: since };
  }
  if (status.exhausted_in_secs === null) {
    const known = status.error_budget_remaining !== null;
    return { label, value: UNKNOWN, detail: known ? "lasts the window" : "" };
  }
  return { label, value: span(status.exhausted_in_secs), detail: zoned(status.exhausted_at, zone) };
}

function LiveBudget({ status }: { status: SloStatus }) {
  const now = useNow(60_000);
  const windowStart = parseDuration(status.window) === null ? "now-30d" : `now-${status.window}`;
  const range = useRange(windowStart);
  // The minute keeps the key (and so the request) the same between renders.
  const minute = Math.floor(now / 60_000) * 60_000;
  const resolved = useMemo(() => range.resolve(minute), [range, minute]);
  return <BudgetPanel status={status} range={resolved} ahead={range.to === "now"} onBrush={range.set} />;
}

function Definition({ detail }: { detail: SloDetail }) {
  return (
    <>
      <Panel title="What is measured">
        <dl className={css.facts}>
          <dt>Service</dt>
          <dd>{detail.service}</dd>
          <dt>Budgeting method</dt>
          <dd>{detail.method}</dd>
          <dt>Window</dt>
          <dd>{windowText(detail.window)}</dd>
          <dt>Objectives</dt>
          <dd>{detail.objectives.map((one) => `${one.objective}: ${target(one.target)}`).join(" · ")}</dd>
          <dt>Data coverage</dt>
          <dd>{sli(detail.coverage)}</dd>
          <dt>Computed</dt>
          <dd>
            <At at={detail.as_of} style="second" />
          </dd>
        </dl>
      </Panel>
      <Panel
        title="OpenSLO definition"
        flush
        aside={
          <span className="mono small">
            {detail.definition.file}:{detail.definition.line}
          </span>
        }
      >
        <Code className={css.yaml} label="Definition">
          {detail.definition.yaml}
        </Code>
      </Panel>
    </>
  );
}
