import { createHash } from "node:crypto";
import { API_VERSION, type RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { CatalogRuntime, CatalogServer, DockerContainer, Setting } from "./catalog.ts";

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
  const found = servers.map((server) => manifestsOfServer(server, namespace));
  const backends = new Map(
    found.flatMap(({ backend }) => (backend ? [[backend.metadata.name, backend] as const] : [])),
  );
  return {
    objects: [
      ...backends.values(),
      ...found.flatMap(({ secret }) => secret ?? []),
      ...found.map(({ deployment }) => deployment),
    ],
    notes: found.flatMap(({ deployment, notes }) => notes.map((note) => `${deployment.metadata.name}: ${note}`)),
  };
}

interface ServerManifests {
  readonly deployment: ManifestObject;
  readonly secret: ManifestObject | undefined;
  readonly backend: ManifestObject | undefined;
  readonly notes: readonly string[];
}

function manifestsOfServer(server: CatalogServer, namespace: string | undefined): ServerManifests {
  const { id, runtime, env } = server;
  const metadata = (name: string) => ({ name, ...(namespace !== undefined && { namespace }) });
  // A server that others run gets headers, and every other one variables.
  const settings = runtime.type === "remote-sse" ? runtime.headers : env;
  const secretName = runtime.type === "remote-sse" ? `${id}-headers` : `${id}-env`;
  const hidden = settings.filter(({ secret }) => secret);
  const notes: string[] = [];
  const spec = specOf(
    runtime,
    settings.map((setting) => namedValue(setting, secretName)),
    notes,
  );
  if (hidden.length > 0) notes.push(`Secret ${secretName} holds ${hidden.map(({ name }) => name).join(", ")}`);
  const annotations = annotationsOf(server);
  return {
    deployment: {
      apiVersion: API_VERSION,
      kind: "RuntimeDeployment",
      metadata: { ...metadata(id), ...(annotations && { annotations }) },
      spec,
    },
    secret:
      hidden.length === 0
        ? undefined
        : {
            ...{ apiVersion: "v1", kind: "Secret", metadata: metadata(secretName), type: "Opaque" },
            stringData: Object.fromEntries(hidden.map(({ name, value }) => [name, value])),
          },
    backend: runtime.type === "docker" && runtime.network !== undefined ? networkBackend(runtime.network) : undefined,
    notes,
  };
}

function namedValue({ name, value, secret }: Setting, secretName: string): NamedValue {
  return secret ? { name, valueFrom: { secretKeyRef: { name: secretName, key: name } } } : { name, value };
}

function specOf(runtime: CatalogRuntime, settings: NamedValue[], notes: string[]): Spec {
  const env = settings.length > 0 && { env: settings };
  switch (runtime.type) {
    case "local-process": {
      const { command, args, workingDir } = runtime;
      const process = { command, ...(args.length > 0 && { args: [...args] }), ...(workingDir && { workingDir }) };
      return { source: { process }, backend: "process", transport: { type: "stdio" }, ...env };
    }
    case "remote-sse": {
      const { url } = runtime;
      const type = new URL(url).pathname.endsWith("/sse") ? "sse" : "streamable-http";
      notes.push(`it is spoken to as ${type}, by the path of its URL; set spec.transport.type where it is another`);
      if (url.includes("?")) notes.push("the query of its URL stands in the deployment for all to read");
      const remote = { url, ...(settings.length > 0 && { headers: settings }) };
      return { source: { remote } as Source, backend: "remote", transport: { type } };
    }
    case "docker":
      return { ...dockerSpec(runtime, notes), ...env };
    default:
      return runtime satisfies never;
  }
}

/** A catalog's containers are spoken to over their streams: they name no port. */
function dockerSpec({ image, containerName, network, volumes, cpu, memory }: DockerContainer, notes: string[]): Spec {
  const backend = network === undefined ? "docker" : networkBackend(network).metadata.name;
  if (network !== undefined) {
    notes.push(`RuntimeBackend ${backend} stands for its network ${network}; an administrator applies it`);
  }
  if (containerName !== undefined)
    notes.push("container_name is left out: containers are named after their deployment");
  if (volumes.length > 0) {
    const paths = [...new Set(volumes.map(({ hostPath }) => hostPath))].join(", ");
    notes.push(`spec.docker.allowedHostPaths of its RuntimeBackend has to list ${paths}, or prefixes of them`);
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
    backend,
    transport: { type: "stdio" },
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(mounts.length > 0 && { volumes: mounts as RuntimeDeploymentSpec["volumes"] & object }),
  };
}

/** A network belongs to a RuntimeBackend here, since it decides who reaches whom. */
function networkBackend(network: string): ManifestObject {
  const plain = network
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 48)
    .replace(/-$/, "");
  // Networks whose names differ in what names of Kubernetes cannot have stay two.
  const mark = createHash("sha256").update(network).digest("hex").slice(0, 6);
  const name = plain === network ? `docker-${plain}` : `docker-${plain}-${mark}`;
  const spec = { type: "docker", docker: { network } };
  return { apiVersion: API_VERSION, kind: "RuntimeBackend", metadata: { name }, spec };
}

function annotationsOf({ id, displayName, description, tags }: CatalogServer): Record<string, string> | undefined {
  const annotations = {
    ...(displayName !== undefined && displayName !== id && { [`${SAID}display-name`]: displayName }),
    ...(description !== undefined && { [`${SAID}description`]: description }),
    ...(tags.length > 0 && { [`${SAID}tags`]: tags.join(",") }),
  };
  return Object.keys(annotations).length > 0 ? annotations : undefined;
}
