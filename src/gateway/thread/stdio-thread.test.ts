import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { connectClient } from "../../../test/support/mcp/clients.ts";
import { startStdioPlace, stdioEndpoint } from "../../../test/support/mcp/stdio-processes.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { DataPathWorker, type WorkerOptions } from "./data-path-worker.ts";
import { ReceivedDirectory } from "./received-directory.ts";

it("a thread that takes another's place goes on with the same process", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-thread-"));
  await using place = await startStdioPlace();
  const directory = new ReceivedDirectory();
  directory.receive([stdioEndpoint("everything")], []);
  directory.synced();
  const options: WorkerOptions = {
    ...{ listen: { host: "127.0.0.1", port: 0 }, names: [], origins: [], publicUrl: undefined, requireToken: false },
    ...{ adminSocket: undefined, streamsSocket: place.socketPath, probeSocket: join(folder, "probes.sock") },
    ...{ directory, logger: recordingLogger().logger },
    access: { authenticate: async () => undefined, mayUse: async () => false },
  };
  const pids: (number | undefined)[] = [];
  try {
    for (const turn of [1, 2]) {
      const worker = new DataPathWorker(options);
      const url = await worker.listening;
      await using client = await connectClient("v2 pinned", `${url}/team-a/everything/mcp`, {}, {});
      const { content } = await client.call("tools/call", { name: "echo", arguments: { message: `${turn}` } });
      expect(content).toEqual([{ type: "text", text: `Echo: ${turn}` }]);
      pids.push(place.shared.get("everything"));
      await worker.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  expect(pids[0]).toBeGreaterThan(0);
  expect(pids[1]).toBe(pids[0]);
}, 60_000);
