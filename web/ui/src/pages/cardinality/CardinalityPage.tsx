import { useQuery } from "@tanstack/react-query";
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
            <Panel title="Metrics with the most series" flush>
              <Metrics of={data} />
            </Panel>
            <Panel title="Labels with the most values" flush>
              <Labels of={data} />
            </Panel>
            <Panel title="Sources with the most series" flush>
              <Sources of={data} />
            </Panel>
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

function Metrics({ of }: { of: Cardinality }) {
  if (of.metrics.length === 0) return <Empty title="No metric has been received yet" />;
  return (
    <Table caption="Metrics with the most series">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col" data-num>
            Series
          </th>
          <th scope="col" data-num>
            Of the limit
          </th>
          <th scope="col">Widest label</th>
          <th scope="col" data-num>
            Samples per minute
          </th>
        </tr>
      </thead>
      <tbody>
        {of.metrics.map((metric) => (
          <tr key={metric.metric}>
            <th scope="row" className="mono">
              {metric.metric}
            </th>
            <td data-num>{count(metric.series)}</td>
            <td data-num>{share(metric.series / of.series_per_metric_max)}</td>
            <td>
              {metric.widest_label && (
                <>
                  <span className="mono">{metric.widest_label.label}</span>,{" "}
                  {count(metric.widest_label.values)} {metric.widest_label.values === 1 ? "value" : "values"}
                </>
              )}
            </td>
            <td data-num>{count(Math.round(metric.samples_per_minute))}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Labels({ of }: { of: Cardinality }) {
  if (of.labels.length === 0) return <Empty title="No label has been received yet" />;
  return (
    <Table caption="Labels with the most values">
      <thead>
        <tr>
          <th scope="col">Label</th>
          <th scope="col" data-num>
            Values
          </th>
          <th scope="col" data-num>
            Series
          </th>
          <th scope="col" data-num>
            Bytes of values
          </th>
        </tr>
      </thead>
      <tbody>
        {of.labels.map((label) => (
          <tr key={label.label}>
            <th scope="row" className="mono">
              {label.label}
            </th>
            <td data-num>{count(label.values)}</td>
            <td data-num>{count(label.series)}</td>
            <td data-num>{count(label.value_bytes)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Sources({ of }: { of: Cardinality }) {
  if (of.sources.length === 0) return <Empty title="Nothing has been received yet" />;
  return (
    <Table caption="Sources with the most series">
      <thead>
        <tr>
          <th scope="col">Source</th>
          <th scope="col" data-num>
            Series
          </th>
          <th scope="col" data-num>
            Of the limit
          </th>
          <th scope="col" data-num>
            Samples since the start
          </th>
          <th scope="col" data-num>
            Rejected since the start
          </th>
        </tr>
      </thead>
      <tbody>
        {of.sources.map((source) => (
          <tr key={source.source}>
            <th scope="row" className="mono">
              {source.source || "not known"}
            </th>
            <td data-num>{count(source.series)}</td>
            <td data-num>{share(source.series / of.series_per_source_max)}</td>
            <td data-num>{count(source.samples)}</td>
            <td data-num>{count(source.rejected)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
