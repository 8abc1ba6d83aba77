import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { licences } from "./build/licences.ts";
import { placeholders } from "./build/placeholders.ts";
import { precompress } from "./build/precompress.ts";

const server = process.env.EVENKEEL_URL ?? "http://127.0.0.1:7400";

const WIDGETS =
  /@floating-ui|@mantine\/core\/esm\/components\/(Popover|Menu|Modal|ModalBase|Drawer|FocusTrap|ScrollArea|Input|InputBase|TextInput|Textarea|PasswordInput|NativeSelect|SegmentedControl|FloatingIndicator|Tabs)\//;

export default defineConfig({
  // Relative, so that one build works at "/" and under any path prefix (index.html carries a <base>).
  base: "./",
  plugins: [react(), placeholders(), licences(), precompress()],
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    sourcemap: false,
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            // The widgets that open over the page: one chunk, loaded after the first paint.
            { name: "widgets", test: WIDGETS },
            { name: "chart", test: /node_modules\/uplot\/|components\/chart\/Chart/ },
          ],
        },
      },
    },
  },
  server: {
    port: 7480,
    proxy: Object.fromEntries(
      ["/api", "/prometheus", "/login", "/p/"].map((path) => [path, { target: server, changeOrigin: false }]),
    ),
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
