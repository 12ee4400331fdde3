import { expect } from "@jest/globals";
import type { Secret } from "../../src/api/core.ts";
import type { ObjectKey } from "../../src/api/meta.ts";
import type { Approval, ApprovalPolicy } from "../../src/api/v1alpha1/index.ts";
import type { ApprovalNotice } from "../../src/controllers/approval/notifier.ts";
import { DeliveryFailure } from "../../src/notifications/delivery-failure.ts";
import { secretWatch } from "./secrets/secret-watch.ts";

/** Parts of what `noticeOf` answers. */
export interface NoticeParts {
  readonly id?: string;
  readonly event?: ApprovalNotice["event"];
  readonly channel?: ApprovalNotice["channel"];
  readonly requesters?: readonly string[];
  readonly trigger?: string;
  readonly decisions?: Approval["spec"]["decisions"];
  readonly notify?: ApprovalPolicy["spec"]["notify"];
}

/** Where the Secrets of `noticeOf` are. */
export const NOTIFY: NonNullable<ApprovalPolicy["spec"]["notify"]> = {
  webhook: {
    urlSecretRef: { namespace: "ops", name: "chat", key: "url" },
    signingSecretRef: { namespace: "ops", name: "chat-signing", key: "key" },
  },
  email: { to: ["security@example.org"], smtpSecretRef: { namespace: "ops", name: "mail" } },
};

export function noticeOf(parts: NoticeParts = {}): ApprovalNotice {
  const { event = "Requested", channel = "webhook", requesters = ["dev@example.org"] } = parts;
  const { trigger = "docker.io/foreign/server is in none of the registries" } = parts;
  const digest = `v1:sha256:${"ab".repeat(32)}`;
  const metadata = { uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
  const apiVersion = "slipway.dev/v1alpha1";
  return {
    id: parts.id ?? `u-1/${event}/production/${channel}`,
    event,
    channel,
    approval: {
      ...{ apiVersion, kind: "Approval" },
      metadata: { ...metadata, namespace: "team-a", name: "files-1f2e3d4c" },
      spec: {
        deploymentRef: { name: "files", uid: "d-1" },
        ...{ digest, effective: {}, seal: "s", requestedAt: "2026-01-01T00:00:00Z" },
        requesters: requesters.map((username) => ({ username })),
        policies: [{ name: "production", uid: "p-1", approvers: {}, timeoutHours: 48 }],
        triggers: [{ policy: "production", rule: "foreign", message: trigger }],
        decisions: parts.decisions ?? [],
      },
      status: { phase: "Pending", expiresAt: "2026-01-03T00:00:00Z" },
    },
    policy: {
      ...{ apiVersion, kind: "ApprovalPolicy" },
      metadata: { ...metadata, name: "production" },
      spec: {
        ...{ namespaceSelector: {}, rules: [], approvers: { required: 1 }, requesterMayApprove: false },
        ...{ serviceAccountRequests: "TwoApprovers", timeoutHours: 48, onChange: "KeepRunning" },
        notify: parts.notify ?? NOTIFY,
      },
    },
  };
}

/** How a notice that was to fail has failed. */
export async function failureOf(sending: Promise<void>): Promise<DeliveryFailure> {
  const failure = await sending.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(DeliveryFailure);
  return failure as DeliveryFailure;
}

/** Secrets by namespace and name, which a test may change. The watch learns the values of `secretKeys`. */
export class SecretTable {
  readonly #secrets = new Map<string, Secret>();

  set(name: string, values: Readonly<Record<string, string>>, secretKeys: readonly string[] = []): this {
    for (const key of secretKeys) secretWatch.learn(`${key} of Secret ops/${name}`, values[key] ?? "");
    const data = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    );
    const metadata = { name, namespace: "ops", uid: name, resourceVersion: "1", creationTimestamp: "" };
    this.#secrets.set(`ops/${name}`, { apiVersion: "v1", kind: "Secret", metadata, data });
    return this;
  }

  delete(name: string): void {
    this.#secrets.delete(`ops/${name}`);
  }

  get({ namespace, name }: ObjectKey): Secret | undefined {
    return this.#secrets.get(`${namespace}/${name}`);
  }
}
