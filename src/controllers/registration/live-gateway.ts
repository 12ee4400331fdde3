import type { McpGateway } from "../../api/v1alpha1/index.ts";
import type { EntryLists } from "./entry-lists.ts";
import type { ExternalGateway } from "./external-gateway.ts";

/** An external gateway that can be asked. */
export interface LiveGateway {
  readonly client: ExternalGateway;
  readonly lists: EntryLists;
  /** With what it is to call servers. A secret. */
  readonly serverToken: string | undefined;
}

/** External gateways by the names of their McpGateways. */
export interface LiveGateways {
  /** Why one cannot be asked; undefined where nobody has tried yet. */
  get(gateway: McpGateway): LiveGateway | { readonly problem: Problem | undefined };
  /** It did not answer a call; it is to be looked at soon. */
  suspect(name: string): void;
}

export interface Problem {
  readonly reason: string;
  readonly message: string;
}
