import type { Egress } from "../guardrails/guardrails.ts";

/** What the deployments of a place may reach at most: of the GuardrailProfile that bounds them. */
export interface EgressBound {
  readonly profile: string;
  readonly egress: Egress;
}

/** Another RuntimeBackend keeps the rules of the same place, and was made first. */
export interface EgressRival {
  /** Its name. */
  readonly rival: string;
}

export interface EgressProgress {
  /** What was done about the rules since the last call; for people. Empty where they were right. */
  readonly changes: readonly string[];
  /** When another call makes sense; infinite where the place leaves such rules alone. */
  readonly againInMs: number;
}

/** What only some places can do: keep rules of their own about what leaves them, the same for everything that runs there. */
export interface EgressManager {
  /**
   * Names the place whose rules these are: the same whoever keeps them, and however its spec calls it. Undefined where such rules
   * are left alone. @throws {TransientError | TerminalError} while the place cannot be found.
   */
  egressPlace(signal: AbortSignal): Promise<string | undefined>;
  /**
   * Makes the rules those of `bound` (undefined or a rival's: they are not to be changed), looks at them now and then, and sets
   * back what others changed. Until they stand nothing starts there. Costs nothing when it is called too early. How they are is
   * told as an aspect of the place's health, which is where failures of this go, too: it throws only what aborts it.
   */
  manageEgress(bound: EgressBound | EgressRival | undefined, signal: AbortSignal): Promise<EgressProgress>;
}
