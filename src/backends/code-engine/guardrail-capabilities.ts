import type { GuardrailCapabilities, GuardrailFeature, Support } from "../../guardrails/capabilities.ts";
import { EVERYTHING } from "./egress/egress-ranges.ts";

/** The rules of a project that is dedicated to one RuntimeBackend. */
export interface ManagedEgress {
  /** For people. */
  readonly project: string;
  /** What they let out to, as far as is known; undefined while it is not known what they shall be. */
  readonly ranges: readonly string[] | undefined;
}

const enforced = (reason: string): Support => ({ enforcement: "Enforced", reason });
const partial = (reason: string): Support => ({ enforcement: "Partial", reason });
const notEnforced = (reason: string): Support => ({ enforcement: "NotEnforced", reason });

/** In a project whose rules are its owner's. */
const UNMANAGED = egressFeatures(
  notEnforced(
    "Code Engine filters what leaves for a whole project only, and Slipway leaves the rules of this project alone",
  ),
);
type EgressFeature = "network.closedEgress" | "network.allowedNames" | "network.allowedRanges" | "network.allowedPorts";

/** Where nothing closes what is not listed, listing has no effect. */
function egressFeatures(support: Support): Readonly<Record<EgressFeature, Support>> {
  return {
    "network.closedEgress": support,
    "network.allowedNames": notEnforced("Code Engine cannot filter by host name"),
    "network.allowedRanges": support,
    "network.allowedPorts": notEnforced("Code Engine cannot filter by port"),
  };
}

const PLATFORM = notEnforced("the platform decides, and tenants cannot");

const FEATURES: Readonly<Record<Exclude<GuardrailFeature, EgressFeature>, Support>> = {
  "network.ingressPorts": partial(
    "only the server's own port is published, as port 443 of its endpoint; other workloads of the project can call it, too",
  ),
  "network.closedIngress": partial(
    "it has no endpoint outside of its project; other workloads of the project can still call it",
  ),
  "filesystem.readOnlyRoot": notEnforced("the root filesystem stays writable, bounded by 400 MB of ephemeral storage"),
  "filesystem.allowedMounts": enforced(
    "only Secrets and ConfigMaps are mounted, where the profile allows it; other volumes do not exist",
  ),
  "capabilities.dropAll": notEnforced(
    "the platform decides about capabilities: workloads have a restricted set that cannot be configured",
  ),
  "capabilities.add": notEnforced("the platform decides about capabilities, and adds none"),
  "resources.maxCpu": enforced("the app has the largest size of Code Engine within the limits, and no more"),
  "resources.maxMemory": enforced("the app has the largest size of Code Engine within the limits, and no more"),
  "resources.maxPids": notEnforced("Code Engine has no limit of processes"),
  "seccomp.RuntimeDefault": PLATFORM,
  "seccomp.Unconfined": enforced("no filter is asked for; the platform may have one all the same"),
  "seccomp.ConfigMap": PLATFORM,
  "appArmor.RuntimeDefault": PLATFORM,
  "appArmor.Unconfined": enforced("no profile is asked for; the platform may have one all the same"),
  "appArmor.Localhost": PLATFORM,
  runAsNonRoot: enforced(
    "an image whose user is root, or not known by its number, is refused, and the app runs as that number",
  ),
};

/**
 * Pure. What Code Engine makes of a GuardrailProfile: in a project whose rules for egress are its owner's (undefined), and in one
 * where Slipway keeps them.
 */
export function codeEngineGuardrails(egress: ManagedEgress | undefined): GuardrailCapabilities {
  if (!egress) return { features: { ...FEATURES, ...UNMANAGED }, appArmorProfiles: [] };
  const { ranges = [] } = egress;
  return { features: { ...FEATURES, ...managed(egress) }, appArmorProfiles: [], openRanges: ranges };
}

function managed({ project, ranges }: ManagedEgress): Readonly<Record<EgressFeature, Support>> {
  if (!ranges)
    return egressFeatures(
      notEnforced(`what the rules of project ${project} shall let out is not known, so they stay as they are`),
    );
  if (ranges.includes(EVERYTHING))
    return egressFeatures(notEnforced(`the rules of project ${project} let everything out`));
  const shared = `applies to every workload in project ${project}; project-internal and IBM private services stay reachable`;
  return {
    "network.closedEgress": partial(shared),
    "network.allowedNames": partial(
      "Code Engine cannot filter by host name: listed names are closed, too; list the IPv4 range of a proxy",
    ),
    "network.allowedRanges": partial(shared),
    "network.allowedPorts": partial(
      "Code Engine cannot filter by port: hosts that are listed with a port are closed, too",
    ),
  };
}
