import { invalidValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { microTimeError } from "../verbs/decode-error.ts";

export const leaseStrategy: Partial<Strategy> = {
  createOnUpdate: true,
  unconditionalUpdate: false,
  decodeError({ spec }) {
    const times = (spec ?? {}) as { renewTime?: unknown; acquireTime?: unknown };
    for (const time of [times.renewTime, times.acquireTime]) {
      const problem = typeof time === "string" ? microTimeError(time) : undefined;
      if (problem !== undefined) return problem;
    }
    return undefined;
  },
  validate,
  validateUpdate: (next) => validate(next),
};

function validate({ spec }: ApiObject): FieldError[] {
  const { leaseDurationSeconds, leaseTransitions } = (spec ?? {}) as Record<string, unknown>;
  const errors: FieldError[] = [];
  if (typeof leaseDurationSeconds === "number" && leaseDurationSeconds <= 0) {
    errors.push(invalidValue("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0"));
  }
  if (typeof leaseTransitions === "number" && leaseTransitions < 0) {
    errors.push(invalidValue("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0"));
  }
  return errors;
}
