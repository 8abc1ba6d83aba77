import "./theme/mantineStyles.ts";
import "./theme/tokens.css";
import "./theme/base.css";
import "./theme/controls.css";
import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client.ts";
import { printInLight } from "./components/print.ts";
import { router } from "./router.tsx";
import { cssVariables, nonce, theme } from "./theme/theme.ts";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // What the server refused it will refuse again; only silence is worth another try.
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503),
    },
  },
});

// The scroll lock of modals adds its <style> through a library that takes the nonce from here.
Object.assign(globalThis, { __webpack_nonce__: nonce() });

const schemes = localStorageColorSchemeManager({ key: "evenkeel-color-scheme" });
const container = document.getElementById("root");
if (!container) throw new Error("index.html has no #root");

printInLight();

createRoot(container).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      getStyleNonce={nonce}
      colorSchemeManager={schemes}
      defaultColorScheme="auto"
    >
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" limit={4} />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
