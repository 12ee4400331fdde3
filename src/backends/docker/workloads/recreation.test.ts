import { describe, expect, it } from "@jest/globals";
import type Docker from "dockerode";
import { recreation } from "./recreation.ts";

const binding = (HostPort: string) => ({ "8080/tcp": [{ HostIp: "127.0.0.1", HostPort }] });

const inspected = {
  Name: "/slipway-n-12345678",
  Config: {
    Hostname: "0123456789ab",
    Image: "sha256:1",
    Env: ["A=1"],
    ExposedPorts: { "8080/tcp": {} },
    Labels: { "slipway.dev/host-port": "20001", "slipway.dev/restart-policy": "Always", x: "y" },
  },
  HostConfig: {
    Memory: 1024,
    NetworkMode: "slipway",
    PortBindings: binding("20001"),
    RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
    SecurityOpt: ["no-new-privileges"],
  },
} as unknown as Docker.ContainerInspectInfo;

describe("recreation", () => {
  it("makes the same container on another port", () => {
    expect(recreation(inspected, { hostPort: 20_002, sandbox: undefined })).toEqual({
      ...inspected.Config,
      name: "slipway-n-12345678",
      Hostname: "",
      Labels: { "slipway.dev/host-port": "20002", "slipway.dev/restart-policy": "Always", x: "y" },
      HostConfig: { ...inspected.HostConfig, PortBindings: binding("20002") },
    });
  });

  it("makes the same container in a sandbox, where it has no ports and no restarts by the Engine", () => {
    expect(recreation(inspected, { hostPort: 20_001, sandbox: "box" })).toEqual({
      ...inspected.Config,
      name: "slipway-n-12345678",
      Hostname: "",
      ExposedPorts: {},
      Labels: { "slipway.dev/host-port": "20001", "slipway.dev/restart-policy": "Never", x: "y" },
      HostConfig: {
        ...inspected.HostConfig,
        NetworkMode: "container:box",
        PortBindings: {},
        RestartPolicy: { Name: "no" },
      },
    });
  });

  it("gives no port to what has none", () => {
    const { "slipway.dev/host-port": _port, ...Labels } = inspected.Config.Labels;
    const without = { ...inspected, Config: { ...inspected.Config, Labels } };
    const { Labels: made, HostConfig } = recreation(without, { hostPort: undefined, sandbox: undefined });
    expect(made).toEqual(Labels);
    expect(HostConfig?.PortBindings).toEqual({});
  });
});
