import { createHash } from "node:crypto";
import type { KubeObject } from "../api/meta.ts";
import { guardrailProfileSchema } from "../api/v1alpha1/guardrail-profile.schema.ts";
import { REBUILD_ANNOTATION, REQUEST_ANNOTATION } from "../api/v1alpha1/index.ts";
import type { KindSchema } from "../api/v1alpha1/kind-schema.ts";
import { runtimeBackendSchema } from "../api/v1alpha1/runtime-backend.schema.ts";
import { runtimeDeploymentSchema } from "../api/v1alpha1/runtime-deployment.schema.ts";
import { canonicalJson } from "../effective-spec/canonical-json.ts";
import { isJsonObject, member } from "../machinery/json-equal.ts";
import { withoutDefaults } from "./stored-form.ts";

const SCHEMAS = new Map<string, KindSchema>(
  [runtimeDeploymentSchema, guardrailProfileSchema, runtimeBackendSchema].map((schema) => [schema.names.kind, schema]),
);

/** What says neither what runs nor what it may do: stopping, probing and announcing never wait. */
const FREE: ReadonlySet<string> = new Set(["desiredState", "health", "registerWith"]);

/**
 * `v1:sha256:…` of the part of a RuntimeDeployment, GuardrailProfile or RuntimeBackend that a requester can change and that
 * may matter to what is approved. Wider than need be: it may differ where the reviewed spec does not. Takes any shape,
 * since admission asks before the schema does.
 */
export function ownDigest({ kind, metadata, ...rest }: KubeObject): string {
  const spec = member(rest, "spec");
  const annotations = isJsonObject(metadata.annotations) ? metadata.annotations : {};
  const own = {
    spec: withoutDefaults(kind === "RuntimeDeployment" ? withoutFree(spec) : spec, SCHEMAS.get(kind)?.spec),
    rebuild: member(annotations, REBUILD_ANNOTATION),
    request: member(annotations, REQUEST_ANNOTATION),
  };
  return `v1:sha256:${createHash("sha256").update(canonicalJson(own)).digest("hex")}`;
}

function withoutFree(spec: unknown): unknown {
  return isJsonObject(spec) ? Object.fromEntries(Object.entries(spec).filter(([name]) => !FREE.has(name))) : spec;
}
