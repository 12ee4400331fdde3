import type { Wanted } from "./access.ts";
import { badRequest } from "./refusal.ts";

const PATH = /^\/-\/namespaces\/([^/]+)\/runtimedeployments\/([^/]+)\/(log|usage)$/;
/** RFC 1123 label, and a name made of them. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Undefined where nothing is served at that path. @throws {Refusal} naming the part, its value and the remedy. */
export function routeOf(path: string): Wanted | undefined {
  const [, namespace, name, subresource] = PATH.exec(path) ?? [];
  if (namespace === undefined || name === undefined || subresource === undefined) return undefined;
  if (!LABEL.test(namespace)) throw badRequest("namespace", namespace, "is not the name of a namespace");
  if (!NAME.test(name)) throw badRequest("name", name, "is not the name of a RuntimeDeployment");
  return { namespace, name, subresource: subresource as Wanted["subresource"] };
}
