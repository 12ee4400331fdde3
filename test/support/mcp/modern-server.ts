import type { IncomingMessage, ServerResponse } from "node:http";
import { completable, createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { bodyOf, startServer } from "../mcp-gateway.ts";

/** Characters of the answer of `big`. */
export const BIG = 8 * 1024 * 1024;

export interface ModernServer extends AsyncDisposable {
  readonly url: string;
  /** What came, by the value of the header Mcp-Method; for earlier clients `undefined`. */
  readonly asked: readonly (string | undefined)[];
  toolsChanged(): void;
  resourceUpdated(uri: string): void;
}

/** A server written with version 2 of the SDK: revision 2026-07-28, and earlier ones without sessions where `legacy` says so. */
export async function startModernServer(legacy: "stateless" | "reject" = "stateless"): Promise<ModernServer> {
  const asked: (string | undefined)[] = [];
  const capabilities = { tools: { listChanged: true }, resources: { subscribe: true } };
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: "modern", version: "1" }, { capabilities });
      server.registerTool("asks", {}, async (context) => {
        const { inputResponses } = context.mcpReq;
        if (inputResponses?.drink !== undefined) {
          return { content: [{ type: "text", text: JSON.stringify(inputResponses) }] };
        }
        const messages = [{ role: "user" as const, content: { type: "text" as const, text: "?" } }];
        return inputRequired({
          inputRequests: {
            drink: inputRequired.elicit({ message: "tea?", requestedSchema: { type: "object", properties: {} } }),
            model: inputRequired.createMessage({ messages, maxTokens: 5 }),
          },
          requestState: "kept",
        });
      });
      const region = z.string().meta({ "x-mcp-header": "Region" });
      server.registerTool("where", { inputSchema: z.object({ region }) }, async ({ region: text }) => ({
        content: [{ type: "text", text }],
      }));
      const topic = completable(z.string(), (value) => ["tea", "coffee"].filter((each) => each.startsWith(value)));
      server.registerPrompt("talk", { argsSchema: z.object({ topic }) }, async (args) => ({
        messages: [{ role: "user", content: { type: "text", text: args.topic } }],
      }));
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
    },
    { legacy },
  );
  const server = await startServer(async (request, response) => {
    asked.push(request.headers["mcp-method"] as string | undefined);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const body = request.method === "POST" ? await bodyOf(request) : undefined;
    await send(await handler.fetch(toRequest(request, body, gone.signal)), response);
  });
  return {
    url: server.url,
    asked,
    toolsChanged: () => handler.notify.toolsChanged(),
    resourceUpdated: (uri) => handler.notify.resourceUpdated(uri),
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
