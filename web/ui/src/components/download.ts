/** Hands a text to the browser as a file; nothing leaves the page. */
export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun by the next task; the address would keep the text in memory.
  setTimeout(() => URL.revokeObjectURL(address), 0);
}
