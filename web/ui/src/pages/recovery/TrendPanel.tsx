import { Button, NativeSelect } from "@mantine/core";
import { useCallback, useMemo, useState } from "react";
import uPlot from "uplot";
import { Chart, type Drawing, Legend } from "../../components/chart/Chart.tsx";
import { useZone } from "../../components/hooks.ts";
import { Panel, Table } from "../../components/Panel.tsx";
import { compact, span, time, zoneName } from "../../lib/format.ts";
import { type Kind, type Measure, type Trend, trendOf, trendSentence, write } from "../../lib/metrics.ts";
import css from "./recovery.module.css";

interface Props<Row> {
  rows: Row[];
  measures: Measure<Row>[];
  measure: Measure<Row>;
  onMeasure: (key: string) => void;
  width: string;
}

/** One measure per period: a period without anything to say is a gap. */
export function TrendPanel<Row extends { from: string; to: string }>(props: Props<Row>) {
  const { rows, measures, measure, onMeasure, width } = props;
  const zone = useZone();
  const [asTable, setAsTable] = useState(false);
  const trend = useMemo(() => trendOf(rows, measure), [rows, measure]);
  const empty = trend.lines.every(({ values }) => values.every((value) => value === null));
  return (
    <Panel
      title={`${measure.name} per ${width}`}
      flush={asTable}
      aside={
        <span className={css.aside}>
          {zoneName(zone)}
          <NativeSelect
            size="xs"
            aria-label="Measure"
            value={measure.key}
            data={measures.map(({ key, name, short }) => ({
              value: key,
              label: short ? `${name} (${short})` : name,
            }))}
            onChange={(event) => onMeasure(event.currentTarget.value)}
          />
          <Button size="xs" onClick={() => setAsTable(!asTable)} aria-pressed={asTable}>
            View as {asTable ? "chart" : "table"}
          </Button>
        </span>
      }
    >
      {asTable ? (
        <TrendTable trend={trend} measure={measure} zone={zone} />
      ) : empty ? (
        <div className={css.none}>Nothing to say in this range.</div>
      ) : (
        <TrendChart trend={trend} measure={measure} zone={zone} />
      )}
    </Panel>
  );
}

interface TrendProps {
  trend: Trend;
  measure: Pick<Measure<never>, "name" | "kind">;
  zone: string;
}

const axis = (kind: Kind, value: number): string =>
  kind === "duration"
    ? span(value)
        .replace(/ days?$/, " d")
        .replace(/ hours?$/, " h")
    : kind === "rate"
      ? compact(value)
      : write(kind, value);

/** Seconds between grid lines that are whole seconds, minutes, hours, days. */
const DURATION_STEPS = [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 172_800, 604_800];

/** Counts are bars, everything else lines with their points: few periods, and gaps between them. */
function TrendChart({ trend, measure, zone }: TrendProps) {
  const { kind } = measure;
  const data = useMemo<uPlot.AlignedData>(
    () => [trend.at, ...trend.lines.map(({ values }) => values)] as uPlot.AlignedData,
    [trend],
  );
  const options = useCallback(
    ({ tokens }: Drawing) => {
      const bars = kind === "count" ? uPlot.paths.bars?.({ size: [0.6, 48] }) : undefined;
      return {
        scales: {
          x: { time: true, range: timeRange(trend) },
          y: { range: (_: uPlot, min: number, max: number) => valueRange(kind, min, max) },
        },
        axes: [
          {},
          {
            size: 72,
            ...(kind === "duration" && { incrs: DURATION_STEPS }),
            values: (_: uPlot, splits: number[]) => splits.map((value) => axis(kind, value)),
          },
        ],
        series: [
          {},
          ...trend.lines.map((_, index) => {
            const color = tokens.series[index] ?? tokens.text;
            return bars
              ? { stroke: color, fill: color, paths: bars, points: { show: false } }
              : {
                  stroke: color,
                  width: 2,
                  dash: index === 0 ? undefined : [6, 3],
                  spanGaps: false,
                  points: { show: true, size: 7, fill: color },
                };
          }),
        ],
      };
    },
    [trend, kind],
  );
  const reading = (index: number) => {
    const values = trend.lines.map(({ name, values }) =>
      trend.lines.length === 1
        ? write(kind, values[index])
        : `${name.toLowerCase()} ${write(kind, values[index])}`,
    );
    const n = trend.n[index];
    return `${time((trend.at[index] ?? 0) * 1000, zone, "date")} · ${values.join(", ")}${n === null ? "" : `, n ${n}`}`;
  };
  return (
    <>
      <Chart
        data={data}
        height={240}
        zone={zone}
        options={options}
        label={trendSentence(trend, measure)}
        reading={reading}
      />
      {trend.lines.length > 1 && (
        <Legend
          items={trend.lines.map(({ name }, index) => ({
            label: name,
            color: `var(--series-${index + 1})`,
            mark: index === 0 ? ("line" as const) : ("dashed" as const),
          }))}
        />
      )}
    </>
  );
}

/** Half a period of room on both sides, so that the outer points are whole. */
function timeRange({ at, ends }: Trend): [number, number] {
  const first = at[0] ?? 0;
  const last = at.at(-1) ?? first;
  const width = (ends.at(-1) ?? last) - last || 86_400;
  return [first - width / 2, last + width / 2];
}

/** From zero, except shares of time that differ only close to 100 %. */
function valueRange(kind: Kind, min: number, max: number): [number, number] {
  if (kind === "availability") return [Math.max(0, min - Math.max((1 - min) * 0.5, 0.0001)), 1];
  return [0, max > 0 ? max * 1.1 : 1];
}

function TrendTable({ trend, measure, zone }: TrendProps) {
  return (
    <Table caption={`${measure.name} by period`}>
      <thead>
        <tr>
          <th scope="col">From</th>
          {trend.lines.map(({ name }) => (
            <th key={name} scope="col" data-num>
              {name}
            </th>
          ))}
          <th scope="col" data-num>
            n
          </th>
        </tr>
      </thead>
      <tbody>
        {trend.at.map((at, index) => (
          <tr key={at}>
            <th scope="row">{time(at * 1000, zone, "date")}</th>
            {trend.lines.map(({ name, values }) => (
              <td key={name} data-num>
                {write(measure.kind, values[index])}
              </td>
            ))}
            <td data-num>{trend.n[index] ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
