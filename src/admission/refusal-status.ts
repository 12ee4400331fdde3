import type { StatusFailure } from "../api/meta.ts";
import type { Refusal, Write } from "./write.ts";

/** What of a Status tells a refusal: the same words and codes as kube-apiserver's own of that reason. */
export interface RefusalStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details: NonNullable<StatusFailure["details"]>;
}

/** What a refusal names. */
export type RefusalSubject = Pick<Write, "group" | "resource" | "name"> & { readonly kind: string };

/** Pure. `Invalid` names the kind, the others the resource, as in Kubernetes. */
export function refusalStatus(refusal: Refusal, { group, resource, kind, name }: RefusalSubject): RefusalStatus {
  const { reason } = refusal;
  const details = { name, ...(group === "" ? {} : { group }), kind: reason === "Invalid" ? kind : resource };
  const subject = `${group === "" ? details.kind : `${details.kind}.${group}`} ${JSON.stringify(name)}`;
  switch (reason) {
    case "Forbidden":
      return { code: 403, reason, message: `${subject} is forbidden: ${refusal.because}`, details };
    case "Conflict":
      return {
        ...{ code: 409, reason, details },
        message: `Operation cannot be fulfilled on ${subject}: ${refusal.because}`,
      };
    case "Invalid": {
      const texts = refusal.problems.map(({ path, message }) => `${path}: ${message}`);
      const said = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
      const causes = refusal.problems.map(({ path, message }) => ({
        ...{ reason: "FieldValueInvalid", message, field: path },
      }));
      return { code: 422, reason, message: `${subject} is invalid: ${said}`, details: { ...details, causes } };
    }
    default:
      return refusal satisfies never;
  }
}
