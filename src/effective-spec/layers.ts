import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { DEFAULT_PROFILE } from "../guardrails/built-in.ts";
import type { GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { TerminalError } from "../machinery/errors.ts";

/** What a catalog entry says of its server. A deployment's own spec lies over it. */
export type CatalogLayer = Partial<
  Pick<RuntimeDeploymentSpec, "source" | "command" | "args" | "transport" | "env" | "resources" | "guardrails">
>;

type DeploymentLayer = Omit<RuntimeDeploymentSpec, "source"> & Pick<CatalogLayer, "source">;

/** The part of a spec that a catalog entry may give, merged. */
export interface LayeredSpec {
  readonly source: RuntimeDeploymentSpec["source"];
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly transport: NonNullable<RuntimeDeploymentSpec["transport"]>;
  readonly env: readonly EnvVariable[];
  readonly resources: NonNullable<RuntimeDeploymentSpec["resources"]>;
  readonly overrides: GuardrailOverrides;
}

export type EnvVariable = NonNullable<RuntimeDeploymentSpec["env"]>[number];

/** Pure. The name of the profile that a deployment runs under: its own, else its catalog entry's, else the default. */
export function profileNameOf(spec: Pick<RuntimeDeploymentSpec, "guardrails">, catalog: CatalogLayer = {}): string {
  return spec.guardrails?.profile ?? catalog.guardrails?.profile ?? DEFAULT_PROFILE;
}

/**
 * Pure. A deployment over its catalog entry: transport and resources key by key, variables by name, all else as a whole.
 * A deployment that names a profile gets just that, and nothing of the entry's overrides, which were meant for another.
 * @throws {TerminalError} `InvalidSpec` where nobody says where the server comes from.
 */
export function layered(spec: DeploymentLayer, catalog: CatalogLayer = {}): LayeredSpec {
  const source = spec.source ?? catalog.source;
  if (!source) throw new TerminalError(Reason.InvalidSpec, "spec.source: neither deployment nor catalog entry has one");
  const below = spec.guardrails?.profile === undefined ? (catalog.guardrails?.overrides ?? {}) : {};
  return {
    source,
    // An empty list is no list: merge patches and templates leave one behind, and Kubernetes reads it so.
    command: nonEmpty(spec.command) ?? nonEmpty(catalog.command),
    args: nonEmpty(spec.args) ?? nonEmpty(catalog.args),
    transport: { ...catalog.transport, ...spec.transport },
    env: mergeEnv(catalog.env ?? [], spec.env ?? []),
    resources: { ...catalog.resources, ...spec.resources },
    overrides: mergeOverrides(below, spec.guardrails?.overrides ?? {}),
  };
}

function mergeEnv(below: readonly EnvVariable[], above: readonly EnvVariable[]): readonly EnvVariable[] {
  return [...new Map([...below, ...above].map((variable) => [variable.name, variable])).values()];
}

/** Key by key as deep as overrides go; seccomp and appArmor are one value each. */
function mergeOverrides(below: GuardrailOverrides, above: GuardrailOverrides): GuardrailOverrides {
  return {
    ...below,
    ...above,
    network: { ...below.network, ...above.network },
    filesystem: { ...below.filesystem, ...above.filesystem },
    capabilities: { ...below.capabilities, ...above.capabilities },
    resources: { ...below.resources, ...above.resources },
  };
}

function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list && list.length > 0 ? list : undefined;
}
