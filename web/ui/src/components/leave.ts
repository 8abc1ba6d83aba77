import { toLogin } from "../api/client.ts";
import { signOut } from "../api/queries.ts";
import { refused } from "./toast.ts";

/** Ends the session and goes to the login page. */
export async function leave(): Promise<void> {
  await signOut().then(toLogin, refused);
}
