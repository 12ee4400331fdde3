// Generated from the schema by scripts/generate.ts. Do not edit.
import type { KubeObject } from "../../meta.ts";

/** A place where workloads run, what it can do, and whether it answers. */
export interface RuntimeBackend extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "RuntimeBackend";
  spec: RuntimeBackendSpec;
  status?: RuntimeBackendStatus;
}

/**
 * The place and its rules.
 */
export interface RuntimeBackendSpec {
  /**
   * What kind of place it is.
   */
  type: "docker" | "code-engine" | "process" | "remote";
  /**
   * Whether deployments that name no backend run here. At most one backend may say so.
   */
  default: boolean;
  /**
   * The widest GuardrailProfile that deployments may have here. Default: any.
   */
  guardrailsBound?: string;
  /**
   * Namespaces whose deployments may run here. Empty: all.
   *
   * @maxItems 256
   *
   * Items: Name of a namespace.
   */
  allowedNamespaces?: string[];
  /**
   * A Docker Engine, spoken to through its API. Default: that of this machine.
   */
  docker?: {
    /**
     * Address of the Engine: unix:///path or tcp://host:port. tcp needs tlsSecretRef, unless it is loopback.
     */
    host: string;
    /**
     * Secret of type kubernetes.io/tls with ca.crt, tls.crt and tls.key for the Engine.
     */
    tlsSecretRef?: {
      /**
       * Namespace of the object.
       */
      namespace: string;
      /**
       * Name of the object.
       */
      name: string;
    };
    /**
     * An existing network of the Engine to use. Default: one of Slipway's own, without traffic between containers.
     */
    network?: string;
    /**
     * Where the ports of workloads are published.
     */
    publish: {
      /**
       * Address of the Engine's machine that ports are bound to. Loopback unless asked otherwise.
       */
      bindAddress: string;
      /**
       * Host name or address under which the controller reaches published ports. Default: bindAddress.
       */
      advertiseAddress?: string;
      /**
       * Addresses and CIDRs, beside the Engine's own port proxy, from which restricted workloads take connections. Where ports are bound beyond loopback, clients keep their addresses.
       *
       * @maxItems 64
       */
      allowedSources?: string[];
    };
    /**
     * Base URL of a pull-through mirror that is asked first for images of docker.io.
     */
    registryMirror?: string;
    /**
     * Registries, or registry/repository prefixes by whole path segments, that images may come from. Empty: all.
     *
     * @maxItems 64
     */
    allowedRegistries?: string[];
    /**
     * Prefixes, by whole path segments, that hostPath volumes may name. Empty: none.
     *
     * @maxItems 64
     */
    allowedHostPaths?: string[];
    /**
     * The containers that hold the network of restricted workloads.
     */
    sandbox: {
      /**
       * Image of the sandbox on the Engine. Default: slipway-sandbox of this version.
       */
      image?: string;
      /**
       * An allowed name's address closes between once and twice this long after the last answer that named it.
       */
      addressHoldSeconds: number;
      /**
       * Resolvers that are asked for allowed names. Default: those that the Engine gives containers.
       *
       * @maxItems 3
       */
      dns?: string[];
    };
    /**
     * AppArmor profiles that are loaded on the Engine's machine, where that cannot be seen from the controller.
     *
     * @maxItems 64
     */
    appArmorProfiles?: string[];
    /**
     * Limits of a container that asks for none.
     */
    defaultLimits: {
      /**
       * CPU limit.
       */
      cpu: number | string;
      /**
       * Memory limit.
       */
      memory: number | string;
      /**
       * Most processes and threads that may exist at once.
       */
      pids: number;
    };
    /**
     * Removal of containers, volumes and networks whose RuntimeDeployment is gone.
     */
    orphanCollection: {
      /**
       * Whether orphans are removed.
       */
      enabled: boolean;
      /**
       * Hours between two searches. One is made at start, too.
       */
      intervalHours: number;
    };
  };
  /**
   * A project of IBM Cloud Code Engine.
   */
  codeEngine?: {
    /**
     * Region of the project: us-south, eu-de, …
     */
    region: string;
    /**
     * The project that workloads run in. It must exist.
     */
    project: {
      /**
       * Its name, unique in region and resource group.
       */
      name?: string;
      /**
       * Its ID.
       */
      id?: string;
    };
    /**
     * ID of the project's resource group, where its name is used in several.
     */
    resourceGroup?: string;
    /**
     * Secret with an API key of IBM Cloud, of a user or a service ID.
     */
    apiKeySecretRef: {
      /**
       * Namespace of the Secret.
       */
      namespace: string;
      /**
       * Name of the Secret.
       */
      name: string;
      /**
       * Key in the Secret.
       */
      key: string;
    };
    /**
     * Secret of type kubernetes.io/dockerconfigjson, for images of deployments that name no pullSecretRef.
     */
    registrySecretRef?: {
      /**
       * Namespace of the object.
       */
      namespace: string;
      /**
       * Name of the object.
       */
      name: string;
    };
    /**
     * Registries, or registry/repository prefixes by whole path segments, that images may come from. Empty: all.
     *
     * @maxItems 64
     */
    allowedRegistries?: string[];
    /**
     * Whether the controller is on IBM's private network: it then calls private endpoints, and reaches deployments of visibility private.
     */
    privateNetwork: boolean;
    /**
     * GUID of an instance of IBM Cloud Logs that the project's logs are routed to. slipway logs then also shows what instances wrote that are no more. The API key's owner needs the role Reader there.
     */
    logsInstanceId?: string;
    /**
     * GUID of the instance of IBM Cloud Monitoring that gets the platform metrics of the project's region. slipway status then also shows requests. The API key's owner needs the role Reader there.
     */
    monitoringInstanceId?: string;
    /**
     * Addresses in place of IBM's.
     */
    endpoints?: {
      /**
       * Code Engine's API, with /v2. https, or http on this machine.
       */
      api?: string;
      /**
       * IAM, which issues tokens. https, or http on this machine.
       */
      iam?: string;
      /**
       * Code Engine's Kubernetes proxy, where logs come from. https, or http on this machine.
       */
      proxy?: string;
      /**
       * The IBM Cloud Logs instance that logsInstanceId names. https, or http on this machine.
       */
      logs?: string;
      /**
       * IBM Cloud Monitoring in the project's region, without /prometheus/api/v1/query; with /api where its paths begin so. https, or http on this machine.
       */
      monitoring?: string;
      /**
       * A registry that is asked for digests in place of each image's own. https, or http on this machine.
       */
      registry?: string;
    };
    /**
     * Who keeps the project's allowed outbound destinations, which hold for everything in it, builds too. Unmanaged: its owner. Managed: the project is dedicated to this RuntimeBackend, whose guardrailsBound says what may be reached; rules that others make are removed.
     */
    egress: "Unmanaged" | "Managed";
    /**
     * Limits of a workload that asks for none. The largest size of Code Engine within them is taken.
     */
    defaultLimits: {
      /**
       * CPU limit.
       */
      cpu: number | string;
      /**
       * Memory limit.
       */
      memory: number | string;
    };
    /**
     * Scaling of deployments, for each member that they do not set themselves. Default: one instance, always, which is what a server that keeps sessions needs.
     */
    defaultScaling?: {
      /**
       * Fewest instances. 0: none while nobody asks, and a wait for whoever asks first. Default: 1.
       */
      min?: number;
      /**
       * Most instances. A server that keeps sessions works with 1 only. Default: the larger of 1 and min.
       */
      max?: number;
      /**
       * Instances that a new revision is brought up with before it takes over. 0: it takes over without one having started, so that nobody has seen it work. Default: the larger of 1 and min.
       */
      initial?: number;
      /**
       * Requests at once that one instance takes before another is started. Default: 100.
       */
      concurrency?: number;
      /**
       * Seconds that an instance is kept for which there is no more work. Default: 0.
       */
      downDelaySeconds?: number;
      /**
       * Seconds after which a request, and with it a stream of MCP, is cut. Default: 600.
       */
      requestTimeoutSeconds?: number;
    };
    /**
     * How images are built of sources in git.
     */
    builds?: {
      /**
       * What a build has: 0.5 vCPU and 2 GB of memory and of disk (small), 1 and 4 (medium), 2 and 8, 4 and 16, 12 and 48 (xxlarge).
       */
      size: "small" | "medium" | "large" | "xlarge" | "xxlarge";
      /**
       * Project that builds run in, which must exist. Default: the one of workloads. Builds fetch sources and packages, so that they fail where the project's outbound rules let little out.
       */
      project?: {
        /**
         * Its name, unique in region and resource group.
         */
        name?: string;
        /**
         * Its ID.
         */
        id?: string;
      };
    };
    /**
     * Removal of apps, secrets and config maps whose RuntimeDeployment is gone.
     */
    orphanCollection: {
      /**
       * Whether orphans are removed.
       */
      enabled: boolean;
      /**
       * Hours between two searches. One is made at start, too.
       */
      intervalHours: number;
    };
  };
  /**
   * Packages and programs as processes of the machine that Slipway runs on, without containers.
   */
  process?: {
    /**
     * Limits of a process that asks for none. CPU and memory of processes are not limited.
     */
    defaultLimits: {
      /**
       * Most processes and threads that may exist at once.
       */
      pids: number;
    };
    /**
     * Removal of processes, with their folders and logs, whose RuntimeDeployment is gone.
     */
    orphanCollection: {
      /**
       * Whether orphans are removed.
       */
      enabled: boolean;
      /**
       * Hours between two searches. One is made at start, too.
       */
      intervalHours: number;
    };
  };
  /**
   * Servers that somebody else runs. Nothing is started or ended there.
   */
  remote?: {
    /**
     * CIDRs beside the public addresses that servers may be reached at, judged when a connection is made. Empty: public addresses only. Link-local addresses and metadata services are opened only by ranges that hold nothing else.
     *
     * @maxItems 64
     */
    allowedCidrs?: string[];
  };
}

