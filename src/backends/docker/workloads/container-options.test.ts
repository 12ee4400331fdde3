import { describe, expect, it } from "@jest/globals";
import type { Confinement, NetworkRules } from "../../../guardrails/confinement.ts";
import type { Guardrails } from "../../../guardrails/guardrails.ts";
import type { Mount, WorkloadSpec } from "../../backend.ts";
import { containerOptions, type Placement } from "./container-options.ts";

const owner = { uid: "6f1c2d3e-0000-4000-8000-000000000000", namespace: "team-a", name: "files" };

function spec(given: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return {
    owner,
    generation: 3,
    hash: "hash",
    image: { pinned: "ghcr.io/x/y@sha256:abc" },
    command: undefined,
    args: undefined,
    env: {},
    port: 8080,
    mounts: [],
    limits: { cpuMillis: 250, memoryBytes: 256 * 1024 * 1024, pids: 100 },
    restartPolicy: "Always",
    confinement: OPEN,
    guardrails: UNRESTRICTED,
    ...given,
  };
}

const OPEN: Confinement = {
  network: undefined,
  readOnlyRoot: false,
  capabilities: { dropAll: false, add: [] },
  seccomp: { kind: "default" },
  appArmor: { kind: "default" },
  runAsNonRoot: false,
};

const UNRESTRICTED: Guardrails = {
  profile: "unrestricted",
  enforcement: "Warn",
  network: { egress: { kind: "open" }, ingressPorts: undefined },
  filesystem: { readOnlyRoot: false, allowedMounts: undefined },
  capabilities: { dropAll: false, add: [] },
  resources: { maxCpuMillis: undefined, maxMemoryBytes: undefined, maxPids: undefined },
  seccomp: { type: "RuntimeDefault" },
  appArmor: { type: "RuntimeDefault" },
  runAsNonRoot: false,
  recommendedBackends: [],
};

const RULES: NetworkRules = { egress: { kind: "closed" }, ingressPorts: [8080] };

const placement: Placement = {
  role: "current",
  hostPort: 20_001,
  hostPortKept: false,
  bindAddress: "127.0.0.1",
  network: "slipway",
  sandbox: undefined,
  image: "sha256:local",
  uid: 65532,
  init: true,
  confiners: { seccomp: true, appArmor: true, appArmorProfiles: ["mcp"] },
};

const maker = { installation: "cluster-uid", backend: "docker" };

function options(given: Partial<WorkloadSpec> = {}, placed: Partial<Placement> = {}) {
  return containerOptions(spec(given), { ...placement, ...placed }, maker);
}

const mount = (given: object): Mount => ({ name: "m", path: "/m", readOnly: false, ...given }) as Mount;

