import { badRequest } from "../http/status-error.ts";
import type { VirtualResource } from "../http/virtual-resource.ts";
import type { RbacAuthorizer } from "./rbac-authorizer.ts";
import { object, reviewDefinition, text } from "./review-definition.ts";

const group = "authorization.k8s.io";

/** What may I do there? The question of `kubectl auth can-i --list`. */
export function selfSubjectRulesReview(authorizer: RbacAuthorizer): VirtualResource {
  return {
    definition: reviewDefinition({ group, kind: "SelfSubjectRulesReview", spec: object({ namespace: text }) }),
    create({ user, object }) {
      const { namespace = "" } = (object.spec ?? {}) as { namespace?: string };
      if (namespace === "") throw badRequest("no namespace on request");
      const { rules, error } = authorizer.rulesFor(user, namespace);
      return {
        kind: "SelfSubjectRulesReview",
        apiVersion: `${group}/v1`,
        metadata: {},
        spec: {},
        status: {
          resourceRules: rules
            .filter(({ resources }) => resources?.length)
            .map(({ verbs, apiGroups, resources, resourceNames }) => ({
              verbs,
              apiGroups,
              resources,
              ...(resourceNames?.length && { resourceNames }),
            })),
          nonResourceRules: rules
            .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
            .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
          incomplete: false,
          ...(error !== undefined && { evaluationError: error }),
        },
      };
    },
  };
}
