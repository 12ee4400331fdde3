import { existsSync, globSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import type { RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { EVERYTHING, type Everything, startEverything } from "../support/mcp/everything.ts";
import { callTool } from "../support/mcp/features.ts";
import { ofImage, ofProcess, ofRemote } from "../support/mcp/places.ts";
import { processesWith } from "../support/mcp/tagged-processes.ts";

jest.setTimeout(240_000);

const NAME = "moving";

describe("a deployment that moves", () => {
  let slipway: Installation;
  let elsewhere: Everything;
  let tag: { name: string; value: string };
  /** Before each move. */
  let before: RuntimeDeployment;
  let eventsBefore: readonly string[];

  const places = {
    docker: () => ({ backend: "docker", ...ofImage(QUICKSTART_IMAGE), transport: null, env: null }),
    process: () => ({ ...ofProcess(EVERYTHING), env: [tag] }),
    remote: () => ({ ...ofRemote(elsewhere.url), transport: null, env: null, resources: null }),
  };
  type Place = keyof typeof places;

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    elsewhere = await startEverything("streamableHttp");
    slipway = await Installation.start();
    tag = { name: "TEST_TAG", value: slipway.process.dataDir };
    const { transport: _, env: __, ...spec } = places.docker();
    const metadata = { name: NAME, namespace: "default" };
    await slipway.kubectl.apply({ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata, spec });
    before = await slipway.untilPhase(NAME, "Connected");
    eventsBefore = await eventUids();
  });
  afterAll(async () => {
    await slipway?.end();
    await slipway?.[Symbol.asyncDispose]();
    await elsewhere?.[Symbol.asyncDispose]();
  });

  it.each<{ from: Place; to: Place }>([
    { from: "docker", to: "process" },
    { from: "process", to: "remote" },
    { from: "remote", to: "docker" },
  ])("from $from to $to stays who it is, is used at its URL, and leaves nothing", async ({ from, to }) => {
    const { source, ...spec } = places[to]();
    await slipway.patch(NAME, { spec: { ...spec, source: { image: null, process: null, remote: null, ...source } } });
    await slipway.until(NAME, ({ status }) => status?.workload?.backend === to);
    const after = await slipway.untilPhase(NAME, "Connected");

    const { metadata, status } = after;
    expect(metadata.uid).toBe(before.metadata.uid);
    expect(metadata.creationTimestamp).toBe(before.metadata.creationTimestamp);
    expect(status?.url).toBe(before.status?.url);
    expect(metadata.generation).toBe(Number(before.metadata.generation) + 1);
    expect(status?.workload).toMatchObject({ generation: metadata.generation, restartCount: 0 });
    for (const kind of ["v1 streamable", "v2 pinned"] as const) {
      await using client = await connectClient(kind, String(status?.url));
      expect(await callTool(client, "echo", { message: `in ${to}` })).toBe(`Echo: in ${to}`);
    }
    await eventually("nothing is left where it was", async () => (await leftAt(from)).length === 0, {
      explain: async () => (await leftAt(from)).join("\n"),
    });
    if (to !== "remote") expect(await leftAt(to)).not.toEqual([]);
    const events = await eventUids();
    expect(events).toEqual(expect.arrayContaining([...eventsBefore]));
    [before, eventsBefore] = [after, events];
  });

  it("leaves nothing anywhere when it is deleted, and its remote server lives on", async () => {
    await slipway.remove(NAME);
    expect([...(await leftAt("docker")), ...(await leftAt("process"))]).toEqual([]);
    expect((await fetch(elsewhere.url)).status).toBe(400);
  });

  async function eventUids(): Promise<string[]> {
    return (await slipway.events(NAME)).map(({ metadata }) => metadata.uid);
  }

  /** What there is of the deployment at a place: containers and volumes, processes and folders. */
  async function leftAt(place: Place): Promise<string[]> {
    if (place === "docker") return await slipway.leftovers();
    // Nothing there is ours.
    if (place === "remote") return [];
    const { sharedDirectory, stateDirectory } = await slipway.processPlaces();
    const folders = [sharedDirectory, stateDirectory].filter(existsSync);
    const { uid } = before.metadata;
    const own = folders.flatMap((cwd) => globSync(`**/*${uid}*`, { cwd }));
    return [...own, ...(await processesWith(`${tag.name}=${tag.value}`)).map((pid) => `process ${pid}`)];
  }
});
