import type { IncomingMessage, ServerResponse } from "node:http";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { bodyOf, startServer } from "../mcp-gateway.ts";

/** Characters of the answer of `big`. */
export const BIG = 8 * 1024 * 1024;

/** A server written with version 2 of the SDK: revision 2026-07-28, and earlier ones without sessions. */
export async function startModernServer(): Promise<{ url: string; toolsChanged(): void } & AsyncDisposable> {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "modern", version: "1" }, { capabilities: { tools: { listChanged: true } } });
    server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, async ({ text }) => ({
      content: [{ type: "text", text }],
    }));
    server.registerTool("big", {}, async () => ({ content: [{ type: "text", text: "b".repeat(BIG) }] }));
    server.registerTool("steps", {}, async (context) => {
      const progressToken = context.mcpReq._meta?.progressToken ?? 0;
      for (const progress of [1, 2, 3]) {
        await context.mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress, total: 3 },
        });
      }
      return { content: [] };
    });
    server.registerTool("waits", {}, async (context) => {
      const progressToken = context.mcpReq._meta?.progressToken ?? 0;
      await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
      await new Promise((resolve) => context.mcpReq.signal.addEventListener("abort", resolve, { once: true }));
      return { content: [] };
    });
    server.registerResource("it", "test://it", {}, async () => ({ contents: [{ uri: "test://it", text: "it" }] }));
    return server;
  });
  const server = await startServer(async (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const body = request.method === "POST" ? await bodyOf(request) : undefined;
    await send(await handler.fetch(toRequest(request, body, gone.signal)), response);
  });
  return {
    url: server.url,
    toolsChanged: () => handler.notify.toolsChanged(),
    async [Symbol.asyncDispose]() {
      await handler.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function toRequest(
  { headers, url, method = "GET" }: IncomingMessage,
  body: string | undefined,
  signal: AbortSignal,
): Request {
  return new Request(`http://${headers.host}${url}`, {
    method,
    headers: new Headers(headers as Record<string, string>),
    signal,
    ...(body !== undefined && { body }),
  });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  try {
    for await (const chunk of answer.body ?? []) response.write(chunk);
    response.end();
  } catch {
    // The client has gone.
    response.destroy();
  }
}
