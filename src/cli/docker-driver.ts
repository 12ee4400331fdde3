import type { Secret } from "../api/core.ts";
import type { RuntimeBackend } from "../api/v1alpha1/index.ts";
import { dockerBackend } from "../backends/docker/docker-backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";

/** RuntimeBackends of type docker. `installation` tells this Slipway's containers from another's on the same Engine. */
export function dockerDriver(installation: string): BackendDriver {
  return {
    settings({ docker }) {
      return {
        defaults: { limits: docker.defaultLimits },
        orphanCollection: docker.orphanCollection,
        secrets: docker.tlsSecretRef ? [docker.tlsSecretRef] : [],
      };
    },
    create({ metadata, spec }: Pick<RuntimeBackend, "metadata" | "spec">, [tls], logger) {
      const config = { name: metadata.name, spec: spec.docker, installation, ...(tls && { tls: tlsOf(tls) }) };
      return dockerBackend(config, logger);
    },
  };
}

/** The keys of a Secret of type kubernetes.io/tls; what is missing is empty, and the backend says so. */
function tlsOf({ data = {} }: Secret) {
  const text = (key: string) => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  return { ca: data["ca.crt"] === undefined ? undefined : text("ca.crt"), cert: text("tls.crt"), key: text("tls.key") };
}
