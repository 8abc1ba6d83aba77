// Paper is white: while the page is printed it has the light theme, whatever the screen has.
import { useEffect, useState } from "react";
import { flushSync } from "react-dom";

const SCHEME = "data-mantine-color-scheme";

/** Once, before anything that draws asks whether the page is being printed. */
export function printInLight(): void {
  const root = document.documentElement;
  let onScreen: string | null = null;
  window.addEventListener("beforeprint", () => {
    onScreen = root.getAttribute(SCHEME);
    root.setAttribute(SCHEME, "light");
  });
  window.addEventListener("afterprint", () => {
    if (onScreen !== null) root.setAttribute(SCHEME, onScreen);
  });
}

/** Whether the page is being printed; what is drawn with colours is drawn again. */
export function usePrinting(): boolean {
  const [printing, setPrinting] = useState(false);
  useEffect(() => {
    // The browser takes its picture when the listeners return.
    const begin = () => flushSync(() => setPrinting(true));
    const end = () => setPrinting(false);
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    return () => {
      window.removeEventListener("beforeprint", begin);
      window.removeEventListener("afterprint", end);
    };
  }, []);
  return printing;
}
