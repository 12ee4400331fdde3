import type { ListedServer, Listing } from "./listing.ts";

/** The page has no script, and may load and do nothing. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

/** The list for people. Everything that comes from users is escaped. */
export function listingPage({ servers, truncated }: Listing): string {
  const rows = servers.map(row).join("\n");
  const table = `<table>
<thead><tr><th>Server<th>URL<th>State<th>Tools<th>MCP</tr></thead>
<tbody>
${rows}
</tbody>
</table>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>MCP servers</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top }
code { user-select: all }
</style>
</head>
<body>
<h1>MCP servers</h1>
${servers.length === 0 ? "<p>None that you may use.</p>" : table}
${truncated ? "<p>There are more than are listed here.</p>" : ""}
</body>
</html>
`;
}

function row({ namespace, name, url, ready, reason, message, tools, protocolVersion }: ListedServer): string {
  const state = ready ? "ready" : `${escaped(reason ?? "not ready")}<br><small>${escaped(message ?? "")}</small>`;
  const cells = [
    escaped(`${namespace}/${name}`),
    `<code>${escaped(url)}</code>`,
    state,
    String(tools ?? ""),
    escaped(protocolVersion ?? ""),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}`).join("")}</tr>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
