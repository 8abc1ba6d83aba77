import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { url } from "../../api/client.ts";
import { publishRetrospective, retrospective, saveRetrospective } from "../../api/queries.ts";
import type { Retrospective } from "../../api/types.ts";
import { Html } from "../../components/Html.tsx";
import { useMay } from "../../components/hooks.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { refused, said } from "../../components/toast.ts";
import css from "./RetroPage.module.css";

const MarkdownEditor = lazy(() => import("../../components/editor/MarkdownEditor.tsx"));

export function RetroPage() {
  const { id } = useParams({ from: "/retros/$id" });
  const query = useQuery({ ...retrospective(id), refetchOnWindowFocus: false });
  const client = useQueryClient();
  const mayAct = useMay("responder");
  const editor = useDraft(query.data);
  const publish = useMutation({
    mutationFn: async () => {
      await editor.flush();
      return publishRetrospective(id);
    },
    onError: refused,
    onSuccess: async () => {
      said("Published");
      await client.invalidateQueries({ queryKey: ["retrospectives"] });
      await client.invalidateQueries({ queryKey: ["incidents"] });
    },
  });
  const data = query.data;
  const editable = mayAct && data?.state === "draft";
  return (
    <Page
      title={data?.title ?? "Retrospective"}
      crumbs={[
        { label: "Retrospectives", to: "/retros" },
        ...(data
          ? [{ label: data.incident_id, to: `/incidents/${encodeURIComponent(data.incident_id)}` }]
          : []),
      ]}
      status={data && <Status of={data.state} />}
      actions={
        data && (
          <>
            {editable && (
              <span className={css.saved} aria-live="polite">
                {editor.saying}
              </span>
            )}
            <Button component="a" href={url(`retros/${encodeURIComponent(id)}/export.md`)} download>
              Export Markdown
            </Button>
            {editable && (
              <Button variant="filled" loading={publish.isPending} onClick={() => publish.mutate()}>
                Publish
              </Button>
            )}
          </>
        )
      }
    >
      <Loaded query={query} rows={16}>
        {(retro) =>
          editable ? (
            <div className={css.columns}>
              <Panel title="Markdown" flush aside="Saved as you type">
                <div className={css.editor}>
                  <Suspense fallback={null}>
                    <MarkdownEditor initial={retro.markdown} onChange={editor.change} label="Markdown" />
                  </Suspense>
                </div>
              </Panel>
              <Panel title="Preview" flush>
                <section className={css.preview} aria-label="Preview" tabIndex={0}>
                  <Html html={editor.html ?? retro.html} />
                </section>
              </Panel>
            </div>
          ) : (
            <Panel flush>
              <article className={css.reading}>
                <Html html={retro.html} />
                <p className="muted small" style={{ marginTop: 24 }}>
                  Last changed <At at={retro.updated_at} />
                  {retro.updated_by && ` by ${retro.updated_by}`}
                </p>
              </article>
            </Panel>
          )
        }
      </Loaded>
    </Page>
  );
}

const SAVE_AFTER_MS = 1200;

interface Draft {
  change: (markdown: string) => void;
  /** Saves now what has not been saved. */
  flush: () => Promise<void>;
  html: string | null;
  saying: string;
}

/** Saves a while after the last key; the server's answer is also the preview (one renderer for both). */
function useDraft(loaded: Retrospective | undefined): Draft {
  const client = useQueryClient();
  const [html, setHtml] = useState<string | null>(null);
  const [saying, setSaying] = useState("");
  const pending = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const id = loaded?.id;

  const flush = useCallback(async () => {
    clearTimeout(timer.current);
    const markdown = pending.current;
    if (markdown === null || !id) return;
    pending.current = null;
    setSaying("Saving");
    try {
      const saved =
        (await saveRetrospective(id, markdown)) ??
        (await client.fetchQuery({ ...retrospective(id), staleTime: 0 }));
      setHtml(saved.html);
      setSaying(pending.current === null ? "All changes saved" : "Unsaved changes");
    } catch (error) {
      // Keep what was typed: the next change, or publishing, tries again.
      pending.current ??= markdown;
      setSaying("Not saved");
      refused(error as Error);
      throw error;
    }
  }, [id, client]);

  const change = useCallback(
    (markdown: string) => {
      pending.current = markdown;
      setSaying("Unsaved changes");
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void flush().catch(() => undefined), SAVE_AFTER_MS);
    },
    [flush],
  );

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (pending.current !== null) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => {
      window.removeEventListener("beforeunload", warn);
      void flush()
        .then(() => client.invalidateQueries({ queryKey: ["retrospectives"] }))
        .catch(() => undefined);
    };
  }, [flush, client]);

  return { change, flush, html, saying };
}
