import { forbidden, qualified, StatusError } from "../http/status-error.ts";
import type { RequestAttributes, UserInfo } from "./access.ts";

/** The refusal of a request, with the authorizer's `reason` where it gave one. */
export function refusal(user: UserInfo, attributes: RequestAttributes, reason: string): StatusError {
  const because = reason === "" ? "" : `: ${reason}`;
  if (attributes.kind === "path") {
    const { verb, path } = attributes;
    const message = `forbidden: User ${quoted(user.username)} cannot ${verb} path ${quoted(path)}${because}`;
    return new StatusError(403, "Forbidden", message, {});
  }
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${quoted(namespace)}`;
  const subject = name === "" ? qualified(resource, group) : `${qualified(resource, group)} ${quoted(name)}`;
  const who = `User ${quoted(user.username)}`;
  return forbidden(
    { group, kind: resource, name },
    `${subject} is forbidden: ${who} cannot ${verb} resource ${quoted(what)} in API group ${quoted(group)} ${where}${because}`,
  );
}

const quoted = JSON.stringify;
