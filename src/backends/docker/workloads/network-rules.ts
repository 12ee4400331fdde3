import type { NetworkRules } from "../../../guardrails/confinement.ts";
import { readNetworkRules } from "../../../guardrails/guardrails-json.ts";
import { DockerLabel, type Labels } from "./object-labels.ts";

/** Rules that cannot be read let nothing pass. */
const NOTHING: NetworkRules = { egress: { kind: "closed" }, ingressPorts: [] };

/** Pure. The rules that a workload was made with; undefined where nothing of its network is restricted. */
export function networkRules(labels: Labels | undefined): NetworkRules | undefined {
  const label = labels?.[DockerLabel.NetworkRules];
  return label === undefined ? undefined : (readNetworkRules(label) ?? NOTHING);
}
