import { useCallback, useMemo } from "react";
import type uPlot from "uplot";
import type { SloHistory } from "../../api/types.ts";
import { Chart, type Drawing, FONT, fade, Legend } from "../../components/chart/Chart.tsx";
import { burndown, burndownSentence } from "../../lib/burndown.ts";
import { budget, zoned } from "../../lib/format.ts";

interface Props {
  history: SloHistory;
  from: number;
  to: number;
  now: number;
  zone: string;
  onBrush?: (fromSecs: number, toSecs: number) => void;
}

/** Budget left over the window: incidents as regions, deploys as lines, what lies below zero is spent. */
export function BurndownChart({ history, from, to, now, zone, onBrush }: Props) {
  const data = useMemo(() => burndown(history), [history]);
  const aligned = useMemo<uPlot.AlignedData>(
    () => [data.at, data.left, data.projected, data.high, data.low] as uPlot.AlignedData,
    [data],
  );
  const end = Math.max(to / 1000, data.at.at(-1) ?? 0);
  const nowSecs = Math.round(now / 60_000) * 60;
  const options = useCallback(
    ({ tokens }: Drawing) => {
      const line = tokens.series[0] ?? tokens.text;
      const band = { stroke: "transparent", width: 0, points: { show: false } };
      return {
        scales: {
          x: { time: true, range: [from / 1000, end] as [number, number] },
          y: { range: [data.min, data.max] as [number, number] },
        },
        axes: [{}, { values: (_: uPlot, splits: number[]) => splits.map((value) => budget(value)) }],
        series: [
          {},
          { stroke: line, width: 2, points: { show: false }, spanGaps: false },
          { stroke: line, width: 2, dash: [4, 4], points: { show: false } },
          band,
          band,
        ],
        bands: [{ series: [3, 4] as [number, number], fill: fade(line, 0.18) }],
        hooks: {
          drawClear: [(plot: uPlot) => drawGround(plot, data, tokens, end)],
          draw: [(plot: uPlot) => drawMarks(plot, data, tokens, nowSecs)],
        },
      };
    },
    [data, from, end, nowSecs],
  );
  const reading = (index: number) => {
    const at = data.at[index] ?? 0;
    const left = data.left[index];
    const value = left ?? data.projected[index] ?? null;
    return `${zoned(at * 1000, zone)} · ${left === null && data.projected[index] !== null ? "projected " : ""}${budget(value)} left`;
  };
  const hasProjection = data.projected.some((value) => value !== null);
  return (
    <>
      <Chart
        data={aligned}
        height={300}
        zone={zone}
        options={options}
        label={burndownSentence(data, budget)}
        reading={reading}
        onBrush={onBrush}
      />
      <Legend
        items={[
          { label: "Budget left", color: "var(--series-1)" },
          ...(hasProjection
            ? [
                {
                  label: "At the last hour’s rate; band: slowest to fastest window",
                  color: "var(--series-1)",
                  mark: "dashed" as const,
                },
              ]
            : []),
          ...(data.regions.length > 0
            ? [{ label: "Incident", color: "var(--warn-fill)", mark: "area" as const }]
            : []),
          ...(data.deploys.length > 0
            ? [{ label: "Deploy", color: "var(--muted)", mark: "dotted" as const }]
            : []),
        ]}
      />
    </>
  );
}

type Data = ReturnType<typeof burndown>;
type Tokens = Drawing["tokens"];

/** Below the line: the spent area and the incidents. */
function drawGround(plot: uPlot, data: Data, tokens: Tokens, end: number): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const zero = plot.valToPos(0, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.fillStyle = tokens.critSoft;
  ctx.fillRect(left, zero, width, top + height - zero);
  ctx.fillStyle = fade(tokens.warnFill, 0.26);
  for (const region of data.regions) {
    const from = plot.valToPos(region.from, "x", true);
    const to = plot.valToPos(region.to ?? Math.min(end, Date.now() / 1000), "x", true);
    ctx.fillRect(from, top, Math.max(2 * devicePixelRatio, to - from), height);
  }
  ctx.restore();
}

/** Above everything: the zero line, deploys, now, and their words. */
function drawMarks(plot: uPlot, data: Data, tokens: Tokens, now: number): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  const nowX = plot.valToPos(now, "x", true);
  const taken: { row: number; from: number; to: number }[] = [];
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.font = FONT.replace("12px", `${12 * ratio}px`);
  ctx.textBaseline = "top";

  /** A label beside a vertical line, on the side where there is room; left out where it would overlap. */
  const write = (words: string, x: number, row: number, color: string) => {
    const wide = ctx.measureText(words).width + 6 * ratio;
    const crossesNow = row < 0 && x < nowX && nowX < x + wide;
    const right = x + wide <= left + width && !crossesNow;
    const span = right ? { row, from: x, to: x + wide } : { row, from: x - wide, to: x };
    if (taken.some((other) => other.row === row && other.from < span.to && span.from < other.to)) return;
    taken.push(span);
    ctx.textAlign = right ? "left" : "right";
    ctx.fillStyle = color;
    const y = row >= 0 ? top + (4 + row * 16) * ratio : top + height - 18 * ratio;
    ctx.fillText(words, x + (right ? 4 : -4) * ratio, y);
  };
  const vertical = (x: number, color: string, dash: number[], wide: number) => {
    ctx.strokeStyle = color;
    ctx.lineWidth = wide * ratio;
    ctx.setLineDash(dash.map((part) => part * ratio));
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
  };

  const zero = plot.valToPos(0, "y", true);
  ctx.strokeStyle = tokens.crit;
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  ctx.moveTo(left, zero);
  ctx.lineTo(left + width, zero);
  ctx.stroke();
  ctx.textAlign = "left";
  ctx.fillStyle = tokens.crit;
  ctx.fillText("Budget spent", left + 6 * ratio, zero + 5 * ratio);

  if (nowX >= left && nowX <= left + width) {
    vertical(nowX, tokens.text, [], 1.5);
    write("now", nowX, 0, tokens.text);
  }
  for (const region of data.regions)
    write(region.label, plot.valToPos(region.to ?? now, "x", true), 1, tokens.warn);
  for (const deploy of data.deploys) {
    const x = plot.valToPos(deploy.at, "x", true);
    vertical(x, tokens.muted, [2, 3], 1.5);
    write(deploy.failed ? `${deploy.label} (failed)` : deploy.label, x, -1, tokens.muted);
  }
  ctx.restore();
}
