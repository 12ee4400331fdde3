// Generated from the schema by scripts/generate.ts. Do not edit.
import type { KubeObject } from "../../meta.ts";

/** An MCP server to run: where it comes from, where it runs, and the truth about it. */
export interface RuntimeDeployment extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "RuntimeDeployment";
  spec: RuntimeDeploymentSpec;
  status?: RuntimeDeploymentStatus;
}

/**
 * The server as it should be.
 */
export interface RuntimeDeploymentSpec {
  /**
   * Where the server comes from.
   */
  source: {
    /**
     * A container image.
     */
    image: {
      /**
       * Image reference: [registry/]repository[:tag][@digest]. A tag is resolved to a digest once per generation, and the digest runs.
       */
      reference: string;
      /**
       * Always asks the registry at each change of the spec; IfNotPresent takes what the Engine has; Never pulls nothing.
       */
      pullPolicy: "Always" | "IfNotPresent" | "Never";
      /**
       * Secret of type kubernetes.io/dockerconfigjson in the same namespace.
       */
      pullSecretRef?: {
        /**
         * Name of the object.
         */
        name: string;
      };
    };
  };
  /**
   * Replaces the image's ENTRYPOINT. No shell is involved.
   *
   * @maxItems 256
   */
  command?: string[];
  /**
   * Replaces the image's CMD. No shell is involved.
   *
   * @maxItems 256
   */
  args?: string[];
  /**
   * The RuntimeBackend to run on. Default: the one that is marked as default.
   */
  backend?: string;
  /**
   * How clients speak MCP to the server.
   */
  transport: {
    /**
     * Wire of the server.
     */
    type: "streamable-http" | "sse";
    /**
     * Port that the server listens on inside the container.
     */
    port: number;
    /**
     * Path of the MCP endpoint. Default: /mcp, for sse /sse.
     */
    path?: string;
  };
  /**
   * Limits of the container. What is not set takes the backend's default.
   */
  resources?: {
    /**
     * CPU limit, as a Kubernetes quantity: 500m is half a core.
     */
    cpu?: number | string;
    /**
     * Memory limit, as a Kubernetes quantity such as 256Mi.
     */
    memory?: number | string;
    /**
     * Most processes and threads that may exist at once.
     */
    pids?: number;
  };
  /**
   * Environment variables. A later entry wins over envFrom.
   *
   * @maxItems 256
   */
  env?: {
    /**
     * Name of the variable.
     */
    name: string;
    /**
     * Its value, taken literally.
     */
    value?: string;
    /**
     * Where its value comes from.
     */
    valueFrom?: {
      /**
       * One key of a Secret in the same namespace.
       */
      secretKeyRef?: {
        /**
         * Name of the Secret.
         */
        name: string;
        /**
         * Key in the Secret.
         */
        key: string;
        /**
         * When true, a missing object or key leaves the variable out.
         */
        optional?: boolean;
      };
      /**
       * One key of a ConfigMap in the same namespace.
       */
      configMapKeyRef?: {
        /**
         * Name of the ConfigMap.
         */
        name: string;
        /**
         * Key in the ConfigMap.
         */
        key: string;
        /**
         * When true, a missing object or key leaves the variable out.
         */
        optional?: boolean;
      };
    };
  }[];
  /**
   * Secrets and ConfigMaps whose keys all become variables; a later one wins.
   *
   * @maxItems 32
   */
  envFrom?: {
    /**
     * Put before each key.
     */
    prefix?: string;
    /**
     * A Secret in the same namespace.
     */
    secretRef?: {
      /**
       * Name of the object.
       */
      name: string;
    };
    /**
     * A ConfigMap in the same namespace.
     */
    configMapRef?: {
      /**
       * Name of the object.
       */
      name: string;
    };
  }[];
  /**
   * What is mounted into the container. Each has exactly one kind.
   *
   * @maxItems 32
   */
  volumes?: {
    /**
     * Name, unique in this deployment.
     */
    name: string;
    /**
     * Absolute path in the container.
     */
    mountPath: string;
    /**
     * Mount without write access.
     */
    readOnly: boolean;
    /**
     * A volume of this deployment's own, named from its UID and never shared.
     */
    volume?: {
      /**
       * Keep the volume when the deployment is deleted. Cannot be changed, as the Engine notes it at creation.
       */
      retain: boolean;
    };
    /**
     * Memory that is gone when the container stops.
     */
    tmpfs?: {
      /**
       * Most that it may hold. Default: 64Mi.
       */
      sizeLimit?: number | string;
    };
    /**
     * The keys of a ConfigMap as read-only files.
     */
    configMap?: {
      /**
       * Name of the object.
       */
      name: string;
    };
    /**
     * The keys of a Secret as read-only files.
     */
    secret?: {
      /**
       * Name of the object.
       */
      name: string;
    };
    /**
     * A directory of the Engine's machine, below a prefix that the RuntimeBackend lists.
     */
    hostPath?: {
      /**
       * Absolute path on the Engine's machine.
       */
      path: string;
    };
  }[];
  /**
   * Stopped keeps volumes and the port, and runs nothing.
   */
  desiredState: "Running" | "Stopped";
  /**
   * What happens when the server's process ends.
   */
  restartPolicy: "Always" | "OnFailure" | "Never";
  /**
   * How the server is asked whether it works.
   */
  health: {
    /**
     * mcp speaks the protocol and lists the tools; http expects an answer below 400; tcp a connection; none asks nothing.
     */
    probe: "mcp" | "http" | "tcp" | "none";
    /**
     * Path of the http probe. Default: the transport's path.
     */
    path?: string;
    /**
     * Seconds between probes of a server that works.
     */
    periodSeconds: number;
    /**
     * Seconds that one probe may take.
     */
    timeoutSeconds: number;
    /**
     * Failures in a row that make a working server not ready.
     */
    failureThreshold: number;
  };
}

