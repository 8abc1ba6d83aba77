import { expect, test } from "vitest";
import { fieldTerm, isFieldName, terms, toggled } from "./logQuery.ts";

test("terms stand apart by spaces outside of quotes", () => {
  expect(terms('  refused  "a b" -x="c \\" d" ~"e f')).toEqual(["refused", '"a b"', '-x="c \\" d"', '~"e f']);
  expect(terms("")).toEqual([]);
});

test("values are quoted where they have to be", () => {
  expect(fieldTerm("region", "eu-0")).toBe("region=eu-0");
  expect(fieldTerm("path", "a, b")).toBe('path="a, b"');
  expect(fieldTerm("said", 'it\'s "a\\b"', true)).toBe('-said="it\'s \\"a\\\\b\\""');
  expect(fieldTerm("empty", "")).toBe('empty=""');
});

test("a term is added once, taken away again, and replaces its opposite", () => {
  expect(toggled("refused", "region=eu")).toBe("refused region=eu");
  expect(toggled("refused region=eu", "region=eu")).toBe("refused");
  expect(toggled("refused region=eu", "-region=eu")).toBe("refused -region=eu");
});

test("names with other marks are not for the language", () => {
  expect(["k8s.pod/name", "@timestamp", "_id"].every(isFieldName)).toBe(true);
  expect(["7up", "a b", "a=b", ""].some(isFieldName)).toBe(false);
});
