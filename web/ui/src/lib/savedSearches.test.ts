import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetSearch, SAVED_MAX, savedSearches, saveSearch } from "./savedSearches.ts";

const kept = new Map<string, string>();

beforeEach(() => {
  kept.clear();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
});

describe("saved searches", () => {
  it("are kept by name, one of each", () => {
    expect(saveSearch({ name: "refused", search: { q: "refused" } })).toBe(true);
    saveSearch({ name: "errors", search: { severity: "error" } });
    saveSearch({ name: "refused", search: { q: "refused -test" } });
    expect(savedSearches()).toEqual([
      { name: "errors", search: { severity: "error" } },
      { name: "refused", search: { q: "refused -test" } },
    ]);
    forgetSearch("errors");
    expect(savedSearches().map((one) => one.name)).toEqual(["refused"]);
  });

  it("have a bound", () => {
    for (let n = 0; n < SAVED_MAX; n++) saveSearch({ name: String(n), search: {} });
    expect(saveSearch({ name: "one more", search: {} })).toBe(false);
    expect(saveSearch({ name: "7", search: { q: "a" } })).toBe(true);
    expect(savedSearches()).toHaveLength(SAVED_MAX);
  });

  it("are none where storage is forbidden or holds something else", () => {
    kept.set("evenkeel-saved-log-searches", '[{"name": 7}, {"name": "a", "search": {"q": 1}}, null]');
    expect(savedSearches()).toEqual([]);
    kept.set("evenkeel-saved-log-searches", "{");
    expect(savedSearches()).toEqual([]);
    vi.stubGlobal("localStorage", undefined);
    expect(savedSearches()).toEqual([]);
    expect(saveSearch({ name: "a", search: {} })).toBe(false);
  });
});
