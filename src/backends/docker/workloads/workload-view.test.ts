import { describe, expect, it } from "@jest/globals";
import type Docker from "dockerode";
import { dialHost } from "./dial-host.ts";
import type { SandboxNow } from "./sandbox-drift.ts";
import { byRole, dialAddress, toWorkload } from "./workload-view.ts";

const maker = { installation: "i", backend: "docker" };
const around = { maker, network: "slipway", dialHost: "127.0.0.1" };
const labels = {
  "app.kubernetes.io/managed-by": "slipway",
  "slipway.dev/installation": "i",
  "slipway.dev/backend": "docker",
  "slipway.dev/uid": "12345678-aaaa",
  "slipway.dev/namespace": "ns",
  "slipway.dev/name": "n",
  "slipway.dev/role": "workload",
  "slipway.dev/spec-hash": "h",
  "slipway.dev/generation": "7",
  "slipway.dev/image": "x@sha256:1",
  "slipway.dev/port": "8080",
  "slipway.dev/host-port": "20001",
  "slipway.dev/candidate": "false",
};

interface Given {
  readonly state?: object;
  readonly labels?: Record<string, string>;
  readonly name?: string;
  readonly networks?: object;
  readonly ports?: object;
  readonly mode?: string;
}

function inspected(given: Given = {}): Docker.ContainerInspectInfo {
  return {
    Id: "id",
    Name: given.name ?? "/slipway-n-12345678",
    Image: "sha256:image",
    RestartCount: 2,
    State: {
      Status: "running",
      ExitCode: 0,
      OOMKilled: false,
      Error: "",
      StartedAt: "2026-01-01T00:00:00.5Z",
      FinishedAt: "0001-01-01T00:00:00Z",
      ...given.state,
    },
    Config: { Labels: given.labels ?? labels },
    HostConfig: { NetworkMode: given.mode ?? "slipway" },
    NetworkSettings: {
      Networks: given.networks ?? { slipway: {} },
      Ports: given.ports ?? { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "20001" }] },
    },
  } as unknown as Docker.ContainerInspectInfo;
}

describe("toWorkload", () => {
  it("takes no port for right where MCP is spoken over stdio", () => {
    const { "slipway.dev/port": _port, "slipway.dev/host-port": _hostPort, ...rest } = labels;
    const workload = toWorkload(inspected({ labels: { ...rest, "slipway.dev/stdio": "true" }, ports: {} }), around);
    expect(workload).toMatchObject({ reach: { kind: "stdio" }, drift: [] });
    expect(workload?.hostPort).toBeUndefined();
    expect(workload?.address).toBeUndefined();
  });

  it("reads a container that is as it was made", () => {
    expect(toWorkload(inspected(), around)).toEqual({
      id: "id",
      owner: { uid: "12345678-aaaa", namespace: "ns", name: "n" },
      role: "current",
      hash: "h",
      generation: 7,
      image: { pinned: "x@sha256:1" },
      guardrails: undefined,
      state: { kind: "running" },
      startedAt: "2026-01-01T00:00:00.5Z",
      platformRestarts: 2,
      hostPort: 20_001,
      address: "127.0.0.1:20001",
      drift: [],
    });
  });

  it.each([
    { state: { Status: "created", StartedAt: "0001-01-01T00:00:00Z" }, want: { kind: "created" } },
    { state: { Status: "paused" }, want: { kind: "paused" } },
    {
      state: { Status: "restarting", ExitCode: 137, OOMKilled: true },
      want: { kind: "restarting", exitCode: 137, outOfMemory: true, error: "" },
    },
    {
      state: { Status: "exited", ExitCode: 3, FinishedAt: "2026-01-01T00:00:09Z" },
      want: { kind: "exited", exitCode: 3, outOfMemory: false, error: "", at: "2026-01-01T00:00:09Z" },
    },
    { state: { Status: "exited", ExitCode: 127 }, want: { error: expect.stringContaining("not found") } },
    { state: { Status: "restarting", ExitCode: 127 }, want: { error: expect.stringContaining("not found") } },
    { state: { Status: "exited", ExitCode: 126 }, want: { error: expect.stringContaining("cannot be executed") } },
    { state: { Status: "dead", ExitCode: 255, Error: "device busy" }, want: { kind: "exited", error: "device busy" } },
  ])("reads state $state.Status", ({ state, want }) => {
    expect(toWorkload(inspected({ state }), around)?.state).toMatchObject(want);
  });

  it("knows no start of a container that never ran, nor an address", () => {
    const state = { Status: "created", StartedAt: "0001-01-01T00:00:00Z" };
    const workload = toWorkload(inspected({ state, networks: {}, ports: {} }), around);
    expect(workload).toMatchObject({ startedAt: undefined, address: undefined, drift: [] });
  });

  it.each([
    { because: "another installation made it", change: { "slipway.dev/installation": "other" } },
    { because: "another backend made it", change: { "slipway.dev/backend": "other" } },
    { because: "somebody else made it", change: { "app.kubernetes.io/managed-by": "helm" } },
    { because: "it is a helper", change: { "slipway.dev/role": "helper" } },
    { because: "it belongs to nobody", change: { "slipway.dev/uid": "" } },
  ])("is no workload: $because", ({ change }) => {
    expect(toWorkload(inspected({ labels: { ...labels, ...change } }), around)).toBeUndefined();
  });

  it("is no workload while it is removed", () => {
    expect(toWorkload(inspected({ state: { Status: "removing" } }), around)).toBeUndefined();
  });

  it.each([
    { because: "renamed", given: { name: "/mine" }, want: ["name"], address: "127.0.0.1:20001" },
    { because: "cut off", given: { networks: {}, ports: {} }, want: ["network"], address: undefined },
    {
      because: "on another network",
      given: { networks: { bridge: {} } },
      want: ["network"],
      address: "127.0.0.1:20001",
    },
    { because: "ports lost", given: { ports: { "8080/tcp": null } }, want: ["ports"], address: undefined },
    {
      because: "published elsewhere",
      given: { ports: { "8080/tcp": [{ HostIp: "", HostPort: "1" }] } },
      want: ["ports"],
      address: undefined,
    },
    {
      because: "all at once",
      given: { name: "/x", networks: {}, ports: {} },
      want: ["name", "network"],
      address: undefined,
    },
  ])("sees drift: $because", ({ given, want, address }) => {
    const workload = toWorkload(inspected(given), around);
    expect(workload?.drift.map(({ kind }) => kind)).toEqual(want);
    expect(workload?.address).toBe(address);
  });
});

