import { Button } from "@mantine/core";
import { type MouseEvent, useCallback, useMemo, useState } from "react";
import type uPlot from "uplot";
import { Chart, type Drawing } from "../../components/chart/Chart.tsx";
import { Table } from "../../components/Panel.tsx";
import { compact, zoned } from "../../lib/format.ts";
import { type Series, type SeriesTable, topSeries } from "../../lib/series.ts";
import css from "./ExplorePage.module.css";

const DRAWN_MAX = 50;
const HEIGHT = 280;

interface Props {
  table: SeriesTable;
  zone: string;
  onBrush: (fromSecs: number, toSecs: number) => void;
}

/** The chart and its legend: click isolates a series, Ctrl+click adds or removes one. */
export function SeriesView({ table, zone, onBrush }: Props) {
  const [all, setAll] = useState(false);
  const [isolated, setIsolated] = useState<ReadonlySet<string>>(new Set());
  const listed = useMemo(() => (all ? table.series : topSeries(table.series, DRAWN_MAX)), [table, all]);
  const known = new Set(listed.map(({ name }) => name));
  const chosen = [...isolated].filter((name) => known.has(name));
  const on = (name: string) => chosen.length === 0 || chosen.includes(name);

  const key = chosen.join("\n");
  const data = useMemo<uPlot.AlignedData>(
    () => [table.at, ...listed.map(({ values }) => values)] as uPlot.AlignedData,
    [table, listed],
  );
  const options = useCallback(
    ({ tokens }: Drawing) => {
      const visible = new Set(key === "" ? listed.map(({ name }) => name) : key.split("\n"));
      return {
        scales: { x: { time: true } },
        axes: [{}, { values: (_: uPlot, splits: number[]) => splits.map(compact) }],
        series: [
          {},
          ...listed.map(({ name }, index) => ({
            show: visible.has(name),
            stroke: tokens.series[index % 5],
            width: 1.5,
            // The sixth series repeats the first colour: dashes tell them apart.
            dash: index < 5 ? undefined : [6, 3],
            points: { show: table.at.length === 1 },
            spanGaps: false,
          })),
        ],
      };
    },
    [listed, key, table.at.length],
  );

  const click = (name: string) => (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey) {
      const next = new Set(chosen);
      if (!next.delete(name)) next.add(name);
      setIsolated(next);
    } else {
      setIsolated(chosen.length === 1 && chosen[0] === name ? new Set() : new Set([name]));
    }
  };
  const reading = (index: number) => {
    const shown = listed.filter(({ name }) => on(name)).slice(0, 4);
    const values = shown.map(({ name, values }) => `${name} ${compact(values[index] ?? null)}`);
    return [zoned((table.at[index] ?? 0) * 1000, zone, "second"), ...values].join(" · ");
  };
  return (
    <>
      <div className={css.chart}>
        <Chart
          data={data}
          height={HEIGHT}
          zone={zone}
          options={options}
          label={`${table.series.length} series over time, from ${zoned((table.at[0] ?? 0) * 1000, zone)} to ${zoned((table.at.at(-1) ?? 0) * 1000, zone)}`}
          reading={reading}
          onBrush={onBrush}
        />
      </div>
      {table.series.length > listed.length && (
        <p className={css.foot}>
          The {DRAWN_MAX} series with the highest peaks of {table.series.length}.
          <Button size="xs" onClick={() => setAll(true)}>
            Show all
          </Button>
        </p>
      )}
      <Legend listed={listed} on={on} click={click} />
    </>
  );
}

interface LegendProps {
  listed: Series[];
  on: (name: string) => boolean;
  click: (name: string) => (event: MouseEvent) => void;
}

function Legend({ listed, on, click }: LegendProps) {
  return (
    <Table caption="Legend">
      <thead>
        <tr>
          <th scope="col">Series</th>
          <th scope="col" data-num>
            Last
          </th>
          <th scope="col" data-num data-wide>
            Min
          </th>
          <th scope="col" data-num data-wide>
            Max
          </th>
          <th scope="col" data-num data-wide>
            Avg
          </th>
        </tr>
      </thead>
      <tbody>
        {listed.map((series, index) => (
          <tr key={series.name}>
            <th scope="row" style={{ fontWeight: 400 }}>
              <button
                type="button"
                className={css.name}
                aria-pressed={on(series.name)}
                onClick={click(series.name)}
              >
                <span
                  className={`${css.swatch} ${on(series.name) ? "" : css.off}`}
                  style={{
                    borderColor: `var(--series-${(index % 5) + 1})`,
                    borderTopStyle: index < 5 ? "solid" : "dashed",
                  }}
                  aria-hidden
                />
                {series.name}
              </button>
            </th>
            <td data-num>{compact(series.last)}</td>
            <td data-num data-wide>
              {compact(series.min)}
            </td>
            <td data-num data-wide>
              {compact(series.max)}
            </td>
            <td data-num data-wide>
              {compact(series.avg)}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
