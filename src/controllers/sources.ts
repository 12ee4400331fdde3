import type { ConfigMap, Secret } from "../api/core.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import type { RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { Clock } from "../machinery/clock.ts";
import type { ChangeSource, Lister } from "../machinery/lister.ts";

type Cache<T extends KubeObject> = Lister<T> & ChangeSource<T>;

export interface Caches {
  readonly deployments: Cache<RuntimeDeployment>;
  readonly backends: Cache<RuntimeBackend>;
  readonly secrets: ChangeSource<Secret>;
  readonly configMaps: ChangeSource<ConfigMap>;
}

interface Queue {
  enqueue(key: ObjectKey): void;
}

export interface Consumers {
  readonly clock: Clock;
  readonly deploymentController: Queue;
  readonly backendController: Queue;
  /** Whether the controller itself wrote this version, or replaced it, so that it is no news to it. */
  readonly isKnown: (deployment: RuntimeDeployment) => boolean;
  /** Secrets that a RuntimeBackend is made from. */
  readonly secretsOf: (backend: RuntimeBackend) => readonly ObjectKey[];
}

/** Deployments come in bursts; how many a backend has is counted when one has passed. */
const COUNT_AFTER_MS = 2_000;

/** Leads changes of the API to the keys that they concern. */
export function connect({ deployments, backends, secrets, configMaps }: Caches, consumers: Consumers): void {
  const { clock, deploymentController, backendController, isKnown, secretsOf } = consumers;
  const allBackends = () => {
    for (const backend of backends.list()) backendController.enqueue(keyOf(backend));
  };

  let counting = false;
  const countSoon = () => {
    if (counting) return;
    counting = true;
    clock.schedule(COUNT_AFTER_MS, () => {
      counting = false;
      allBackends();
    });
  };
  deployments.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    if (placeOf(before) !== placeOf(after)) countSoon();
    if (!after || !isKnown(after)) deploymentController.enqueue(keyOf(object));
  });

  const concerned = (index: string, object: KubeObject) => {
    for (const deployment of deployments.byIndex(index, formatKey(keyOf(object)))) {
      deploymentController.enqueue(keyOf(deployment));
    }
  };
  secrets.onChange((before, after) => {
    const object = after ?? before;
    if (!object) return;
    concerned("secret", object);
    const key = formatKey(keyOf(object));
    for (const backend of backends.list()) {
      if (secretsOf(backend).some((each) => formatKey(each) === key)) backendController.enqueue(keyOf(backend));
    }
  });
  configMaps.onChange((before, after) => {
    const object = after ?? before;
    if (object) concerned("configMap", object);
  });

  backends.onChange((before, after) => {
    if (before && after && before.metadata.generation === after.metadata.generation) return;
    const object = after ?? before;
    if (object) backendController.enqueue(keyOf(object));
    // Which one is the default, and who may use it, may concern any of them.
    allBackends();
    for (const deployment of deployments.list()) deploymentController.enqueue(keyOf(deployment));
  });
}

/** What the count of a backend's deployments depends on; undefined for none. */
function placeOf(deployment: RuntimeDeployment | undefined): string | undefined {
  return (
    deployment && `${deployment.metadata.uid}/${deployment.spec.backend ?? deployment.status?.workload?.backend ?? ""}`
  );
}
