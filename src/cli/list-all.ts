import type { KubeList, KubeObject, ResourceType } from "../api/meta.ts";
import type { KubeClient, ListScope } from "../machinery/client.ts";

/** Objects that one request brings. */
const PAGE = 500;

/** Every object of a kind in a scope, page by page. */
export async function listAll<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  scope: ListScope,
  signal: AbortSignal,
): Promise<T[]> {
  const items: T[] = [];
  let page: KubeList<T> | undefined;
  do {
    const next = page?.metadata.continue;
    page = await client.list(type, { ...scope, limit: PAGE, ...(next ? { continue: next } : {}) }, signal);
    items.push(...page.items);
  } while (page.metadata.continue);
  return items;
}
