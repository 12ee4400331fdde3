import type { AnyRoute } from "../http/route.ts";
import type { Project } from "../projects/project.ts";
import type { FindProject } from "../projects/projects.ts";
import type { World } from "../world.ts";
import { ConfigMap, readConfigMap, readConfigMapReplacement } from "./config-map.ts";
import { DataStore, readDataStore } from "./data-store.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { readSecret, readSecretReplacement, Secret } from "./secret.ts";

/** Secrets, config maps and data stores. */
export function dataRoutes(world: World, findProject: FindProject): AnyRoute[] {
  const options = () => ({ strict: world.switches.strictBodies });
  const owner = (project: Project, plural: string, name: string) => ({
    world,
    name,
    href: `${project.href}/${plural}/${name}`,
    projectId: project.id,
  });
  return [
    ...resourceRoutes<Secret>({
      findProject,
      plural: "secrets",
      collection: ({ secrets }) => secrets,
      create(project, body) {
        const { name, ...spec } = readSecret(body, options());
        project.secrets.admit(name);
        return new Secret({ ...owner(project, "secrets", name), spec });
      },
      change: {
        method: "PUT",
        apply(secret, body) {
          secret.replace(readSecretReplacement(body, secret.spec.format, options()));
          refresh(world, secret.mountKey, secret.spec.data);
        },
      },
      listed: (secret) => secret.listed(),
      filter: { parameter: "format", value: (secret) => secret.spec.format },
    }),
    ...resourceRoutes<ConfigMap>({
      findProject,
      plural: "config_maps",
      collection: ({ configMaps }) => configMaps,
      create(project, body) {
        const { name, data } = readConfigMap(body, options());
        project.configMaps.admit(name);
        return new ConfigMap({ ...owner(project, "config_maps", name), data });
      },
      change: {
        method: "PUT",
        apply(configMap, body) {
          configMap.replace(readConfigMapReplacement(body, options()));
          refresh(world, configMap.mountKey, configMap.data);
        },
      },
    }),
    ...resourceRoutes<DataStore>({
      findProject,
      plural: "persistent_data_stores",
      collection: ({ dataStores }) => dataStores,
      create(project, body) {
        const { name, data } = readDataStore(body, options());
        project.dataStores.admit(name);
        return new DataStore({ ...owner(project, "persistent_data_stores", name), data });
      },
    }),
  ];
}

/** Mounted files follow; variables do not. */
function refresh(world: World, key: string, files: Readonly<Record<string, string>>): void {
  world.do(() => world.runtime.refresh(key, files));
}
