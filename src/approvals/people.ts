/** Whom Slipway's own controllers are authenticated as. */
export const CONTROLLER_USER = "system:serviceaccount:slipway-system:slipway-controller";

/** Whom the embedded API server itself writes as, and kube-apiserver: what is there from the first start is nobody's request. */
export const API_SERVER_USER = "system:apiserver";

/** Stands for whoever wrote something past admission, or longer ago than is remembered. */
export const UNKNOWN_REQUESTER = "slipway:unknown";

/** Whether a person is behind the name: a service account such as Argo CD's acts for nobody that could be told. */
export function isPerson(username: string): boolean {
  return username !== UNKNOWN_REQUESTER && !username.startsWith("system:serviceaccount:");
}
