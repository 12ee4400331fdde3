import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";

export interface OpenCall {
  readonly outgoing: ClientRequest;
  readonly response: IncomingMessage;
}

/** A call of revision 2026-07-28 that asks to be told of progress, and whose answer has begun. */
export async function openCall(url: string, tool: string): Promise<OpenCall> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
    progressToken: 1,
  };
  const outgoing = request(url, {
    method: "POST",
    agent: false,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": tool,
    },
  });
  outgoing.on("error", () => undefined);
  outgoing.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, _meta } }));
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.on("error", () => undefined);
  return { outgoing, response };
}

/** All that an answer still brings. */
export async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response) body += chunk;
  return body;
}
