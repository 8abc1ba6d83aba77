// Text from mails and events is somebody else's: only http(s) addresses become links.

export type Piece = { text: string; href?: string };

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']+/g)) {
    // Punctuation that ends the sentence is not part of the address.
    const address = match[0].replace(/[.,;:!?)\]]+$/, "");
    if (match.index > rest) pieces.push({ text: text.slice(rest, match.index) });
    pieces.push({ text: address, href: address });
    rest = match.index + address.length;
  }
  if (rest < text.length) pieces.push({ text: text.slice(rest) });
  return pieces;
}

/** The address when it is http(s) or a path of this site; null for anything that could run code. */
export function safeHref(href: string, base: string): string | null {
  try {
    const resolved = new URL(href.startsWith("/") && !href.startsWith("//") ? href.slice(1) : href, base);
    return resolved.protocol === "http:" || resolved.protocol === "https:" ? resolved.href : null;
  } catch {
    return null;
  }
}
