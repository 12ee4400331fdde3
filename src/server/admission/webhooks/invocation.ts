import type { ServedResource } from "../../registry/served-resource.ts";
import type { CompiledWebhook } from "./compiled-webhook.ts";
import type { ObjectView } from "./object-view.ts";
import type { Kind } from "./review-request.ts";

/** A webhook that a write concerns, and how it is shown the write. */
export interface Invocation {
  readonly webhook: CompiledWebhook;
  /** The resource that its rules name: another version of the request's under `matchPolicy: Equivalent`. */
  readonly resource: ServedResource;
  readonly kind: Kind;
  readonly view: ObjectView;
}
