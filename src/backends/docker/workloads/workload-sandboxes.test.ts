import { describe, expect, it } from "@jest/globals";
import type Docker from "dockerode";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import type { Sandboxes, SandboxRequest, SandboxSupport } from "../sandbox/sandbox.ts";
import { OwnChanges } from "../watch/own-changes.ts";
import { WorkloadSandboxes } from "./workload-sandboxes.ts";

const maker = { installation: "i", backend: "docker" };
const owner = { uid: "u", namespace: "ns", name: "n" };
const wish = {
  owner,
  role: "current",
  hash: "h",
  rules: { egress: { kind: "closed" }, ingressPorts: [8080] },
  port: 8080,
  hostPort: 20_001,
} as const;
const options = { signal: new AbortController().signal };

/** Sandboxes whose starts go as far as the test lets them. */
class FakeSandboxes implements Sandboxes {
  readonly requests: SandboxRequest[] = [];
  readonly log: string[] = [];
  answer: SandboxSupport = { kind: "supported" };
  start: Sandboxes["start"] = async (id) => void this.log.push(`start ${id}`);

  async support(): Promise<SandboxSupport> {
    return this.answer;
  }
  async create(request: SandboxRequest): Promise<string> {
    this.requests.push(request);
    return "box";
  }
  async stop(id: string): Promise<void> {
    this.log.push(`stop ${id}`);
  }
  async remove(id: string): Promise<void> {
    this.log.push(`remove ${id}`);
  }
  view({ Id }: Docker.ContainerInspectInfo) {
    return { id: Id, running: true, startedAt: undefined, connected: true };
  }
}

function world() {
  const fake = new FakeSandboxes();
  const clock = new FakeClock();
  const own = { starts: new OwnChanges(clock, 0), ends: new OwnChanges(clock, 1_000) };
  return { fake, own, sandboxes: new WorkloadSandboxes({ ...own, sandboxes: fake, maker }) };
}

describe("WorkloadSandboxes", () => {
  it("begins a start with the creation, and makes it once", async () => {
    const { fake, sandboxes, own } = world();
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.start = async (id) => {
      fake.log.push(`start ${id}`);
      await promise;
    };
    expect(await sandboxes.make(wish, options)).toBe("box");
    // A creation that is asked for again finds the same one.
    await sandboxes.make(wish, options);
    expect(fake.requests[1]).toEqual(fake.requests[0]);
    const started = sandboxes.start("box", options);
    expect(own.starts.has("box")).toBe(true);
    resolve();
    await started;
    expect(own.starts.has("box")).toBe(false);
    expect(fake.log).toEqual(["start box"]);
    // Later it may have ended.
    await sandboxes.start("box", options);
    expect(fake.log).toEqual(["start box", "start box"]);
  });

  it("does not look again at one that was ready before it was asked for", async () => {
    const { fake, sandboxes } = world();
    await sandboxes.make(wish, options);
    await new Promise((resolve) => setImmediate(resolve));
    await sandboxes.start("box", options);
    expect(fake.log).toEqual(["start box"]);
  });

  it("tries again what failed before anybody waited for it", async () => {
    const { fake, sandboxes } = world();
    fake.start = () => Promise.reject(new Error("port is taken"));
    await sandboxes.make(wish, options);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(sandboxes.start("box", options)).rejects.toThrow("port is taken");
  });

  it("takes nothing for ready that was stopped since", async () => {
    const { fake, sandboxes, own } = world();
    await sandboxes.make(wish, options);
    await new Promise((resolve) => setImmediate(resolve));
    await sandboxes.stop("box", options);
    expect(own.ends.has("box")).toBe(true);
    await sandboxes.start("box", options);
    expect(own.ends.has("box")).toBe(false);
    expect(fake.log).toEqual(["start box", "stop box", "start box"]);
  });

  it("publishes nothing where nothing may come in", async () => {
    const { fake, sandboxes } = world();
    await sandboxes.make(wish, options);
    await sandboxes.make({ ...wish, rules: { ...wish.rules, ingressPorts: [] } }, options);
    expect(fake.requests.map(({ published }) => published)).toEqual([{ port: 8080, hostPort: 20_001 }, undefined]);
  });

  it.each([
    { answer: { kind: "supported" }, want: true },
    { answer: { kind: "unsupported", reason: "no nf_tables" }, want: false },
  ] as const)("tells whether there are any: $answer.kind", async ({ answer, want }) => {
    const { fake, sandboxes } = world();
    fake.answer = answer;
    expect(await sandboxes.areSupported(options)).toBe(want);
    expect(await sandboxes.mayBe(options)).toBe(want);
  });

  it("starts nothing without while they fail", async () => {
    const { fake, sandboxes } = world();
    fake.answer = { kind: "failing", reason: "make the image" };
    await expect(sandboxes.areSupported(options)).rejects.toMatchObject({
      name: "TransientError",
      reason: "SandboxUnavailable",
      message: expect.stringContaining("make the image"),
    });
    expect(await sandboxes.mayBe(options)).toBe(false);
  });

  it("reads from labels what a workload wants, and takes what it cannot read for closed", () => {
    const { sandboxes } = world();
    const labels = (rules: string) => ({
      "app.kubernetes.io/managed-by": "slipway",
      "slipway.dev/installation": "i",
      "slipway.dev/backend": "docker",
      "slipway.dev/uid": "u",
      "slipway.dev/namespace": "ns",
      "slipway.dev/name": "n",
      "slipway.dev/spec-hash": "h",
      "slipway.dev/port": "8080",
      "slipway.dev/host-port": "20001",
      "slipway.dev/network-rules": rules,
    });
    expect(sandboxes.wishOf(labels(JSON.stringify(wish.rules)))).toEqual(wish);
    expect(sandboxes.wishOf(labels("?"))?.rules).toEqual({ egress: { kind: "closed" }, ingressPorts: [] });
    expect(sandboxes.wishOf({})).toBeUndefined();
  });
});