describe("containerOptions", () => {
  it("writes down all that a container is made from", () => {
    expect(options({ env: { A: "1", B: "x=y" } })).toEqual({
      name: "slipway-files-6f1c2d3e",
      Image: "sha256:local",
      Env: ["A=1", "B=x=y"],
      ExposedPorts: { "8080/tcp": {} },
      Healthcheck: { Test: ["NONE"] },
      Labels: {
        "app.kubernetes.io/managed-by": "slipway",
        "slipway.dev/installation": "cluster-uid",
        "slipway.dev/backend": "docker",
        "slipway.dev/uid": owner.uid,
        "slipway.dev/namespace": "team-a",
        "slipway.dev/name": "files",
        "slipway.dev/role": "workload",
        "slipway.dev/spec-hash": "hash",
        "slipway.dev/generation": "3",
        "slipway.dev/image": "ghcr.io/x/y@sha256:abc",
        "slipway.dev/port": "8080",
        "slipway.dev/host-port": "20001",
        "slipway.dev/host-port-kept": "false",
        "slipway.dev/restart-policy": "Always",
        "slipway.dev/candidate": "false",
        "slipway.dev/guardrails": expect.stringContaining('"profile":"unrestricted"'),
      },
      HostConfig: {
        ReadonlyRootfs: false,
        CapDrop: [],
        CapAdd: [],
        NanoCpus: 250_000_000,
        Memory: 268_435_456,
        MemorySwap: 268_435_456,
        PidsLimit: 100,
        Mounts: [],
        Tmpfs: {},
        Init: true,
        RestartPolicy: { Name: "unless-stopped" },
        NetworkMode: "slipway",
        PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "20001" }] },
        Privileged: false,
        SecurityOpt: ["no-new-privileges"],
        IpcMode: "private",
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
      },
    });
  });

  it.each([
    { because: "the image knows best", given: {}, want: {} },
    { because: "args replace CMD", given: { args: ["a"] }, want: { Cmd: ["a"] } },
    { because: "a command drops CMD", given: { command: ["c"] }, want: { Entrypoint: ["c"], Cmd: [] } },
    { because: "both replace both", given: { command: ["c"], args: ["a"] }, want: { Entrypoint: ["c"], Cmd: ["a"] } },
    { because: "an empty list is no command", given: { command: [], args: [] }, want: {} },
  ])("starts the program as Kubernetes would: $because", ({ given, want }) => {
    const { Entrypoint, Cmd } = options(given);
    expect({ Entrypoint, Cmd }).toEqual({ Entrypoint: undefined, Cmd: undefined, ...want });
  });

  it.each([
    { because: "an Engine that starts again leaves stopped ones", given: {}, placed: {}, want: "unless-stopped" },
    { because: "failures only", given: { restartPolicy: "OnFailure" as const }, placed: {}, want: "on-failure" },
    { because: "never", given: { restartPolicy: "Never" as const }, placed: {}, want: "no" },
    { because: "a candidate that ends has failed", given: {}, placed: { role: "candidate" as const }, want: "no" },
  ])("has the Engine restart it: $because", ({ given, placed, want }) => {
    expect(options(given, placed).HostConfig?.RestartPolicy).toEqual({ Name: want });
  });

  it("puts a container with a restricted network into its sandbox, where it has no port and no restarts by the Engine", () => {
    const confinement = { ...OPEN, network: RULES };
    const { ExposedPorts, HostConfig, Labels } = options({ confinement }, { sandbox: "box" });
    expect(ExposedPorts).toBeUndefined();
    expect(HostConfig?.PortBindings).toBeUndefined();
    expect(HostConfig).toMatchObject({ NetworkMode: "container:box", RestartPolicy: { Name: "no" } });
    expect(Labels).toMatchObject({
      "slipway.dev/network-rules": '{"egress":{"kind":"closed"},"ingressPorts":[8080]}',
      "slipway.dev/restart-policy": "Never",
    });
  });

  it("publishes nothing where nothing may come in, also where the Engine has no sandboxes", () => {
    const network: NetworkRules = { egress: { kind: "closed" }, ingressPorts: [] };
    const { ExposedPorts, HostConfig } = options({ confinement: { ...OPEN, network } });
    expect(ExposedPorts).toBeUndefined();
    expect(HostConfig).toMatchObject({ NetworkMode: "slipway", RestartPolicy: { Name: "unless-stopped" } });
    expect(HostConfig?.PortBindings).toBeUndefined();
  });

  it("keeps a candidate apart from what serves", () => {
    const { name, Labels } = options({}, { role: "candidate" });
    expect(name).toBe("slipway-files-6f1c2d3e-candidate");
    expect(Labels).toMatchObject({ "slipway.dev/candidate": "true", "slipway.dev/role": "workload" });
  });

  it("mounts a volume of the deployment's own, labelled so that it can be found and kept", () => {
    const { HostConfig } = options({ mounts: [mount({ kind: "volume", retain: true })] });
    expect(HostConfig?.Mounts).toEqual([
      {
        Type: "volume",
        Source: `slipway-files-${owner.uid}-m`,
        Target: "/m",
        ReadOnly: false,
        VolumeOptions: {
          NoCopy: false,
          Labels: expect.objectContaining({
            "slipway.dev/uid": owner.uid,
            "slipway.dev/role": "volume",
            "slipway.dev/retain": "true",
          }),
          DriverConfig: { Name: "local", Options: {} },
        },
      },
    ]);
  });

  it("mounts files read-only from a volume of this revision alone", () => {
    const files = (hash: string) =>
      options({ hash, mounts: [mount({ kind: "files", files: { a: Buffer.from("secret") }, secret: true })] });
    const [first] = files("one").HostConfig?.Mounts ?? [];
    const [second] = files("two").HostConfig?.Mounts ?? [];
    expect(first).toMatchObject({ Type: "volume", Target: "/m", ReadOnly: true, VolumeOptions: { NoCopy: true } });
    expect(first?.Source).not.toBe(second?.Source);
    expect(JSON.stringify(files("one"))).not.toContain('secret"');
  });

  it.each([
    { readOnly: false, want: "rw,noexec,nosuid,nodev,size=1024,uid=65532" },
    { readOnly: true, want: "ro,noexec,nosuid,nodev,size=1024,uid=65532" },
  ])("mounts a tmpfs from which nothing can be run (readOnly $readOnly)", ({ readOnly, want }) => {
    const { HostConfig } = options({ mounts: [mount({ kind: "tmpfs", sizeBytes: 1024, readOnly })] });
    expect(HostConfig?.Tmpfs).toEqual({ "/m": want });
  });

  it("binds a host path without passing mounts on, and never makes it", () => {
    const { HostConfig } = options({ mounts: [mount({ kind: "hostPath", hostPath: "/srv/x", readOnly: true })] });
    expect(HostConfig?.Mounts).toEqual([
      { Type: "bind", Source: "/srv/x", Target: "/m", ReadOnly: true, BindOptions: { Propagation: "rprivate" } },
    ]);
  });

  it.each([
    { where: "by itself", given: {}, network: "slipway" },
    { where: "in a sandbox", given: { sandbox: "box" }, network: "container:box" },
  ])("opens its input and no port where MCP is spoken over stdio, $where", ({ given, network }) => {
    const options = containerOptions(spec({ stdio: true }), { ...placement, ...given, hostPort: undefined }, maker);
    expect(options).toMatchObject({ OpenStdin: true, StdinOnce: false, Tty: false });
    expect(options).not.toHaveProperty("ExposedPorts");
    expect(options.HostConfig).not.toHaveProperty("PortBindings");
    expect(options.HostConfig?.NetworkMode).toBe(network);
    // All of the protocol is in the log, too.
    expect(options.HostConfig?.LogConfig?.Config).toEqual({ "max-size": "20m", "max-file": "5", compress: "true" });
    expect(options.Labels).toMatchObject({ "slipway.dev/stdio": "true" });
    expect(options.Labels).not.toHaveProperty(["slipway.dev/host-port"]);
    expect(options.Labels).not.toHaveProperty(["slipway.dev/port"]);
  });
});
