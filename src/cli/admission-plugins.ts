import { Admission, type NamedWrite } from "../admission/admission.ts";
import type { AdmissionObserver } from "../admission/observer.ts";
import { refusalStatus } from "../admission/refusal-status.ts";
import { isAmended, isJudged } from "../admission/rules.ts";
import type { Known, Refusal } from "../admission/write.ts";
import { namespaces, type Secret, secrets } from "../api/core.ts";
import type { KubeObject } from "../api/meta.ts";
import { approvalPolicies, guardrailProfiles, runtimeBackends, runtimeDeployments } from "../api/v1alpha1/index.ts";
import { STAMP_KEY_SECRET, stampKeysIn } from "../approvals/stamp-keys.ts";
import type { Clock } from "../machinery/clock.ts";
import type { AdmissionPlugin, AdmissionRequest, AdmissionSubject } from "../server/admission/admission.ts";
import { StatusError } from "../server/http/status-error.ts";
import type { ObjectReader } from "../server/object-reader.ts";

export interface AdmissionParts {
  readonly clock: Pick<Clock, "now">;
  readonly observer?: AdmissionObserver | undefined;
}

/**
 * The rules of src/admission as plugins of the embedded API server, which knows nothing of Slipway's kinds. They decide from
 * memory, so a write never waits for them.
 */
export function admissionPlugins(reader: ObjectReader, { clock, observer }: AdmissionParts): AdmissionPlugin[] {
  const admission = new Admission(knownTo(reader, clock), observer);
  const stamps: AdmissionPlugin = {
    name: "SlipwayStamps",
    handles: (subject) => isAmended(asSubject(subject)),
    complete(request) {
      const write = writeOf(request);
      const amended = admission.amend(write);
      if (amended?.refusal) throw refused(write, amended.refusal);
      if (amended?.object) Object.assign(request.object as object, amended.object);
    },
  };
  const rules: AdmissionPlugin = {
    name: "SlipwayRules",
    handles: (subject) => isJudged(asSubject(subject)),
    validate(request) {
      const write = writeOf(request);
      const { refusal, warnings } = admission.judge(write);
      if (refusal) throw refused(write, refusal);
      for (const warning of warnings) request.warn(warning);
    },
  };
  return [stamps, rules];
}

/** What the rules know, from the memory of the embedded API server. */
export function knownTo(reader: ObjectReader, clock: Pick<Clock, "now">): Known {
  return {
    profile: (name) => reader.get(guardrailProfiles, { namespace: "", name }),
    deployment: (key) => reader.get(runtimeDeployments, key),
    deployments: () => reader.list(runtimeDeployments),
    backends: () => reader.list(runtimeBackends),
    namespaces: () => reader.list(namespaces),
    approvalPolicy: (name) => reader.get(approvalPolicies, { namespace: "", name }),
    hasApprovalPolicies: () => reader.list(approvalPolicies).length > 0,
    stampKeys: () => stampKeysIn(reader.get<Secret>(secrets, STAMP_KEY_SECRET)),
    now: () => clock.now(),
  };
}

function asSubject({ operation, definition: { group, plural: resource }, subresource }: AdmissionSubject) {
  return { operation, group, resource, subresource };
}

function writeOf(request: AdmissionRequest): NamedWrite {
  const { namespace, name, user, dryRun, from, definition, object, oldObject } = request;
  return {
    ...asSubject(request),
    ...{ namespace, name, dryRun, from },
    // Whoever acts as an approver is none.
    user: user.impersonator ?? user,
    kind: definition.kind,
    object: object as KubeObject | undefined,
    oldObject: oldObject as KubeObject | undefined,
  };
}

function refused(write: NamedWrite, refusal: Refusal): StatusError {
  const { code, reason, message, details } = refusalStatus(refusal, write);
  return new StatusError(code, reason, message, details);
}
