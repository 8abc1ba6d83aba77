import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { cardinality } from "../../api/queries.ts";
import type { Cardinality } from "../../api/types.ts";
import { useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { StatStrip } from "../../components/StatStrip.tsx";
import { count, budget as share } from "../../lib/format.ts";

export function CardinalityPage() {
  const query = useQuery({ ...cardinality(), refetchInterval: useRefresh(30_000) });
  return (
    <Page title="Cardinality">
      <Loaded query={query} rows={12}>
        {(data) => (
          <>
            <Summary of={data} />
            <Metrics of={data} />
            <Labels of={data} />
            <Sources of={data} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** A limit is near from here on. */
const NEAR = 0.8;

const tone = (used: number, max: number): "crit" | "warn" | undefined =>
  used >= max ? "crit" : used >= max * NEAR ? "warn" : undefined;

function Summary({ of }: { of: Cardinality }) {
  const metric = of.metrics[0];
  const label = of.labels[0];
  const source = of.sources[0];
  return (
    <StatStrip
      stats={[
        {
          label: "Series",
          value: count(of.series),
          tone: tone(of.series, of.series_max),
          detail: `${share(of.series / of.series_max)} of ${count(of.series_max)}`,
        },
        {
          label: "Largest metric",
          value: count(metric?.series ?? 0),
          tone: tone(metric?.series ?? 0, of.series_per_metric_max),
          detail: metric ? `series of ${metric.metric}` : "no metric yet",
        },
        {
          label: "Widest label",
          value: count(label?.values ?? 0),
          detail: label ? `values of ${label.label}` : "no label yet",
        },
        {
          label: "Largest source",
          value: count(source?.series ?? 0),
          tone: tone(source?.series ?? 0, of.series_per_source_max),
          detail: source ? `series from ${source.source}` : "no source yet",
        },
      ]}
    />
  );
}

interface Column<Row> {
  title: string;
  text?: boolean;
  /** Left out on a phone. */
  wide?: boolean;
  cell: (row: Row) => ReactNode;
}

interface RankingProps<Row> {
  title: string;
  /** What the rows are, above their names. */
  what: string;
  /** Said instead of a table without rows. */
  empty: string;
  rows: Row[];
  name: (row: Row) => string;
  columns: Column<Row>[];
}

/** Rows by cost, the largest first as the server orders them. */
function Ranking<Row>({ title, what, empty, rows, name, columns }: RankingProps<Row>) {
  return (
    <Panel title={title} flush>
      {rows.length === 0 ? (
        <Empty title={empty} />
      ) : (
        <Table caption={title}>
          <thead>
            <tr>
              <th scope="col">{what}</th>
              {columns.map((column) => (
                <th
                  key={column.title}
                  scope="col"
                  data-num={column.text ? undefined : true}
                  data-wide={column.wide}
                >
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={name(row)}>
                <th scope="row" className="mono">
                  {name(row)}
                </th>
                {columns.map((column) => (
                  <td key={column.title} data-num={column.text ? undefined : true} data-wide={column.wide}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Panel>
  );
}

function Metrics({ of }: { of: Cardinality }) {
  return (
    <Ranking
      title="Metrics with the most series"
      what="Metric"
      empty="No metric has been received yet"
      rows={of.metrics}
      name={(metric) => metric.metric}
      columns={[
        { title: "Series", cell: (metric) => count(metric.series) },
        { title: "Of the limit", cell: (metric) => share(metric.series / of.series_per_metric_max) },
        {
          title: "Widest label",
          text: true,
          wide: true,
          cell: ({ widest_label: label }) =>
            label && (
              <>
                <span className="mono">{label.label}</span>, {count(label.values)}{" "}
                {label.values === 1 ? "value" : "values"}
              </>
            ),
        },
        {
          title: "Samples per minute",
          wide: true,
          cell: (metric) => count(Math.round(metric.samples_per_minute)),
        },
      ]}
    />
  );
}

function Labels({ of }: { of: Cardinality }) {
  return (
    <Ranking
      title="Labels with the most values"
      what="Label"
      empty="No label has been received yet"
      rows={of.labels}
      name={(label) => label.label}
      columns={[
        { title: "Values", cell: (label) => count(label.values) },
        { title: "Series", cell: (label) => count(label.series) },
        { title: "Bytes of values", wide: true, cell: (label) => count(label.value_bytes) },
      ]}
    />
  );
}

function Sources({ of }: { of: Cardinality }) {
  return (
    <Ranking
      title="Sources with the most series"
      what="Source"
      empty="Nothing has been received yet"
      rows={of.sources}
      name={(source) => source.source || "not known"}
      columns={[
        { title: "Series", cell: (source) => count(source.series) },
        { title: "Of the limit", cell: (source) => share(source.series / of.series_per_source_max) },
        { title: "Samples since the start", wide: true, cell: (source) => count(source.samples) },
        { title: "Rejected since the start", wide: true, cell: (source) => count(source.rejected) },
      ]}
    />
  );
}
