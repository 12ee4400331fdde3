import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { linuxProcesses } from "../../src/backends/process/supervisor/process-table.ts";
import { eventually } from "../support/eventually.ts";
import { runningIn, seenByProcesses } from "../support/left-processes.ts";
import { forked, IDLE } from "../support/process-scripts.ts";
import { freePort } from "../support/processes-under-test.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

jest.setTimeout(120_000);

const isRoot = process.getuid?.() === 0;

const deployment = (name: string, script: string, patch: object = {}) => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: { name, namespace: "default" },
  spec: {
    backend: "process",
    source: { process: { command: process.execPath, args: ["-e", script] } },
    health: { probe: "none" },
    ...patch,
  },
});

describe("local processes under slipway up", () => {
  const slipway = new SlipwayProcess();
  const tag = `TEST_TAG=${slipway.dataDir}`;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    await slipway.start();
  });
  afterAll(async () => {
    await slipway.kubectl.run(["delete", "runtimedeployments", "--all", "--all-namespaces"]);
    await slipway.terminate();
    await slipway[Symbol.asyncDispose]();
  });

  const apply = async (name: string, script: string, patch: object = {}, namespace = "default") => {
    const env = [{ name: "TEST_TAG", value: slipway.dataDir }];
    await slipway.kubectl.apply({ ...deployment(name, script, { env, ...patch }), metadata: { name, namespace } });
  };
  const read = async (name: string, path: string, namespace = "default") =>
    await slipway.kubectl.run(["get", "runtimedeployment", name, "-n", namespace, "-o", `jsonpath={${path}}`]);
  const becomes = async (name: string, path: string, want: string | RegExp, namespace?: string) =>
    await eventually(
      `${name} ${path} is ${want}`,
      async () => {
        expect(await read(name, path, namespace)).toEqual(expect.stringMatching(want));
        return true;
      },
      { everyMs: 250 },
    );
  /** Pids of what deployments of this test have started, that has `part` among its arguments. */
  const pidsOf = async (part: string): Promise<number[]> => {
    const found: number[] = [];
    for (const { pid, state } of await linuxProcesses.list()) {
      if (state === "Z" || !(await linuxProcesses.hasVariable(pid, tag))) continue;
      if (part === "" || (await linuxProcesses.hasVariable(pid, part))) found.push(pid);
    }
    return found.sort((a, b) => a - b);
  };
  const answers = async () => (await fetch(`http://127.0.0.1:${port}/`)).ok;

  it("go on when it is killed and are taken over, or start anew where their pipes are lost", async () => {
    const env = (name: string) => ({
      env: [
        { name: "TEST_TAG", value: slipway.dataDir },
        { name: "ROLE", value: name },
      ],
    });
    const listens = `require('http').createServer((q, s) => s.end()).listen(${port}, '127.0.0.1')`;
    const transport = { transport: { type: "streamable-http", port } };
    await apply("listens", listens, { ...transport, ...env("listens"), health: { probe: "tcp" } });
    await apply("pipes", `${forked(IDLE)} ${IDLE}`, {
      ...env("pipes"),
      transport: { type: "stdio" },
    });
    await becomes("listens", ".status.phase", /^(Running|Connected)$/);
    await becomes("pipes", ".status.conditions[?(@.type=='WorkloadAvailable')].status", "True");
    const before = { listens: await pidsOf("ROLE=listens"), pipes: await pidsOf("ROLE=pipes") };
    for (const pid of [...before.listens, ...before.pipes]) {
      expect(isRoot && (await linuxProcesses.userOf(pid)) === 0).toBe(false);
    }

    await slipway.kill9();
    expect(await answers()).toBe(true);
    await slipway.start();
    await becomes("pipes", ".status.workload.restartCount", "1");
    expect(await pidsOf("ROLE=listens")).toEqual(before.listens);
    expect(await read("listens", ".status.workload.restartCount")).toBe("0");
    const anew = await pidsOf("ROLE=pipes");
    expect(anew.length).toBeGreaterThan(0);
    expect(anew.filter((pid) => before.pipes.includes(pid))).toEqual([]);
  });

  it("end when it ends in order, and start with it", async () => {
    expect(await slipway.terminate()).toBe(0);
    expect(await pidsOf("")).toEqual([]);
    await slipway.start();
    await eventually("it listens again", async () => (await pidsOf("ROLE=listens")).length > 0 && (await answers()));
  });

  it("are replaced in their place where both would listen on one port", async () => {
    const before = await pidsOf("ROLE=listens");
    const listens = `require('http').createServer((q, s) => s.end('newer')).listen(${port}, '127.0.0.1')`;
    const env = [
      { name: "TEST_TAG", value: slipway.dataDir },
      { name: "ROLE", value: "listens" },
    ];
    await apply("listens", listens, { transport: { type: "streamable-http", port }, env, health: { probe: "tcp" } });
    await eventually("the newer one answers", async () => {
      return (await (await fetch(`http://127.0.0.1:${port}/`)).text()) === "newer";
    });
    await becomes("listens", ".status.conditions[?(@.type=='Ready')].status", "True");
    expect((await pidsOf("ROLE=listens")).filter((pid) => before.includes(pid))).toEqual([]);
  });

  it("are for the namespaces of the RuntimeBackend", async () => {
    await slipway.kubectl.run(["create", "namespace", "elsewhere"]);
    await apply("stray", IDLE, {}, "elsewhere");
    await becomes("stray", ".status.conditions[?(@.type=='Ready')].reason", "BackendNotAllowed", "elsewhere");
  });

  it("leave nothing when their deployments go", async () => {
    await slipway.kubectl.run(["delete", "runtimedeployments", "--all"]);
    expect(await pidsOf("")).toEqual([]);
  });
});

it("leave nothing on the machine of a test that has killed its Slipway", async () => {
  const slipway = await new SlipwayProcess().start();
  const uid = await slipway.kubectl.run(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
  const folder = isRoot ? seenByProcesses(uid, slipway.dataDir) : slipway.dataDir;
  await slipway.kubectl.apply(deployment("left", IDLE));
  await eventually("it runs", async () => (await runningIn(folder)).length > 0);
  await slipway[Symbol.asyncDispose]();
  expect({ running: await runningIn(folder), isThere: existsSync(folder) }).toEqual({ running: [], isThere: false });
});
