// Mantine dressed in our tokens. Its default palette fails AA contrast in both schemes, so every variant
// takes its colours from the tokens instead.
import {
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from "@mantine/core";

const accent: MantineColorsTuple = [
  "#e9f0fb",
  "#d0e0f6",
  "#a9c6f0",
  "#8db5ee",
  "#5c93dd",
  "#3c7bd0",
  "#1f5fbf",
  "#194f9f",
  "#133d7b",
  "#0d2b58",
];

const variantColors: VariantColorsResolver = ({ color, variant }) => {
  const crit = color === "crit" || color === "red";
  const text = crit ? "var(--crit)" : "var(--accent)";
  const soft = crit ? "var(--crit-soft)" : "var(--accent-soft)";
  switch (variant) {
    case "filled":
      return {
        background: crit ? "var(--crit-fill)" : "var(--accent)",
        hover: crit ? "var(--crit-hover)" : "var(--accent-hover)",
        color: crit ? "var(--on-crit)" : "var(--on-accent)",
        border: "1px solid transparent",
      };
    case "light":
      return { background: soft, hover: soft, color: text, border: "1px solid transparent" };
    case "outline":
      return { background: "transparent", hover: soft, color: text, border: `1px solid ${text}` };
    case "default":
      return {
        background: "var(--surface)",
        hover: "var(--surface-2)",
        color: crit ? "var(--crit)" : "var(--text)",
        border: "1px solid var(--button-line)",
      };
    default:
      return {
        background: "transparent",
        hover: "var(--surface-2)",
        color: crit ? "var(--crit)" : "var(--text)",
        border: "1px solid transparent",
      };
  }
};

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: { light: 6, dark: 3 },
  colors: { accent },
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  headings: { fontFamily: "var(--font)", fontWeight: "600" },
  fontSizes: { xs: "12px", sm: "14px", md: "14px", lg: "20px", xl: "24px" },
  lineHeights: { xs: "16px", sm: "20px", md: "20px", lg: "28px", xl: "32px" },
  radius: { xs: "4px", sm: "4px", md: "6px", lg: "6px", xl: "6px" },
  defaultRadius: "sm",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  variantColorResolver: variantColors,
  // Plain objects: `Modal.extend` would pull every component named here into the first chunk.
  components: {
    Button: { defaultProps: { variant: "default", size: "sm" } },
    ActionIcon: { defaultProps: { variant: "default", size: 36 } },
    // Mantine's placeholder for the focus is no menu item: the first item has the focus instead.
    Menu: {
      defaultProps: {
        shadow: "md",
        transitionProps: { duration: 80 },
        withInitialFocusPlaceholder: false,
      },
    },
    Popover: { defaultProps: { shadow: "md", transitionProps: { duration: 80 } } },
    Modal: {
      defaultProps: { transitionProps: { duration: 100 }, closeButtonProps: { "aria-label": "Close" } },
    },
    Drawer: {
      defaultProps: { transitionProps: { duration: 120 }, closeButtonProps: { "aria-label": "Close" } },
    },
    SegmentedControl: { defaultProps: { size: "xs", transitionDuration: 80 } },
  },
});

const shared = {
  "--mantine-color-body": "var(--surface)",
  "--mantine-color-text": "var(--text)",
  "--mantine-color-bright": "var(--text)",
  "--mantine-color-dimmed": "var(--muted)",
  "--mantine-color-anchor": "var(--accent)",
  "--mantine-color-error": "var(--crit)",
  "--mantine-color-placeholder": "var(--muted)",
  "--mantine-color-default": "var(--surface)",
  "--mantine-color-default-hover": "var(--surface-2)",
  "--mantine-color-default-color": "var(--text)",
  "--mantine-color-default-border": "var(--line)",
  "--mantine-color-disabled": "var(--surface-2)",
  "--mantine-color-disabled-color": "var(--muted)",
  "--mantine-color-disabled-border": "var(--line)",
  "--mantine-primary-color-filled": "var(--accent)",
  "--mantine-color-accent-filled": "var(--accent)",
  "--mantine-shadow-md": "var(--shadow)",
};

export const cssVariables: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared });

/** The nonce the server put on the page: everything that adds a <style> at run time must carry it. */
export function nonce(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
  return meta?.nonce || meta?.getAttribute("nonce") || "";
}
