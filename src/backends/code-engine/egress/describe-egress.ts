import { listing } from "../../../guardrails/listing.ts";
import { type EgressRanges, EVERYTHING } from "./egress-ranges.ts";

export interface EgressInForce extends EgressRanges {
  readonly project: string;
  /** The GuardrailProfile that bounds its deployments. */
  readonly profile: string;
  /** Private path gateways, which are nobody's but their owner's. */
  readonly gateways: number;
}

/** What every workload of a project may reach, and what of the profile could not be had. */
export function describeEgress({ project, profile, ranges, leftOut, gateways }: EgressInForce): string {
  const reach = ranges.includes(EVERYTHING)
    ? "everything"
    : ranges.length === 0
      ? "nothing outside of it"
      : `${listing(ranges)} and nothing else outside of it`;
  const sentences = [
    `every workload of project ${project} may reach ${reach}, as GuardrailProfile "${profile}" says; project-internal and IBM private services stay reachable`,
  ];
  if (leftOut.length > 0) {
    const hosts = leftOut.map(({ host, why }) => `${host} (${why})`);
    sentences.push(`left out, so closed: ${listing(hosts)}; list the IPv4 range of a proxy that leads there`);
  }
  if (gateways > 0)
    sentences.push(`${gateways} private path ${gateways === 1 ? "gateway is" : "gateways are"} left alone`);
  return sentences.join(". ");
}
