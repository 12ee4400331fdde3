import { X509Certificate } from "node:crypto";
import type { Secret } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import { certificatesIn, endsAt, type ReadCertificate, readCertificate } from "./certificate.ts";

/** The CA of the webhook, with its key. */
export const WEBHOOK_CA_SECRET = {
  namespace: "slipway-system",
  name: "slipway-webhook-ca",
} as const satisfies ObjectKey;
/** What the webhook serves with; `ca.crt` has who may have signed it. */
export const WEBHOOK_TLS_SECRET = {
  namespace: "slipway-system",
  name: "slipway-webhook-tls",
} as const satisfies ObjectKey;

/** The names by which API servers call the Service. */
export const WEBHOOK_HOSTS = ["slipway-webhook.slipway-system.svc", "slipway-webhook.slipway-system.svc.cluster.local"];

const DAY_MS = 86_400_000;
/**
 * Long, since nothing but this webhook trusts it and its replacement is what has most parts. Replaced so early that an installation
 * that was off for a year finds its configurations in order.
 */
export const CA_DAYS = 5 * 365;
const CA_RENEW_DAYS = 365;
/** As cert-manager's: short enough that renewing is routine, with a month for whoever is told that it does not work. */
export const SERVING_DAYS = 90;
const SERVING_RENEW_DAYS = 30;

/** Both Secrets, as they are stored. */
export interface StoredCertificates {
  readonly authority: Secret | undefined;
  readonly serving: Secret | undefined;
}

/** What of them can be used now. */
export interface UsableCertificates {
  readonly authority: ReadCertificate | undefined;
  readonly serving: ReadCertificate | undefined;
  /** PEM of everything that may have signed what is served, now or next: the `caBundle`. */
  readonly trusted: readonly string[];
  /** What is stored and cannot be used, and why, for people. */
  readonly problems: readonly string[];
}

/** Pure. */
export function usableOf({ authority, serving }: StoredCertificates, now: Date): UsableCertificates {
  const problems: string[] = [];
  const read = (secret: Secret | undefined, check: (found: ReadCertificate) => string | undefined) => {
    if (secret === undefined) return undefined;
    try {
      const found = readCertificate(textOf(secret, "tls.crt"), textOf(secret, "tls.key"));
      const problem = isOver(found, now) ? `it ended at ${endsAt(found).toISOString()}` : check(found);
      if (problem === undefined) return found;
      problems.push(`Secret ${secret.metadata.name}: ${problem}`);
    } catch (error) {
      problems.push(`Secret ${secret.metadata.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return undefined;
  };
  const ca = read(authority, ({ certificate }) =>
    certificate.ca ? undefined : "it is no certificate of an authority",
  );
  const signers = certificatesIn(textOf(serving, "ca.crt")).filter((pem) => !isOver(parse(pem), now));
  const leaf = read(serving, (found) =>
    signers.some((pem) => isSignedBy(found, pem)) || (ca && isSignedBy(found, ca.certificatePem))
      ? undefined
      : "none of its ca.crt has signed it",
  );
  const known = new Set([...(ca ? certificatesIn(ca.certificatePem) : []), ...(leaf ? signers : [])]);
  return { authority: ca, serving: leaf, trusted: [...known], problems };
}

export type CertificateStep = "replace-authority" | "issue-serving";

export interface StepOptions {
  readonly now: Date;
  /** What can wait is the leader's to do. */
  readonly leads: boolean;
  /** Whether every API server has learned of the authority, so that what it signs is trusted. */
  readonly isTrusted: boolean;
}

/**
 * Pure. What has to be done next; undefined: nothing. What cannot be used is replaced by whoever sees it, since nothing can be lost
 * by that. What can be used is replaced in good time, and a certificate by another authority only once that is trusted.
 */
export function nextStep(
  usable: UsableCertificates,
  { now, leads, isTrusted }: StepOptions,
): CertificateStep | undefined {
  const { authority, serving } = usable;
  if (!authority) return "replace-authority";
  if (!serving) return "issue-serving";
  if (!leads) return undefined;
  if (endsWithin(authority, CA_RENEW_DAYS, now)) return "replace-authority";
  const isDue =
    !isSignedBy(serving, authority.certificatePem) ||
    endsWithin(serving, SERVING_RENEW_DAYS, now) ||
    !WEBHOOK_HOSTS.every((host) => serving.certificate.checkHost(host) !== undefined);
  return isDue && isTrusted ? "issue-serving" : undefined;
}

export function isSignedBy({ certificate }: Pick<ReadCertificate, "certificate">, authorityPem: string): boolean {
  return certificate.verify(new X509Certificate(authorityPem).publicKey);
}

/** `days` from `now`, and not after `limit`. */
export function daysAfter(now: Date, days: number, limit?: Date): Date {
  const end = now.getTime() + days * DAY_MS;
  return new Date(limit ? Math.min(end, limit.getTime()) : end);
}

function endsWithin(found: ReadCertificate, days: number, now: Date): boolean {
  return endsAt(found).getTime() - now.getTime() < days * DAY_MS;
}

function isOver(found: Pick<ReadCertificate, "certificate">, now: Date): boolean {
  return endsAt(found) <= now;
}

function parse(pem: string): Pick<ReadCertificate, "certificate"> {
  return { certificate: new X509Certificate(pem) };
}

function textOf(secret: Secret | undefined, entry: string): string {
  return Buffer.from(secret?.data?.[entry] ?? "", "base64").toString("utf8");
}
