import { describe, expect, it } from "@jest/globals";
import type Docker from "dockerode";
import type { SandboxRequest } from "./sandbox.ts";
import { isElsewhere, RESOLVER_UIDS, SandboxLabel, type SandboxPlacement, sandboxOptions } from "./sandbox-options.ts";

const REQUEST: SandboxRequest = {
  owner: { uid: "01234567-89ab", namespace: "team-a", name: "files" },
  role: "current",
  hash: "h1",
  rules: {
    egress: { kind: "listed", hosts: [{ kind: "name", name: "foo.com", wildcard: false, port: undefined }] },
    ingressPorts: [8080],
  },
  published: { port: 8080, hostPort: 20_001 },
  labels: { "slipway.dev/host-port": "20001" },
};
const PLACEMENT: SandboxPlacement = {
  image: "slipway-sandbox:1",
  network: "slipway",
  bindAddress: "127.0.0.1",
  place: {
    network: { subnets: ["172.20.0.0/16"], gateways: ["172.20.0.1"] },
    hostAddresses: ["192.0.2.2"],
    allowedSources: [],
    upstreams: ["10.0.0.53"],
    addressHoldSeconds: 60,
  },
};

function options(
  request: Partial<SandboxRequest> = {},
  placement: Partial<SandboxPlacement> = {},
  resolverUid = 2 ** 30,
) {
  const maker = { installation: "i", backend: "docker" };
  return sandboxOptions({ ...REQUEST, ...request }, { ...PLACEMENT, ...placement }, { maker, resolverUid });
}

const digest = (made: ReturnType<typeof options>): string | undefined => made.Labels?.[SandboxLabel.Request];

describe("sandboxOptions", () => {
  it("gives the container no more than it needs", () => {
    const { name, HostConfig, Labels, StopSignal } = options();
    expect(name).toBe("slipway-files-01234567-sandbox");
    expect(StopSignal).toBe("SIGKILL");
    expect(HostConfig).toMatchObject({
      CapDrop: ["ALL"],
      CapAdd: ["NET_ADMIN", "SETUID", "SETGID", "KILL"],
      ReadonlyRootfs: true,
      Privileged: false,
      SecurityOpt: ["no-new-privileges"],
      RestartPolicy: { Name: "no" },
      NetworkMode: "slipway",
      PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "20001" }] },
    });
    expect(Labels).toMatchObject({
      "slipway.dev/role": "sandbox",
      "slipway.dev/spec-hash": "h1",
      "slipway.dev/candidate": "false",
      "slipway.dev/host-port": "20001",
    });
  });

  it("publishes nothing where nothing is published", () => {
    const { HostConfig, ExposedPorts } = options({ published: undefined });
    expect(HostConfig).not.toHaveProperty("PortBindings");
    expect(ExposedPorts).toBeUndefined();
  });

  it.each([
    { because: "the resolver's user differs each time", made: options({}, {}, RESOLVER_UIDS.to - 1) },
    {
      because: "interfaces of the machine come and go",
      made: options({}, { place: { ...PLACEMENT.place, hostAddresses: [] } }),
    },
  ])("knows an equal request: $because", ({ made }) => {
    expect(digest(made)).toBe(digest(options()));
  });

  it.each([
    { because: "another port", made: options({ rules: { ...REQUEST.rules, ingressPorts: [] } }) },
    { because: "another revision", made: options({ hash: "h2" }) },
    { because: "another image", made: options({}, { image: "slipway-sandbox:2" }) },
    { because: "other labels", made: options({ labels: {} }) },
    { because: "another resolver", made: options({}, { place: { ...PLACEMENT.place, upstreams: [] } }) },
  ])("tells another request: $because", ({ made }) => {
    expect(digest(made)).not.toBe(digest(options()));
  });

  it("hands over what is longer than one variable may be", () => {
    const hosts = Array.from({ length: 2_000 }, (_, at) => {
      const name = `${"a".repeat(60)}.${"b".repeat(60)}.${at}.com`;
      return { kind: "name", name, wildcard: false, port: undefined } as const;
    });
    const { Env = [] } = options({ rules: { egress: { kind: "listed", hosts }, ingressPorts: [] } });
    expect(Math.max(...Env.map(({ length }) => length))).toBeLessThan(128 * 1024);
    const pieces = Env.filter((entry) => entry.startsWith("RESOLVER_") && !entry.startsWith("RESOLVER_UID="));
    expect(pieces.length).toBeGreaterThan(1);
    const text = pieces.map((entry) => entry.slice(entry.indexOf("=") + 1)).join("");
    expect(text.match(/^server=/gm)).toHaveLength(hosts.length);
  });
});

describe("isElsewhere", () => {
  const inspected = (made: string, now: string): Docker.ContainerInspectInfo =>
    ({
      Config: { Labels: { [SandboxLabel.Gateways]: made } },
      NetworkSettings: { Networks: { slipway: { Gateway: now } } },
    }) as unknown as Docker.ContainerInspectInfo;

  it.each([
    { because: "the network is the same", made: "172.20.0.1 fd00::1", now: "172.20.0.1", want: false },
    { because: "the network was made anew elsewhere", made: "172.20.0.1", now: "172.21.0.1", want: true },
    { because: "it does not run", made: "172.20.0.1", now: "", want: false },
    { because: "the network tells no gateway", made: "", now: "172.20.0.1", want: false },
  ])("$want: $because", ({ made, now, want }) => {
    expect(isElsewhere(inspected(made, now), "slipway")).toBe(want);
  });
});
