import { describe, expect, it } from "@jest/globals";
import type { ConfigMap, Secret } from "../api/core.ts";
import { builtInProfile } from "../guardrails/built-in.ts";
import { effectiveGuardrails } from "../guardrails/effective-guardrails.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import { type Namespaced, resolveReferences } from "./references.ts";

const guardrails = effectiveGuardrails(builtInProfile("unrestricted"));
const seccompOf = (name: string, key: string): EffectiveSpec["guardrails"] => ({
  ...guardrails,
  seccomp: { type: "ConfigMap", namespace: "policies", name, key },
});
const metadata = { name: "", uid: "", resourceVersion: "1", creationTimestamp: "" };
const base64 = (text: string) => Buffer.from(text).toString("base64");
const secrets: Record<string, Secret> = {
  token: {
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    data: { TOKEN: base64("s3cret"), "1bad": base64("x"), NUL: base64("a\0b") },
  },
  pull: { apiVersion: "v1", kind: "Secret", metadata, data: { ".dockerconfigjson": base64("{}") } },
  empty: { apiVersion: "v1", kind: "Secret", metadata },
};
const configMaps: Record<string, ConfigMap> = {
  config: {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata,
    data: { MODE: "fast", TOKEN: "plain" },
    binaryData: { blob: base64("\u0001") },
  },
};
const objects: Namespaced = {
  secret: (name) => secrets[name],
  configMap: (name) => configMaps[name],
  configMapOf: ({ namespace, name }) => (namespace === "policies" ? configMaps[name] : undefined),
};

const spec = (patch: Partial<EffectiveSpec> = {}): EffectiveSpec => ({
  backend: "docker",
  source: { kind: "image", reference: "files:1", pullPolicy: "IfNotPresent", pullSecret: undefined },
  command: undefined,
  args: undefined,
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  guardrails,
  limits: { cpuMillis: 1, memoryBytes: 1, pids: 1 },
  scaling: undefined,
  visibility: undefined,
  reachNotes: [],
  limitNotes: [],
  env: [],
  envFrom: [],
  volumes: [],
  restartPolicy: "Always",
  desiredState: "Running",
  health: { probe: "mcp", path: "/mcp", periodMs: 1, timeoutMs: 1, failureThreshold: 1 },
  ...patch,
});

