/** How a ServiceAccount appears as a user and in groups. */

const prefix = "system:serviceaccount:";

export function serviceAccountUsername(namespace: string, name: string): string {
  return `${prefix}${namespace}:${name}`;
}

/** Without `system:authenticated`, which authentication adds for everybody. */
export function serviceAccountGroups(namespace: string): readonly string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}

/** The inverse of `serviceAccountUsername`; undefined for every other user. */
export function parseServiceAccountUsername(username: string): { namespace: string; name: string } | undefined {
  if (!username.startsWith(prefix)) return undefined;
  const [namespace = "", name = "", ...rest] = username.slice(prefix.length).split(":");
  return namespace !== "" && name !== "" && rest.length === 0 ? { namespace, name } : undefined;
}
