import { createServer } from "node:http";
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

/**
 * A server that speaks revision 2026-07-28 only and has all that a client may use: over its pipes with the argument `stdio`,
 * else over HTTP at the port that PORT names.
 */
const RESOURCE = "test://it";
const BIG = 8 * 1024 * 1024;
/** Keys of the calls of `waits` that were cancelled. */
const cancelled = new Set();
const text = (said) => ({ content: [{ type: "text", text: said }] });

function makeServer(resourceUpdated) {
  const capabilities = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };
  const server = new McpServer({ name: "every-feature", version: "1" }, { capabilities });
  const message = z.object({ message: z.string() });
  const key = z.object({ key: z.string() });

  server.registerTool("echo", { inputSchema: message }, async (given) => text(`Echo: ${given.message}`));
  server.registerTool("big", {}, async () => text("b".repeat(BIG)));
  server.registerTool("logs", { inputSchema: message }, async (given, { mcpReq }) => {
    await mcpReq.log("warning", given.message);
    return text("logged");
  });
  server.registerTool("samples", {}, async ({ mcpReq }) => {
    const sampled = mcpReq.inputResponses?.model;
    if (sampled !== undefined) return text(JSON.stringify(sampled));
    const messages = [{ role: "user", content: { type: "text", text: "?" } }];
    return inputRequired({ inputRequests: { model: inputRequired.createMessage({ messages, maxTokens: 5 }) } });
  });
  server.registerTool("elicits", {}, async ({ mcpReq }) => {
    const given = mcpReq.inputResponses?.drink;
    if (given !== undefined) {
      const accepted = acceptedContent(mcpReq.inputResponses, "drink");
      return text(accepted ? `accepted: ${accepted.drink}` : `declined: ${JSON.stringify(given)}`);
    }
    const requestedSchema = { type: "object", properties: { drink: { type: "string" } } };
    return inputRequired({ inputRequests: { drink: inputRequired.elicit({ message: "tea?", requestedSchema }) } });
  });
  server.registerTool("steps", {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0;
    for (const progress of [1, 2, 3]) {
      await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 3 } });
    }
    return text("done");
  });
  server.registerTool("waits", { inputSchema: key }, async (given, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0;
    await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
    if (!mcpReq.signal.aborted) {
      await new Promise((resolve) => mcpReq.signal.addEventListener("abort", resolve, { once: true }));
    }
    cancelled.add(given.key);
    return text("cancelled");
  });
  server.registerTool("was-cancelled", { inputSchema: key }, async (given) => text(String(cancelled.has(given.key))));
  server.registerTool("touch", {}, async () => {
    await resourceUpdated(server);
    return text("touched");
  });
  server.registerPrompt("talk", { argsSchema: z.object({ topic: z.string() }) }, async ({ topic }) => ({
    messages: [{ role: "user", content: { type: "text", text: topic } }],
  }));
  server.registerResource("it", RESOURCE, {}, async () => ({ contents: [{ uri: RESOURCE, text: "it" }] }));
  return server;
}

function serveHttp(port) {
  const handler = createMcpHandler(() => makeServer(() => handler.notify.resourceUpdated(RESOURCE)), {
    legacy: "reject",
  });
  const server = createServer(async (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const asked = new Request(`http://${request.headers.host}${request.url}`, {
      method: request.method,
      headers: request.headers,
      signal: gone.signal,
      ...(request.method === "POST" && { body: Buffer.concat(chunks) }),
    });
    const answer = await handler.fetch(asked);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.flushHeaders();
    try {
      for await (const chunk of answer.body ?? []) response.write(chunk);
      response.end();
    } catch {
      // The client has gone.
      response.destroy();
    }
  });
  server.listen(port);
}

if (process.argv[2] === "stdio") {
  serveStdio(() => makeServer((server) => server.server.sendResourceUpdated({ uri: RESOURCE })), { legacy: "reject" });
} else {
  serveHttp(Number(process.env.PORT ?? 8080));
}
