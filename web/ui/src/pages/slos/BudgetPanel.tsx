import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { sloHistory } from "../../api/queries.ts";
import type { SloHistory, SloStatus } from "../../api/types.ts";
import { useNow, useZone } from "../../components/hooks.ts";
import { ErrorPanel } from "../../components/Loaded.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { At } from "../../components/Time.tsx";
import { projectionUntil } from "../../lib/burndown.ts";
import { budget, count, sli, zoneName } from "../../lib/format.ts";
import { iso, type Range } from "../../lib/time.ts";
import { BurndownChart } from "./BurndownChart.tsx";
import css from "./SloPage.module.css";

const POINTS = 400;
/** The projection gets at most this share of the range: a flat line for weeks says nothing. */
const AHEAD = 0.2;

interface Props {
  status: SloStatus;
  range: Range;
  /** The range ends now: what comes next belongs to the picture. */
  ahead: boolean;
  /** Only what had been recorded by then. */
  reportedOn?: string;
  onBrush?: (from: string, to: string) => void;
}

/** The burn-down of one objective with its projection, as a chart or as a table. */
export function BudgetPanel({ status, range: { from, to }, ahead, reportedOn, onBrush }: Props) {
  const zone = useZone();
  const now = useNow(60_000);
  const [asTable, setAsTable] = useState(false);
  const query = useQuery({
    ...sloHistory(status, iso(from), iso(to), POINTS, reportedOn),
    placeholderData: keepPreviousData,
  });
  const clipped = useMemo(
    () =>
      query.data &&
      (ahead
        ? { ...query.data, projection: projectionUntil(query.data.projection, to + (to - from) * AHEAD) }
        : { ...query.data, projection: [] }),
    [query.data, ahead, from, to],
  );
  const empty = query.data?.points.every((point) => point.error_budget_remaining === null);
  return (
    <Panel
      title="Error budget remaining"
      aside={
        <span className={css.aside}>
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
          onBrush={onBrush && ((start, end) => onBrush(iso(start * 1000), iso(end * 1000)))}
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
