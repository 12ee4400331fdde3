import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { Label } from "../../src/api/labels.ts";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";
import { type ClientKind, connectClient } from "../support/mcp/clients.ts";
import { EVERYTHING } from "../support/mcp/everything.ts";
import { callTool } from "../support/mcp/features.ts";
import { ofImage, ofProcess } from "../support/mcp/places.ts";
import { processesWith } from "../support/mcp/tagged-processes.ts";
import { DEAF, forked, IDLE } from "../support/process-scripts.ts";

jest.setTimeout(180_000);

/** From the kill to the client's error. */
const TOLD_MS = 2_000;
const LONG = { duration: 60, steps: 600 };
/** Of who can be asked the call is in a process of its own; of the other in the one that all share. */
const CLIENTS: readonly { kind: ClientKind; capabilities?: object }[] = [
  { kind: "v1 streamable" },
  { kind: "v2 legacy", capabilities: {} },
  { kind: "v2 pinned" },
  { kind: "v2 auto", capabilities: {} },
];

const STUBBORN = `${DEAF} ${forked(`${DEAF} ${IDLE}`)} import(${JSON.stringify(EVERYTHING)})`;

describe("kill -9 in mid-call", () => {
  let slipway: Installation;
  let env: { name: string; value: string }[];

  const specs = {
    "container-http": () => ofImage(QUICKSTART_IMAGE),
    "container-stdio": () => ({ ...ofImage(QUICKSTART_IMAGE), args: ["stdio"], transport: { type: "stdio" } }),
    "process-stdio": () => ({ ...ofProcess(EVERYTHING), env }),
    // Ignores SIGTERM, and has forked what does so, too.
    "process-stubborn": () => ({
      ...ofProcess(EVERYTHING),
      source: {
        process: {
          ...{ command: process.execPath, args: ["-e", STUBBORN, "--", "server", "stdio"] },
          workingDir: process.cwd(),
        },
      },
      env,
    }),
  };
  type Name = keyof typeof specs;
  const names = Object.keys(specs) as Name[];

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    slipway = await Installation.start();
    env = [{ name: "TEST_TAG", value: slipway.process.dataDir }];
    await Promise.all(
      names.map(async (name) => {
        const metadata = { name, namespace: "default" };
        const spec = { health: { periodSeconds: 1 }, ...specs[name]() };
        const labelled = name.startsWith("process")
          ? { ...spec, env: [...env, { name: "OF", value: tagOf(name) }] }
          : spec;
        await slipway.kubectl.apply({ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata, spec: labelled });
        await slipway.untilPhase(name, "Connected");
      }),
    );
  });
  afterAll(async () => {
    await slipway?.end();
    await slipway?.[Symbol.asyncDispose]();
  });

  const tagOf = (name: Name) => `${slipway.process.dataDir}/${name}`;
  const urlOf = async (name: Name) => String((await slipway.get(name)).status?.url);
  const processesOf = (name: Name) => processesWith(`OF=${tagOf(name)}`);

  /** All that run for a deployment, those of single clients included. */
  async function containersOf(name: Name): Promise<Docker.ContainerInfo[]> {
    const filters = { label: [`${Label.Installation}=${await slipway.id()}`, `${Label.Name}=${name}`] };
    return await slipway.engine.listContainers({ filters });
  }

  /** Of all processes that the deployment has, as this machine knows them. */
  async function pidsOf(name: Name): Promise<number[]> {
    if (name.startsWith("process")) return await processesOf(name);
    const found = await Promise.all((await containersOf(name)).map(({ Id }) => pidOf(Id)));
    return found.filter((pid) => pid > 0);
  }

  /** 0: it has ended, or is gone since it was listed. */
  async function pidOf(id: string): Promise<number> {
    try {
      return (await slipway.engine.getContainer(id).inspect()).State.Pid;
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return 0;
      throw error;
    }
  }

  /** Of the container that all clients share; a process is kept by nobody. */
  async function workloadPids(name: Name): Promise<number[]> {
    if (name.startsWith("process")) return [];
    return [(await (await slipway.container(name)).inspect()).State.Pid];
  }

  async function echoes(name: Name): Promise<boolean> {
    for (const { kind, capabilities } of CLIENTS) {
      await using client = await connectClient(kind, await urlOf(name), {}, capabilities);
      if ((await callTool(client, "echo", { message: "again" }, { timeoutMs: 10_000 })) !== "Echo: again") return false;
    }
    return true;
  }

  /** A call of each client is under way; answers what becomes of them, each with how long after `act` that was. */
  async function during(name: Name, act: () => Promise<void>): Promise<{ said: string; ms: number }[]> {
    const url = await urlOf(name);
    const clients = await Promise.all(
      CLIENTS.map(({ kind, capabilities }) => connectClient(kind, url, {}, capabilities)),
    );
    let actedMs = 0;
    const calls = clients.map((client) => {
      const { promise: isUnderWay, resolve } = Promise.withResolvers<void>();
      const ended = callTool(client, "trigger-long-running-operation", LONG, { onProgress: () => resolve() }).then(
        (text) => ({ said: `answered: ${text}`, ms: performance.now() - actedMs }),
        (error: Error) => ({ said: `failed: ${error.message}`, ms: performance.now() - actedMs }),
      );
      return { ended, started: Promise.race([isUnderWay, ended]) };
    });
    await Promise.all(calls.map(({ started }) => started));
    actedMs = performance.now();
    await act();
    const outcomes = await Promise.all(calls.map(({ ended }) => ended));
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    return outcomes;
  }

  function expectTold(outcomes: readonly { said: string; ms: number }[]): void {
    for (const { said, ms } of outcomes) {
      expect(said).toMatch(/^failed: /);
      expect(ms).toBeLessThan(TOLD_MS);
    }
  }

  it.each(names)("of the server's processes (%s) is told within 2 s, and the next call works", async (name) => {
    const killed = await pidsOf(name);
    expect(killed.length).toBeGreaterThan(0);
    const { status } = await slipway.get(name);
    const outcomes = await during(name, async () => {
      killed.push(...(await pidsOf(name)));
      for (const pid of new Set(killed)) kill(pid);
    });
    expectTold(outcomes);
    await eventually("calls work again", () => echoes(name), { explain: () => slipway.explain(name) });
    const after = await slipway.until(name, (each) => Number(each.status?.workload?.restartCount) > 0);
    expect(after.status?.url).toBe(status?.url);
    expect((await pidsOf(name)).filter((pid) => killed.includes(pid))).toEqual([]);
  });

  it("of nothing but a server itself takes along what it has forked", async () => {
    const name = "process-stubborn";
    const before = await processesOf(name);
    const servers = before.filter(
      (pid) => argumentsOf(pid)[0] === process.execPath && argumentsOf(pid).includes("stdio"),
    );
    expect(servers.length).toBeGreaterThan(0);
    expect(before.length).toBeGreaterThan(servers.length);
    for (const pid of servers) kill(pid);
    const areGone = async () => !(await processesOf(name)).some((pid) => before.includes(pid));
    await eventually("all others are gone", areGone);
    await eventually("calls work again", () => echoes(name), { explain: () => slipway.explain(name) });
  });

  it.each(["container-http", "container-stdio"] as const)("or removal of the container (%s)", async (name) => {
    const outcomes = await during(name, async () => {
      const containers = await containersOf(name);
      await Promise.all(containers.map(({ Id }) => slipway.engine.getContainer(Id).remove({ force: true })));
    });
    expectTold(outcomes);
    await eventually("calls work again", () => echoes(name), { explain: () => slipway.explain(name) });
  });

  it("of Slipway breaks the connections, and leaves no process without one that minds it", async () => {
    const before = new Map(await Promise.all(names.map(async (name) => [name, await pidsOf(name)] as const)));
    const shared = new Map(await Promise.all(names.map(async (name) => [name, await workloadPids(name)] as const)));
    const broken = await Promise.all(names.map(async (name) => await openCall(await urlOf(name))));
    const killedMs = performance.now();
    await slipway.process.kill9();
    for (const { ended } of broken) expect(await ended).toBe("broken");
    expect(performance.now() - killedMs).toBeLessThan(TOLD_MS);
    await slipway.process.start();
    for (const name of names) {
      await eventually("calls work again", () => echoes(name), { explain: () => slipway.explain(name) });
      // The container goes on; those of single clients end, and so do processes, since their pipes are lost.
      const kept = async () => (await pidsOf(name)).filter((pid) => before.get(name)?.includes(pid));
      const wanted = shared.get(name)?.join();
      await eventually("only the workload is kept", async () => (await kept()).join() === wanted, {
        explain: () => slipway.explain(name),
      });
    }
  });

  it("leaves nothing of the stubborn when they are deleted", async () => {
    await slipway.remove("process-stubborn");
    await slipway.remove("process-stdio");
    expect(await processesWith(`TEST_TAG=${slipway.process.dataDir}`)).toEqual([]);
  });
});

function argumentsOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
}

/** It may have ended meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A call by hand, whose progress has begun to come: SDKs try again by themselves where a connection breaks. */
async function openCall(url: string): Promise<{ ended: Promise<string> }> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
    progressToken: "p",
  };
  const name = "trigger-long-running-operation";
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": name,
  };
  const params = { name, arguments: LONG, _meta };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const { body: stream } = await fetch(url, { method: "POST", headers, body });
  const reader = stream?.getReader();
  await reader?.read();
  const drain = async () => {
    while (!(await reader?.read())?.done);
    return "ended";
  };
  return { ended: drain().catch(() => "broken") };
}
