import type { Secret } from "../api/core.ts";
import type { RuntimeBackend } from "../api/v1alpha1/index.ts";
import { dockerBackend } from "../backends/docker/docker-backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import type { Fence } from "../machinery/fence.ts";
import { dockerSection } from "./docker-section.ts";

/** RuntimeBackends of type docker. `installation` tells this Slipway's containers from another's on the same Engine. */
export function dockerDriver(installation: string, fence?: Fence): BackendDriver {
  return {
    settings(spec) {
      const docker = dockerSection(spec.docker);
      return {
        defaults: { limits: docker.defaultLimits },
        orphanCollection: docker.orphanCollection,
        images: { mirror: docker.registryMirror },
        secrets: docker.tlsSecretRef ? [docker.tlsSecretRef] : [],
      };
    },
    create({ metadata, spec }: Pick<RuntimeBackend, "metadata" | "spec">, [tls], logger) {
      const own = {
        name: metadata.name,
        spec: dockerSection(spec.docker),
        installation,
        sharesLoopback: !isPod(),
        fence,
      };
      return dockerBackend({ ...own, ...(tls && { tls: tlsOf(tls) }) }, logger);
    },
  };
}

/** Kubernetes tells every container where its API is. One in the network of its host says so by `advertiseAddress`. */
function isPod(): boolean {
  return process.env.KUBERNETES_SERVICE_HOST !== undefined;
}

/** The keys of a Secret of type kubernetes.io/tls; what is missing is empty, and the backend says so. */
function tlsOf({ data = {} }: Secret) {
  const text = (key: string) => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  return { ca: data["ca.crt"] === undefined ? undefined : text("ca.crt"), cert: text("tls.crt"), key: text("tls.key") };
}
