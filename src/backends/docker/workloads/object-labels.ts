import { Label, MANAGED_BY, type Role } from "../../../api/labels.ts";
import type { Owner, Workload } from "../../backend.ts";

/** Labels that only this backend reads. */
export const DockerLabel = {
  Generation: "slipway.dev/generation",
  /** What `ResolvedImage.pinned` was; the Engine shows an image as it was asked for. */
  Image: "slipway.dev/image",
  HostPort: "slipway.dev/host-port",
  /** The port was given, not chosen: it must not change even if another program takes it. */
  HostPortKept: "slipway.dev/host-port-kept",
  Port: "slipway.dev/port",
  RestartPolicy: "slipway.dev/restart-policy",
  /** MCP is spoken over its standard input and output; it has no port. */
  Stdio: "slipway.dev/stdio",
  /** On a process of one client: the container of the workload that it is one more of. */
  AttachedTo: "slipway.dev/attached-to",
  Candidate: "slipway.dev/candidate",
  Retain: "slipway.dev/retain",
  /** The guardrails that it was made under, as JSON. */
  Guardrails: "slipway.dev/guardrails",
  /** The rules of its network where that is restricted, as JSON: what a sandbox is made anew from. */
  NetworkRules: "slipway.dev/network-rules",
} as const;

export type Labels = Readonly<Record<string, string>>;

/** Who makes objects: one RuntimeBackend of one installation. */
export interface Maker {
  readonly installation: string;
  readonly backend: string;
}

export function ownerLabels(maker: Maker, owner: Owner, role: Role): Record<string, string> {
  return {
    ...makerLabels(maker),
    [Label.Uid]: owner.uid,
    [Label.Namespace]: owner.namespace,
    [Label.Name]: owner.name,
    [Label.Role]: role,
  };
}

export function makerLabels(maker: Maker): Record<string, string> {
  return {
    [Label.ManagedBy]: MANAGED_BY,
    [Label.Installation]: maker.installation,
    [Label.Backend]: maker.backend,
  };
}

/** As the Engine's `filters` want them. */
export function labelFilters(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/** Undefined for what this maker did not make, or did not make for a deployment. */
export function ownerFromLabels(labels: Labels | undefined, maker: Maker): Owner | undefined {
  if (!labels || !Object.entries(makerLabels(maker)).every(([key, value]) => labels[key] === value)) return undefined;
  const { [Label.Uid]: uid, [Label.Namespace]: namespace = "", [Label.Name]: name = "" } = labels;
  return uid ? { uid, namespace, name } : undefined;
}

export function isStdio(labels: Labels | undefined): boolean {
  return labels?.[DockerLabel.Stdio] === "true";
}

/** The port on the Engine's machine; undefined where none was chosen. */
export function hostPortFromLabels(labels: Labels): number | undefined {
  const { [DockerLabel.HostPort]: port } = labels;
  return port === undefined ? undefined : Number(port);
}

export function roleFromLabels(labels: Labels): Workload["role"] {
  return labels[DockerLabel.Candidate] === "true" ? "candidate" : "current";
}
