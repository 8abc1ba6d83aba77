import { budgetBar } from "../lib/budgetBar.ts";
import { budget } from "../lib/format.ts";
import css from "./BudgetBar.module.css";

/** What is left of an error budget: filled to the right of zero, hatched to its left when overspent. */
export function BudgetBar({ remaining, warn }: { remaining: number | null; warn?: boolean }) {
  const bar = budgetBar(remaining);
  const tone = bar?.overspent ? css.over : warn ? css.warn : "";
  return (
    <span className={css.cell}>
      <span className={css.track} aria-hidden>
        {bar && (
          <span className={`${css.fill} ${tone}`} style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />
        )}
        <span className={css.tick} />
      </span>
      <span className={`num ${css.value} ${bar?.overspent ? css.negative : ""}`}>{budget(remaining)}</span>
    </span>
  );
}
