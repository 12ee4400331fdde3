import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { RuntimeBackendSpec, RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import type { CodeEngineEmulator } from "./code-engine/emulator.ts";

type CodeEngine = NonNullable<RuntimeBackendSpec["codeEngine"]>;

export interface BackendManifests {
  readonly emulator: CodeEngineEmulator;
  readonly apiKey: string;
  /** What differs from a plain backend on the project `tools`. */
  readonly codeEngine?: Partial<CodeEngine>;
}

/** The RuntimeBackend `ibm` on an emulator, and the Secret with its key, as somebody would apply them. */
export function codeEngineBackend({ emulator, apiKey, codeEngine = {} }: BackendManifests): object[] {
  const { apiUrl: api, iamUrl: iam, proxyUrl: proxy } = emulator;
  const { endpoints, ...others } = codeEngine;
  return [
    apiKeySecret(apiKey),
    {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeBackend",
      metadata: { name: "ibm" },
      spec: {
        type: "code-engine",
        codeEngine: {
          region: "us-south",
          project: { name: "tools" },
          apiKeySecretRef: { namespace: "default", name: "ibm" },
          endpoints: { api, iam, proxy, ...endpoints },
          ...others,
        },
      },
    },
  ];
}

/** As `codeEngineBackend` refers to it. */
export function apiKeySecret(apiKey: string): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "ibm", namespace: "default" }, stringData: { apiKey } };
}

/** The manifest of the quickstart on that backend, with `spec` on top. */
export function quickstartOnCodeEngine(name: string, spec: Record<string, unknown> = {}): RuntimeDeployment {
  const manifest = parse(readFileSync("examples/quickstart/everything.yaml", "utf8"));
  return { ...manifest, metadata: { ...manifest.metadata, name }, spec: { ...manifest.spec, backend: "ibm", ...spec } };
}
