// Calls of Evenkeel's own API, checked against openapi.json: a path that is not served, a forgotten
// parameter or a wrong body does not compile, and the answer has its type.
import { query, request } from "./client.ts";
import type { paths } from "./schema.d.ts";

type Method = "get" | "post" | "put" | "delete";

/** The paths that know a method. */
type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];

type Names<Op> = Op extends { parameters: { path: infer T } } ? { path: T } : unknown;
type Search<Op> = Op extends { parameters: { query?: infer T } }
  ? [NonNullable<T>] extends [never]
    ? unknown
    : { query?: NonNullable<T> }
  : unknown;
type Body<Op> = Op extends { requestBody: { content: { "application/json": infer T } } }
  ? { body: T }
  : unknown;
type Input<Op> = Names<Op> & Search<Op> & Body<Op>;

type Content<T> = T extends { content: { "application/json": infer Json } } ? Json : undefined;
type Success<T> = T extends { 200: infer Ok } ? Ok : T extends { 201: infer Created } ? Created : undefined;
type Answer<Op> = Op extends { responses: infer T } ? Content<Success<T>> : never;

interface Loose {
  path?: Record<string, string | number>;
  query?: Record<string, string | number | null | undefined>;
  body?: unknown;
}

export function call<M extends Method, P extends PathOf<M>>(
  method: M,
  path: P,
  input: Input<paths[P][M]>,
  signal?: AbortSignal,
): Promise<Answer<paths[P][M]>> {
  const { path: names = {}, query: search = {}, body } = input as Loose;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(names[name] ?? "")),
  );
  return request(filled + query(search), {
    method: method.toUpperCase(),
    signal,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
}
