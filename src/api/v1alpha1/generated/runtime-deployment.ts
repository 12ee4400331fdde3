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
   * Where the server comes from. Exactly one of its members is set.
   */
  source: {
    /**
     * A container image.
     */
    image?: {
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
    /**
     * A git repository with a Dockerfile, from which an image is built. Built once: change the spec, or the value of the annotation slipway.dev/rebuild, for a branch that has moved.
     */
    git?: {
      /**
       * Address of the repository: https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH. Credentials do not belong into it.
       */
      url: string;
      /**
       * Branch. Default: the repository's own default branch.
       */
      branch?: string;
      /**
       * Tag.
       */
      tag?: string;
      /**
       * Commit, in full: 40 or 64 hexadecimal digits.
       */
      commit?: string;
      /**
       * Folder of the build's context. Default: the repository's root.
       */
      contextDir?: string;
      /**
       * Path of the Dockerfile below contextDir.
       */
      dockerfile: string;
      /**
       * Values of the Dockerfile's ARGs. They can be read by whoever may read this object, and out of the image: no secrets belong here.
       */
      buildArgs?: {
        [k: string]: string;
      };
      /**
       * Secret in the same namespace to clone with: of type kubernetes.io/basic-auth for https, kubernetes.io/ssh-auth (with known_hosts, if wanted) for ssh.
       */
      credentialsRef?: {
        /**
         * Name of the object.
         */
        name: string;
      };
      /**
       * Where the image goes. A backend that builds elsewhere than it runs, such as Code Engine, needs it.
       */
      push?: {
        /**
         * Registry and repository, for example us.icr.io/team/files. Its tags are the backend's affair: what was built runs by digest.
         */
        repository: string;
        /**
         * Secret of type kubernetes.io/dockerconfigjson in the same namespace that may push there. Code Engine needs it. The image is pulled with it, too.
         */
        secretRef?: {
          /**
           * Name of the object.
           */
          name: string;
        };
      };
      /**
       * Seconds that a build may take.
       */
      timeoutSeconds: number;
    };
    /**
     * A package whose program is the server. It is installed once for all that run it, without its scripts.
     */
    package?: {
      /**
       * Name of an npm package, with its scope: @modelcontextprotocol/server-everything.
       */
      npm: string;
      /**
       * Version, range of versions or tag. It is resolved once per generation, and what it was then runs.
       */
      version: string;
    };
    /**
     * A program of the machine that Slipway runs on. No shell is involved.
     */
    process?: {
      /**
       * Absolute path of the program, or a name that is looked for in PATH.
       */
      command: string;
      /**
       * Its arguments, exactly as they stand here.
       *
       * @maxItems 256
       */
      args?: string[];
      /**
       * Absolute path of the directory that it starts in. Default: one of its own.
       */
      workingDir?: string;
    };
    /**
     * A server that somebody else runs. It is never started or ended from here.
     */
    remote?: {
      /**
       * URL of its MCP endpoint.
       */
      url: string;
      /**
       * Headers that each request carries. They replace what the caller sent under these names.
       *
       * @maxItems 32
       */
      headers?: {
        /**
         * Name of the header.
         */
        name: string;
        /**
         * Its value, taken literally. Whoever may read this object reads it: credentials belong into a Secret.
         */
        value?: string;
        /**
         * Where its value comes from.
         */
        valueFrom?: {
          /**
           * One key of a Secret in the same namespace.
           */
          secretKeyRef: {
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
        };
      }[];
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
  transport?: {
    /**
     * Wire of the server. Clients reach it over streamable HTTP whatever it is. Default: streamable-http; for package stdio.
     */
    type?: "streamable-http" | "sse" | "stdio";
    /**
     * Port that the server listens on, inside its container where it has one. Default: 8080. Without meaning for stdio.
     */
    port?: number;
    /**
     * Path of the MCP endpoint. Default: /mcp, for sse /sse. Without meaning for stdio and remote.
     */
    path?: string;
    /**
     * Of stdio: Shared has one process for all clients, but for those of earlier revisions that offer sampling, elicitation or roots; PerSession has one for each client with a session. Default: Shared.
     */
    sessionMode?: "Shared" | "PerSession";
    /**
     * Whether the Authorization header of callers goes on to the server. Default: false; it is the gateway's.
     */
    forwardAuthorization?: boolean;
  };
  /**
   * What the server may do.
   */
  guardrails?: {
    /**
     * The GuardrailProfile that it runs under. Default: standard.
     */
    profile?: string;
    /**
     * Fields of the profile that are different here. What is not named stays as the profile has it; a list replaces the profile's whole list.
     */
    overrides?: {
      /**
       * Warn runs where a field cannot be enforced and says so; Strict refuses.
       */
      enforcement?: "Warn" | "Strict";
      /**
       * What it may reach and what may reach it.
       */
      network?: {
        /**
         * False closes everything, whatever allowedHosts says. True without allowedHosts opens everything.
         */
        egressAllowed?: boolean;
        /**
         * All that may be reached: exact host names, *.domain for the names below a domain and not the domain itself, addresses and CIDRs, each for all ports or with :port; * for everything. An empty list is nothing. A name whose address is private needs that address in the list, too.
         *
         * @maxItems 256
         */
        allowedHosts?: string[];
        /**
         * TCP ports that may be reached beside the transport's. Unset: the transport's only. An empty list is none, not even that.
         *
         * @maxItems 64
         */
        ingressPorts?: number[];
      };
      /**
       * What it may write and mount.
       */
      filesystem?: {
        /**
         * Whether the image's files are read-only. Paths of allowedMounts that nothing is mounted at are then memory.
         */
        readOnlyRoot?: boolean;
        /**
         * Paths in the container at or below which volumes may be mounted. Unset: anywhere. An empty list is nowhere.
         *
         * @maxItems 64
         */
        allowedMounts?: string[];
      };
      /**
       * Linux capabilities.
       */
      capabilities?: {
        /**
         * Whether the container's default capabilities are taken away.
         */
        dropAll?: boolean;
        /**
         * Capabilities to have all the same, without CAP_.
         *
         * @maxItems 41
         */
        add?: (
          | "AUDIT_CONTROL"
          | "AUDIT_READ"
          | "AUDIT_WRITE"
          | "BLOCK_SUSPEND"
          | "BPF"
          | "CHECKPOINT_RESTORE"
          | "CHOWN"
          | "DAC_OVERRIDE"
          | "DAC_READ_SEARCH"
          | "FOWNER"
          | "FSETID"
          | "IPC_LOCK"
          | "IPC_OWNER"
          | "KILL"
          | "LEASE"
          | "LINUX_IMMUTABLE"
          | "MAC_ADMIN"
          | "MAC_OVERRIDE"
          | "MKNOD"
          | "NET_ADMIN"
          | "NET_BIND_SERVICE"
          | "NET_BROADCAST"
          | "NET_RAW"
          | "PERFMON"
          | "SETFCAP"
          | "SETGID"
          | "SETPCAP"
          | "SETUID"
          | "SYSLOG"
          | "SYS_ADMIN"
          | "SYS_BOOT"
          | "SYS_CHROOT"
          | "SYS_MODULE"
          | "SYS_NICE"
          | "SYS_PACCT"
          | "SYS_PTRACE"
          | "SYS_RAWIO"
          | "SYS_RESOURCE"
          | "SYS_TIME"
          | "SYS_TTY_CONFIG"
          | "WAKE_ALARM"
        )[];
      };
      /**
       * The most that a deployment may ask for.
       */
      resources?: {
        /**
         * Most CPU, as a Kubernetes quantity: 500m is half a core.
         */
        maxCpu?: number | string;
        /**
         * Most memory, as a Kubernetes quantity such as 256Mi.
         */
        maxMemory?: number | string;
        /**
         * Most processes and threads that may exist at once.
         */
        maxPids?: number;
      };
      /**
       * Which system calls it may make.
       */
      seccomp?: {
        /**
         * RuntimeDefault: the backend's filter; Unconfined: none; ConfigMap: a profile of your own.
         */
        type: "RuntimeDefault" | "Unconfined" | "ConfigMap";
        /**
         * Namespace of the ConfigMap that holds the profile.
         */
        namespace?: string;
        /**
         * Name of the ConfigMap.
         */
        name?: string;
        /**
         * Key of the profile, JSON in the Engine's format.
         */
        key?: string;
      };
      /**
       * Which AppArmor profile confines it.
       */
      appArmor?: {
        /**
         * RuntimeDefault: the backend's; Unconfined: none; Localhost: one that is loaded on its machine.
         */
        type: "RuntimeDefault" | "Unconfined" | "Localhost";
        /**
         * Name of the profile that is loaded there.
         */
        name?: string;
      };
      /**
       * Whether an image whose user is root is refused.
       */
      runAsNonRoot?: boolean;
    };
  };
  /**
   * Limits of the container. What is not set takes the smaller of the backend's default and the profile's maximum.
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
     * Its value, taken literally. On code-engine references to the project, which begin with a dollar and {CE_, are replaced.
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
   * How many instances run. Takes effect on backends that scale (code-engine); elsewhere there is one, and the condition Accepted says so. What is not set here is as the RuntimeBackend's defaultScaling has it. Default: one, always.
   */
  scaling?: {
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
   * Who reaches the server.
   */
  exposure?: {
    /**
     * public: the internet; private: the provider's private network; project: what runs in the same project. Takes effect on code-engine, where project is the default; elsewhere the RuntimeBackend says where it publishes, and the condition Accepted says so.
     */
    visibility?: "public" | "private" | "project";
  };
  /**
   * RuntimeDeployments of this namespace that it needs. Informational: nothing waits for them; the condition Accepted names those that do not exist or are not Ready.
   *
   * @maxItems 32
   *
   * Items: Name of a RuntimeDeployment.
   */
  dependencies?: string[];
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
     * mcp speaks the protocol and lists the tools; http expects an answer below 400; tcp a connection; none asks nothing. On code-engine the platform asks as well before a revision takes over: by http where it says so, else by tcp.
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
    /**
     * How the platform itself asks each instance whether it still works; one that fails is started again. Takes effect on code-engine; elsewhere the condition Accepted says that it does not. Default: nothing is asked.
     */
    liveness?: {
      /**
       * tcp expects a connection; http an answer below 400.
       */
      probe: "tcp" | "http";
      /**
       * Path of the http probe. Default: health.path, else the transport's path.
       */
      path?: string;
      /**
       * Seconds between probes.
       */
      periodSeconds: number;
      /**
       * Seconds that one probe may take.
       */
      timeoutSeconds: number;
      /**
       * Failures in a row after which the instance is started again.
       */
      failureThreshold: number;
      /**
       * Seconds before the first probe of an instance. Default: none.
       */
      initialDelaySeconds?: number;
    };
  };
  /**
   * External gateways that the server is registered with once it is Ready, and removed from when the deployment goes.
   *
   * @maxItems 8
   */
  registerWith?: {
    /**
     * Name of the McpGateway.
     */
    name: string;
  }[];
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
  phase?:
    | "Pending"
    | "PendingApproval"
    | "Building"
    | "Deploying"
    | "Running"
    | "Connected"
    | "Stopped"
    | "Error"
    | "Deleting";
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
   * Where a client connects: at the gateway; at the server itself where the controller cannot reach its endpoint. Empty unless the server serves.
   */
  url?: string;
  /**
   * The Approval, in the same namespace, that this generation waits for or was let through by.
   */
  approvalRef?: {
    /**
     * Name of the object.
     */
    name: string;
  };
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
     * The image that runs, by digest; an image ID where no registry digest exists. Of a package name, version, integrity, and the digest of what it depends on.
     */
    image?: string;
    /**
     * The generation of the spec that runs.
     */
    generation?: number;
    /**
     * Digest of what runs, as Approvals have it. Absent where no ApprovalPolicy concerns it.
     */
    digest?: string;
    /**
     * How MCP is spoken to it.
     */
    transport?: "streamable-http" | "sse" | "stdio";
    /**
     * Where the server itself listens, as the gateway reaches it. Absent for stdio and remote servers.
     */
    endpoint?: string;
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
   * The image's newest build. Absent where nothing is built.
   */
  build?: {
    /**
     * Stands for all that the build is made from.
     */
    key: string;
    /**
     * The RuntimeBackend that builds.
     */
    backend: string;
    /**
     * Waiting: not begun yet, or to be tried again. Failed: not tried again as it is.
     */
    phase: "Waiting" | "Running" | "Succeeded" | "Failed";
    /**
     * Counts from 1 for each key.
     */
    attempt: number;
    /**
     * Its name there.
     */
    id?: string;
    /**
     * The image that it made, by digest.
     */
    image?: string;
    /**
     * The commit that it was made from, where that is told.
     */
    commit?: string;
    /**
     * When it began to run.
     */
    startedAt?: string;
    /**
     * When it ended.
     */
    completedAt?: string;
    /**
     * Why the last attempt failed, as one word for programs.
     */
    reason?: string;
    /**
     * Why the last attempt failed, and what to do.
     */
    message?: string;
    /**
     * The last lines that the attempt printed which failed. All of them: slipway logs NAME --build.
     *
     * @maxItems 20
     */
    logTail?: string[];
    /**
     * What it was begun with beside what the key stands for: versions of its Secrets and of the RuntimeBackend, and its time limit. What has failed is tried again when they change.
     *
     * @maxItems 4
     */
    circumstances?: string[];
  };
  /**
   * External gateways at which the server is registered, or may be.
   *
   * @maxItems 16
   */
  registrations?: {
    /**
     * Name of the McpGateway.
     */
    gateway: string;
    /**
     * ID of the entry there.
     */
    id?: string;
    /**
     * Name of the entry there.
     */
    name?: string;
    /**
     * The URL that is registered.
     */
    url?: string;
    /**
     * Whether the entry serves there.
     */
    active?: boolean;
    /**
     * Tools that the gateway found.
     */
    tools?: number;
    /**
     * Keyed digest of what was registered, token included.
     */
    digest?: string;
  }[];
  /**
   * What the server may do, and how far the backend sees to it.
   */
  guardrails?: {
    /**
     * The GuardrailProfile.
     */
    profile?: string;
    /**
     * The widest profiles that it may have, by its namespace and its backend.
     *
     * @maxItems 2
     */
    bounds?: string[];
    /**
     * The limits in force: what was asked for, else the smaller of default and maximum.
     */
    limits?: {
      /**
       * CPU, as a Kubernetes quantity.
       */
      cpu?: string;
      /**
       * Memory, as a Kubernetes quantity.
       */
      memory?: string;
      /**
       * Processes and threads.
       */
      pids?: number;
    };
    /**
     * Field by field, how far the backend enforces the profile.
     *
     * @maxItems 32
     */
    fields?: {
      /**
       * Field of the profile, for example network.allowedHosts.
       */
      field: string;
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
     * What the profile asks for and does not get.
     *
     * @maxItems 32
     */
    warnings?: {
      /**
       * Field of the profile.
       */
      field: string;
      /**
       * What is left open.
       */
      message: string;
      /**
       * The RuntimeBackend.
       */
      backend: string;
      /**
       * Warning where a field is not enforced, Info where it is in part or the backend is not recommended.
       */
      severity: "Info" | "Warning";
    }[];
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
