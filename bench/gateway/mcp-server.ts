import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

/**
 * A streamable-HTTP server as its author would write it with the SDK, in a process of its own: one tool that echoes, no
 * sessions. Prints its URL.
 */
const handler = createMcpHandler(() => {
  const server = new McpServer({ name: "bench", version: "1" });
  server.registerTool(
    "echo",
    { description: "echoes", inputSchema: z.object({ text: z.string() }) },
    async ({ text }) => ({
      content: [{ type: "text", text }],
    }),
  );
  return server;
});

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const answer = await handler.fetch(
    new Request(`http://${request.headers.host}${request.url}`, {
      method: request.method ?? "GET",
      headers: new Headers(request.headers as Record<string, string>),
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    }),
  );
  const body = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), "content-length": body.length });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`));
