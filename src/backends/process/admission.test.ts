import { describe, expect, it } from "@jest/globals";
import type { AdmissionRequest } from "../backend.ts";
import { admitProcess } from "./admission.ts";

const REQUEST: AdmissionRequest = {
  imageReference: undefined,
  program: { kind: "package" },
  stdio: true,
  port: 8080,
  env: {},
  mounts: [],
  restartPolicy: "Always",
  confinement: {
    network: { egress: { kind: "closed" }, ingressPorts: [] },
    readOnlyRoot: true,
    capabilities: { dropAll: true, add: ["NET_BIND_SERVICE"] },
    seccomp: { kind: "default" },
    appArmor: { kind: "profile", name: "mcp-standard" },
    runAsNonRoot: true,
  },
};
const TMPFS = { path: "/data", readOnly: false, kind: "tmpfs", sizeBytes: 1024 } as const;

describe("a local process", () => {
  it.each<{ because: string; patch: Partial<AdmissionRequest> }>([
    { because: "a package, whatever its profile asks for that nobody enforces", patch: {} },
    {
      because: "a program",
      patch: { program: { kind: "process", command: "python3", args: [], workingDir: undefined } },
    },
    { because: "what a profile promises is there already", patch: { mounts: [{ ...TMPFS, name: "slipway-/data" }] } },
  ])("can be $because", ({ patch }) => {
    expect(() => admitProcess({ ...REQUEST, ...patch })).not.toThrow();
  });

  it.each<{ because: string; patch: Partial<AdmissionRequest>; reason: string; names: string }>([
    {
      because: "an image needs containers",
      patch: { imageReference: "example.com/server:1" },
      reason: "SourceNotSupported",
      names: "spec.source",
    },
    {
      because: "somebody else runs it",
      patch: {
        program: { kind: "remote", url: "https://example.com/mcp", transport: "streamable-http", headers: {} },
      },
      reason: "SourceNotSupported",
      names: "spec.source",
    },
    {
      because: "nothing can be mounted",
      patch: { mounts: [{ ...TMPFS, name: "cache" }] },
      reason: "VolumeNotAllowed",
      names: "spec.volumes[cache]",
    },
    {
      because: "a deployment's volume cannot pass for a promised one",
      patch: { mounts: [{ ...TMPFS, name: "slipway-data" }] },
      reason: "VolumeNotAllowed",
      names: "slipway-data",
    },
  ])("is refused by name: $because", ({ patch, reason, names }) => {
    expect(() => admitProcess({ ...REQUEST, ...patch })).toThrow(
      expect.objectContaining({ name: "TerminalError", reason, message: expect.stringContaining(names) }),
    );
  });
});
