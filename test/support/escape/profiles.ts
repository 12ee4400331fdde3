import { API_VERSION } from "../../../src/api/v1alpha1/index.ts";
import { ECHO_PORT, IN_RANGE } from "./addresses.ts";
import { HTTPS_NAME } from "./outside.ts";

/** What the attempts are made under: the built-in profiles, and those of the suite. */
export const PROFILES = ["unrestricted", "standard", "restricted", "airgapped", "listed", "open", "capable"] as const;
export type Profile = (typeof PROFILES)[number];

/** Names that the profile `listed` allows, and what is the matter with each. */
export const Name = {
  Allowed: HTTPS_NAME,
  BelowWildcard: "deep.er.wild.test",
  Apex: "wild.test",
  /** With `ECHO_PORT` only. */
  WithPort: "port.test",
  Chain: "chain.test",
  Many: "many.test",
  NoTtl: "ttl0.test",
  Hold: "hold.test",
  /** Below a wildcard of the profile `standard`. */
  BuiltIn: "storage.googleapis.com",
} as const;

/** TCP port beside the transport's own that the profile `open` lets in. */
export const SECOND_PORT = 9090;

/** Where the ConfigMap of the profile `capable` is. */
const FILTER = { namespace: "default", name: "no-yield", key: "profile.json" } as const;

const CLOSED = { egressAllowed: false };

/** The suite's own profiles. What they do not say gets the stricter value. */
export function ownProfiles(): object[] {
  const allowedHosts = [
    Name.Allowed,
    `*.${Name.Apex}`,
    `${Name.WithPort}:${ECHO_PORT}`,
    ...[Name.Chain, Name.Many, Name.NoTtl, Name.Hold],
    IN_RANGE.v4.replace(/\d+$/, "64/28"),
    "2001:db8::40/124",
  ];
  return [
    profile("listed", { network: { egressAllowed: true, allowedHosts }, filesystem: { allowedMounts: ["/tmp"] } }),
    profile("open", { network: { egressAllowed: true, ingressPorts: [SECOND_PORT] } }),
    profile("capable", {
      network: CLOSED,
      capabilities: { dropAll: true, add: ["CHOWN"] },
      seccomp: { type: "ConfigMap", ...FILTER },
    }),
    profile("nonroot", { network: CLOSED, runAsNonRoot: true }),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: FILTER.namespace, name: FILTER.name },
      data: { [FILTER.key]: JSON.stringify(NO_YIELD) },
    },
  ];
}

/** A filter that knows one call. It lets the rest through, so that what else is refused is the work of others. */
const NO_YIELD = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["sched_yield"], action: "SCMP_ACT_ERRNO" }],
};

function profile(name: string, spec: object): object {
  return { apiVersion: API_VERSION, kind: "GuardrailProfile", metadata: { name: profileName(name) }, spec };
}

const BUILT_IN: readonly string[] = ["unrestricted", "standard", "restricted", "airgapped"];

/** Name of the GuardrailProfile behind a column of the table. */
export function profileName(name: string): string {
  return BUILT_IN.includes(name) ? name : `escape-${name}`;
}
