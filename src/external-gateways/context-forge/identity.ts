/**
 * Pure. A URL as ContextForge stores it, for comparison: 127.0.0.1 is localhost to it, the host has no capitals, the
 * default port and a slash at the end say nothing. What is no URL is compared as it is.
 */
export function normalizedUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) return text;
  if (url.hostname === "127.0.0.1") url.hostname = "localhost";
  url.hash = "";
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}${url.search}`;
}

/** Pure. The slug by which ContextForge tells names apart: all but letters and digits is one hyphen to it. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
