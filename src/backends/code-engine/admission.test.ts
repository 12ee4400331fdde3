import { describe, expect, it } from "@jest/globals";
import type { AdmissionRequest } from "../backend.ts";
import { admit } from "./admission.ts";

const request: AdmissionRequest = {
  imageReference: "icr.io/example/files:1",
  port: 8080,
  env: { MODE: "fast" },
  mounts: [],
  restartPolicy: "Always",
  confinement: {
    network: { egress: { kind: "closed" }, ingressPorts: [8080] },
    readOnlyRoot: true,
    capabilities: { dropAll: true, add: ["NET_BIND_SERVICE"] },
    seccomp: { kind: "default" },
    appArmor: { kind: "profile", name: "mcp-standard" },
    runAsNonRoot: false,
  },
};
const mount = { name: "data", path: "/data", readOnly: false };
const files = { kind: "files", secret: true, files: { a: Buffer.from("text") } } as const;
const confined = (patch: Partial<AdmissionRequest["confinement"]>): Partial<AdmissionRequest> => ({
  confinement: { ...request.confinement, ...patch },
});

describe("admit", () => {
  it.each<{ because: string; given: Partial<AdmissionRequest>; allowed?: string[] }>([
    { because: "nothing is wrong with it", given: {} },
    { because: "it is from an allowed registry", given: {}, allowed: ["icr.io/example"] },
    { because: "files of Secrets can be mounted", given: { mounts: [{ ...mount, ...files }] } },
    {
      because: "all of the root can be written, a promised path too",
      given: { mounts: [{ ...mount, name: "slipway-/cache", kind: "tmpfs", sizeBytes: 1 }] },
    },
  ])("takes a spec since $because", ({ given, allowed = [] }) => {
    expect(() => admit({ ...request, ...given }, allowed)).not.toThrow();
  });

  it.each<{ because: string; given: Partial<AdmissionRequest>; allowed?: string[]; says: RegExp; reason?: string }>([
    { because: "its registry has a port", given: { imageReference: "localhost:5000/x/files:1" }, says: /port/ },
    {
      because: "its registry is not allowed",
      given: {},
      allowed: ["ghcr.io"],
      says: /icr\.io/,
      reason: "RegistryNotAllowed",
    },
    { because: "its port is the platform's", given: { port: 8012 }, says: /8012 is reserved/ },
    { because: "the platform starts again what ends", given: { restartPolicy: "Never" }, says: /restartPolicy/ },
    {
      because: "there are no volumes",
      given: { mounts: [{ ...mount, kind: "volume", retain: false }] },
      says: /\[data\]/,
      reason: "VolumeNotAllowed",
    },
    {
      because: "there is no tmpfs",
      given: { mounts: [{ ...mount, kind: "tmpfs", sizeBytes: 1 }] },
      says: /tmpfs/,
      reason: "VolumeNotAllowed",
    },
    {
      because: "there is no host",
      given: { mounts: [{ ...mount, kind: "hostPath", hostPath: "/srv" }] },
      says: /host paths/,
      reason: "VolumeNotAllowed",
    },
    {
      because: "a file is no text",
      given: { mounts: [{ ...mount, ...files, files: { blob: Buffer.from([0xff, 0xfe]) } }] },
      says: /blob is no UTF-8/,
    },
    {
      because: "nothing can be mounted on the root",
      given: { mounts: [{ ...mount, ...files, path: "/" }] },
      says: /mountPath/,
    },
    {
      because: "no capability is added",
      given: confined({ capabilities: { dropAll: true, add: ["SYS_TIME"] } }),
      says: /SYS_TIME/,
    },
    {
      because: "one port is published",
      given: confined({ network: { egress: { kind: "open" }, ingressPorts: [8080, 9000] } }),
      says: /9000/,
    },
    { because: "it loads no filter", given: confined({ seccomp: { kind: "profile", json: "{}" } }), says: /seccomp/ },
  ])("refuses a spec since $because", ({ given, allowed = [], says, reason = "InvalidSpec" }) => {
    expect(() => admit({ ...request, ...given }, allowed)).toThrow(
      expect.objectContaining({ name: "TerminalError", reason, message: expect.stringMatching(says) }),
    );
  });
});
