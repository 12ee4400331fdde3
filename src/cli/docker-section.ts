import type { RuntimeBackendSpec } from "../api/v1alpha1/index.ts";
import { docker } from "../api/v1alpha1/runtime-backend.schema.ts";
import { compileSchema } from "../server/schema/compiled-schema.ts";

const SECTION = compileSchema({ type: "object", properties: { docker: { ...docker, default: {} } } });

/**
 * `spec.docker` as it counts: an absent section is an empty one, with the defaults that the API gives to that. The API leaves
 * it away, since types of backend that have no Docker would show one otherwise.
 */
export function dockerSection(section: RuntimeBackendSpec["docker"]): NonNullable<RuntimeBackendSpec["docker"]> {
  if (section) return section;
  const spec: Pick<RuntimeBackendSpec, "docker"> = {};
  SECTION.applyDefaults(spec);
  if (!spec.docker) throw new TypeError("the schema of spec.docker gives no defaults");
  return spec.docker;
}
