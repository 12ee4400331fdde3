import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { App } from "../apps/app.ts";
import { type Lease, Overloaded, Retired } from "../apps/instance-pool.ts";
import { type Listener, serve } from "../http/listener.ts";
import type { Projects } from "../projects/projects.ts";
import type { Endpoints, World } from "../world.ts";
import { forward, forwardUpgrade, refuse } from "./forward.ts";

export interface IngressOptions {
  readonly world: World;
  readonly projects: Projects;
  /** What `endpoint` says: an address on loopback that works, or the one that the real service would give. */
  readonly endpoints: "loopback" | "platform";
}

/**
 * The way in. One listener knows applications by the Host header; where endpoints are on loopback each has a listener of
 * its own, too. TLS ends at the platform's edge, which is not emulated: all of this is plain HTTP.
 */
export class Ingress implements Endpoints, AsyncDisposable {
  readonly #options: IngressOptions;
  /** By the application's address in the API: one that is made again is found where it was. */
  readonly #places = new Map<string, { readonly listener: Listener; app: App | undefined }>();
  #shared: Listener | undefined;

  private constructor(options: IngressOptions) {
    this.#options = options;
  }

  static async start(options: IngressOptions): Promise<Ingress> {
    const ingress = new Ingress(options);
    ingress.#shared = await ingress.#listen("by host", (incoming) => ingress.#byHost(incoming));
    return ingress;
  }

  /** Of the listener that knows applications by the Host header. */
  get url(): string {
    return this.#shared?.url ?? "";
  }

  async open(app: App): Promise<string> {
    if (this.#options.endpoints === "platform") return `https://${app.host}`;
    const place = this.#places.get(app.href) ?? (await this.#newPlace(app.href));
    place.app = app;
    return place.listener.url;
  }

  close(app: App): void {
    const place = this.#places.get(app.href);
    if (place?.app === app) place.app = undefined;
  }

  async #newPlace(href: string) {
    const place: { listener: Listener; app: App | undefined } = {
      listener: await this.#listen("by port", () => this.#places.get(href)?.app),
      app: undefined,
    };
    this.#places.set(href, place);
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const places = [...this.#places.values()].map(({ listener }) => listener);
    await Promise.all([...places, this.#shared].map((listener) => listener?.close()));
  }

  #byHost({ headers }: IncomingMessage): App | undefined {
    const host = (headers.host ?? "").replace(/:\d+$/, "");
    return this.#options.projects.all.flatMap(({ apps }) => apps.list()).find((app) => app.host === host);
  }

  async #listen(known: "by host" | "by port", find: (incoming: IncomingMessage) => App | undefined): Promise<Listener> {
    const listener = await serve((incoming, outgoing) => {
      const app = find(incoming);
      if (app === undefined && known === "by host") refuse(outgoing, 404, "no such application");
      // An address of its own is nobody's once its application is gone.
      else if (app === undefined) incoming.socket.destroy();
      // Nothing answers under a name that has no address outside.
      else if (!isReachable(app)) incoming.socket.destroy();
      else this.#options.world.do(() => this.#serve(app, incoming, outgoing));
    });
    // Streams live as long as the application lets them, and no longer.
    listener.server.requestTimeout = 0;
    listener.server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      const app = find(incoming);
      socket.on("error", () => socket.destroy());
      if (app === undefined || !isReachable(app)) socket.destroy();
      else this.#options.world.do(() => this.#upgrade(app, { incoming, socket, head }));
    });
    return listener;
  }

  async #serve(app: App, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const limit = this.#timeLimit(app, outgoing);
    outgoing.once("close", () => app.answered(outgoing.statusCode));
    try {
      using lease = await leaseOf(app, limit.signal);
      const upstream = lease?.instance.running?.upstream;
      if (upstream === undefined) return refuse(outgoing, 503, "no revision is ready");
      await forward(upstream, { incoming, outgoing, signal: limit.signal });
    } catch (error) {
      if (error instanceof Overloaded) refuse(outgoing, 503, "too many requests wait");
      else if (!limit.signal.aborted) refuse(outgoing, 502, "the instance failed");
    } finally {
      if (limit.timedOut()) refuse(outgoing, 504, "the request took longer than scale_request_timeout");
      limit.clear();
    }
  }

  async #upgrade(app: App, call: { incoming: IncomingMessage; socket: Duplex; head: Buffer }): Promise<void> {
    const limit = this.#timeLimit(app, call.socket);
    try {
      using lease = await leaseOf(app, limit.signal);
      const upstream = lease?.instance.running?.upstream;
      if (upstream?.kind === "socket") await forwardUpgrade(upstream, { ...call, signal: limit.signal });
    } catch (error) {
      if (!(error instanceof Overloaded || limit.signal.aborted)) throw error;
    } finally {
      call.socket.destroy();
      limit.clear();
    }
  }

  /** Ends what takes longer than `scale_request_timeout`, idle or not; and what its client has left. */
  #timeLimit(app: App, connection: ServerResponse | Duplex) {
    const controller = new AbortController();
    let timedOut = false;
    const clear = this.#options.world.after(app.spec.template.scale_request_timeout * 1000, () => {
      timedOut = true;
      controller.abort();
      if (!("headersSent" in connection) || connection.headersSent) connection.destroy();
    });
    connection.once("close", () => controller.abort());
    return { signal: controller.signal, timedOut: () => timedOut, clear };
  }
}

function isReachable(app: App): boolean {
  return !app.deleting && app.project.status === "active" && app.spec.managed_domain_mappings === "local_public";
}

/** Room on an instance of the revision that serves; another revision may come to serve while a request waits. */
async function leaseOf(app: App, signal: AbortSignal): Promise<(Lease & Disposable) | undefined> {
  for (let revision = app.active; revision !== undefined && !app.deleting; revision = app.active) {
    try {
      const lease = await revision.pool.acquire(signal);
      return { ...lease, [Symbol.dispose]: lease.release };
    } catch (error) {
      if (!(error instanceof Retired)) throw error;
      if (revision === app.active) return undefined;
    }
  }
  return undefined;
}
