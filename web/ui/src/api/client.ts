// The one place that talks HTTP. Every path is relative to the document's <base>, so that the dashboard
// works under a path prefix; a 401 sends the browser to the server-rendered login page.
import type { Problem } from "./types.ts";

/** An answer that is not 2xx, or no answer at all (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.problem = problem;
  }

  /** The message for one field of a form, by JSON pointer. */
  field(pointer: string): string | undefined {
    return this.problem.errors?.find((error) => error.pointer === pointer)?.message;
  }
}

export const basePath = (): string => new URL(document.baseURI).pathname;

export function url(path: string): string {
  return new URL(path.replace(/^\//, ""), document.baseURI).href;
}

export function toLogin(): void {
  const here = location.pathname + location.search;
  location.assign(url(`login?next=${encodeURIComponent(here)}`));
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = {
    title: response.statusText || "The server refused",
    detail: "",
    status: response.status,
  };
  const body = await response.json().catch(() => null);
  if (body && typeof body === "object") {
    if ("title" in body) return { ...fallback, ...(body as Problem) };
    if ("error" in body) return { ...fallback, title: String((body as { error: unknown }).error) };
  }
  return fallback;
}

export async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url(path), {
      credentials: "same-origin",
      ...init,
      headers: { accept: "application/json", ...init.headers },
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError({
      title: "The server did not answer",
      detail: "The server did not answer. It may be restarting, or the network is down.",
      status: 0,
    });
  }
  if (response.status === 401) {
    toLogin();
    throw new ApiError({ title: "Signed out", detail: "", status: 401 });
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => request<T>(path, { signal });

/** `?a=1&b=2` from the entries that have a value. */
export function query(params: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(params).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}
