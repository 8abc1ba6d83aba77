import type { RunStep } from "../../api/types.ts";
import { Code } from "../../components/Code.tsx";
import css from "./RunSteps.module.css";

/** Exactly what a step runs; what people do by hand is a sentence, not code. */
export function Preview({ of }: { of: Pick<RunStep, "kind" | "preview"> }) {
  if (!of.preview) return null;
  if (of.kind === "manual") return <p className={css.manual}>{of.preview}</p>;
  return (
    <Code className={css.preview} label="What runs">
      {of.preview}
    </Code>
  );
}