/**
 * The server as it is. Written by the controller.
 */
export interface RuntimeDeploymentStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * A summary of the conditions. Connected: MCP answered at the last probe.
   */
  phase?: "Pending" | "Deploying" | "Running" | "Connected" | "Stopped" | "Error" | "Deleting";
  /**
   * What is true of this object, by the conventions of Kubernetes and kstatus.
   *
   * @maxItems 32
   */
  conditions?: {
    /**
     * What the condition is about.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: "True" | "False" | "Unknown";
    /**
     * Why, as one word for programs.
     */
    reason: string;
    /**
     * Why, and what to do, for people.
     */
    message: string;
    /**
     * When status last changed.
     */
    lastTransitionTime: string;
    /**
     * The generation that this was found true of.
     */
    observedGeneration?: number;
  }[];
  /**
   * Where a client connects. Empty unless the server serves.
   */
  url?: string;
  /**
   * What runs outside for this deployment.
   */
  workload?: {
    /**
     * The RuntimeBackend that it runs on.
     */
    backend?: string;
    /**
     * Its name there: a container's ID.
     */
    id?: string;
    /**
     * The image that runs, by digest; an image ID where no registry digest exists.
     */
    image?: string;
    /**
     * The generation of the spec that runs.
     */
    generation?: number;
    /**
     * When its process started.
     */
    startedAt?: string;
    /**
     * Starts that nobody asked for.
     */
    restartCount?: number;
    /**
     * The published port. Chosen once and kept.
     */
    hostPort?: number;
  };
  /**
   * What the server said of itself when it was asked.
   */
  mcp?: {
    /**
     * Revision of MCP that was agreed on.
     */
    protocolVersion?: string;
    /**
     * Name and version that the server gives itself.
     */
    serverInfo?: {
      /**
       * Name of the server's program.
       */
      name?: string;
      /**
       * Version of the server's program.
       */
      version?: string;
    };
    /**
     * How many tools the server lists.
     */
    tools?: number;
    /**
     * Names of its tools, the first 64.
     *
     * @maxItems 64
     */
    toolNames?: string[];
    /**
     * When any of this last changed.
     */
    since?: string;
  };
}
