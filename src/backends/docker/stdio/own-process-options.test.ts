import { describe, expect, it } from "@jest/globals";
import type Docker from "dockerode";
import { ownProcessOptions } from "./own-process-options.ts";
import { isLeftover } from "./own-processes.ts";

const inspected = {
  Config: {
    Hostname: "0123456789ab",
    Image: "sha256:1",
    Env: ["A=1"],
    User: "65532",
    ExposedPorts: { "8080/tcp": {} },
    Labels: { "slipway.dev/role": "workload", "slipway.dev/spec-hash": "h" },
    OpenStdin: true,
    StdinOnce: false,
  },
  HostConfig: {
    Memory: 1024,
    PidsLimit: 10,
    NetworkMode: "container:box",
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
    LogConfig: { Type: "json-file", Config: { "max-size": "20m" } },
  },
} as unknown as Docker.ContainerInspectInfo;

describe("ownProcessOptions", () => {
  const options = ownProcessOptions(inspected, { name: "n", labels: { "slipway.dev/role": "helper" } });

  it("keeps what confines the workload, and the sandbox that it lives in", () => {
    const { Memory, PidsLimit, NetworkMode, ReadonlyRootfs, CapDrop, SecurityOpt } = inspected.HostConfig;
    expect(options).toMatchObject({ Image: "sha256:1", Env: ["A=1"], User: "65532" });
    expect(options.HostConfig).toMatchObject({ Memory, PidsLimit, NetworkMode, ReadonlyRootfs, CapDrop, SecurityOpt });
  });

  it("is no workload, and ends with its client", () => {
    expect(options).toMatchObject({ Labels: { "slipway.dev/role": "helper" }, ExposedPorts: {}, StdinOnce: true });
    expect(options.Labels).not.toHaveProperty(["slipway.dev/spec-hash"]);
    expect(options.HostConfig).toMatchObject({ AutoRemove: true, RestartPolicy: { Name: "no" }, PortBindings: {} });
  });
});

describe("isLeftover", () => {
  const own = { "slipway.dev/attached-to": "id" };
  it.each([
    { because: "its client is here", labels: own, names: ["/here"], want: false },
    { because: "nobody here knows it", labels: own, names: ["/elsewhere"], want: true },
    { because: "it is no client's process", labels: {}, names: ["/elsewhere"], want: false },
  ])("answers $want where $because", ({ labels, names, want }) => {
    expect(isLeftover(labels, names, (name) => name === "here")).toBe(want);
  });
});
