import { X509Certificate } from "node:crypto";
import { certificatesIn } from "../../src/admission-webhook/certificate.ts";
import { CertificateRotation, SharedCertificates } from "../../src/admission-webhook/shared-certificates.ts";
import { webhookConfigurations } from "../../src/admission-webhook/webhook-configuration.ts";
import type { Secret } from "../../src/api/core.ts";
import {
  formatKey,
  type KubeObject,
  keyOf,
  type NewObject,
  type ObjectKey,
  type ResourceType,
} from "../../src/api/meta.ts";
import type { CertificateAndKey } from "../../src/machinery/certificate-authority.ts";
import {
  ApiError,
  ApiUnreachable,
  type KubeClient,
  type Patch,
  type WriteOptions,
} from "../../src/machinery/client.ts";
import type { ChangeHandler, ChangeSource } from "../../src/machinery/lister.ts";
import { applyJsonPatch } from "../../src/server/patch/json-patch.ts";
import { FakeClock } from "./fake-clock.ts";
import { recordingLogger } from "./recording-logger.ts";

type Client = Pick<KubeClient, "get" | "create" | "update" | "patch">;

interface Configuration extends KubeObject {
  readonly webhooks: readonly {
    readonly name: string;
    readonly clientConfig: { readonly caBundle?: string; readonly service?: object };
  }[];
}

/** As the chart installs them: without a caBundle. */
function configurations(): Configuration[] {
  const made = webhookConfigurations(
    { stamps: "https://a/stamps", rules: "https://a/rules" },
    "",
  ) as unknown as readonly Configuration[];
  return made.map((each) => ({
    ...each,
    webhooks: each.webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { service: { name: "slipway-webhook", namespace: "slipway-system" } },
    })),
  }));
}

/** One running replica: what it serves with now, and how it ends. */
export interface Replica {
  readonly served: () => string | undefined;
  stop(): Promise<void>;
}

/** An API server's Secrets and configurations of webhooks, replicas that share them, and a clock for all. */
export class WebhookWorld implements Client, Pick<ChangeSource<Secret>, "onChange"> {
  readonly clock = new FakeClock();
  readonly log = recordingLogger();
  readonly objects = new Map<string, KubeObject>();
  /** Every write so far, such as `update slipway-webhook-tls`. */
  readonly writes: string[] = [];
  /** What was served at some time while a configuration that had a caBundle did not trust it. */
  readonly untrusted: string[] = [];
  /** Nobody answers. */
  isDown = false;
  readonly #handlers = new Set<ChangeHandler<Secret>>();
  readonly #replicas = new Set<Replica>();
  #version = 0;

  constructor() {
    for (const each of configurations()) this.put(each);
  }

  /** Starts one, which may lead. */
  start({ leads = false } = {}): Replica {
    const stop = new AbortController();
    const options = {
      client: this as unknown as KubeClient,
      clock: this.clock,
      logger: this.log.logger,
      secrets: this,
    };
    let served: CertificateAndKey | undefined;
    const parts = [
      new SharedCertificates(options, (certificate) => {
        served = certificate;
        this.#judge();
      }),
      ...(leads ? [new CertificateRotation(options)] : []),
    ];
    const ended = Promise.all(parts.map((part) => part.run(stop.signal)));
    const replica: Replica = {
      served: () => served?.certificatePem,
      stop: async () => {
        stop.abort();
        await ended;
        this.#replicas.delete(replica);
      },
    };
    this.#replicas.add(replica);
    return replica;
  }

  secret(name: "slipway-webhook-ca" | "slipway-webhook-tls"): Secret | undefined {
    return this.objects.get(`slipway-system/${name}`) as Secret | undefined;
  }

  /** A PEM entry of a Secret. */
  pem(name: Parameters<WebhookWorld["secret"]>[0], entry: string): string {
    return Buffer.from(this.secret(name)?.data?.[entry] ?? "", "base64").toString("utf8");
  }

