// Generated from the schema by scripts/generate.ts. Do not edit.
import type { KubeObject } from "../../meta.ts";

/** An external MCP gateway that servers are registered with. */
export interface McpGateway extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "McpGateway";
  spec: McpGatewaySpec;
  status?: McpGatewayStatus;
}

/**
 * Where the gateway is, and how servers are registered with it.
 */
export interface McpGatewaySpec {
  /**
   * What kind of gateway it is.
   */
  type: "contextforge";
  /**
   * Where its API begins: below it are /v1/gateways, or /gateways of older releases. No credentials, no query.
   */
  url: string;
  /**
   * The bearer token of its API. It needs gateways.create, gateways.read, gateways.update and gateways.delete.
   */
  tokenSecretRef: {
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
   * PEM of the authorities that its certificate is verified with, in the place of the usual ones.
   */
  caSecretRef?: {
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
   * Namespaces whose deployments may be registered. Empty: all.
   *
   * @maxItems 256
   *
   * Items: Name of a namespace.
   */
  allowedNamespaces?: string[];
  /**
   * What the gateway calls Slipway's: scheme, host, port and beginning of the path of the URLs that are registered, in the place of those of status.url. Default: status.url as it is.
   */
  serverBaseUrl?: string;
  /**
   * The bearer token with which the gateway calls the servers. Default: none.
   */
  serverTokenSecretRef?: {
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
   * Who sees the registered servers there.
   */
  visibility: "public" | "team" | "private";
  /**
   * The team there that they belong to. Required with visibility team.
   */
  teamId?: string;
  /**
   * Tags of the registered servers, beside those that Slipway finds its own by.
   *
   * @maxItems 16
   */
  tags?: string[];
  /**
   * How often the gateway asks a server for its tools again. Default: the gateway's.
   */
  refreshIntervalSeconds?: number;
}

/**
 * The gateway as it is. Written by the controller.
 */
export interface McpGatewayStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
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
   * RuntimeDeployments that are registered there.
   */
  registered?: number;
  /**
   * What it says of its version, where it does.
   */
  version?: string;
}
