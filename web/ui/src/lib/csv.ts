// A table as CSV (RFC 4180): what a spreadsheet opens. Unknown is an empty cell, never zero.

export type Cell = string | number | boolean | null | undefined;

export function csv(columns: string[], rows: Cell[][]): string {
  return [columns, ...rows].map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

function cellText(value: Cell): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? harmless(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Titles are other people's text, and a spreadsheet runs what begins like a formula. */
const harmless = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
