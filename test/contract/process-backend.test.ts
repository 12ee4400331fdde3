import { afterAll, beforeAll, jest } from "@jest/globals";
import { NO_IMAGE } from "../../src/backends/backend.ts";
import { ECHO, node } from "../support/process-scripts.ts";
import { freePort, ProcessesUnderTest } from "../support/processes-under-test.ts";
import { type BackendWorld, backendContract } from "./backend.ts";
import { type StdioWorld, stdioHostContract } from "./stdio-host.ts";

// A loaded machine takes its time to install a package, once for all.
jest.setTimeout(180_000);

const SERVER = "npm:@modelcontextprotocol/server-everything@2026.8.31";

/** It knows no other path than /mcp, and says so. */
async function answers(address: string): Promise<boolean> {
  const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(5_000) });
  await response.body?.cancel();
  return response.status === 404;
}

let processes: ProcessesUnderTest;
beforeAll(async () => {
  processes = await ProcessesUnderTest.open();
});
afterAll(() => processes[Symbol.asyncDispose]());

backendContract(
  "the backend of local processes",
  async (): Promise<BackendWorld> => {
    // Another one each time, as after an edit of the RuntimeBackend: what it keeps is not its own.
    const backend = processes.backend();
    const port = await freePort();
    return {
      ...{ backend, port, image: SERVER, rootImage: SERVER },
      spec: { program: { kind: "package" }, args: ["streamableHttp"], env: { PORT: String(port) } },
      sources: {
        name: "package",
        pinned: /^npm:@modelcontextprotocol\/server-everything@[0-9.]+#sha512-[^;\s]+;lock=sha256-\S+$/,
        missing: /^PackageNotFound$/,
      },
      missingImage: "npm:@modelcontextprotocol/no-such-server@1.0.0",
      endSandbox: async () => undefined,
      answers,
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    };
  },
  { ports: false, candidates: false, sandboxes: false, users: false, updates: false },
);

stdioHostContract(
  "the backend of local processes",
  async (): Promise<StdioWorld> => {
    const backend = processes.backend();
    const [command = "", ...args] = node(ECHO);
    return {
      backend,
      echo: { image: { pinned: NO_IMAGE }, program: { kind: "process", command, args, workingDir: undefined } },
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    };
  },
  { sandboxes: true, ownProcesses: true },
);
