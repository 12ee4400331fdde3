import type { GuardrailProfile, RuntimeBackend } from "../../api/v1alpha1/index.ts";
import type { EgressBound } from "../../backends/egress.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import { TerminalError } from "../../machinery/errors.ts";
import type { Lister } from "../../machinery/lister.ts";

/** What deployments may reach at most by the profile that bounds a backend; undefined while that is missing or makes no sense. */
export function egressBound(
  { spec }: Pick<RuntimeBackend, "spec">,
  profiles: Pick<Lister<GuardrailProfile>, "get">,
): EgressBound | undefined {
  const { guardrailsBound: name = "" } = spec;
  const profile = name === "" ? undefined : profiles.get({ namespace: "", name });
  if (!profile) return undefined;
  try {
    return { profile: name, egress: effectiveGuardrails(profile).network.egress };
  } catch (error) {
    // Its own status says what is wrong about it, and no deployment starts under it either.
    if (error instanceof TerminalError) return undefined;
    throw error;
  }
}
