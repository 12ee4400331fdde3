import type { Project } from "../projects/project.ts";
import type { RegistryCredentials, RuntimeMount } from "../runtime/runtime.ts";
import type { EnvVariable } from "./env-variables.ts";
import type { VolumeMount } from "./volume-mounts.ts";

/** What a container needs and nobody has made yet. Creation does not mind; the container waits. */
export class MissingReference extends Error {
  override readonly name = "MissingReference";
}

/** Variables with every reference resolved, in order: a later one of the same name wins. @throws {MissingReference} */
export function resolveEnv(project: Project, variables: readonly EnvVariable[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const variable of variables) {
    if (variable.type === "literal") {
      env[variable.name] = variable.value;
      continue;
    }
    const data = dataOf(project, isSecret(variable.type) ? "secret" : "config_map", variable.reference);
    if ("key" in variable) {
      const value = data[variable.key];
      if (value === undefined) throw new MissingReference(`${variable.reference} has no key ${variable.key}`);
      env[variable.name] = value;
    } else {
      for (const [key, value] of Object.entries(data)) env[`${variable.prefix ?? ""}${key}`] = value;
    }
  }
  return env;
}

function isSecret(type: EnvVariable["type"]): boolean {
  return type === "secret_key_reference" || type === "secret_full_reference";
}

/** @throws {MissingReference} */
export function resolveMounts(project: Project, mounts: readonly VolumeMount[]): RuntimeMount[] {
  return mounts.map((mount) => ({
    key: mountKey(project, mount),
    path: mount.mount_path,
    files:
      mount.type === "persistent_data_store" ? storeOf(project, mount) : dataOf(project, mount.type, mount.reference),
    subPath: mount.sub_path,
    readOnly: mount.read_only,
  }));
}

/** As `mountKey` of secrets and config maps. */
function mountKey(project: Project, { type, reference }: Pick<VolumeMount, "type" | "reference">): string {
  return `${project.id}/${type}/${reference}`;
}

function storeOf(project: Project, { reference }: VolumeMount): "store" {
  if (project.dataStores.get(reference) === undefined) throw new MissingReference(`no data store ${reference}`);
  return "store";
}

function dataOf(project: Project, kind: "secret" | "config_map", name: string): Readonly<Record<string, string>> {
  const data = kind === "secret" ? project.secrets.get(name)?.spec.data : project.configMaps.get(name)?.data;
  if (data === undefined) throw new MissingReference(`no ${kind} ${name}`);
  return data;
}

/** @throws {MissingReference} when there is no such registry secret */
export function resolveCredentials(project: Project, secretName: string | undefined): RegistryCredentials | undefined {
  if (secretName === undefined) return undefined;
  const spec = project.secrets.get(secretName)?.spec;
  if (spec?.format !== "registry") throw new MissingReference(`no registry secret ${secretName}`);
  const { server = "", username = "", password = "" } = spec.data;
  return { server, username, password };
}
