/** Labels on everything that Slipway makes outside the Kubernetes API. Fixed: users and other programs select by them. */
export const Label = {
  Uid: "slipway.dev/uid",
  Namespace: "slipway.dev/namespace",
  Name: "slipway.dev/name",
  /** Hash of what the container is made from; a difference means that it has to be replaced. */
  SpecHash: "slipway.dev/spec-hash",
  Role: "slipway.dev/role",
  ManagedBy: "app.kubernetes.io/managed-by",
  /** UID of the kube-system namespace of the API server that the owner lives in: two Slipways may share one place. */
  Installation: "slipway.dev/installation",
  /** Name of the RuntimeBackend that made it. */
  Backend: "slipway.dev/backend",
} as const;

export const MANAGED_BY = "slipway";

/** Values of the role label. */
export type Role = "workload" | "sandbox" | "volume" | "network" | "helper";
