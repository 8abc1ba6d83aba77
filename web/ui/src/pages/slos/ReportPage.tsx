import { Button, Menu } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { query as queryText, url } from "../../api/client.ts";
import { type ReportAsked, slo, sloReport } from "../../api/queries.ts";
import type { SloReport } from "../../api/types.ts";
import { download } from "../../components/download.ts";
import { useNow, useRefresh } from "../../components/hooks.ts";
import { IconDownload, IconPrinter } from "../../components/icons.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { copy } from "../../components/toast.ts";
import { budget, count, duration, sli, target, windowText } from "../../lib/format.ts";
import { budgetsOf, objectiveOf, objectiveSearch } from "../../lib/objective.ts";
import {
  instantField,
  reportCsv,
  reportedOnField,
  WINDOWS_DEFAULT,
  windowsField,
} from "../../lib/sloReport.ts";
import { BudgetPanel } from "./BudgetPanel.tsx";
import { ReportFilter } from "./ReportFilter.tsx";
import { BurnRates, Lasting } from "./ReportNumbers.tsx";
import css from "./ReportPage.module.css";
import { Excluded, Groups, isMember, WhatAteIt } from "./ReportSpending.tsx";

/** One objective at one time: the numbers, how they came about, and what they were made of. */
export function ReportPage() {
  const { name } = useParams({ from: "/slos/$name/report" });
  const search = useSearch({ from: "/slos/$name/report" });
  const now = useNow(60_000);
  const detail = useQuery(slo(name));
  // The minute keeps the key (and so the request) the same between renders.
  const minute = Math.floor(now / 60_000) * 60_000;
  const at = instantField(search.at ?? "", minute).at;
  const reportedOn = reportedOnField(search.reported_on ?? "", minute).at;
  const windows = windowsField(search.windows ?? WINDOWS_DEFAULT).windows || WINDOWS_DEFAULT;
  const budgets = detail.data ? budgetsOf(detail.data) : [];
  const chosen = objectiveOf(budgets, search) ?? detail.data;
  const asked: ReportAsked = { ...(chosen && objectiveSearch(chosen)), at, windows };
  const report = useQuery({
    ...sloReport(name, { ...asked, reported_on: reportedOn }),
    enabled: detail.data !== undefined,
    placeholderData: keepPreviousData,
    refetchInterval: useRefresh(at === undefined ? 60_000 : false),
  });
  // What the same window says with everything that is known by now.
  const today = useQuery({
    ...sloReport(name, asked),
    enabled: reportedOn !== undefined && chosen !== undefined,
  });
  const title = detail.data?.display_name ?? name;
  return (
    <Page
      title={`Report: ${title}`}
      crumbs={[
        { label: "SLOs", to: "/slos" },
        { label: title, to: `/slos/${encodeURIComponent(name)}` },
      ]}
      status={report.data && <Status of={report.data.status.state} />}
      actions={
        <>
          <Button onClick={() => void copy(location.href, "Link")}>Copy link</Button>
          <Export report={report.data} asked={{ ...asked, reported_on: reportedOn }} name={name} />
          <Button leftSection={<IconPrinter size={16} />} onClick={() => window.print()}>
            Print
          </Button>
        </>
      }
    >
      {detail.data && (
        <ReportFilter key={JSON.stringify(search)} search={search} budgets={budgets} chosen={chosen} />
      )}
      {detail.error && !detail.data ? (
        <Loaded query={detail}>{() => null}</Loaded>
      ) : (
        <Loaded query={report} rows={20}>
          {(loaded) => (
            <Report report={loaded} today={today.data} live={at === undefined} reportedOn={reportedOn} />
          )}
        </Loaded>
      )}
    </Page>
  );
}

interface ReportProps {
  report: SloReport;
  /** Without "as reported on", where that was asked for. */
  today: SloReport | undefined;
  live: boolean;
  reportedOn: string | undefined;
}

function Report({ report, today, live, reportedOn }: ReportProps) {
  const { status, spent } = report;
  const range = useMemo(
    () => ({ from: Date.parse(spent.from), to: Date.parse(spent.to) }),
    [spent.from, spent.to],
  );
  return (
    <>
      <p className={css.scope}>
        <At at={spent.from} style="full" /> to <At at={spent.to} style="full" /> · {windowText(status.window)}{" "}
        · target {target(status.target)} · {status.method} · {sli(status.coverage)} of the window was measured
        {reportedOn && (
          <>
            {" "}
            · <strong>as reported on</strong> <At at={reportedOn} style="full" />
          </>
        )}
      </p>
      <StatStrip stats={strip(report, today)} />
      <BudgetPanel
        status={status}
        range={range}
        ahead={live && reportedOn === undefined}
        reportedOn={reportedOn}
      />
      <div className={css.pair}>
        <BurnRates burn={report.burn} />
        <Lasting status={status} />
      </div>
      <WhatAteIt report={report} />
      {report.groups.length > 0 && (
        <Groups groups={report.groups} slo={status.slo} objective={status.objective} />
      )}
      <Excluded times={report.excluded} />
    </>
  );
}

function strip({ status, groups }: SloReport, today: SloReport | undefined): Stat[] {
  const then = today?.status;
  /** What the number is, unless it was reported differently from what is known now. */
  const known = (detail: string, before: string, now: string | undefined) =>
    now === undefined || now === before ? detail : `known today: ${now}`;
  const left = budget(status.error_budget_remaining);
  const whole =
    status.error_budget_remaining_secs !== null && status.error_budget_remaining
      ? status.error_budget_remaining_secs / status.error_budget_remaining
      : null;
  const bad = count(status.bad);
  // A composite has no events of its own: what is bad is counted in budgets.
  const isComposite = groups.some((group) => isMember(group.group_key));
  const unit = isComposite ? "budgets" : status.method === "Occurrences" ? "events" : "time slices";
  return [
    {
      label: `SLI, ${windowText(status.window)}`,
      value: sli(status.sli),
      detail: known(`target ${target(status.target)}`, sli(status.sli), then && sli(then.sli)),
    },
    {
      label: "Error budget left",
      value: left,
      tone: status.state === "breached" ? "crit" : status.state === "at_risk" ? "warn" : undefined,
      detail: known(`${budget(status.consumed)} consumed`, left, then && budget(then.error_budget_remaining)),
    },
    {
      label: `Left in ${unit}`,
      value: count(status.error_budget_remaining_units),
      detail: `of ${count(status.allowed_bad)} that may be bad`,
    },
    {
      label: "Left as a full outage",
      value: duration(status.error_budget_remaining_secs),
      detail: whole === null ? "" : `of ${duration(whole)}`,
    },
    {
      label: `Bad, ${windowText(status.window)}`,
      value: bad,
      detail: known(`of ${count(status.total)}`, bad, then && count(then.bad)),
    },
  ];
}

function Export({
  report,
  asked,
  name,
}: {
  report: SloReport | undefined;
  asked: ReportAsked;
  name: string;
}) {
  const file = `${name}-report`;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button leftSection={<IconDownload size={16} />} disabled={!report}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => report && download(`${file}.csv`, "text/csv", reportCsv(report))}>
          CSV
        </Menu.Item>
        <Menu.Item
          component="a"
          href={url(`api/slos/${encodeURIComponent(name)}/report${queryText({ ...asked })}`)}
          download={`${file}.json`}
        >
          JSON
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
