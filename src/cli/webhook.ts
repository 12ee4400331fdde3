import { Admission } from "../admission/admission.ts";
import type { AdmissionObserver } from "../admission/observer.ts";
import { CertificateFiles } from "../admission-webhook/certificate-files.ts";
import type { CertificateSource, TakeCertificate } from "../admission-webhook/certificate-source.ts";
import { type AdmissionCaches, knownToCaches, missingIn } from "../admission-webhook/known-to-caches.ts";
import { CertificateRotation, SharedCertificates } from "../admission-webhook/shared-certificates.ts";
import { listenForReviews, type WebhookListener } from "../admission-webhook/webhook-listener.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import type { ListenAddress } from "./listen-address.ts";
import { listening } from "./listen-error.ts";

/** Admission as the command line says it. */
export interface WebhookSettings {
  readonly listen: ListenAddress;
  /** A folder with `tls.crt` and `tls.key` of somebody else's; absent: certificates of our own, shared by Secrets. */
  readonly certificates?: string | undefined;
}

export interface WebhookOptions extends WebhookSettings {
  readonly client: KubeClient;
  /** Of the replica that leads alone. */
  readonly acting: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caches: AdmissionCaches;
  readonly observer: AdmissionObserver | undefined;
  /** The only namespaces that the controller looks at; absent: all. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** Told of each certificate that it serves with from then on. */
  readonly certificateTaken?: TakeCertificate;
}

/** The webhook of one replica. It listens at once, and answers nobody before its caches are filled. */
export interface Webhook extends AsyncDisposable {
  /** Where it listens: `https://HOST:PORT`. */
  readonly url: string;
  /** Parts of every replica. */
  readonly serving: readonly Runnable[];
  /** Parts of the one that leads. */
  readonly leading: readonly Runnable[];
  /** Of the one that leads: whether API servers can ask it. */
  isAsked(): boolean;
}

/** Fixed, since configurations of webhooks name it. */
const PATH = "/review";
/** So long a replica that ends goes on answering: Services take a moment to lead nobody to it any more. */
const LEAVE_MS = 3_000;

export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { listen, client, clock, logger, caches, watchNamespaces } = options;
  let wasFilled = false;
  // Once filled, they stay so: what is lost later is for the rules to judge.
  const closedFor = () => {
    if (wasFilled) return undefined;
    const missing = missingIn(caches);
    wasFilled = missing === undefined;
    return missing;
  };
  const listener: WebhookListener = await listening("--webhook-listen", listen, () =>
    listenForReviews({
      ...{ ...listen, path: PATH, logger, closedFor },
      admission: new Admission(knownToCaches(caches, { clock, watchNamespaces }), options.observer),
    }),
  );
  const shared = { client, clock, logger, secrets: caches.secrets };
  const take: TakeCertificate = (certificate) => {
    listener.renew(certificate);
    options.certificateTaken?.(certificate);
  };
  const source: CertificateSource =
    options.certificates === undefined
      ? new SharedCertificates(shared, take)
      : new CertificateFiles({ directory: options.certificates, clock, logger }, take);
  const rotation =
    options.certificates === undefined ? new CertificateRotation({ ...shared, client: options.acting }) : undefined;
  const isReady = () => closedFor() === undefined;
  return {
    url: new URL(listener.urls.rules).origin,
    serving: [source, answering(listener, { isReady, clock })],
    leading: rotation ? [rotation] : [],
    isAsked: () => source.isReady() && isReady() && (rotation?.hasPublished() ?? true),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

/** Tells `/readyz` of it, and lets API servers find another replica before this one ends. */
function answering(
  listener: WebhookListener,
  { isReady, clock }: { readonly isReady: () => boolean; readonly clock: Clock },
): Runnable {
  return {
    name: "webhook",
    isReady,
    async run(stop, abort) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (stop.aborted) resolve();
      else stop.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      listener.leave();
      if (isReady()) await delay(clock, LEAVE_MS, abort);
    },
  };
}
