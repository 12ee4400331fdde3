import { RemoteBackend } from "../../src/backends/remote/remote-backend.ts";
import { startServer } from "../support/mcp-gateway.ts";
import { backendContract } from "./backend.ts";

backendContract(
  "The remote backend",
  async () => {
    const server = await startServer((_, response) => response.end());
    const backend = new RemoteBackend({ allowedCidrs: ["127.0.0.0/8"] });
    return {
      backend,
      ...{ image: "", rootImage: "", missingImage: "", port: 0 },
      program: { kind: "remote", url: server.url, transport: "streamable-http", headers: {} },
      endSandbox: () => Promise.reject(new Error("there are no sandboxes")),
      // It has no address of its own: the server answers whatever is known of it here.
      answers: async () => (await fetch(server.url)).ok,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  { ports: false, candidates: true, sandboxes: false, users: false, processes: false },
);
