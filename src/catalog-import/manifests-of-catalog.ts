import { API_VERSION, type RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { CatalogServer, DockerContainer, Setting } from "./catalog.ts";

export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

export interface ImportedCatalog {
  /** In the order in which they have to be applied. */
  readonly objects: readonly ManifestObject[];
  /** What is different from what the catalog says, or has to be done beside it; for people. Shows no secret. */
  readonly notes: readonly string[];
}

type Source = RuntimeDeploymentSpec["source"];
type Spec = Pick<RuntimeDeploymentSpec, "source" | "backend" | "transport"> &
  Partial<Pick<RuntimeDeploymentSpec, "env" | "volumes" | "resources">>;
type NamedValue = NonNullable<RuntimeDeploymentSpec["env"]>[number];

/** Annotations that carry on what a catalog says of its servers to people. */
const SAID = "catalog.slipway.dev/";

/** Pure. RuntimeDeployments, the Secrets that they need, and the RuntimeBackends of networks that they name. */
export function manifestsOfCatalog(servers: readonly CatalogServer[], namespace: string | undefined): ImportedCatalog {
  const notes: string[] = [];
  const backends = new Map<string, ManifestObject>();
  const secrets: ManifestObject[] = [];
  const deployments = servers.map((server): ManifestObject => {
    const { id, runtime, env } = server;
    const said = (note: string) => notes.push(`${id}: ${note}`);
    const metadata = (name: string) => ({ name, ...(namespace !== undefined && { namespace }) });
    const keep = (name: string, settings: readonly Setting[]): NamedValue[] => {
      const hidden = settings.filter(({ secret }) => secret);
      if (hidden.length > 0) {
        const stringData = Object.fromEntries(hidden.map(({ name: key, value }) => [key, value]));
        secrets.push({ apiVersion: "v1", kind: "Secret", metadata: metadata(name), type: "Opaque", stringData });
        said(`Secret ${name} holds ${hidden.map((each) => each.name).join(", ")}`);
      }
      return settings.map(({ name: variable, value, secret }) =>
        secret ? { name: variable, valueFrom: { secretKeyRef: { name, key: variable } } } : { name: variable, value },
      );
    };
    const variables = env.length === 0 ? {} : { env: keep(`${id}-env`, env) };
    const specOf = (): Spec => {
      switch (runtime.type) {
        case "local-process": {
          const { command, args, workingDir } = runtime;
          const process = { command, ...(args.length > 0 && { args: [...args] }), ...(workingDir && { workingDir }) };
          return { source: { process }, backend: "process", transport: { type: "stdio" }, ...variables };
        }
        case "remote-sse": {
          const { url, headers } = runtime;
          const type = new URL(url).pathname.endsWith("/sse") ? "sse" : "streamable-http";
          said(`it is spoken to as ${type}, by the path of its URL; set spec.transport.type where it is another`);
          if (url.includes("?")) said("the query of its URL stands in the deployment for all to read");
          const sent = headers.length === 0 ? {} : { headers: keep(`${id}-headers`, headers) };
          return { source: { remote: { url, ...sent } } as Source, backend: "remote", transport: { type } };
        }
        case "docker": {
          const { network } = runtime;
          const backend = network === undefined ? "docker" : backendOfNetwork(network);
          if (network !== undefined) {
            const spec = { type: "docker", docker: { network } };
            const named = { metadata: { name: backend }, spec };
            backends.set(backend, { apiVersion: API_VERSION, kind: "RuntimeBackend", ...named });
            said(`RuntimeBackend ${backend} stands for its network ${network}; an administrator applies it`);
          }
          return { ...dockerSpec(runtime, said), backend, ...variables };
        }
        default:
          return runtime satisfies never;
      }
    };
    const annotations = annotationsOf(server);
    return {
      apiVersion: API_VERSION,
      kind: "RuntimeDeployment",
      metadata: { ...metadata(id), ...(annotations && { annotations }) },
      spec: specOf(),
    };
  });
  return { objects: [...backends.values(), ...secrets, ...deployments], notes };
}

/** A catalog's containers are spoken to over their streams: they name no port. */
function dockerSpec(
  { image, containerName, volumes, cpu, memory }: DockerContainer,
  said: (note: string) => void,
): Pick<Spec, "source" | "transport" | "volumes" | "resources"> {
  if (containerName !== undefined) said("container_name is left out: containers are named after their deployment");
  if (volumes.length > 0) {
    const paths = [...new Set(volumes.map(({ hostPath }) => hostPath))].join(", ");
    said(`spec.docker.allowedHostPaths of its RuntimeBackend has to list ${paths}, or prefixes of them`);
  }
  const resources = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const mounts = volumes.map(({ hostPath, mountPath, readOnly }, at) => ({
    name: `volume-${at + 1}`,
    mountPath,
    ...(readOnly && { readOnly }),
    hostPath: { path: hostPath },
  }));
  return {
    source: { image: { reference: image } } as Source,
    transport: { type: "stdio" },
    ...(cpu !== undefined || memory !== undefined ? { resources } : {}),
    ...(mounts.length > 0 && { volumes: mounts as RuntimeDeploymentSpec["volumes"] & object }),
  };
}

function backendOfNetwork(network: string): string {
  return `docker-${network.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`.slice(0, 63).replace(/-+$/, "");
}

function annotationsOf({ id, displayName, description, tags }: CatalogServer): Record<string, string> | undefined {
  const annotations = {
    ...(displayName !== undefined && displayName !== id && { [`${SAID}display-name`]: displayName }),
    ...(description !== undefined && { [`${SAID}description`]: description }),
    ...(tags.length > 0 && { [`${SAID}tags`]: tags.join(",") }),
  };
  return Object.keys(annotations).length > 0 ? annotations : undefined;
}
