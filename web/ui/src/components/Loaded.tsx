// The three states before content: loading (a skeleton after 200 ms), error (never mistaken for empty), empty.
import { Button } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../api/client.ts";
import { IconCircleX, IconClockOff } from "./icons.ts";
import css from "./Loaded.module.css";
import { Ago } from "./Time.tsx";

interface Props<T> {
  query: UseQueryResult<T, Error>;
  /** The height the content will have, so that nothing jumps. */
  rows?: number;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ query, rows = 8, children }: Props<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isRefetchError && <Stale since={query.dataUpdatedAt} error={query.error} />}
        {children(query.data)}
      </>
    );
  }
  if (query.error) return <ErrorPanel error={query.error} retry={() => void query.refetch()} />;
  return <Skeleton rows={rows} />;
}

/** What is shown is old, because reading it again failed: said, not hidden. */
function Stale({ since, error }: { since: number; error: Error }) {
  return (
    <p className={css.stale} role="status">
      <IconClockOff size={16} aria-hidden />
      <span>
        <strong>Stale:</strong> last read <Ago at={new Date(since).toISOString()} />. {error.message}
      </span>
    </p>
  );
}

export function Skeleton({ rows }: { rows: number }) {
  return (
    <div className={css.skeleton} role="status">
      <span className="visually-hidden">Loading</span>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars are all alike
        <div key={index} className={css.bar} aria-hidden />
      ))}
    </div>
  );
}

export function ErrorPanel({ error, retry }: { error: Error; retry?: () => void }) {
  const status = error instanceof ApiError && error.status > 0 ? `Status ${error.status}` : null;
  const title = error instanceof ApiError ? error.problem.title : "Something went wrong";
  return (
    <div className={`${css.panel} ${css.message} ${css.error}`} role="alert">
      <h2>
        <IconCircleX size={16} aria-hidden />
        {title}
      </h2>
      {error.message !== title && <p>{error.message}</p>}
      {status && <p className="muted small">{status}</p>}
      {retry && <Button onClick={retry}>Retry</Button>}
    </div>
  );
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={css.message}>
      <h2>{title}</h2>
      {children && <p className="muted">{children}</p>}
      {action}
    </div>
  );
}
