import type { ReactNode } from "react";
import css from "./FilterBar.module.css";

export function FilterBar({ children }: { children: ReactNode }) {
  return (
    <search className={css.bar} aria-label="Filter">
      {children}
    </search>
  );
}
