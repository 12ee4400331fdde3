import type { ObjectKey, ResourceType } from "../api/meta.ts";

/** `/apis/GROUP/VERSION[/namespaces/NS]/PLURAL`; no namespace means all of them. */
export function collectionPath(type: ResourceType, namespace = ""): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace !== "" ? `/namespaces/${segment("namespace", namespace)}` : "";
  return `${root}${scope}/${type.plural}`;
}

/** @throws {TypeError} for a key that would name something else, such as the collection itself. */
export function objectPath(type: ResourceType, { namespace, name }: ObjectKey, subresource?: string): string {
  if (type.namespaced && namespace === "") throw new TypeError(`${type.plural}: ${name} needs a namespace`);
  const path = `${collectionPath(type, namespace)}/${segment("name", name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `?a=1&b=2` without the parameters that are absent; empty where all are. */
export function queryString(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? "" : `?${query}`;
}

function segment(what: string, text: string): string {
  if (text === "" || text === "." || text === "..") throw new TypeError(`${what}: ${JSON.stringify(text)}`);
  return encodeURIComponent(text);
}
