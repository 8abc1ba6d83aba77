export interface CounterTable {
  columns: string[];
  rows: { name: string; cells: unknown[] }[];
}

/** What people look for first; other counters follow as they come. */
const FIRST = [
  "stored_rows",
  "duplicate_rows",
  "rejected_rows",
  "requests",
  "failed_requests",
  "turned_away",
];

/** Counters of several sources as one table: a row per source, a column per counter. */
export function counterTable(sources: Record<string, unknown>): CounterTable {
  const rows = Object.entries(sources).map(([name, value]) => ({
    name,
    counters: (value !== null && typeof value === "object" ? value : { value }) as Record<string, unknown>,
  }));
  const named = new Set(rows.flatMap(({ counters }) => Object.keys(counters)));
  const columns = [...FIRST.filter((name) => named.delete(name)), ...named];
  return {
    columns,
    rows: rows.map(({ name, counters }) => ({ name, cells: columns.map((column) => counters[column]) })),
  };
}
