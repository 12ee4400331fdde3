import type { BackendDriver } from "../controllers/backend-driver.ts";
import type { ProberOptions } from "../probe/create-prober.ts";

/** What a controller process is given beside what is built in: by a program of its own, since no flag names it. */
export interface RuntimeParts {
  /** Further types of RuntimeBackend, by `spec.type`. The definition of RuntimeBackends must allow them. */
  readonly drivers?: Readonly<Record<string, BackendDriver>>;
  /** Asks the workloads of these types. */
  readonly makeProbe?: NonNullable<ProberOptions["makeProbe"]>;
}