const rules = (ingressPorts: number[]) => JSON.stringify({ egress: { kind: "closed" }, ingressPorts });
const restricted = { ...labels, "slipway.dev/network-rules": rules([8080]) };
const sandbox: SandboxNow = {
  id: "box",
  name: "slipway-n-12345678-sandbox",
  running: true,
  paused: false,
  startedAt: "2026-01-01T00:00:00.123456789Z",
  connected: true,
};

describe("a workload in a sandbox", () => {
  const joined = (given: Given = {}) =>
    inspected({ labels: restricted, mode: "container:box", networks: {}, ports: {}, ...given });
  const exited = { Status: "exited", FinishedAt: "2026-01-01T00:00:09Z" };

  it.each([
    { because: "all is well", given: {}, sandboxes: [sandbox], want: [], address: "127.0.0.1:20001" },
    {
      because: "nothing may come in",
      given: { labels: { ...labels, "slipway.dev/network-rules": rules([]) } },
      sandboxes: [sandbox],
      want: [],
      address: undefined,
    },
    { because: "the sandbox is gone", given: {}, sandboxes: [], want: ["sandbox"], address: undefined },
    {
      because: "another took its place",
      given: {},
      sandboxes: [{ ...sandbox, id: "other" }],
      want: ["sandbox"],
      address: undefined,
    },
    {
      because: "the sandbox ended",
      given: {},
      sandboxes: [{ ...sandbox, running: false }],
      want: ["sandbox"],
      address: undefined,
    },
    {
      because: "the sandbox is paused",
      given: {},
      sandboxes: [{ ...sandbox, running: false, paused: true }],
      want: ["sandbox"],
      address: undefined,
    },
    {
      because: "the sandbox was started after the workload, by less than a digit shows",
      given: {},
      sandboxes: [{ ...sandbox, startedAt: "2026-01-01T00:00:00.500000001Z" }],
      want: ["sandbox"],
      address: undefined,
    },
    {
      because: "the sandbox was cut off",
      given: {},
      sandboxes: [{ ...sandbox, connected: false }],
      want: ["network"],
      address: undefined,
    },
    {
      because: "the sandbox was renamed, which harms nobody yet",
      given: {},
      sandboxes: [{ ...sandbox, name: "mine" }],
      want: ["name"],
      address: "127.0.0.1:20001",
    },
    {
      because: "a workload that does not run needs no sandbox yet",
      given: { state: exited },
      sandboxes: [],
      want: [],
      address: undefined,
    },
  ])("$because", ({ given, sandboxes, want, address }) => {
    const workload = toWorkload(joined(given), around, { sandboxes, canSandbox: true });
    expect(workload?.drift.map(({ kind }) => kind)).toEqual(want);
    expect(workload?.address).toBe(address);
  });

  it("should be in one where the Engine has them, and is as good as can be where not", () => {
    const drift = (canSandbox: boolean) =>
      toWorkload(inspected({ labels: restricted }), around, { sandboxes: [], canSandbox })?.drift;
    expect(drift(true)).toMatchObject([{ kind: "sandbox" }]);
    expect(drift(false)).toEqual([]);
  });

  it("takes rules that it cannot read for closed", () => {
    const unreadable = { ...labels, "slipway.dev/network-rules": "{}" };
    const workload = toWorkload(joined({ labels: unreadable }), around, { sandboxes: [sandbox], canSandbox: true });
    expect(workload?.address).toBeUndefined();
  });
});

describe("byRole", () => {
  it("puts the current workload first", () => {
    const current = toWorkload(inspected(), around);
    const candidate = toWorkload(inspected({ labels: { ...labels, "slipway.dev/candidate": "true" } }), around);
    if (!current || !candidate) throw new Error("both are workloads");
    expect([candidate, current].sort(byRole).map(({ role }) => role)).toEqual(["current", "candidate"]);
  });
});

describe("dialHost", () => {
  const unix = { kind: "unix", text: "", path: "/s" } as const;
  const tcp = { kind: "tcp", text: "", host: "engine", port: 1, tls: true } as const;
  it.each([
    { publish: { bindAddress: "127.0.0.1" }, engine: unix, want: "127.0.0.1:1" },
    { publish: { bindAddress: "0.0.0.0" }, engine: unix, want: "127.0.0.1:1" },
    { publish: { bindAddress: "::" }, engine: unix, want: "[::1]:1" },
    { publish: { bindAddress: "::1" }, engine: unix, want: "[::1]:1" },
    { publish: { bindAddress: "0.0.0.0" }, engine: tcp, want: "engine:1" },
    { publish: { bindAddress: "10.0.0.5" }, engine: tcp, want: "10.0.0.5:1" },
    { publish: { bindAddress: "0.0.0.0", advertiseAddress: "nat.example" }, engine: tcp, want: "nat.example:1" },
  ])("dials $want for $publish", ({ publish, engine, want }) => {
    expect(dialAddress(dialHost(publish, engine), 1)).toBe(want);
  });
});