describe("resolveReferences", () => {
  it.each<{ because: string; given: Partial<EffectiveSpec>; env: Record<string, string>; secret: string[] }>([
    {
      because: "a value is taken literally",
      given: { env: [{ name: "A", value: "$(B) x" }] },
      env: { A: "$(B) x" },
      secret: [],
    },
    { because: "no value is an empty one", given: { env: [{ name: "A" }] }, env: { A: "" }, secret: [] },
    {
      because: "a key of a Secret",
      given: { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "token", key: "TOKEN" } } }] },
      env: { A: "s3cret" },
      secret: ["A"],
    },
    {
      because: "a key of a ConfigMap",
      given: { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "config", key: "MODE" } } }] },
      env: { A: "fast" },
      secret: [],
    },
    {
      because: "optional means left out",
      given: { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "none", key: "K", optional: true } } }] },
      env: {},
      secret: [],
    },
    {
      because: "an optional key, too",
      given: { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "config", key: "K", optional: true } } }] },
      env: {},
      secret: [],
    },
    {
      because: "a later source wins, and says whether it is secret",
      given: { envFrom: [{ secretRef: { name: "token2" } }, { configMapRef: { name: "config" } }] },
      env: { TOKEN: "plain", MODE: "fast" },
      secret: [],
    },
    {
      because: "env wins over envFrom",
      given: { envFrom: [{ configMapRef: { name: "config" } }], env: [{ name: "MODE", value: "slow" }] },
      env: { TOKEN: "plain", MODE: "slow" },
      secret: [],
    },
    {
      because: "a prefix is put before",
      given: { envFrom: [{ prefix: "P_", configMapRef: { name: "config" } }] },
      env: { P_TOKEN: "plain", P_MODE: "fast" },
      secret: [],
    },
    { because: "an empty Secret is fine", given: { envFrom: [{ secretRef: { name: "empty" } }] }, env: {}, secret: [] },
  ])("$because", ({ given, env, secret }) => {
    const known: Namespaced = {
      ...objects,
      secret: (name) =>
        name === "token2" ? { ...(secrets.token as Secret), data: { TOKEN: base64("s3cret") } } : secrets[name],
    };
    const resolved = resolveReferences(spec(given), known);
    expect(resolved.env).toEqual(env);
    expect([...resolved.secretVariables]).toEqual(secret);
  });

  it("leaves out keys that cannot be names of variables", () => {
    const named = { ...secrets.token, data: { "1bad": base64("x"), OK: base64("y") } } as Secret;
    const { env } = resolveReferences(spec({ envFrom: [{ secretRef: { name: "n" } }] }), {
      ...objects,
      secret: () => named,
    });
    expect(env).toEqual({ OK: "y" });
  });

  it("turns Secrets and ConfigMaps into files", () => {
    const { mounts } = resolveReferences(
      spec({
        volumes: [
          { name: "s", path: "/s", readOnly: true, kind: "secret", objectName: "pull" },
          { name: "c", path: "/c", readOnly: true, kind: "configMap", objectName: "config" },
        ],
      }),
      objects,
    );
    expect(mounts).toEqual([
      {
        name: "s",
        path: "/s",
        readOnly: true,
        kind: "files",
        secret: true,
        files: { ".dockerconfigjson": Buffer.from("{}") },
      },
      {
        name: "c",
        path: "/c",
        readOnly: true,
        kind: "files",
        secret: false,
        files: { MODE: Buffer.from("fast"), TOKEN: Buffer.from("plain"), blob: Buffer.from([1]) },
      },
    ]);
  });

  it("reads the pull secret", () => {
    const source = { kind: "image", reference: "a", pullPolicy: "Always", pullSecret: "pull" } as const;
    expect(resolveReferences(spec({ source }), objects).dockerConfig).toBe("{}");
  });

  it("reads the seccomp profile where its ConfigMap is, in whatever namespace", () => {
    expect(resolveReferences(spec({ guardrails: seccompOf("config", "MODE") }), objects).seccompProfile).toBe("fast");
    expect(resolveReferences(spec(), objects).seccompProfile).toBeUndefined();
  });

  it.each<{ because: string; given: Partial<EffectiveSpec>; reason: string; message: RegExp }>([
    {
      because: "no such seccomp ConfigMap",
      given: { guardrails: seccompOf("none", "MODE") },
      reason: "ConfigMapNotFound",
      message: /^ConfigMap "policies\/none", the seccomp profile, does not exist; create it$/,
    },
    {
      because: "no such key in it",
      given: { guardrails: seccompOf("config", "blob") },
      reason: "ConfigMapNotFound",
      message: /^key "blob" of ConfigMap "policies\/config", the seccomp profile, does not exist; add the key$/,
    },
    {
      because: "no such Secret",
      given: { envFrom: [{ secretRef: { name: "none" } }] },
      reason: "SecretNotFound",
      message: /^Secret "none" does not exist; create/,
    },
    {
      because: "no such key",
      given: { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "token", key: "K" } } }] },
      reason: "SecretNotFound",
      message: /^key "K" of Secret "token" does not exist; add the key/,
    },
    {
      because: "no such ConfigMap",
      given: { volumes: [{ name: "c", path: "/c", readOnly: true, kind: "configMap", objectName: "none" }] },
      reason: "ConfigMapNotFound",
      message: /^ConfigMap "none"/,
    },
    {
      because: "it is no pull secret",
      given: { source: { kind: "image", reference: "a", pullPolicy: "Always", pullSecret: "token" } },
      reason: "SecretNotFound",
      message: /dockerconfigjson/,
    },
    {
      because: "no variable can hold it",
      given: { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "token", key: "NUL" } } }] },
      reason: "InvalidSpec",
      message: /^env A: .*NUL/,
    },
  ])("names what is wrong, and no value: $because", ({ given, reason, message }) => {
    expect(() => resolveReferences(spec(given), objects)).toThrow(
      expect.objectContaining({ reason, message: expect.stringMatching(message) }),
    );
    expect(() => resolveReferences(spec(given), objects)).not.toThrow(/s3cret/);
  });
});
