import type { KubeObject } from "../api/meta.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import { API_SERVER_USER, CONTROLLER_USER } from "../approvals/people.ts";
import { isSealed } from "../approvals/seal.ts";
import { isJsonObject, member } from "../machinery/json-equal.ts";
import { ofApproval, ofRuntimeDeployment } from "./kinds.ts";
import { type Amendment, forbidden, type Known, type Refusal, type Rule, type Write } from "./write.ts";

/**
 * Who takes away what has no owner any more, and what is in a namespace that ends: kube-controller-manager's collectors by
 * their own names or by its one, and the embedded API server.
 */
const COLLECTORS: ReadonlySet<string> = new Set([
  "system:serviceaccount:kube-system:generic-garbage-collector",
  "system:serviceaccount:kube-system:namespace-controller",
  "system:kube-controller-manager",
  API_SERVER_USER,
]);

export function isCollector({ user }: Write): boolean {
  return COLLECTORS.has(user.username);
}

/** Only the controller asks, and it asks before anybody has answered. */
export const approvalsAreMadeByTheController = refusing({
  isAudited: true,
  concerns: (write) => ofApproval(write) && write.operation === "CREATE",
  refusal({ user, object }, known) {
    if (user.username !== CONTROLLER_USER) return forbidden("only Slipway's controller makes Approvals");
    const spec = specOf(object);
    const decisions = member(spec, "decisions") ?? [];
    if (!Array.isArray(decisions) || decisions.length > 0) return forbidden("nobody decides before it is asked");
    const keys = known.stampKeys();
    if (!keys || !isSealed(object as Approval, keys)) return forbidden("spec.seal does not fit");
    return undefined;
  },
});

/** Its status says what the controller has found, and closes what is over. */
export const approvalStatusIsReported = refusing({
  isAudited: true,
  concerns: (write) => ofApproval(write) && write.operation === "UPDATE" && write.subresource !== "",
  refusal: ({ user }) =>
    user.username === CONTROLLER_USER
      ? undefined
      : forbidden("only Slipway's controller writes its status; to decide, append to spec.decisions"),
});

/** What it says of builds and images is what an approved version without a digest is made of, as long as none has run. */
export const deploymentStatusIsReported = refusing({
  isAudited: true,
  concerns: (write) => ofRuntimeDeployment(write) && write.operation === "UPDATE" && write.subresource === "status",
  refusal: ({ user }) =>
    user.username === CONTROLLER_USER ? undefined : forbidden("only Slipway's controller writes its status"),
});

/**
 * An Approval lives as long as its deployment, so that a no cannot be made to go away. What only looks like one has none, and stands
 * in the way of the one of its name.
 */
export const approvalsStay = refusing({
  isAudited: true,
  concerns: (write) => ofApproval(write) && write.operation === "DELETE" && write.subresource === "",
  refusal(write, known) {
    if (write.user.username === CONTROLLER_USER || isCollector(write)) return undefined;
    const keys = known.stampKeys();
    if (keys && !isSealed(write.oldObject as Approval, keys)) return undefined;
    const { deploymentRef } = (write.oldObject as Approval).spec;
    const deployment = known.deployment({ namespace: write.namespace, name: deploymentRef.name });
    if (deployment?.metadata.uid !== deploymentRef.uid) return undefined;
    return forbidden(`it goes with its RuntimeDeployment ${JSON.stringify(deploymentRef.name)}, and not before`);
  },
});

/**
 * A rule that refuses in both halves, so that a webhook that is missing opens nothing. Takes any shape: the first half is
 * asked before the schema.
 */
function refusing(rule: Rule & Required<Pick<Rule, "refusal">>): Rule {
  const amend = (write: Write, known: Known): Amendment | undefined => {
    const refusal: Refusal | undefined = rule.refusal(write, known);
    return refusal && { refusal };
  };
  return { ...rule, amend };
}

export function specOf(object: KubeObject | undefined): Readonly<Record<string, unknown>> {
  const spec = member({ ...object }, "spec");
  return isJsonObject(spec) ? spec : {};
}
