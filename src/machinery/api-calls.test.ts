import { expect, it } from "@jest/globals";
import { apiCallOf } from "./api-calls.ts";

const GROUP = "/apis/slipway.dev/v1alpha1";

it.each([
  { method: "GET", path: `${GROUP}/runtimedeployments?limit=500`, call: "list runtimedeployments" },
  { method: "GET", path: `${GROUP}/namespaces/a/runtimedeployments`, call: "list runtimedeployments" },
  { method: "GET", path: `${GROUP}/runtimedeployments?watch=true&resourceVersion=7`, call: "watch runtimedeployments" },
  { method: "GET", path: `${GROUP}/runtimedeployments?labelSelector=watch%3Dtrue`, call: "list runtimedeployments" },
  { method: "GET", path: "/api/v1/namespaces/a/secrets/b", call: "get secrets" },
  { method: "GET", path: "/api/v1/namespaces/kube-system", call: "get namespaces" },
  { method: "GET", path: "/api/v1/namespaces", call: "list namespaces" },
  {
    method: "PATCH",
    path: `${GROUP}/namespaces/a/runtimedeployments/b/status`,
    call: "patch runtimedeployments/status",
  },
  { method: "PUT", path: "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", call: "update leases" },
  { method: "DELETE", path: `${GROUP}/guardrailprofiles/b`, call: "delete guardrailprofiles" },
  { method: "POST", path: "/apis/authentication.k8s.io/v1/tokenreviews", call: "create tokenreviews" },
  { method: "GET", path: "/readyz", call: "get none" },
])("calls $method $path $call", ({ method, path, call }) => {
  const { verb, resource } = apiCallOf(method, path);
  expect(`${verb} ${resource}`).toBe(call);
});
