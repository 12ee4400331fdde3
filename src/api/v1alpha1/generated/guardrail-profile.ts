// Generated from the schema by scripts/generate.ts. Do not edit.
import type { KubeObject } from "../../meta.ts";

/** What a workload may do: network, file system, privileges, resources. */
export interface GuardrailProfile extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "GuardrailProfile";
  spec: GuardrailProfileSpec;
  status?: GuardrailProfileStatus;
}

/**
 * What workloads under this profile may do. What is left out gets the stricter value.
 */
export interface GuardrailProfileSpec {
  /**
   * Warn runs where a field cannot be enforced and says so; Strict refuses.
   */
  enforcement: "Warn" | "Strict";
  /**
   * What it may reach and what may reach it.
   */
  network: {
    /**
     * False closes everything, whatever allowedHosts says. True without allowedHosts opens everything.
     */
    egressAllowed: boolean;
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
  filesystem: {
    /**
     * Whether the image's files are read-only. Paths of allowedMounts that nothing is mounted at are then memory.
     */
    readOnlyRoot: boolean;
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
  capabilities: {
    /**
     * Whether the container's default capabilities are taken away.
     */
    dropAll: boolean;
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
  resources: {
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
  seccomp: {
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
  appArmor: {
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
  runAsNonRoot: boolean;
  /**
   * Types of RuntimeBackend that the profile was written for. Others warn. Empty: all.
   *
   * @maxItems 16
   */
  recommendedBackends?: string[];
}

/**
 * Where the profile holds. Written by the controller.
 */
export interface GuardrailProfileStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * How many RuntimeDeployments run under it.
   */
  deployments?: number;
  /**
   * Backend by backend, how far the profile is enforced.
   *
   * @maxItems 256
   */
  backends?: {
    /**
     * The RuntimeBackend.
     */
    name: string;
    /**
     * Whether no field is NotEnforced there.
     */
    compatible: boolean;
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
  }[];
}
