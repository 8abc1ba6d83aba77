import type { ReactNode, Ref } from "react";

interface Props {
  label: string;
  className: string | undefined;
  children: ReactNode;
  ref?: Ref<HTMLPreElement>;
}

/** Preformatted text that scrolls, so the keyboard can reach it and a screen reader can name it. */
export function Code({ label, className, children, ref }: Props) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields
    <pre ref={ref} role="group" className={className} aria-label={label} tabIndex={0}>
      {children}
    </pre>
  );
}
