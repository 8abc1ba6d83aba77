import { useCallback, useMemo } from "react";
import uPlot from "uplot";
import { Chart, type Drawing, Legend } from "../../components/chart/Chart.tsx";
import { compact, count, duration, zoned } from "../../lib/format.ts";
import type { Bars } from "./ask.ts";
import css from "./LogsPage.module.css";

const HEIGHT = 112;

interface Props {
  bars: Bars;
  zone: string;
  onBrush: (fromSecs: number, toSecs: number) => void;
}

interface Columns {
  at: number[];
  all: number[];
  bad: number[];
}

/** Every bar of the range, those without lines too: what is missing has to be seen. */
function columns({ range, histogram }: Bars): Columns {
  const step = histogram.step_secs;
  const known = new Map(histogram.bars.map((bar) => [Date.parse(bar.at) / 1000, bar]));
  const found: Columns = { at: [], all: [], bad: [] };
  const first = Math.floor(range.from / 1000 / step) * step;
  for (let at = first; at * 1000 < range.to; at += step) {
    const bar = known.get(at);
    const bad = bar ? bar.error + bar.fatal : 0;
    const all = bar ? bad + bar.trace + bar.debug + bar.info + bar.warn + bar.other : 0;
    found.at.push(at);
    found.all.push(all);
    found.bad.push(bad);
  }
  return found;
}

/** Lines over time, errors among them; brushing zooms. */
export function LogHistogram({ bars, zone, onBrush }: Props) {
  const shown = useMemo(() => columns(bars), [bars]);
  const data = useMemo<uPlot.AlignedData>(() => [shown.at, shown.all, shown.bad], [shown]);
  const options = useCallback(({ tokens }: Drawing) => {
    const paths = uPlot.paths.bars?.({ size: [0.8, 24], align: 1 });
    const bar = (color: string | undefined) => ({
      paths,
      fill: color,
      stroke: color,
      width: 0,
      points: { show: false },
    });
    return {
      scales: {
        x: { time: true },
        y: { range: (_: uPlot, __: number, max: number): [number, number] => [0, max || 1] },
      },
      axes: [
        {},
        {
          // Two numbers say how high: there is no room for more.
          splits: (_: uPlot, __: number, ___: number, max: number) => [0, max],
          values: (_: uPlot, splits: number[]) => splits.map(compact),
        },
      ],
      series: [{}, bar(tokens.series[0]), bar(tokens.crit)],
    };
  }, []);
  const { total, step_secs } = bars.histogram;
  const errors = shown.bad.reduce((sum, bad) => sum + bad, 0);
  const words = `${count(total)} lines, ${count(errors)} of them errors, in bars of ${duration(step_secs)}`;
  return (
    <>
      <Chart
        data={data}
        height={HEIGHT}
        zone={zone}
        options={options}
        label={words}
        reading={(index) =>
          `${zoned((shown.at[index] ?? 0) * 1000, zone, "second")}: ${count(shown.all[index])} lines, ${count(shown.bad[index])} errors`
        }
        onBrush={onBrush}
      />
      <div className={css.legend}>
        <Legend
          items={[
            { label: "All lines", color: "var(--series-1)", mark: "area" },
            { label: "Errors", color: "var(--crit)", mark: "area" },
          ]}
        />
        <span className="muted small">{words}</span>
      </div>
    </>
  );
}
