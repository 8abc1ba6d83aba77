import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { ApiError } from "../../api/client.ts";
import { usePatchSearch, useRange, useRefresh, useZone } from "../../components/hooks.ts";
import { IconPlayerPlay, IconPlayerStop } from "../../components/icons.ts";
import { Empty, ErrorPanel, Skeleton } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, PanelFoot } from "../../components/Panel.tsx";
import { count, zoned } from "../../lib/format.ts";
import { fieldTerm, toggled } from "../../lib/logQuery.ts";
import { iso } from "../../lib/time.ts";
import { facets, histogram, type LogsAsked, lines, tailPath } from "./ask.ts";
import { LogFacets } from "./LogFacets.tsx";
import { LogHistogram } from "./LogHistogram.tsx";
import { LogList } from "./LogList.tsx";
import css from "./LogsPage.module.css";
import { LogTools } from "./LogTools.tsx";
import { useTail } from "./useTail.ts";

/** Log lines: search, counts over time, facets, live. The search, its range and the tail are the URL. */
export function LogsPage() {
  const { q = "", severity, live } = useSearch({ from: "/logs" });
  const patch = usePatchSearch();
  const range = useRange("now-1h");
  const zone = useZone();
  const refetchInterval = useRefresh(false);
  const isWide = useMediaQuery("(min-width: 1000px)") ?? true;
  const asked = useMemo<LogsAsked>(
    () => ({ q, severity, from: range.from, to: range.to, resolve: range.resolve }),
    [q, severity, range.from, range.to, range.resolve],
  );
  const pages = useInfiniteQuery({ ...lines(asked), refetchInterval });
  const bars = useQuery({ ...histogram(asked), refetchInterval });
  const common = useQuery({ ...facets(asked), refetchInterval });
  const tail = useTail(live ? tailPath(asked) : null);

  const found = useMemo(() => pages.data?.pages.flatMap((page) => page.lines) ?? [], [pages.data]);
  const shown = useMemo(() => {
    if (tail.lines.length === 0) return found;
    const seen = new Set(tail.lines.map((line) => line.id));
    return [...tail.lines, ...found.filter((line) => !seen.has(line.id))];
  }, [tail.lines, found]);
  const change = (term: string) => patch({ q: toggled(q, term) || undefined }, false);
  const wrong = pages.error instanceof ApiError ? pages.error.field("?q") : undefined;
  return (
    <Page
      title="Logs"
      actions={
        <Button
          aria-pressed={live !== undefined}
          leftSection={live ? <IconPlayerStop size={16} /> : <IconPlayerPlay size={16} />}
          onClick={() => patch({ live: live ? undefined : "on" })}
        >
          {live ? "Stop live tail" : "Live tail"}
        </Button>
      }
    >
      <QueryBar q={q} severity={severity} wrong={wrong} patch={patch} />
      <LogTools asked={asked} total={bars.data?.histogram.total} />
      {live && <TailState state={tail.state} missed={tail.missed} />}
      <Panel flush>
        <div className={css.bars}>
          {bars.data && (
            <LogHistogram
              bars={bars.data}
              zone={zone}
              onBrush={(from, to) => range.set(iso(from * 1000), iso(to * 1000))}
            />
          )}
        </div>
      </Panel>
      <div className={css.columns}>
        <details className={css.facets} open={isWide} key={String(isWide)}>
          <summary>Filter by value</summary>
          {common.data && (
            <LogFacets
              facets={common.data}
              q={q}
              choose={(name, value, negated) => change(fieldTerm(name, value, negated))}
            />
          )}
        </details>
        <Panel flush>
          {wrong === undefined && pages.error ? (
            <ErrorPanel error={pages.error} retry={() => void pages.refetch()} />
          ) : pages.isPending && wrong === undefined ? (
            <Skeleton rows={16} />
          ) : shown.length === 0 ? (
            <Empty
              title={wrong ? "The search cannot be read" : "No line matches"}
              action={q !== "" && <Button onClick={() => patch({ q: undefined })}>Clear the search</Button>}
            >
              {wrong ??
                `Between ${zoned(iso(range.resolve(Date.now()).from), zone)} and ${zoned(iso(range.resolve(Date.now()).to), zone)}.`}
            </Empty>
          ) : (
            <LogList
              lines={shown}
              zone={zone}
              isFollowing={live !== undefined}
              filter={change}
              more={pages.hasNextPage && !pages.isFetchingNextPage ? () => void pages.fetchNextPage() : null}
            />
          )}
          <PanelFoot>
            <span>
              {count(shown.length)} {shown.length === 1 ? "line" : "lines"} loaded
            </span>
            {bars.data && <span>{count(bars.data.histogram.total)} match</span>}
            {pages.isFetchingNextPage && <span role="status">Loading older lines</span>}
            <span>Click a line for its fields, trace and context</span>
          </PanelFoot>
        </Panel>
      </div>
    </Page>
  );
}

interface BarProps {
  q: string;
  severity: string | undefined;
  wrong: string | undefined;
  patch: (patch: Record<string, string | undefined>, replace?: boolean) => void;
}

function QueryBar({ q, severity, wrong, patch }: BarProps) {
  const [draft, setDraft] = useState(q);
  useEffect(() => setDraft(q), [q]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    patch({ q: draft.trim() || undefined }, false);
  };
  return (
    <form className={css.query} onSubmit={submit}>
      <TextInput
        data-filter
        className={css.text}
        classNames={{ input: "mono" }}
        aria-label="Search"
        placeholder={'refused -"connection reset" service=checkout region=eu-0,eu-1'}
        value={draft}
        error={wrong}
        onChange={(event) => setDraft(event.currentTarget.value)}
      />
      <NativeSelect
        aria-label="Severity"
        value={severity ?? ""}
        onChange={(event) => patch({ severity: event.currentTarget.value || undefined })}
        data={[
          { value: "", label: "Any severity" },
          { value: "info", label: "Info and worse" },
          { value: "warn", label: "Warn and worse" },
          { value: "error", label: "Error and worse" },
        ]}
      />
      <Button type="submit" variant="filled">
        Search
      </Button>
    </form>
  );
}

const TAIL_WORDS = {
  off: "",
  connecting: "Connecting",
  live: "Live: lines appear as they are stored",
  lost: "Connection lost, trying again",
};

function TailState({ state, missed }: { state: keyof typeof TAIL_WORDS; missed: number }) {
  return (
    <p className={css.tail} data-state={state} role="status">
      <span className={css.dot} aria-hidden />
      {TAIL_WORDS[state]}
      {missed > 0 && ` · ${count(missed)} lines went by unread: narrow the search`}
    </p>
  );
}
