/** A `catalog.yaml`, as far as it says what runs. Every `${VAR}` is resolved: holds secrets. */
export interface CatalogServer {
  readonly id: string;
  readonly displayName: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly env: readonly Setting[];
  readonly runtime: CatalogRuntime;
}

/** A variable, or a header. */
export interface Setting {
  readonly name: string;
  readonly value: string;
  /** Nobody who reads the deployment may see it. */
  readonly secret: boolean;
}

export type CatalogRuntime = LocalProcess | RemoteServer | DockerContainer;

export interface LocalProcess {
  readonly type: "local-process";
  readonly command: string;
  readonly args: readonly string[];
  readonly workingDir: string | undefined;
}

export interface RemoteServer {
  readonly type: "remote-sse";
  readonly url: string;
  readonly headers: readonly Setting[];
}

export interface DockerContainer {
  readonly type: "docker";
  readonly image: string;
  readonly containerName: string | undefined;
  readonly network: string | undefined;
  readonly volumes: readonly DockerVolume[];
  /** As Kubernetes quantities. */
  readonly cpu: string | undefined;
  readonly memory: string | undefined;
}

export interface DockerVolume {
  /** Absolute path on the Engine's machine. */
  readonly hostPath: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
}
