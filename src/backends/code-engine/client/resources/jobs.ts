import { listOrEmpty, object, optional, string } from "../shape.ts";
import { envVariable } from "./container.ts";
import { identityFields } from "./identity.ts";

/** As much of a job as this client has a use for: without a run of it nothing happens. */
export const job = object({
  ...identityFields,
  image_reference: optional(string),
  computed_env_variables: listOrEmpty(envVariable),
});
export type Job = ReturnType<typeof job>;

export interface JobPrototype {
  /** See `resourceNameTrouble`. */
  readonly name: string;
  /** See `imageReferenceTrouble`. */
  readonly image_reference: string;
}
