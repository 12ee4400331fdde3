import { join } from "node:path";
import type { CustomResourceDefinition } from "../api/custom-resource-definition.ts";
import { type Clock, systemClock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import { Metrics } from "../machinery/metrics.ts";
import { ServerAccess } from "./access/server-access.ts";
import { AdmissionChain, type AdmissionPlugin } from "./admission/admission.ts";
import { protectedNamespaces } from "./admission/protected-namespaces.ts";
import { AdmissionWebhooks } from "./admission/webhooks/admission-webhooks.ts";
import { builtInKinds } from "./builtin/kinds.ts";
import { Discovery } from "./discovery/discovery.ts";
import { ApiHandler, type ApiHandlerOptions } from "./http/api-handler.ts";
import { loadCertificates } from "./http/certificates.ts";
import { type Listener, listen } from "./http/listener.ts";
import { installDefinitions, installNamespaces } from "./lifecycle/bootstrap.ts";
import { CustomResources } from "./lifecycle/custom-resources.ts";
import { EventExpiry } from "./lifecycle/event-expiry.ts";
import { GarbageCollector } from "./lifecycle/garbage-collector.ts";
import { NamespaceLifecycle } from "./lifecycle/namespaces.ts";
import type { ObjectReader, ObjectWriter } from "./object-reader.ts";
import { WebhookMetrics } from "./observe/webhook-metrics.ts";
import { ServerWriter, StoreReader } from "./registry/in-process-objects.ts";
import { ResourceRegistry } from "./registry/resource-registry.ts";
import { OnlineRestore } from "./restore/online-restore.ts";
import { lockDataDirectory } from "./storage/data-directory.ts";
import { SqliteStore } from "./storage/sqlite-store.ts";
import type { ServerContext } from "./verbs/server-context.ts";

const CERTIFICATE_CHECK_MS = 24 * 60 * 60_000;

export interface ApiServerOptions {
  /** Everything the server keeps; made when it is missing. One server at a time. */
  readonly dataDir: string;
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Definitions that are installed, or updated to this release's, before the server is ready. */
  readonly crds: readonly CustomResourceDefinition[];
  readonly logger: Logger;
  readonly clock?: Clock;
  /** In-process admission, after the server's own. The plugins decide from what the server has in memory. */
  readonly admission?: (reader: ObjectReader) => readonly AdmissionPlugin[];
  /**
   * Runs when everything is installed and before the first request is answered, such as the registration of a webhook; and
   * after a restore, before the next write is.
   */
  readonly beforeServing?: (parts: { reader: ObjectReader; writer: ObjectWriter }) => Promise<void>;
  /** Runs after a restore, once the server takes writes again. */
  readonly afterRestore?: () => void;
  /** Hears of every write, and of every attempt that was refused, once it is answered. */
  readonly audit?: ApiHandlerOptions["audit"];
}

export interface ApiServer {
  /** `https://127.0.0.1:6443`. */
  readonly url: string;
  /** What clients trust. */
  readonly caPem: string;
  /** Reads of the server's memory, for parts that run in its process and must not wait for HTTPS. */
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  /** Ends watches, lets requests finish, flushes the store. Nothing answers afterwards. */
  close(): Promise<void>;
}

/**
 * Starts the embedded Kubernetes API server; resolves when it answers.
 * @throws {StoreRefused} when the data directory is in use, damaged or of a newer release.
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { dataDir, listen: address, logger, clock = systemClock } = options;
  const cleanups: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const lock = lockDataDirectory(dataDir);
    cleanups.push(() => lock.release());
    const store = new SqliteStore(join(dataDir, "store.db"));
    cleanups.push(() => store.close());
    const hosts = [...new Set(["127.0.0.1", "::1", "localhost", address.host])];
    const certificates = loadCertificates(dataDir, hosts, clock.now());
    const reader = new StoreReader(store);
    const access = await ServerAccess.open({ dataDir, reader, clock, logger });
    cleanups.push(() => access[Symbol.asyncDispose]());

    const registry = new ResourceRegistry();
    for (const resource of builtInKinds()) registry.add(resource);
    for (const resource of access.virtualResources) registry.addVirtual(resource);
    for (const resource of access.virtualSubresources) registry.addSubresource(resource);
    const { authenticator, authorizer } = access;
    const metrics = new Metrics();
    const webhookMetrics = new WebhookMetrics(metrics);
    const webhooks = new AdmissionWebhooks({ reader, registry, authorizer, clock, logger, metrics: webhookMetrics });
    cleanups.push(() => webhooks[Symbol.asyncDispose]());
    const admission = new AdmissionChain([
      protectedNamespaces,
      access.admission,
      ...(options.admission?.(reader) ?? []),
      webhooks,
    ]);
    const context: ServerContext = { store, registry, admission, clock };
    const writer = new ServerWriter(context);
    const parts = { context, reader, writer, store, clock, logger };

    const customResources = new CustomResources(parts);
    cleanups.push(() => customResources.close());
    const install = async () => {
      await Promise.all([installNamespaces(parts), installDefinitions(parts, options.crds)]);
      customResources.resume();
      await customResources.settled();
      await access.start(writer);
    };
    await install();
    const namespaces = new NamespaceLifecycle(parts);
    cleanups.push(() => namespaces.close());
    const collector = new GarbageCollector(parts);
    cleanups.push(() => collector.close());
    const expiry = new EventExpiry(parts);
    cleanups.push(() => expiry.close());

    await options.beforeServing?.({ reader, writer });
    webhooks.open();
    const restore = new OnlineRestore({
      ...{ dataDir, store, clock, logger },
      async install() {
        await install();
        await options.beforeServing?.({ reader, writer });
      },
      restored: () => options.afterRestore?.(),
    });
    cleanups.push(() => restore[Symbol.asyncDispose]());
    const served: { listener?: Listener } = {};
    const discovery = new Discovery({
      registry,
      address: () => `${address.host}:${served.listener?.port ?? address.port}`,
      problem: () => store.fault,
    });
    const { audit } = options;
    const handler = new ApiHandler({
      context,
      authenticator,
      authorizer,
      discovery,
      metrics,
      restore,
      ...(audit && { audit }),
    });
    const listener = await listen({
      ...address,
      certificates: await certificates,
      logger,
      handler: (request, details) => handler.handle(request, details),
    });
    served.listener = listener;
    cleanups.push(() => listener.close());
    const renewal = setInterval(() => {
      void renew({ dataDir, hosts, clock, listener, logger });
    }, CERTIFICATE_CHECK_MS);
    renewal.unref();
    cleanups.push(() => clearInterval(renewal));
    const host = address.host.includes(":") ? `[${address.host}]` : address.host;
    return { url: `https://${host}:${listener.port}`, caPem: (await certificates).caPem, reader, writer, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Renewal {
  readonly dataDir: string;
  readonly hosts: readonly string[];
  readonly clock: Clock;
  readonly listener: Listener;
  readonly logger: Logger;
}

/** A server that runs for a year must not end with its certificate. */
async function renew({ dataDir, hosts, clock, listener, logger }: Renewal): Promise<void> {
  try {
    listener.renew(await loadCertificates(dataDir, hosts, clock.now()));
  } catch (error) {
    logger.error("certificate not renewed", { error: error instanceof Error ? error.message : String(error) });
  }
}
