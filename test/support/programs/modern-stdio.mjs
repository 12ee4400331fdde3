import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

/** A server over stdio that is written with version 2 of the SDK, and so speaks both eras. */
const BIG = 8 * 1024 * 1024;

serveStdio(() => {
  const server = new McpServer(
    { name: "modern-stdio", version: "1" },
    { capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } } },
  );
  server.registerTool("echo", { inputSchema: z.object({ message: z.string() }) }, async ({ message }) => ({
    content: [{ type: "text", text: `Echo: ${message}` }],
  }));
  server.registerTool("big", {}, async () => ({ content: [{ type: "text", text: "b".repeat(BIG) }] }));
  server.registerTool("steps", {}, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? 0;
    for (const progress of [1, 2, 3]) {
      await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 3 } });
    }
    return { content: [] };
  });
  server.registerTool("waits", {}, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? 0;
    await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
    await new Promise((resolve) => context.mcpReq.signal.addEventListener("abort", resolve, { once: true }));
    return { content: [] };
  });
  server.registerTool("flood", {}, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? 0;
    const message = "f".repeat(64 * 1024);
    for (let progress = 1; progress <= 1_000 && !context.mcpReq.signal.aborted; progress += 1) {
      await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, message } });
    }
    return { content: [] };
  });
  server.registerTool("grow", {}, async () => {
    server.registerTool(`grown-${Date.now()}`, {}, async () => ({ content: [] }));
    return { content: [] };
  });
  server.registerResource("it", "test://it", {}, async () => ({ contents: [{ uri: "test://it", text: "it" }] }));
  return server;
});
