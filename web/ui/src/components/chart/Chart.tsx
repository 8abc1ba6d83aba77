// uPlot in a frame: our colours, our clock, rebuilt when the theme, the zone or the width change; arrow keys
// move the cursor and the reading is spoken politely. uPlot itself is invisible to screen readers, so the
// chart is an image with a sentence, and every page that draws one offers the numbers as a table too.
import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { type KeyboardEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { formatter } from "../../lib/format.ts";
import { usePrinting } from "../print.ts";
import css from "./Chart.module.css";

export interface Tokens {
  text: string;
  muted: string;
  line: string;
  surface: string;
  crit: string;
  critSoft: string;
  warn: string;
  warnFill: string;
  series: string[];
}

export interface Drawing {
  tokens: Tokens;
  zone: string;
  width: number;
}

interface Props {
  data: uPlot.AlignedData;
  height: number;
  zone: string;
  /** Series, scales, hooks; memoise it, a new function rebuilds the chart. */
  options: (drawing: Drawing) => Partial<uPlot.Options> & Pick<uPlot.Options, "series">;
  /** One sentence that says what the picture shows. */
  label: string;
  /** The reading at one index of the data. */
  reading: (index: number) => string;
  onBrush?: (fromSecs: number, toSecs: number) => void;
}

function readTokens(): Tokens {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: token("text"),
    muted: token("muted"),
    line: token("line"),
    surface: token("surface"),
    crit: token("crit"),
    critSoft: token("crit-soft"),
    warn: token("warn"),
    warnFill: token("warn-fill"),
    series: [1, 2, 3, 4, 5].map((index) => token(`series-${index}`)),
  };
}

export const FONT = '12px "Inter", system-ui, sans-serif';

/** A translucent version of a token's colour (the tokens are #rrggbb). */
export const fade = (color: string, alpha: number): string =>
  `${color}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, "0")}`;

export function Chart({ data, height, zone, options, label, reading, onBrush }: Props) {
  const scheme = useComputedColorScheme("light");
  const printing = usePrinting();
  const ref = useRef<HTMLDivElement>(null);
  const width = useWidth(ref);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ data, onBrush });
  latest.current = { data, onBrush };
  const [cursor, setCursor] = useState<number | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens change with the scheme, and on paper
  const built = useMemo(
    () =>
      width > 0 ? base({ tokens: readTokens(), zone, width }, height, options, setCursor, latest) : null,
    [width, height, zone, options, scheme, printing],
  );

  useEffect(() => {
    const host = ref.current;
    if (!built || !host) return;
    const made = new uPlot(built, latest.current.data, host);
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [built]);

  useEffect(() => {
    const current = plot.current;
    if (current && current.data !== data) current.setData(data);
  }, [data]);

  const length = data[0]?.length ?? 0;
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    const current = plot.current;
    if (step === undefined || !current || length === 0) return;
    event.preventDefault();
    const from = cursor ?? (step > 0 ? -1 : length);
    const index = Math.max(0, Math.min(length - 1, from + step));
    current.setCursor({ left: current.valToPos(data[0]?.[index] ?? 0, "x"), top: 10 });
    setCursor(index);
  };

  return (
    <div>
      <div className={css.readout} aria-live="polite">
        {cursor !== null && cursor < length ? reading(cursor) : ""}
      </div>
      <div
        ref={ref}
        className={css.chart}
        role="img"
        aria-label={label}
        tabIndex={0}
        onKeyDown={onKeyDown}
        style={{ height }}
      />
    </div>
  );
}

function useWidth(ref: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

function base(
  drawing: Drawing,
  height: number,
  options: Props["options"],
  setCursor: (index: number | null) => void,
  latest: { current: { onBrush?: Props["onBrush"] } },
): uPlot.Options {
  const own = options(drawing);
  const { tokens, zone } = drawing;
  const axis = {
    stroke: tokens.muted,
    font: FONT,
    grid: { stroke: tokens.line, width: 1 },
    ticks: { show: false },
  };
  return {
    ...own,
    width: drawing.width,
    height,
    tzDate: (secs) => uPlot.tzDate(new Date(secs * 1000), zone),
    legend: { show: false },
    padding: own.padding ?? [8, 24, 0, 0],
    cursor: { drag: { x: latest.current.onBrush !== undefined, y: false, setScale: false }, ...own.cursor },
    axes: [
      { ...axis, space: 88, gap: 6, size: labelHeight, values: timeLabels(zone), ...own.axes?.[0] },
      { ...axis, gap: 6, size: 56, ...own.axes?.[1] },
    ],
    hooks: {
      ...own.hooks,
      setCursor: [(plot) => setCursor(plot.cursor.idx ?? null), ...(own.hooks?.setCursor ?? [])],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onBrush?.(from, to);
        },
      ],
    },
  };
}

/** One line for dates, two where the date stands under the clock. */
const labelHeight = (_plot: uPlot, labels: string[] | null): number =>
  labels?.some((label) => label.includes("\n")) ? 40 : 24;

const DAY = 86_400;

/** 24 h labels in the zone: the date under the clock where a day begins, dates alone for wide ranges. */
function timeLabels(zone: string): uPlot.Axis.DynamicValues {
  const clock = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    timeZone: zone,
    hourCycle: "h23",
  });
  const seconds = formatter("clock", zone);
  const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: zone });
  const day = (secs: number) => date.format(secs * 1000).replace("Sept", "Sep");
  return (_plot, splits, _axis, _space, increment) =>
    splits.map((secs, index) => {
      if (increment >= DAY) return day(secs);
      const text = (increment < 60 ? seconds : clock).format(secs * 1000);
      const previous = splits[index - 1];
      const newDay = previous === undefined || day(previous) !== day(secs);
      return newDay ? `${text}\n${day(secs)}` : text;
    });
}

interface LegendItem {
  label: string;
  color: string;
  mark?: "line" | "dashed" | "dotted" | "area";
}

export function Legend({ items }: { items: LegendItem[] }) {
  return (
    <ul className={css.legend} aria-label="Legend">
      {items.map(({ label, color, mark = "line" }) => (
        <li key={label}>
          <span
            aria-hidden
            className={`${css.swatch} ${mark === "line" ? "" : css[mark]}`}
            style={mark === "area" ? { background: color } : { color }}
          />
          {label}
        </li>
      ))}
    </ul>
  );
}
