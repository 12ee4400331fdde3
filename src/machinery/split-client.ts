import type { KubeClient } from "./client.ts";

/**
 * A client that lists and watches by `following`, which every replica does, and does all else by `acting`: what the one that
 * leads decides by, and writes.
 */
export function splitClient({ following, acting }: Readonly<Record<"following" | "acting", KubeClient>>): KubeClient {
  return {
    list: (...args) => following.list(...args),
    watch: (...args) => following.watch(...args),
    get: (...args) => acting.get(...args),
    create: (...args) => acting.create(...args),
    update: (...args) => acting.update(...args),
    patch: (...args) => acting.patch(...args),
    delete: (...args) => acting.delete(...args),
    request: (...args) => acting.request(...args),
  };
}