  /** The authorities that every webhook of both configurations trusts; undefined where they differ. */
  bundle(): string[] | undefined {
    const all = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"].flatMap((kind) =>
      ((this.objects.get(kind) as Configuration | undefined)?.webhooks ?? []).map(
        ({ clientConfig }) => clientConfig.caBundle,
      ),
    );
    const [first] = all;
    if (first === undefined || new Set(all).size !== 1) return undefined;
    return certificatesIn(Buffer.from(first, "base64").toString("utf8"));
  }

  put(object: KubeObject): void {
    const name = nameOf(object);
    const before = this.objects.get(name);
    const after = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.objects.set(name, after);
    this.#changed(before, after);
  }

  remove(name: string): void {
    const before = this.objects.get(name);
    this.objects.delete(name);
    this.#changed(before, undefined);
  }

  onChange(handler: ChangeHandler<Secret>): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    await this.#answer();
    const found = this.objects.get(storeName(type, key));
    if (!found) throw failure(404, "NotFound");
    return structuredClone(found) as T;
  }

  async create<T extends KubeObject>(_type: ResourceType<T>, object: NewObject<T>): Promise<T> {
    await this.#answer();
    const made = structuredClone(object) as unknown as T;
    if (this.objects.has(nameOf(made))) throw failure(409, "AlreadyExists");
    this.writes.push(`create ${made.metadata.name}`);
    this.put(made);
    return made;
  }

  async update<T extends KubeObject>(_type: ResourceType<T>, object: T): Promise<T> {
    await this.#answer();
    const stored = this.objects.get(nameOf(object));
    if (!stored) throw failure(404, "NotFound");
    if (stored.metadata.resourceVersion !== object.metadata.resourceVersion) throw failure(409, "Conflict");
    this.writes.push(`update ${object.metadata.name}`);
    this.put(structuredClone(object));
    return object;
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    { body }: Patch,
    _options?: WriteOptions,
  ): Promise<T> {
    await this.#answer();
    const stored = this.objects.get(storeName(type, key));
    if (!stored) throw failure(404, "NotFound");
    this.writes.push(`patch ${type.kind}`);
    const patched = applyJsonPatch(structuredClone(stored) as never, body as never) as unknown as T;
    this.put(patched);
    return patched;
  }

  /** What API servers ask must be answered by a certificate that they trust, at every moment. */
  #judge(): void {
    for (const kind of ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]) {
      const { webhooks = [] } = (this.objects.get(kind) ?? {}) as Partial<Configuration>;
      const bundles = webhooks.flatMap(({ clientConfig }) => clientConfig.caBundle ?? []);
      for (const served of [...this.#replicas].flatMap((replica) => replica.served() ?? [])) {
        const certificate = new X509Certificate(served);
        const trusts = (bundle: string) =>
          certificatesIn(Buffer.from(bundle, "base64").toString("utf8")).some((pem) =>
            certificate.verify(new X509Certificate(pem).publicKey),
          );
        if (!bundles.every(trusts)) this.untrusted.push(`${kind} at ${this.clock.now().toISOString()}`);
      }
    }
  }

  #changed(before: KubeObject | undefined, after: KubeObject | undefined): void {
    this.#judge();
    if ((after ?? before)?.kind !== "Secret") return;
    for (const handler of this.#handlers) handler(before as Secret | undefined, after as Secret | undefined);
  }

  async #answer(): Promise<void> {
    // Others come between the calls of one.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isDown) throw new ApiUnreachable("nobody answers");
  }
}

function nameOf(object: KubeObject): string {
  return object.kind === "Secret" ? formatKey(keyOf(object)) : object.kind;
}

function storeName(type: ResourceType<KubeObject>, key: ObjectKey): string {
  return type.kind === "Secret" ? formatKey(key) : type.kind;
}

function failure(code: number, reason: string): ApiError {
  const metadata = {};
  return new ApiError({ kind: "Status", apiVersion: "v1", metadata, status: "Failure", message: reason, code, reason });
}
