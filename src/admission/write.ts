import type { Namespace } from "../api/core.ts";
import type { KubeObject } from "../api/meta.ts";
import type { GuardrailProfile, RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";

/** A write that asks to be admitted: of an AdmissionReview's request, the part that rules look at. */
export interface Write {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  /** Empty for the core group. */
  readonly group: string;
  /** The plural. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly name: string;
  /** What will be stored, defaulted and valid by its schema. Undefined on DELETE. */
  readonly object: KubeObject | undefined;
  /** What is stored. Undefined on CREATE. */
  readonly oldObject: KubeObject | undefined;
}

/** What the rules know beside the write, as of now. */
export interface Known {
  profile(name: string): GuardrailProfile | undefined;
  deployments(): readonly RuntimeDeployment[];
  backends(): readonly RuntimeBackend[];
  namespaces(): readonly Namespace[];
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

/** One admission rule. Pure. */
export interface Rule {
  /** Cheap: whether the rule speaks of such writes at all. */
  concerns(write: Pick<Write, "operation" | "group" | "resource" | "subresource">): boolean;
  refusal?(write: Write, known: Known): Refusal | undefined;
  /** For people, each one line; the write goes through. */
  warnings?(write: Write, known: Known): readonly string[];
}
