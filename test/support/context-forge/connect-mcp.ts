import type { ForgeConnect } from "./fake-context-forge.ts";

const HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

/** Does what ContextForge does with a streamable-HTTP server during POST: initialize, initialized, tools/list. */
export const connectMcp: ForgeConnect = async ({ url, auth }) => {
  const headers: Record<string, string> = {
    ...HEADERS,
    ...(auth.type === "bearer" && { authorization: `Bearer ${auth.token}` }),
  };
  const post = async (message: object) => {
    const signal = AbortSignal.timeout(20_000);
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(message), signal });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    headers["mcp-session-id"] ??= answer.headers.get("mcp-session-id") ?? "";
    if (headers["mcp-session-id"] === "") delete headers["mcp-session-id"];
    const data = text
      .split("\n")
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5));
    const last = data.at(-1) ?? text;
    return last.trim() === "" ? {} : (JSON.parse(last) as { result?: Record<string, unknown>; error?: unknown });
  };
  const protocolVersion = "2025-06-18";
  const clientInfo = { name: "context-forge", version: "1" };
  const initialized = await post({
    ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
    params: { protocolVersion, capabilities: {}, clientInfo },
  });
  if (!initialized.result) throw new Error("initialize failed");
  headers["mcp-protocol-version"] = String(initialized.result.protocolVersion);
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  const { result } = await post({ jsonrpc: "2.0", id: 2, method: "tools/list" });
  if (headers["mcp-session-id"] !== undefined) {
    const signal = AbortSignal.timeout(5_000);
    await (await fetch(url, { method: "DELETE", headers, signal })).body?.cancel();
  }
  return Array.isArray(result?.tools) ? result.tools.length : 0;
};
