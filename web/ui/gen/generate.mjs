// Writes src/api/schema.d.ts from openapi.json; with --check only says whether that file is what would be
// written. A package of its own, because openapi-typescript needs TypeScript 5 and the dashboard is
// checked by TypeScript 7. Operations lose their ids: the dashboard names paths and shapes, and a second
// list of every operation would be there for nobody.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../openapi.json", import.meta.url);
const target = new URL("../src/api/schema.d.ts", import.meta.url);

const api = JSON.parse(await readFile(source, "utf8"), function (key, value) {
  return key === "operationId" && "responses" in this ? undefined : value;
});
const ast = await openapiTS(api, { emptyObjectsUnknown: true });
const types = `// Generated from openapi.json by \`npm run generate\`: do not edit.\n\n${astToString(ast)}`;

if (!process.argv.includes("--check")) {
  await writeFile(target, types);
} else if ((await readFile(target, "utf8").catch(() => "")) !== types) {
  console.error("src/api/schema.d.ts is not what openapi.json generates: run `npm run generate`");
  process.exit(1);
}
