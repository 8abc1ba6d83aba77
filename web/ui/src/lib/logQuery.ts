// The language of log searches, as far as buttons write it: terms stand apart by spaces, values with spaces
// or other marks in quotes. The server reads the text; nothing here decides what it means.

/** The terms of a search, each as it was written. */
export function terms(text: string): string[] {
  return text.match(/(?:[^\s"]|"(?:\\.|[^"\\])*"?)+/g) ?? [];
}

const PLAIN = /^[\p{L}\p{N}_./:@-]+$/u;

/** A value as it stands behind `name=`. */
export const quoted = (value: string): string =>
  PLAIN.test(value) ? value : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

export const fieldTerm = (name: string, value: string, negated = false): string =>
  `${negated ? "-" : ""}${name}=${quoted(value)}`;

/** The search with the term, or without it when it is there; its opposite goes in any case. */
export function toggled(text: string, term: string): string {
  const opposite = term.startsWith("-") ? term.slice(1) : `-${term}`;
  const present = terms(text);
  const kept = present.filter((one) => one !== term && one !== opposite);
  return (present.includes(term) ? kept : [...kept, term]).join(" ");
}

/** Whether a name can stand before `=`: others have to be asked for in SQL. */
export const isFieldName = (name: string): boolean => /^[\p{L}_@][\p{L}\p{N}_./@-]*$/u.test(name);