/**
 * The place as it is. Written by the controller.
 */
export interface RuntimeBackendStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * Version of the place, for example of its Engine, and of its API that is spoken.
   */
  version?: string;
  /**
   * What this place can do.
   */
  capabilities?: {
    /**
     * What separates workloads: container.
     */
    isolation?: string;
    /**
     * Members of spec.source that can run here.
     *
     * @maxItems 16
     */
    sources?: string[];
    /**
     * Whether CPU limits take effect.
     */
    cpuLimits?: boolean;
    /**
     * Whether memory limits take effect.
     */
    memoryLimits?: boolean;
    /**
     * Whether limits of processes take effect.
     */
    pidsLimits?: boolean;
    /**
     * Whether seccomp filters system calls.
     */
    seccomp?: boolean;
    /**
     * Whether AppArmor confines containers.
     */
    appArmor?: boolean;
    /**
     * Version of the control groups: 1 or 2.
     */
    cgroupVersion?: string;
    /**
     * Whether the Engine runs without root.
     */
    rootless?: boolean;
    /**
     * Where logs come from: native, from the place itself.
     */
    observability?: string;
    /**
     * Whether an image's files can be made read-only.
     */
    readOnlyFilesystem?: boolean;
    /**
     * Whether Linux capabilities can be dropped and added one by one.
     */
    customCapabilities?: boolean;
    /**
     * Whether a workload can be kept to hosts that are listed by name.
     */
    egressHostFiltering?: boolean;
    /**
     * Most CPU that one workload can have, in thousandths of a core. 0: no maximum.
     */
    maxCpuMillis?: number;
    /**
     * Most memory that one workload can have, in bytes. 0: no maximum.
     */
    maxMemoryBytes?: number;
    /**
     * Longest that one request may take, in seconds. 0: no maximum.
     */
    maxTimeoutSeconds?: number;
    /**
     * Whether spec.scaling of deployments takes effect.
     */
    scaling?: boolean;
    /**
     * Whether the platform itself probes instances, so that spec.health.liveness of deployments takes effect.
     */
    platformProbes?: boolean;
    /**
     * What spec.exposure.visibility of deployments may be. Empty: it has no effect.
     *
     * @maxItems 8
     */
    visibilities?: string[];
    /**
     * What this place can enforce of a GuardrailProfile.
     *
     * @maxItems 64
     */
    guardrails?: {
      /**
       * A field, or one way to use it.
       */
      feature: string;
      /**
       * How far the backend sees to it.
       */
      enforcement: "Enforced" | "Partial" | "NotEnforced";
      /**
       * How, or why not.
       */
      reason: string;
    }[];
    /**
     * AppArmor profiles that a GuardrailProfile may name here.
     *
     * @maxItems 1024
     */
    appArmorProfiles?: string[];
    /**
     * CIDRs that every workload can reach here, whatever its GuardrailProfile says.
     *
     * @maxItems 1024
     */
    openRanges?: string[];
  };
  /**
   * How many RuntimeDeployments run here.
   */
  deployments?: number;
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
}
