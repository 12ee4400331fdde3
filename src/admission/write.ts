import type { Namespace } from "../api/core.ts";
import type { KubeObject, ObjectKey } from "../api/meta.ts";
import type { ApprovalPolicy, GuardrailProfile, RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { Person } from "../approvals/requesters.ts";
import type { StampKeys } from "../approvals/stamp-keys.ts";

/** A write that asks to be admitted: of an AdmissionReview's request, the part that rules look at. */
export interface Write {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  /** Empty for the core group. */
  readonly group: string;
  /** The plural. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** Empty on a create by generateName, until the name is made. */
  readonly name: string;
  /** Who asks. Where somebody acts as another, whoever does so; where the API server does not tell that, the other. */
  readonly user: Writer;
  /** Nothing will be stored. */
  readonly dryRun: boolean;
  /** The client's address, where the API server tells it: no AdmissionReview does. */
  readonly from?: string | undefined;
  /** What will be stored, defaulted and valid by its schema. Undefined on DELETE. */
  readonly object: KubeObject | undefined;
  /** What is stored. Undefined on CREATE. */
  readonly oldObject: KubeObject | undefined;
}

export interface Writer extends Person {
  readonly uid?: string | undefined;
}

/** What the rules know beside the write, as of now. */
export interface Known {
  profile(name: string): GuardrailProfile | undefined;
  deployment(key: ObjectKey): RuntimeDeployment | undefined;
  deployments(): readonly RuntimeDeployment[];
  backends(): readonly RuntimeBackend[];
  namespaces(): readonly Namespace[];
  approvalPolicy(name: string): ApprovalPolicy | undefined;
  /** Whether any policy may ask for approval. */
  hasApprovalPolicies(): boolean;
  /** Whether anybody looks at the deployments of a namespace. Absent: at those of all. */
  isWatched?(namespace: string): boolean;
  /** Undefined where there is none. */
  stampKeys(): StampKeys | undefined;
  now(): Date;
}

/** Why a write is refused, by the reasons of Kubernetes' Status; messages name the remedy. */
export type Refusal =
  /** 403: nobody may, whatever their rights. */
  | { readonly reason: "Forbidden"; readonly because: string }
  /** 409: not as long as other objects are as they are. */
  | { readonly reason: "Conflict"; readonly because: string }
  /** 422. */
  | { readonly reason: "Invalid"; readonly problems: readonly FieldProblem[] };

/** A value that the schema lets through and nobody can use. */
export interface FieldProblem {
  /** As Kubernetes writes it: `spec.network.allowedHosts[2]`. */
  readonly path: string;
  readonly message: string;
}

/** What is to be stored in place of the object, or why nothing is. */
export type Amendment =
  | { readonly object: KubeObject; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly object?: undefined };

/** One admission rule. Pure. */
export interface Rule {
  /** Whether what it refuses and stamps belongs into the audit log of approvals. */
  readonly isAudited?: boolean;
  /** Cheap: whether the rule speaks of such writes at all. */
  concerns(write: Pick<Write, "operation" | "group" | "resource" | "subresource">): boolean;
  /** Asked first, and before the schema: what has not the shape that the kind has is left to that. Undefined: nothing to do. */
  amend?(write: Write, known: Known): Amendment | undefined;
  /** Asked last, of the object as it will be stored. */
  refusal?(write: Write, known: Known): Refusal | undefined;
  /** For people, each one line; the write goes through. */
  warnings?(write: Write, known: Known): readonly string[];
}

/** 403 with a reason. */
export function forbidden(because: string): Refusal {
  return { reason: "Forbidden", because };
}
