import type { ReactNode } from "react";
import { linkify, safeHref } from "../lib/links.ts";
import { IconExternalLink } from "./icons.ts";

/** A link whose address somebody else wrote: http(s) or a path of this site, else plain text. */
export function SafeLink({ href, children, blank }: { href: string; children: ReactNode; blank?: boolean }) {
  const safe = safeHref(href, document.baseURI);
  if (!safe) return <span>{children}</span>;
  const away = blank || new URL(safe).origin !== location.origin;
  return (
    <a href={safe} {...(away ? { target: "_blank", rel: "noreferrer" } : {})}>
      {children}
      {away && (
        <>
          <IconExternalLink size={12} aria-hidden style={{ marginLeft: 4, verticalAlign: -1 }} />
          <span className="visually-hidden"> (opens in a new tab)</span>
        </>
      )}
    </a>
  );
}

export function Linkified({ text }: { text: string }) {
  return linkify(text).map((piece, index) =>
    piece.href ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never move
      <SafeLink key={index} href={piece.href} blank>
        {piece.text}
      </SafeLink>
    ) : (
      piece.text
    ),
  );
}
