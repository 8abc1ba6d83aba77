/** Markdown that the server rendered and sanitised; nothing else may come in here. */
export function Html({ html, className = "prose" }: { html: string; className?: string }) {
  // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitised by the server, and the page's CSP forbids scripts
  return <div className={className} dangerouslySetInnerHTML={{ __html: html }} />;
}
