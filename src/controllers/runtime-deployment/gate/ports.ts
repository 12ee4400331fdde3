import type { ObjectKey } from "../../../api/meta.ts";
import type { Approval, ApprovalPolicy, RuntimeDeployment } from "../../../api/v1alpha1/index.ts";
import type { StampKeys } from "../../../approvals/stamp-keys.ts";
import type { ImageResolver } from "../../../backends/image-resolver.ts";
import type { Namespaced } from "../../../effective-spec/references.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { IndexFunction, Lister } from "../../../machinery/lister.ts";
import type { BackendRegistry } from "../../backend-registry.ts";
import type { GuardrailSources } from "../guardrail-sources.ts";
import type { NewApproval } from "./new-approval.ts";

/** Finds the Approvals of a deployment: by its UID, since another may have its name. */
export const approvalIndexes = {
  deployment: ({ spec }) => [spec.deploymentRef.uid],
} satisfies Record<string, IndexFunction<Approval>>;

/** Whether the API server asks admission, so that nobody can write a name that is not theirs. */
export type AdmissionState =
  | { readonly kind: "works" }
  /** It was not asked yet; who waits is called back. */
  | { readonly kind: "unknown" }
  | { readonly kind: "missing"; readonly message: string };

/** Characters of the annotation `slipway.dev/request` that count, as the schema of Approval bounds them. */
export const MAX_REQUEST = 256;

/** What stands between a deployment and its backend. */
export interface ApprovalGate {
  readonly policies: Lister<ApprovalPolicy>;
  /** With `approvalIndexes`. */
  readonly approvals: Lister<Approval>;
  /** Whether `policies` has all that there were when this generation of a deployment came. Where not, it is called back. */
  knowsPolicies(deployment: RuntimeDeployment): boolean;
  /** Undefined while there are none. */
  stampKeys(): StampKeys | undefined;
  /** Of any moment within the last minutes. Asking keeps it up to date. */
  admission(deployment: ObjectKey): AdmissionState;
  readonly images: ImageResolver;
  /** What a deployment asks for by now: whatever awaits approval for something else is void. */
  wants(deployment: RuntimeDeployment, digest: string): void;
  /** Asks, or was asked the same before. False where something else has the name. @throws {ApiError} */
  request(approval: NewApproval, signal: AbortSignal): Promise<boolean>;
  /** Keeps the first image that runs by an Approval that could not name one. */
  keepImage(approval: Approval, image: string, signal: AbortSignal): Promise<void>;
}

export interface GatePorts {
  readonly gate: ApprovalGate;
  readonly registry: BackendRegistry;
  readonly sources: GuardrailSources;
  readonly clock: Clock;
  objects(namespace: string): Namespaced;
}
