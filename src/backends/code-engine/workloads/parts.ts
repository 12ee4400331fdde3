import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { AppPrototype } from "../client/resources/apps.ts";
import type { CallOptions } from "../client/transport.ts";
import type { AppTemplate } from "./app-template.ts";
import { explainingQuota } from "./quota.ts";

/** Makes the secrets and config maps that an app or a build refers to; what has their names gets their contents. */
export async function makeParts(
  project: ProjectClient,
  { secrets, configMaps }: Pick<AppTemplate, "secrets" | "configMaps">,
  options: CallOptions,
): Promise<void> {
  for (const secret of secrets) {
    const { name, ...replacement } = secret;
    const create = () =>
      explainingQuota("secrets", project.secrets, () => project.secrets.create(secret, options), options);
    await ensure(name, create, async () => {
      const { entity_tag: entityTag } = await project.secrets.get(name, options);
      await project.secrets.replace(name, replacement, { ...options, entityTag });
    });
  }
  for (const { name, data } of configMaps) {
    const create = () =>
      explainingQuota(
        "config maps",
        project.configMaps,
        () => project.configMaps.create({ name, data }, options),
        options,
      );
    await ensure(name, create, async () => {
      const { entity_tag: entityTag } = await project.configMaps.get(name, options);
      await project.configMaps.replace(name, { data }, { ...options, entityTag });
    });
  }
}

/** What is there may be on its way out: only that it can be replaced shows that it stays. */
async function ensure(name: string, create: () => Promise<unknown>, replace: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isFailure(error, "conflict")) throw error;
    try {
      await replace();
    } catch (again) {
      if (!isFailure(again, "notFound", "conflict")) throw again;
      throw new TransientError(Reason.BackendError, `${name} is still being deleted; it is made when that is done`, {
        cause: again,
      });
    }
  }
}

/** Names of the secrets and config maps that an app refers to. */
export function partsOf(prototype: AppPrototype): {
  readonly secrets: readonly string[];
  readonly configMaps: readonly string[];
} {
  const { image_secret, run_env_variables = [], run_volume_mounts = [] } = prototype;
  const secrets = new Set<string>(image_secret === undefined ? [] : [image_secret]);
  const configMaps = new Set<string>();
  for (const variable of run_env_variables) {
    if (variable.type === "secret_full_reference") secrets.add(variable.reference);
    if (variable.type === "config_map_full_reference") configMaps.add(variable.reference);
  }
  for (const { type, reference } of run_volume_mounts) (type === "secret" ? secrets : configMaps).add(reference);
  return { secrets: [...secrets], configMaps: [...configMaps] };
}

/** Removes what these apps refer to, but for what is kept. Succeeds where it is gone. */
export async function removeParts(
  project: ProjectClient,
  { of, kept }: { readonly of: readonly AppPrototype[]; readonly kept: readonly AppPrototype[] },
  options: CallOptions,
): Promise<void> {
  const keep = kept.map(partsOf).flatMap(({ secrets, configMaps }) => [...secrets, ...configMaps]);
  const all = of.map(partsOf);
  const left = (names: readonly string[]) => [...new Set(names)].filter((name) => !keep.includes(name));
  for (const name of left(all.flatMap(({ secrets }) => secrets))) await project.secrets.delete(name, options);
  for (const name of left(all.flatMap(({ configMaps }) => configMaps))) await project.configMaps.delete(name, options);
}
