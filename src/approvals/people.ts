/** Whom Slipway's own controllers are authenticated as. */
export const CONTROLLER_USER = "system:serviceaccount:slipway-system:slipway-controller";

/** Stands for whoever wrote something past admission, or longer ago than is remembered. */
export const UNKNOWN_REQUESTER = "slipway:unknown";

/** Whether a person is behind the name: a service account such as Argo CD's acts for nobody that could be told. */
export function isPerson(username: string): boolean {
  return username !== UNKNOWN_REQUESTER && !username.startsWith("system:serviceaccount:");
}
