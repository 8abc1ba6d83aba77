import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import type { LogLine } from "../../api/types.ts";
import { count, time } from "../../lib/format.ts";
import { LogDetail } from "./LogDetail.tsx";
import css from "./LogsPage.module.css";

const ROW_PX = 24;
/** From how far away the next page is asked for. */
const MORE_ROWS = 60;

interface Props {
  lines: LogLine[];
  zone: string;
  /** New lines come on top; who has scrolled down is not pushed around. */
  isFollowing: boolean;
  filter: (term: string) => void;
  more: (() => void) | null;
}

/** Lines, virtualised, the newest on top; each opens on a click. */
export function LogList({ lines, zone, isFollowing, filter, more }: Props) {
  const scroll = useRef<HTMLElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [held, setHeld] = useState<LogLine[] | null>(null);
  const shown = held ?? lines;
  const fresh = held ? Math.max(0, lines.length - held.length) : 0;
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => keyOf(shown, index),
    overscan: 20,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= lines.length - MORE_ROWS) more();
  }, [more, last, lines.length]);
  useEffect(() => {
    if (!isFollowing) setHeld(null);
  }, [isFollowing]);

  const onScroll = () => {
    if (!isFollowing) return;
    const isAtTop = (scroll.current?.scrollTop ?? 0) < ROW_PX;
    setHeld((before) => (isAtTop ? null : (before ?? lines)));
  };
  const toggle = (key: string) =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  return (
    <div className={css.frame}>
      {fresh > 0 && (
        <button type="button" className={css.fresh} onClick={() => scroll.current?.scrollTo({ top: 0 })}>
          {count(fresh)} new {fresh === 1 ? "line" : "lines"}
        </button>
      )}
      <section ref={scroll} className={css.lines} aria-label="Log lines" tabIndex={0} onScroll={onScroll}>
        <ol style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const line = shown[item.index];
            if (!line) return null;
            const key = String(item.key);
            const isOpen = open.has(key);
            return (
              <li
                key={key}
                ref={virtual.measureElement}
                data-index={item.index}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <button
                  type="button"
                  className={css.line}
                  data-level={line.level ?? "none"}
                  aria-expanded={isOpen}
                  onClick={() => toggle(key)}
                >
                  <LineText line={line} zone={zone} />
                </button>
                {isOpen && <LogDetail line={line} zone={zone} filter={filter} />}
              </li>
            );
          })}
        </ol>
      </section>
    </div>
  );
}

/** Equal lines have one identity in a tail: their place tells them apart. */
function keyOf(lines: LogLine[], index: number): string {
  const id = lines[index]?.id ?? "";
  return index > 0 && lines[index - 1]?.id === id ? `${id} ${index}` : id;
}

const millis = (at: string): string => (/\.(\d{3})/.exec(at)?.[1] ?? "000").padEnd(3, "0");

/** Numbers (syslog's, pino's) say nothing to who reads them. */
function severityOf({ severity, level }: LogLine): string {
  return level !== null && /^\d+$/.test(severity ?? "") ? level.toUpperCase() : (severity ?? "—");
}

export function LineText({ line, zone }: { line: LogLine; zone: string }) {
  return (
    <>
      <time dateTime={line.ts} className={css.at}>
        {time(line.ts, zone, "second")}
        <span className={css.millis}>.{millis(line.ts)}</span>
      </time>
      <span className={css.level}>{severityOf(line)}</span>
      <span className={css.service}>{line.service ?? "—"}</span>
      <span className={css.body}>{line.body}</span>
    </>
  );
}
