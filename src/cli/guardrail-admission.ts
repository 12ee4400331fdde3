import { isJudged, judge } from "../admission/rules.ts";
import type { Known, Refusal, Write } from "../admission/write.ts";
import { namespaces } from "../api/core.ts";
import type { CustomResourceDefinition } from "../api/custom-resource-definition.ts";
import type { KubeObject } from "../api/meta.ts";
import { guardrailProfiles, runtimeBackends, runtimeDeployments } from "../api/v1alpha1/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../server/admission/admission.ts";
import { conflict, forbiddenBecause, invalid, type StatusError } from "../server/http/status-error.ts";
import type { ObjectReader } from "../server/object-reader.ts";

const definitions = { group: "apiextensions.k8s.io", plural: "customresourcedefinitions" };

/**
 * The rules of src/admission as a plugin of the embedded API server, which knows nothing of Slipway's kinds. Decides from
 * memory, so a write never waits for it.
 */
export function guardrailAdmission(reader: ObjectReader): AdmissionPlugin {
  const known: Known = {
    profile: (name) => reader.get(guardrailProfiles, { namespace: "", name }),
    deployments: () => reader.list(runtimeDeployments),
    backends: () => reader.list(runtimeBackends),
    namespaces: () => reader.list(namespaces),
  };
  return {
    name: "Guardrails",
    handles: ({ operation, definition: { group, plural: resource }, subresource }) =>
      isJudged({ operation, group, resource, subresource }),
    validate(request) {
      // With their kind all of its objects go, and no admission is asked, as in a cluster.
      if (request.operation === "DELETE" && isEnding(reader, request)) return;
      const { refusal, warnings } = judge(writeOf(request), known);
      if (refusal) throw refused(request, refusal);
      for (const warning of warnings) request.warn(warning);
    },
  };
}

function isEnding(reader: ObjectReader, { definition: { group, plural } }: AdmissionRequest): boolean {
  const found = reader.get<CustomResourceDefinition>(definitions, { namespace: "", name: `${plural}.${group}` });
  return found?.metadata.deletionTimestamp !== undefined;
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

function refused({ definition, name }: AdmissionRequest, refusal: Refusal): StatusError {
  const { group, plural, kind } = definition;
  switch (refusal.reason) {
    case "Forbidden":
      return forbiddenBecause({ group, kind: plural, name }, refusal.because);
    case "Conflict":
      return conflict({ group, kind: plural, name }, refusal.because);
    case "Invalid":
      return invalid(
        { group, kind, name },
        refusal.problems.map(({ path, message }) => ({ type: "FieldValueInvalid", path, message })),
      );
    default:
      return refusal satisfies never;
  }
}
