import { baseEnvironment } from "../../src/cel/base-environment.ts";
import { compileExpression } from "../../src/cel/expression.ts";
import type { Judged, Kstatus } from "./kstatus.ts";

/** One of `spec.healthCheckExprs` of a Kustomization of Flux. */
export interface HealthCheck {
  readonly apiVersion: string;
  readonly kind: string;
  readonly current: string;
  readonly inProgress?: string;
  readonly failed?: string;
}

const VARIABLES = ["apiVersion", "kind", "metadata", "spec", "status"] as const;

/**
 * What Flux takes an object for by such a check, after https://fluxcd.io/flux/components/kustomize/kustomizations/#health-check-expressions:
 * in progress until its generation is observed, then the first of inProgress, failed and current that is true; else, and where a field is
 * missing, in progress still.
 */
export function fluxHealth(check: HealthCheck, object: Judged & object): Kstatus {
  const { observedGeneration } = (object.status ?? {}) as { readonly observedGeneration?: number };
  if (observedGeneration !== undefined && observedGeneration !== object.metadata.generation) return "InProgress";
  const answers = [
    ["InProgress", check.inProgress],
    ["Failed", check.failed],
    ["Current", check.current],
  ] as const;
  return answers.find(([, expression]) => expression !== undefined && isTrue(expression, object))?.[0] ?? "InProgress";
}

/** @throws {Error} for what is no expression. */
function isTrue(text: string, object: object): boolean {
  const environment = baseEnvironment().clone();
  for (const name of VARIABLES) environment.registerVariable(name, "dyn");
  const expression = compileExpression<object>(environment, text);
  try {
    // As JSON has it: numbers of Kubernetes are integers in CEL.
    return expression.run(JSON.parse(JSON.stringify(object), integers) as object) === true;
  } catch {
    // A field that is not there yet: Flux goes on waiting.
    return false;
  }
}

function integers(_: string, value: unknown): unknown {
  return Number.isInteger(value) ? BigInt(value as number) : value;
}
