import { refusalStatus } from "../admission/refusal-status.ts";
import { isJudged, judge } from "../admission/rules.ts";
import type { Known, Write } from "../admission/write.ts";
import { namespaces } from "../api/core.ts";
import type { KubeObject } from "../api/meta.ts";
import { guardrailProfiles, runtimeBackends, runtimeDeployments } from "../api/v1alpha1/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../server/admission/admission.ts";
import { StatusError } from "../server/http/status-error.ts";
import type { ObjectReader } from "../server/object-reader.ts";

/**
 * The rules of src/admission as a plugin of the embedded API server, which knows nothing of Slipway's kinds. Decides from
 * memory, so a write never waits for it.
 */
export function guardrailAdmission(reader: ObjectReader): AdmissionPlugin {
  const known = knownTo(reader);
  return {
    name: "Guardrails",
    handles: ({ operation, definition: { group, plural: resource }, subresource }) =>
      isJudged({ operation, group, resource, subresource }),
    validate(request) {
      const write = writeOf(request);
      const { refusal, warnings } = judge(write, known);
      if (refusal) {
        const subject = { ...write, kind: request.definition.kind };
        const { code, reason, message, details } = refusalStatus(refusal, subject);
        throw new StatusError(code, reason, message, details);
      }
      for (const warning of warnings) request.warn(warning);
    },
  };
}

/** What the rules know, from the memory of the embedded API server. */
export function knownTo(reader: ObjectReader): Known {
  return {
    profile: (name) => reader.get(guardrailProfiles, { namespace: "", name }),
    deployments: () => reader.list(runtimeDeployments),
    backends: () => reader.list(runtimeBackends),
    namespaces: () => reader.list(namespaces),
  };
}

function writeOf({ operation, definition, subresource, name, object, oldObject }: AdmissionRequest): Write {
  return {
    operation,
    group: definition.group,
    resource: definition.plural,
    subresource,
    name,
    object: object as KubeObject | undefined,
    oldObject: oldObject as KubeObject | undefined,
  };
}
