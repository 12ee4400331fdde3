import { createHash } from "node:crypto";
import type { KubeObject } from "../../src/api/meta.ts";
import type { Approval, ApprovalPolicy, RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { type Decision, stampDecision } from "../../src/approvals/decisions.ts";
import { sealOf } from "../../src/approvals/seal.ts";
import type { StampKeys } from "../../src/approvals/stamp-keys.ts";

/** Keys of these names, the first of which signs. */
export function keysOf(...names: readonly [string, ...string[]]): StampKeys {
  const [sign, ...others] = names.map((name) => createHash("sha256").update(name).digest());
  return { sign: sign as Uint8Array, verify: [sign as Uint8Array, ...others] };
}

export const KEYS = keysOf("a");
export const REQUESTED_AT = "2026-01-01T00:00:00.000Z";

/** That many hours after the request. */
export function hours(count: number): Date {
  return new Date(Date.parse(REQUESTED_AT) + count * 3_600_000);
}

const meta = (name: string, more: object = {}) => ({
  ...{ name, uid: `uid-of-${name}`, resourceVersion: "1", generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
  ...more,
});

type Policies = Approval["spec"]["policies"];

/** A policy as an Approval has it: of the group `security`, one of whom is enough, within 48 hours. */
export function policyCopy(name: string, more: Partial<Policies[number]> = {}): Policies[number] {
  return { name, uid: `uid-of-${name}`, approvers: { groups: ["security"] }, timeoutHours: 48, ...more };
}

/** The same as it is stored. */
export function policyOf({ name, uid, ...spec }: Policies[number], more: object = {}): ApprovalPolicy {
  return {
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "ApprovalPolicy", metadata: meta(name, { uid }) },
    spec: { rules: [{ name: "all", sourceTypes: ["image"] }], ...spec, ...more },
  } as unknown as ApprovalPolicy;
}

export interface ApprovalParts {
  readonly name?: string;
  readonly uid?: string;
  readonly requesters?: readonly string[];
  readonly policies?: Policies;
  readonly status?: Approval["status"];
  readonly keys?: StampKeys;
}

/** One that was just asked: of `default/server`, by dana. */
export function approvalOf(parts: ApprovalParts = {}): Approval {
  const { name = "server-1", uid = `uid-of-${name}`, requesters = ["dana"], keys = KEYS } = parts;
  const metadata = meta(name, { namespace: "default", uid });
  const spec: Omit<Approval["spec"], "seal"> = {
    deploymentRef: { name: "server", uid: "uid-of-server" },
    digest: `v1:sha256:${"0".repeat(64)}`,
    effective: { image: "registry.test/server@sha256:1" },
    requesters: requesters.map((username) => ({ username })),
    requestedAt: REQUESTED_AT,
    policies: parts.policies ?? [policyCopy("production")],
    triggers: [{ policy: "production", rule: "all", message: "image" }],
    decisions: [],
  };
  return {
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "Approval", metadata },
    spec: { ...spec, seal: sealOf({ metadata, spec }, keys) },
    ...(parts.status && { status: parts.status }),
  };
}

export interface Said {
  readonly by: string;
  readonly verdict?: Decision["verdict"];
  readonly reason?: string;
  readonly at?: Date;
  /** All of the Approval's unless told otherwise. */
  readonly policies?: readonly string[];
}

/** The Approval with one decision more, stamped as admission would. */
export function decided(approval: Approval, said: Said, keys: StampKeys = KEYS): Approval {
  const { by, verdict = "Approved", reason, at = hours(1) } = said;
  const policies = said.policies ?? approval.spec.policies.map(({ name }) => name);
  const decision = stampDecision(
    approval,
    { verdict, ...(reason === undefined ? {} : { reason }) },
    { user: by, now: at, policies, keys },
  );
  return { ...approval, spec: { ...approval.spec, decisions: [...approval.spec.decisions, decision] } };
}

/** `default/server`, of an image. */
export function serverOf(spec: object = {}, metadata: object = {}): RuntimeDeployment {
  return {
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment" },
    metadata: meta("server", { namespace: "default", ...metadata }),
    spec: { source: { image: { reference: "registry.test/server:1", pullPolicy: "IfNotPresent" } }, ...spec },
  } as unknown as RuntimeDeployment;
}

export function annotated<T extends KubeObject>(object: T, name: string, value: string | undefined): T {
  const { [name]: _, ...others } = object.metadata.annotations ?? {};
  const annotations = value === undefined ? others : { ...others, [name]: value };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
