import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching } from "@codemirror/language";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { useEffect, useRef } from "react";
import { baseExtensions } from "./base.ts";
import { promClient } from "./promClient.ts";
import { SQL_TABLES } from "./sqlTables.ts";

export type QueryLanguage = "promql" | "sql";

interface Props {
  language: QueryLanguage;
  value: string;
  onChange: (text: string) => void;
  onRun: () => void;
}

const PLACEHOLDERS: Record<QueryLanguage, string> = {
  promql: "A PromQL expression, such as rate(http_requests_total[5m])",
  sql: "A SQL query, such as SELECT * FROM slo_status",
};

function languageOf(language: QueryLanguage): Extension {
  const own =
    language === "sql"
      ? sql({ dialect: PostgreSQL, schema: SQL_TABLES, upperCaseKeywords: true })
      : new PromQLExtension().activateLinter(false).setComplete({ remote: promClient }).asExtension();
  return [own, placeholder(PLACEHOLDERS[language])];
}

/** One to ten lines; Ctrl+Enter runs. */
export default function QueryEditor({ language, value, onChange, onRun }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const mode = useRef(new Compartment());
  const latest = useRef({ value, language, onChange, onRun });
  latest.current = { value, language, onChange, onRun };

  useEffect(() => {
    if (!host.current) return;
    const run = () => {
      latest.current.onRun();
      return true;
    };
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
          keymap.of(completionKeymap),
          baseExtensions("Query"),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          mode.current.of(languageOf(latest.current.language)),
          EditorView.theme({ ".cm-scroller": { maxHeight: "216px", overflow: "auto" } }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: mode.current.reconfigure(languageOf(language)) });
  }, [language]);

  useEffect(() => {
    const current = view.current;
    if (!current || current.state.doc.toString() === value) return;
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={host} />;
}
