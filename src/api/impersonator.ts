/**
 * Members of `userInfo.extra` by which the embedded API server tells webhooks who it is that acts as another user. Other API
 * servers tell their audit log alone. Nobody gives another answer by impersonation: the server's own goes over it.
 */
export const ImpersonatorExtra = {
  Username: "slipway.dev/impersonator",
  Groups: "slipway.dev/impersonator-groups",
} as const;
