import type { Plugin } from "vite";

/** In `vite dev` nobody templates index.html, so the placeholders get values that work at "/". */
export function placeholders(): Plugin {
  return {
    name: "evenkeel-placeholders",
    apply: "serve",
    transformIndexHtml: {
      order: "post",
      handler: (html) => html.replaceAll("__BASE_HREF__", "/").replaceAll("__CSP_NONCE__", "dev"),
    },
  };
}
