import type Docker from "dockerode";
import type { NetworkRules } from "../../../guardrails/confinement.ts";
import type { Owner, Workload } from "../../backend.ts";
import type { CallOptions } from "../engine/engine-client.ts";

/** What the network of one workload needs. Equal requests make equal sandboxes, but for the resolver's random user. */
export interface SandboxRequest {
  readonly owner: Owner;
  readonly role: Workload["role"];
  /** The workload's spec hash: a sandbox belongs to one revision. */
  readonly hash: string;
  readonly rules: NetworkRules;
  /** The workload's own port and where it is published; undefined: nothing is published. */
  readonly published: { readonly port: number; readonly hostPort: number } | undefined;
  /** Labels that the workload's container carries beside those of its owner and role: host port, generation … */
  readonly labels: Readonly<Record<string, string>>;
}

/** A sandbox's container as the Engine shows it. */
export interface SandboxView {
  readonly id: string;
  /** Its process runs, on the network that its rules were made for. */
  readonly running: boolean;
  /** RFC 3339; undefined before the first start. */
  readonly startedAt: string | undefined;
  /** Connected to the network and, where it has one, with its port published. */
  readonly connected: boolean;
}

/** Whether this Engine can run sandboxes, as a trial of the whole start of one has shown. */
export type SandboxSupport =
  | { readonly kind: "supported" }
  /** For good, for example no nf_tables in its kernel: network guardrails are then NotEnforced. */
  | { readonly kind: "unsupported"; readonly reason: string }
  /** It should work and does not, for example the image is missing: nothing that needs one starts. `reason` says the remedy. */
  | { readonly kind: "failing"; readonly reason: string };

/**
 * The containers that hold the network of restricted workloads. A workload is made with `NetworkMode: container:ID` of a
 * sandbox, and started only after `start` has resolved.
 */
export interface Sandboxes {
  /** The last answer; makes a trial when there is none, or `refresh` asks for one. */
  support(options: CallOptions & { readonly refresh?: boolean }): Promise<SandboxSupport>;
  /**
   * Makes a sandbox and answers its container's ID without starting it. Adopts one that is there for the same owner, role
   * and hash and was made from an equal request; replaces any other of that name that is this owner's.
   * @throws {TransientError} `SandboxUnavailable`
   */
  create(request: SandboxRequest, options: CallOptions): Promise<string>;
  /**
   * Starts it if it does not run and resolves once its rules are loaded and its resolver answers; at once when it is known to
   * be so. Where its port is taken or its network gone it throws the Engine's error as it came, for the caller to judge.
   * @throws {TransientError} `SandboxUnavailable` when it ends, or is not ready in time; it is stopped then.
   */
  start(id: string, options: CallOptions): Promise<void>;
  /** Ends it at once, rules and all. Fine when it is stopped or gone. */
  stop(id: string, options: CallOptions): Promise<void>;
  /** Fine when it is gone. */
  remove(id: string, options: CallOptions): Promise<void>;
  /** Pure. What an inspection tells. */
  view(inspected: Docker.ContainerInspectInfo): SandboxView;
}
