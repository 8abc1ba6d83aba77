import { expect, test } from "vitest";
import { csv } from "./csv.ts";

test("a table becomes lines, and unknown an empty cell", () => {
  expect(
    csv(
      ["name", "bad"],
      [
        ["a", 1.5],
        ["b", null],
      ],
    ),
  ).toBe("name,bad\r\na,1.5\r\nb,\r\n");
});

test("what would break a cell is quoted", () => {
  expect(csv(["title"], [['say "hi", now'], ["two\nlines"]])).toBe(
    'title\r\n"say ""hi"", now"\r\n"two\nlines"\r\n',
  );
});

test("a title is never run as a formula, a negative number stays one", () => {
  expect(csv(["x"], [["=HYPERLINK(1)"], ["-1+1"], [-1]])).toBe("x\r\n'=HYPERLINK(1)\r\n'-1+1\r\n-1\r\n");
});
