// Finding by name: every typed word must occur; a match at the start of a word counts more.

export interface PaletteEntry {
  group: string;
  label: string;
  detail: string;
  to: string;
}

const LIMIT = 30;

/** The entries that match, in their groups' order, the best first within a group. */
export function rank(entries: PaletteEntry[], typed: string): PaletteEntry[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = [...new Set(entries.map((entry) => entry.group))];
  return entries
    .map((entry) => ({ entry, score: score(`${entry.label} ${entry.detail}`.toLowerCase(), words) }))
    .filter(({ score }) => score >= 0)
    .sort((a, b) => groups.indexOf(a.entry.group) - groups.indexOf(b.entry.group) || b.score - a.score)
    .slice(0, LIMIT)
    .map(({ entry }) => entry);
}

function score(text: string, words: string[]): number {
  let sum = 0;
  for (const word of words) {
    const at = text.indexOf(word);
    if (at < 0) return -1;
    sum += at === 0 ? 3 : /\W/.test(text[at - 1] ?? "") ? 2 : 1;
  }
  return sum;
}
