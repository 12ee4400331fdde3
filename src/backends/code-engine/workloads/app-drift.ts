import { isJsonObject } from "../../../machinery/json-equal.ts";
import type { Drift } from "../../backend.ts";
import type { App, AppPrototype } from "../client/resources/apps.ts";
import { pairOf } from "../client/rules/cpu-memory.ts";

/** What somebody may change to another effect. What Code Engine fills in by itself is left out. */
const FIELDS = [
  "image_reference",
  "image_port",
  "image_secret",
  "managed_domain_mappings",
  "run_commands",
  "run_arguments",
  "run_as_user",
  "run_env_variables",
  "run_service_account",
  "run_compute_resource_token_enabled",
  "run_volume_mounts",
  "scale_min_instances",
  "scale_max_instances",
  "scale_initial_instances",
  "scale_down_delay",
  "scale_concurrency",
  "scale_request_timeout",
  "probe_liveness",
  "probe_readiness",
] as const satisfies readonly (keyof AppPrototype)[];

/** Pure. The fields in which an app differs from what it was made as. */
export function differences(app: App, made: AppPrototype): readonly string[] {
  const changed: string[] = FIELDS.filter(
    (field) => made[field] !== undefined && !same(field, app[field], made[field]),
  );
  const size = pairOf(app.scale_cpu_limit ?? "", app.scale_memory_limit ?? "");
  if (size?.cpu !== made.scale_cpu_limit || size?.memory !== made.scale_memory_limit) changed.push("size");
  return changed;
}

/** Pure. What is said of them, but for those that Code Engine itself answered our own write with. */
export function appDrift(app: App, made: AppPrototype, itsOwn: readonly string[]): readonly Drift[] {
  const changed = differences(app, made).filter((field) => !itsOwn.includes(field));
  if (changed.length === 0) return [];
  return [{ kind: "spec", message: `the app was changed from outside: ${changed.join(", ")}; set it back` }];
}

function same(field: (typeof FIELDS)[number], is: unknown, made: unknown): boolean {
  switch (field) {
    case "run_env_variables":
    case "run_volume_mounts":
      return texts(is) === texts(made);
    case "probe_liveness":
    case "probe_readiness":
      return sameProbe(is, made);
    default:
      return JSON.stringify(is) === JSON.stringify(made);
  }
}

/** By what was asked for. Code Engine may leave out the type, and says port 0 for the app's own. */
function sameProbe(is: unknown, made: unknown): boolean {
  if (!isJsonObject(is) || !isJsonObject(made)) return false;
  return Object.entries(made).every(
    ([name, value]) =>
      is[name] === value || (name === "type" && is.type === undefined) || (name === "port" && (is.port ?? 0) === 0),
  );
}

/** In no order, and without members that are not set. */
function texts(list: unknown): string {
  const items = Array.isArray(list) ? list : [];
  return items
    .map((item: Readonly<Record<string, unknown>>) =>
      Object.entries(item)
        // Said of data stores alone.
        .filter(([name, value]) => value !== undefined && value !== "" && name !== "read_only")
        .map(([name, value]) => `${name}=${value}`)
        .sort()
        .join("\n"),
    )
    .sort()
    .join("\n\n");
}
