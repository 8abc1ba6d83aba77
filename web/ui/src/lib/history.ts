// The last queries of this browser, newest first. Storage may be forbidden: then there is no history.

const MAX = 20;
const key = (language: string): string => `evenkeel-queries-${language}`;

export function recent(language: string): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(key(language)) ?? "[]");
    return Array.isArray(list) ? list.filter((text) => typeof text === "string") : [];
  } catch {
    return [];
  }
}

export function remember(language: string, text: string): void {
  const list = [text, ...recent(language).filter((other) => other !== text)].slice(0, MAX);
  try {
    localStorage.setItem(key(language), JSON.stringify(list));
  } catch {
    // A full or forbidden storage costs the history only.
  }
}
