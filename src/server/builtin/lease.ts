import { invalidValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";

export const leaseStrategy: Partial<Strategy> = {
  createOnUpdate: true,
  unconditionalUpdate: false,
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
