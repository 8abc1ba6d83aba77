import { ApiError } from "../api/client.ts";

/** What the server says about one field of a form: it is the only validator. */
export const fieldFault = (error: Error | null, field: string): string | undefined =>
  error instanceof ApiError ? error.field(`/${field}`) : undefined;
