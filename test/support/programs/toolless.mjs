// A server of an earlier revision over stdio that offers nothing but to be there.
import { createInterface } from "node:readline";

const INITIALIZED = {
  protocolVersion: "2025-06-18",
  capabilities: {},
  serverInfo: { name: "toolless", version: "1" },
};
const RESULTS = { initialize: INITIALIZED, ping: {} };

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line);
  if (id === undefined) continue;
  const result = RESULTS[method];
  const answer = result ? { result } : { error: { code: -32601, message: "there is no such method" } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...answer })}\n`);
}
