import type { GuardrailCapabilities, GuardrailFeature, Support } from "../../guardrails/capabilities.ts";

const enforced = (reason: string): Support => ({ enforcement: "Enforced", reason });
const partial = (reason: string): Support => ({ enforcement: "Partial", reason });
const notEnforced = (reason: string): Support => ({ enforcement: "NotEnforced", reason });

const EGRESS = notEnforced(
  "Code Engine filters what leaves for a whole project only, and Slipway leaves the rules of this project alone",
);
const PLATFORM = notEnforced("the platform decides, and tenants cannot");

const FEATURES: Readonly<Record<GuardrailFeature, Support>> = {
  "network.closedEgress": EGRESS,
  "network.allowedNames": notEnforced("Code Engine cannot filter by host name"),
  "network.allowedRanges": EGRESS,
  "network.allowedPorts": notEnforced("Code Engine cannot filter by port"),
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

/** What Code Engine makes of a GuardrailProfile in a project whose egress rules are its owner's. */
export const CODE_ENGINE_GUARDRAILS: GuardrailCapabilities = { features: FEATURES, appArmorProfiles: [] };
