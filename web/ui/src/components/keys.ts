// The keyboard: Ctrl-K, `?`, `g` then a letter, `t` then a letter, `/`, j and k. Single keys can be switched off.
import { useLocalStorage } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { iso, shiftRange, zoomOut } from "../lib/time.ts";
import { useRange } from "./hooks.ts";
import { navItems } from "./nav.ts";

export interface KeyActions {
  palette: () => void;
  help: () => void;
  refresh: () => void;
}

export const useSingleKeys = () =>
  useLocalStorage({ key: "evenkeel-single-keys", defaultValue: true, getInitialValueInEffect: false });

const CHORD_MS = 1500;

/** Typing is never a shortcut. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
      target.role === "textbox")
  );
}

const overlayOpen = (): boolean => document.querySelector('[role="dialog"], [role="menu"]') !== null;

export function useKeys(actions: KeyActions, demo: boolean): void {
  const [single] = useSingleKeys();
  const navigate = useNavigate();
  const range = useRange("now-6h");
  const latest = useRef({ actions, range, demo });
  latest.current = { actions, range, demo };

  useEffect(() => {
    let chord: "g" | "t" | null = null;
    let chordAt = 0;
    const onKey = (event: KeyboardEvent) => {
      const { actions: act, range: current, demo: withDemo } = latest.current;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        act.palette();
        return;
      }
      if (
        !single ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target) ||
        overlayOpen()
      )
        return;
      const open = chord !== null && event.timeStamp - chordAt < CHORD_MS ? chord : null;
      chord = null;
      if (open === "g") {
        const item = navItems(withDemo).find(({ key }) => key === event.key);
        if (item) void navigate({ to: item.to });
        return;
      }
      if (open === "t") {
        const resolved = current.resolve(Date.now());
        const next = {
          a: resolved,
          z: zoomOut(resolved),
          ArrowLeft: shiftRange(resolved, -1),
          ArrowRight: shiftRange(resolved, 1),
        }[event.key];
        if (next) {
          event.preventDefault();
          current.set(iso(next.from), iso(next.to));
        }
        return;
      }
      switch (event.key) {
        case "g":
        case "t":
          chord = event.key;
          chordAt = event.timeStamp;
          break;
        case "?":
          act.help();
          break;
        case "r":
          act.refresh();
          break;
        case "/":
          focusFilter(event);
          break;
        case "j":
        case "k":
          moveRow(event.key === "j" ? 1 : -1);
          break;
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [single, navigate]);
}

function focusFilter(event: KeyboardEvent): void {
  const filter = document.querySelector<HTMLElement>("main [data-filter]");
  if (!filter) return;
  event.preventDefault();
  filter.focus();
}

/** j and k walk the rows' own links, so Enter opens them as any link. */
function moveRow(direction: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")];
  const current = rows.indexOf(document.activeElement as HTMLElement);
  const next = current < 0 ? (direction > 0 ? 0 : rows.length - 1) : current + direction;
  rows[next]?.focus();
}

/** A page's own single keys (`a` acknowledges, `n` writes a note). */
export function usePageKeys(keys: Record<string, (() => void) | undefined>): void {
  const [single] = useSingleKeys();
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    if (!single) return;
    let previous = "";
    const onKey = (event: KeyboardEvent) => {
      const chorded = previous === "g" || previous === "t";
      previous = event.key;
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        chorded ||
        isTyping(event.target) ||
        overlayOpen()
      )
        return;
      const action = latest.current[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [single]);
}
