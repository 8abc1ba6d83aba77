import { Button, NativeSelect, Tabs } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { slo, sloHistory } from "../../api/queries.ts";
import type { SloDetail, SloHistory, SloStatus } from "../../api/types.ts";
import { Code } from "../../components/Code.tsx";
import { DeclareIncident } from "../../components/DeclareIncident.tsx";
import { useMay, useNow, usePatchSearch, useRange, useRefresh, useZone } from "../../components/hooks.ts";
import { IconSnowflake } from "../../components/icons.ts";
import { ErrorPanel, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Status, type Tone } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { copy } from "../../components/toast.ts";
import { projectionUntil } from "../../lib/burndown.ts";
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
  zoneName,
} from "../../lib/format.ts";
import { iso, parseDuration } from "../../lib/time.ts";
import { BurndownChart } from "./BurndownChart.tsx";
import css from "./SloPage.module.css";

const POINTS = 400;
/** The projection gets at most this share of the range: a flat line for weeks says nothing. */
const AHEAD = 0.2;

export function SloPage() {
  const { name } = useParams({ from: "/slos/$name" });
  const { objective, tab } = useSearch({ from: "/slos/$name" });
  const patch = usePatchSearch();
  const query = useQuery({ ...slo(name), refetchInterval: useRefresh(15_000) });
  const [declaring, setDeclaring] = useState(false);
  const mayAct = useMay("responder");
  const detail = query.data;
  const status = detail && (detail.objectives.find((one) => one.objective === objective) ?? detail);
  return (
    <Page
      title={status?.display_name ?? name}
      crumbs={[{ label: "SLOs", to: "/slos" }, { label: status?.service ?? UNKNOWN }]}
      status={status && <Status of={status.state} />}
      lead={detail?.description || undefined}
      actions={
        <>
          {detail && detail.objectives.length > 1 && (
            <NativeSelect
              aria-label="Objective"
              value={status?.objective ?? ""}
              data={detail.objectives.map((one) => ({
                value: one.objective,
                label: `${one.objective}: ${target(one.target)}`,
              }))}
              onChange={(event) => patch({ objective: event.currentTarget.value })}
            />
          )}
          <Button onClick={() => void copy(location.href, "Link")}>Copy link</Button>
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
      <Tabs value={tab} onChange={(next) => next && setTab(next)} className={css.tabs} keepMounted={false}>
        <Tabs.List mb={16}>
          <Tabs.Tab value="budget">Budget</Tabs.Tab>
          <Tabs.Tab value="definition">Definition</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="budget">
          <BudgetPanel status={status} />
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

function BudgetPanel({ status }: { status: SloStatus }) {
  const zone = useZone();
  const now = useNow(60_000);
  const windowStart = parseDuration(status.window) === null ? "now-30d" : `now-${status.window}`;
  const range = useRange(windowStart);
  const [asTable, setAsTable] = useState(false);
  // The minute keeps the key (and so the request) the same between renders.
  const minute = Math.floor(now / 60_000) * 60_000;
  const { from, to } = useMemo(() => range.resolve(minute), [range, minute]);
  const query = useQuery({
    ...sloHistory(status.slo, status.objective, iso(from), iso(to), POINTS),
    placeholderData: keepPreviousData,
  });
  const clipped = useMemo(
    // A projection belongs to a picture that ends now.
    () =>
      query.data &&
      (range.to === "now"
        ? { ...query.data, projection: projectionUntil(query.data.projection, to + (to - from) * AHEAD) }
        : { ...query.data, projection: [] }),
    [query.data, range.to, from, to],
  );
  const empty = query.data?.points.every((point) => point.error_budget_remaining === null);
  return (
    <Panel
      title="Error budget remaining"
      aside={
        <span style={{ display: "inline-flex", alignItems: "center", gap: 12 }}>
          {zoneName(zone)}
          <Button size="xs" onClick={() => setAsTable(!asTable)} aria-pressed={asTable}>
            View as {asTable ? "chart" : "table"}
          </Button>
        </span>
      }
      flush={asTable}
    >
      {query.error ? (
        <ErrorPanel error={query.error} retry={() => void query.refetch()} />
      ) : !clipped ? (
        <div className={css.loading} />
      ) : empty ? (
        <div className={css.none}>No slice of this SLO has data in this range.</div>
      ) : asTable ? (
        <HistoryTable history={clipped} />
      ) : (
        <BurndownChart
          history={clipped}
          from={from}
          to={to}
          now={now}
          zone={zone}
          onBrush={(start, end) => range.set(iso(start * 1000), iso(end * 1000))}
        />
      )}
    </Panel>
  );
}

function HistoryTable({ history }: { history: SloHistory }) {
  const rows = history.points.filter(
    (_, index, all) => index % Math.ceil(all.length / 50) === 0 || index === all.length - 1,
  );
  return (
    <Table caption="Error budget over time">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col" data-num>
            Budget left
          </th>
          <th scope="col" data-num>
            SLI
          </th>
          <th scope="col" data-num data-wide>
            Good
          </th>
          <th scope="col" data-num data-wide>
            Total
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.reverse().map((point) => (
          <tr key={point.at}>
            <th scope="row">
              <At at={point.at} />
            </th>
            <td data-num>{budget(point.error_budget_remaining)}</td>
            <td data-num>{sli(point.sli)}</td>
            <td data-num data-wide>
              {count(point.good)}
            </td>
            <td data-num data-wide>
              {count(point.total)}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function AlertWindows({ status, alerts }: { status: SloStatus; alerts: boolean }) {
  return (
    <Panel
      title="Alert windows"
      flush
      aside={alerts ? "Both windows of a row must be over" : "Alerts are switched off for this SLO"}
    >
      <Table caption="Alert windows">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Severity</th>
            <th scope="col" data-num>
              Long window
            </th>
            <th scope="col" data-num>
              Burn
            </th>
            <th scope="col" data-num>
              Short window
            </th>
            <th scope="col" data-num>
              Burn
            </th>
            <th scope="col" data-num>
              Threshold
            </th>
            <th scope="col" data-num>
              Budget used if sustained
            </th>
          </tr>
        </thead>
        <tbody>
          {status.burn_windows.map((window) => (
            <tr key={`${window.severity}-${window.long}-${window.short}`}>
              <td>
                <Status of={window.state} />
              </td>
              <td>{window.severity === "page" ? "Page" : "Ticket"}</td>
              <td data-num>{windowText(window.long)}</td>
              <td data-num>{burn(window.burn_long)}</td>
              <td data-num>{windowText(window.short)}</td>
              <td data-num>{burn(window.burn_short)}</td>
              <td data-num>{threshold(window.threshold)}</td>
              <td data-num>
                {budget(window.budget_used)} in {windowText(window.long)}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Panel>
  );
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
