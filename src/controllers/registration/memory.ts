import { formatKey, keyOf, type ObjectKey } from "../../api/meta.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Registration } from "./status.ts";

/** What is known of the registrations of one deployment. At most as many as its status may have. */
export interface RegistrationMemory {
  readonly uid: string;
  /** By McpGateway. Ahead of the status, by what a write that was refused would have said. */
  readonly registrations: Map<string, Registration>;
  /** Attempts in a row that came to nothing, by McpGateway. */
  readonly failures: Map<string, number>;
}

/** The memories of all deployments, by key; after a restart they begin with what the status says. */
export class RegistrationMemories {
  readonly #memories = new Map<string, RegistrationMemory>();

  of(deployment: RuntimeDeployment): RegistrationMemory {
    const key = formatKey(keyOf(deployment));
    const { uid } = deployment.metadata;
    const found = this.#memories.get(key);
    if (found?.uid === uid) return found;
    const registrations = (deployment.status?.registrations ?? []).map((each) => [each.gateway, each] as const);
    const fresh: RegistrationMemory = { uid, registrations: new Map(registrations), failures: new Map() };
    this.#memories.set(key, fresh);
    return fresh;
  }

  forget(key: ObjectKey): void {
    this.#memories.delete(formatKey(key));
  }
}
