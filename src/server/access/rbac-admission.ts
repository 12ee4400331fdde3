import type { KubeObject } from "../../api/meta.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission/admission.ts";
import { invalid } from "../http/status-error.ts";
import { type RbacWrite, refuseEscalation } from "./escalation.ts";
import { type Binding, type ClusterRole, rbacGroup } from "./rbac.ts";
import type { RbacAuthorizer } from "./rbac-authorizer.ts";
import { problemsOfBinding, problemsOfRole } from "./rbac-validation.ts";

/** Decides from memory, so a write never waits for it. */
export interface RbacAdmission extends AdmissionPlugin {
  mutate(request: AdmissionRequest): void;
  validate(request: AdmissionRequest): void;
}

/** Guards writes of roles and bindings: defaults, the rules that no schema can say, and nobody grants more than they have. */
export function rbacAdmission(authorizer: RbacAuthorizer): RbacAdmission {
  return {
    name: "RBAC",
    handles: ({ definition, operation, subresource }) =>
      definition.group === rbacGroup && operation !== "DELETE" && subresource === "",
    mutate({ definition, object }) {
      if (object && !isRole(definition.plural)) defaultApiGroups(object);
    },
    validate(request) {
      const problems = problemsOf(request);
      const { definition, name, user, object, oldObject } = request;
      if (problems.length > 0) throw invalid({ group: rbacGroup, kind: definition.kind, name }, problems);
      refuseEscalation(authorizer, {
        user,
        resource: definition.plural as RbacWrite["resource"],
        object: object as unknown as KubeObject,
        ...(oldObject && { previous: oldObject as unknown as KubeObject }),
      });
    },
  };
}

function isRole(plural: string): boolean {
  return plural === "roles" || plural === "clusterroles";
}

function problemsOf({ definition, object, oldObject }: AdmissionRequest) {
  const scope = definition.namespaced ? "Namespaced" : "Cluster";
  return isRole(definition.plural)
    ? problemsOfRole(object as unknown as ClusterRole, scope)
    : problemsOfBinding(object as unknown as Binding, scope, oldObject as unknown as Binding | undefined);
}

/** Runs before validation, so nothing is certain of the object. */
function defaultApiGroups(object: Record<string, unknown>): void {
  const { roleRef, subjects } = object;
  if (isRecord(roleRef)) roleRef.apiGroup ||= rbacGroup;
  if (!Array.isArray(subjects)) return;
  for (const subject of subjects.filter(isRecord)) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= rbacGroup;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
