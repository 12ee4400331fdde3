import type { JsonObject } from "../fields/field.ts";
import type { App } from "./app.ts";
import type { AppTemplate } from "./app-fields.ts";
import type { Instance } from "./instance.ts";
import type { Revision } from "./revision.ts";

/** From here on `CE_*` variables have a list of their own. */
const COMPUTED_ENV_SINCE = "2024-05-13";
/** From here on mounts have no `name`. */
const NAMELESS_MOUNTS_SINCE = "2025-07-10";

/** An application as GET answers it. */
export function appView(app: App, version: string): JsonObject {
  const { latest, active, spec } = app;
  return {
    id: app.id,
    name: app.name,
    href: app.href,
    created_at: app.createdAt,
    project_id: app.project.id,
    region: app.world.region,
    resource_type: "app_v2",
    entity_tag: app.entityTag,
    endpoint: app.endpoint,
    endpoint_internal: app.internalEndpoint,
    build: "",
    build_run: "",
    managed_domain_mappings: spec.managed_domain_mappings,
    ...templateView(spec.template, app.computedEnv, version),
    status: app.state.status,
    status_details: {
      latest_created_revision: latest.name,
      ...(active && { latest_ready_revision: active.name }),
      reason: app.state.reason,
    },
  };
}

/** A revision as GET answers it. */
export function revisionView(revision: Revision, app: App, version: string): JsonObject {
  return {
    id: revision.id,
    name: revision.name,
    app_name: app.name,
    href: `${app.href}/revisions/${revision.name}`,
    created_at: revision.createdAt,
    project_id: app.project.id,
    region: app.world.region,
    resource_type: "app_revision_v2",
    ...templateView(revision.template, app.computedEnv, version),
    status: revision.status,
    status_details: { actual_instances: revision.instances.length, reason: revision.reason },
  };
}

/** An instance as the list has it. */
export function instanceView(instance: Instance, revision: Revision, app: App): JsonObject {
  const { template } = revision;
  const current = instance.current;
  // The platform's own container beside it starts with it.
  const systemContainer = { current_state: { ...current, container_status: instance.running ? "running" : "pending" } };
  return {
    id: instance.id,
    name: instance.name,
    app_name: app.name,
    revision_name: revision.name,
    href: `${app.href}/instances/${instance.name}`,
    created_at: instance.createdAt,
    project_id: app.project.id,
    region: app.world.region,
    resource_type: "app_instance_v2",
    scale_cpu_limit: template.scale_cpu_limit,
    scale_memory_limit: template.scale_memory_limit,
    scale_ephemeral_storage_limit: template.scale_ephemeral_storage_limit,
    status: instance.status,
    status_details: {
      restarts: Math.max(instance.restarts, 0),
      user_container: { current_state: current, ...(instance.last && { last_observed_state: instance.last }) },
      system_container: systemContainer,
    },
  };
}

function templateView(template: AppTemplate, computed: Readonly<Record<string, string>>, version: string): JsonObject {
  const { scale_concurrency_target: target, run_as_user: user, ...rest } = template;
  const literals = Object.entries(computed).map(([name, value]) => ({ type: "literal", name, value }));
  const separate = version >= COMPUTED_ENV_SINCE;
  return {
    ...rest,
    run_as_user: user ?? 0,
    scale_concurrency_target: target ?? template.scale_concurrency,
    run_env_variables: separate ? template.run_env_variables : [...template.run_env_variables, ...literals],
    ...(separate && { computed_env_variables: literals }),
    run_volume_mounts: template.run_volume_mounts.map((mount, index) =>
      version >= NAMELESS_MOUNTS_SINCE ? mount : { ...mount, name: `codeengine-mount-${index}` },
    ),
  };
}
