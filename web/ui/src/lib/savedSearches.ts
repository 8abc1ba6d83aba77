// Searches that a person gave a name, kept by this browser. Others get one as a link: the search is its URL.

export interface SavedSearch {
  name: string;
  /** Of the page, as it stands behind the `?`. */
  search: Record<string, string>;
}

const KEY = "evenkeel-saved-log-searches";
export const SAVED_MAX = 50;

const isSaved = (value: unknown): value is SavedSearch => {
  const { name, search } = (value ?? {}) as Partial<SavedSearch>;
  return (
    typeof name === "string" &&
    typeof search === "object" &&
    search !== null &&
    Object.values(search).every((text) => typeof text === "string")
  );
};

/** By name. Storage may be forbidden, or hold what another version wrote: that is no search. */
export function savedSearches(): SavedSearch[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter(isSaved) : [];
  } catch {
    return [];
  }
}

/** Keeps a search, in place of one of the same name; says whether the browser kept it. */
export function saveSearch({ name, search }: SavedSearch): boolean {
  const others = savedSearches().filter((one) => one.name !== name);
  if (others.length >= SAVED_MAX) return false;
  return write([...others, { name, search }].sort((a, b) => a.name.localeCompare(b.name)));
}

export function forgetSearch(name: string): void {
  write(savedSearches().filter((one) => one.name !== name));
}

function write(list: SavedSearch[]): boolean {
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
    return true;
  } catch {
    return false;
  }
}
