// Checks the sizes of the built bundle (gzip) against the budgets; exits 1 when one is exceeded.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const KB = 1000;
const BUDGETS = { initial: 180 * KB, editor: 160 * KB, chart: 30 * KB, widgets: 60 * KB, route: 40 * KB };
const dist = new URL("../dist/", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));

const gz = (file) => statSync(join(dist, `${file}.gz`)).size;
/** Every file (js and css) that loading `key` needs, following static imports only. */
function closure(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) seen.add(css);
  for (const next of chunk.imports ?? []) closure(next, seen);
  return seen;
}
const total = (files) => [...files].reduce((sum, file) => sum + gz(file), 0);

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const initial = closure(entry);
const rows = [["initial", total(initial), BUDGETS.initial]];
/** Shared by several pages and loaded on demand: budgeted on their own, not once per page. */
const shared = new Set();
for (const [name, pattern, limit] of [
  ["editor", /^src\/components\/editor\//, BUDGETS.editor],
  ["widgets", /^_widgets-.*js$/, BUDGETS.widgets],
  ["chart", /^_chart-.*js$/, BUDGETS.chart],
]) {
  for (const key of Object.keys(manifest).filter((candidate) => pattern.test(candidate))) {
    const own = [...closure(key)].filter(
      (file) => !initial.has(file) && (name === "editor" || !shared.has(file)),
    );
    rows.push([`${name} ${key.split("/").at(-1)}`, total(own), limit]);
    for (const file of own) shared.add(file);
  }
}
for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry || !/src\/pages\//.test(key)) continue;
  const own = [...closure(key)].filter((file) => !initial.has(file) && !shared.has(file));
  rows.push([key.replace("src/pages/", ""), total(own), BUDGETS.route]);
}
let failed = false;
for (const [name, size, limit] of rows) {
  const over = size > limit;
  failed ||= over;
  console.log(
    `${over ? "OVER" : "ok  "} ${(size / KB).toFixed(1).padStart(6)} of ${limit / KB} KB gz  ${name}`,
  );
}
process.exit(failed ? 1 : 0);
