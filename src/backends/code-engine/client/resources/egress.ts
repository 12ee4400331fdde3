import { list, object, optional, string, word } from "../shape.ts";
import { identityFields } from "./identity.ts";

export type DestinationType = "cidr_block" | "private_path_service_gateway";
export type DestinationStatus = "deploying" | "ready" | "failed";

/** A rule of the whole project: applications, jobs, functions and builds. */
export const outboundDestination = object({
  ...identityFields,
  entity_tag: string,
  type: word<DestinationType>(),
  cidr_block: optional(string),
  private_path_service_gateway_crn: optional(string),
  isolation_policy: optional(word<"shared" | "dedicated">()),
  status: optional(word<DestinationStatus>()),
  status_details: optional(object({ reason: optional(string) })),
});
export type OutboundDestination = ReturnType<typeof outboundDestination>;

export type OutboundDestinationPrototype =
  /** IPv4, `0.0.0.0/0` to `/32`. Refused where another rule covers it already. */
  | { readonly type: "cidr_block"; readonly name: string; readonly cidr_block: string }
  | {
      readonly type: "private_path_service_gateway";
      readonly name: string;
      readonly private_path_service_gateway_crn: string;
      readonly isolation_policy?: "shared" | "dedicated";
    };

export type OutboundDestinationPatch =
  | { readonly type: "cidr_block"; readonly cidr_block: string }
  | { readonly type: "private_path_service_gateway"; readonly isolation_policy: "shared" | "dedicated" };

/** Shared with other tenants, and IBM may change them. */
export const egressIps = object({ public: list(string), private: list(string) });
export type EgressIps = ReturnType<typeof egressIps>;
