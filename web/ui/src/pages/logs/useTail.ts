// The live tail: lines as they are stored, gathered a few times a second, the newest first and bounded.
import { useEffect, useRef, useState } from "react";
import { url } from "../../api/client.ts";
import type { LogLine, TailLagged, TailLines } from "../../api/types.ts";

/** More than anybody reads; the search has them all. */
const LINES_MAX = 2000;
const GATHER_MS = 250;

export interface Tail {
  state: "off" | "connecting" | "live" | "lost";
  /** The newest first. */
  lines: LogLine[];
  /** Lines that went by unread, because there were too many. */
  missed: number;
}

const OFF: Tail = { state: "off", lines: [], missed: 0 };

/** What a line's name begins with. */
const micros = (line: LogLine): number => Number.parseInt(line.id, 10);

/** Follows `path`; null follows nothing. The browser connects again by itself. */
export function useTail(path: string | null): Tail {
  const [tail, setTail] = useState<Tail>(OFF);
  const waiting = useRef<LogLine[]>([]);
  useEffect(() => {
    setTail(path === null ? OFF : { ...OFF, state: "connecting" });
    if (path === null) return;
    waiting.current = [];
    const source = new EventSource(url(path));
    const say = (state: Tail["state"]) => setTail((last) => ({ ...last, state }));
    source.onopen = () => say("live");
    source.onerror = () => say("lost");
    source.addEventListener("lines", (event: MessageEvent<string>) => {
      const { lines } = JSON.parse(event.data) as TailLines;
      waiting.current.push(...lines);
      if (waiting.current.length > LINES_MAX) waiting.current.splice(0, waiting.current.length - LINES_MAX);
    });
    source.addEventListener("lagged", (event: MessageEvent<string>) => {
      const { lines } = JSON.parse(event.data) as TailLagged;
      setTail((last) => ({ ...last, missed: last.missed + lines }));
    });
    const timer = setInterval(() => {
      const newest = waiting.current.splice(0).sort((a, b) => micros(b) - micros(a));
      if (newest.length === 0) return;
      setTail((last) => ({ ...last, lines: [...newest, ...last.lines].slice(0, LINES_MAX) }));
    }, GATHER_MS);
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [path]);
  return tail;
}
