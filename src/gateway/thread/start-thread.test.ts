import { expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { ask, endpointAt, startServer } from "../../../test/support/mcp-gateway.ts";
import { noServers } from "../../../test/support/no-servers.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { UseAccess } from "../mcp/use-access.ts";
import type { WorkerOptions } from "./data-path-worker.ts";
import { ReceivedDirectory } from "./received-directory.ts";
import { startDataPathThread } from "./start-thread.ts";

const SETTINGS = {
  listen: { host: "127.0.0.1", port: 0 },
  names: [],
  origins: [],
  publicUrl: undefined,
  requireToken: false,
  adminSocket: undefined,
  streamsSocket: undefined,
  probeSocket: undefined,
};

async function startThread(
  directory: ReceivedDirectory,
  more: Partial<Parameters<typeof startDataPathThread>[0]> = {},
) {
  const { logger, lines } = recordingLogger();
  const clock = new FakeClock();
  const access: UseAccess = { authenticate: async () => undefined, mayUse: async () => false };
  const thread = await startDataPathThread({ ...SETTINGS, directory, access, logger, clock, ...more });
  return { ...thread, lines, clock, [Symbol.asyncDispose]: () => thread.close() };
}

it("follows the directory: what is there, what comes, what changes and what goes", async () => {
  await using one = await startServer((_request, response) => response.end("one"));
  await using two = await startServer((_request, response) => response.end("two"));
  const directory = new ReceivedDirectory();
  directory.receive([endpointAt(one.url)], []);
  await using thread = await startThread(directory);
  const read = async (name: string) => {
    const { status, body } = await ask(`${thread.url}/team-a/${name}/mcp`);
    return status === 200 ? body : status;
  };
  const becomes = (name: string, want: string | number) =>
    eventually(`${name} is ${want}`, async () => (await read(name)) === want, { everyMs: 5 });
  await becomes("files", "one");
  expect(await read("other")).toBe(503);
  directory.synced();
  await becomes("other", 404);
  directory.receive([endpointAt(two.url, { instance: "2" }), endpointAt(two.url, { name: "other" })], []);
  await becomes("files", "two");
  await becomes("other", "two");
  directory.receive([], [{ namespace: "team-a", name: "files" }]);
  await becomes("files", 404);
  expect(await thread.stats()).toMatchObject({ failed: 0, gone: 0, open: 0 });
});

it("asks about access in the thread that knows", async () => {
  await using server = await startServer((_request, response) => response.end("served"));
  const directory = new ReceivedDirectory();
  directory.receive([endpointAt(server.url)], []);
  directory.synced();
  const access: UseAccess = {
    async authenticate(token) {
      if (token === "down") throw new Error("connection refused");
      return token === "dev" ? { username: "dev" } : undefined;
    },
    mayUse: async (_user, { name }) => name === "files",
  };
  await using thread = await startThread(directory, { access, requireToken: true });
  const status = async (name: string, token: string) =>
    (await ask(`${thread.url}/team-a/${name}/mcp`, { headers: { authorization: `Bearer ${token}` } })).status;
  await eventually("it is known", async () => (await status("files", "dev")) === 200);
  expect([await status("other", "dev"), await status("files", "x"), await status("files", "down")]).toEqual([
    404, 401, 503,
  ]);
  const told = thread.lines.find(({ message }) => message.includes("could not ask"));
  expect(told?.fields).toMatchObject({ error: "connection refused" });
});

it("names the system's error where it cannot listen", async () => {
  const directory = new ReceivedDirectory();
  await using thread = await startThread(directory);
  const listen = { host: "127.0.0.1", port: Number(new URL(thread.url).port) };
  await expect(startThread(directory, { listen })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

it("puts another thread in the place of one that died, at the same port, until it is closed", async () => {
  const { logger, lines } = recordingLogger();
  const clock = new FakeClock();
  const workers: { options: WorkerOptions; die: (why: string) => void; closed: boolean }[] = [];
  const thread = await startDataPathThread(
    { ...SETTINGS, directory: new ReceivedDirectory(), access: noServers.useAccess, logger, clock },
    (options) => {
      const died = Promise.withResolvers<string>();
      const worker = { options, die: died.resolve, closed: false };
      workers.push(worker);
      return {
        listening: Promise.resolve("http://127.0.0.1:7080"),
        died: died.promise,
        stats: async () => undefined,
        drain: async () => undefined,
        resume: () => undefined,
        async close() {
          worker.closed = true;
        },
      };
    },
  );
  workers[0]?.die("out of memory");
  await clock.advance(499);
  expect(workers).toHaveLength(1);
  await clock.advance(1);
  expect(workers.map(({ options }) => options.listen.port)).toEqual([0, 7080]);
  expect(lines).toMatchObject([{ level: "error", fields: { error: "out of memory" } }]);
  workers[1]?.die("a defect");
  await clock.advance(0);
  await thread.close();
  await clock.advance(10_000);
  expect(workers).toHaveLength(2);
  expect(workers[1]?.closed).toBe(true);
});
