import { defineLanguageFacet, Language } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { GFM, parser } from "@lezer/markdown";
import { useEffect, useRef } from "react";
import { baseExtensions } from "./base.ts";

// @codemirror/lang-markdown would bring the parsers of HTML, CSS and JavaScript with it.
const markdown = new Language(defineLanguageFacet(), parser.configure(GFM), [], "markdown");

interface Props {
  initial: string;
  onChange: (text: string) => void;
  label: string;
}

/** Uncontrolled: `initial` is read once, every change is reported. */
export default function MarkdownEditor({ initial, onChange, label }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const start = useRef(initial);
  const report = useRef(onChange);
  report.current = onChange;
  useEffect(() => {
    if (!host.current) return;
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: start.current,
        extensions: [
          baseExtensions(label),
          markdown,
          EditorView.contentAttributes.of({ spellcheck: "true" }),
          EditorView.theme({ "&": { height: "100%" }, ".cm-scroller": { overflow: "auto" } }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) report.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, [label]);
  return <div ref={host} />;
}
