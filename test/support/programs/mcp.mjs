import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** The least that is a streamable-HTTP MCP server: initialize, notifications, tools/list, a tool that waits; no sessions. */
const toolNames = (process.env.TOOLS ?? "echo").split(",");

createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/mcp") return void response.writeHead(405).end();
  let body = "";
  for await (const chunk of request) body += chunk;
  const { id, method, params } = JSON.parse(body);
  if (method === "tools/call") await sleep(params.arguments?.ms ?? 0);
  if (id === undefined) return void response.writeHead(202).end();
  const answer = answerTo(method, params);
  response
    .writeHead(200, { "content-type": "application/json" })
    .end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
}).listen(Number(process.env.PORT), () => console.log(`serves ${toolNames} ${process.env.GREETING ?? ""}`.trim()));

function answerTo(method, params) {
  if (method === "initialize") {
    const serverInfo = { name: "slipway-test", version: process.env.VERSION ?? "1" };
    return { result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } };
  }
  if (method === "tools/list") {
    return { result: { tools: toolNames.map((name) => ({ name, inputSchema: { type: "object" } })) } };
  }
  if (method === "tools/call") return { result: { content: [{ type: "text", text: toolNames.join() }] } };
  return { error: { code: -32601, message: "Method not found" } };
}

// The first process of a container gets no default handler.
process.on("SIGTERM", () => process.exit(0));
