import type { Answer, StreamSink } from "../http/answer.ts";
import { expired, StatusError } from "../http/status-error.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { Change, StoredObject } from "../storage/store.ts";
import { validateWatchOptions } from "./list-options.ts";
import { includeObjectOf, toYaml, transformObject } from "./present.ts";
import { parseBoolean, parseInteger } from "./query-options.ts";
import type { ResourceRequest } from "./resource-request.ts";
import { type Selection, selectionOf } from "./selection.ts";
import type { ServerContext } from "./server-context.ts";
import { eventsFor, type WatchEventType } from "./watch-event.ts";

/** kube-apiserver ends a watch after 30 to 60 minutes, so that clients spread over its instances; a constant serves here. */
const MAX_WATCH_SECONDS = 45 * 60;
const BOOKMARK_INTERVAL_MS = 60_000;
/** A client that falls behind this far is cut off; it resumes from the last version it saw. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
/** State and missed changes may be more than that: they are sent in portions, the next once the last is taken. */
const PORTION_BYTES = 1024 * 1024;
/** A client that has not taken a portion after so long is cut off. */
const MAX_STALL_MS = 60_000;

/** Streams changes as lines of JSON, from a version or after the state as it is. */
export async function watch(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const { query, resource, namespace } = request;
  const selection = selectionOf(resource, namespace, query, request.name);
  if (request.accepted.as === "Table") includeObjectOf(query);
  const { sendInitialEvents } = validateWatchOptions(query);
  const timeoutSeconds = parseInteger(query, "timeoutSeconds") ?? 0;
  const version = parseVersion(query.get("resourceVersion") ?? "");
  const fromState = sendInitialEvents ?? version === 0;
  const stream = new WatchStream(context, request, {
    selection,
    since: fromState ? undefined : version,
    bookmarks: parseBoolean(query, "allowWatchBookmarks") ?? false,
    markInitialEnd: sendInitialEvents === true,
    timeoutMs: Math.min(timeoutSeconds > 0 ? timeoutSeconds : MAX_WATCH_SECONDS, MAX_WATCH_SECONDS) * 1000,
  });
  const contentType = request.accepted.format === "yaml" ? "application/yaml" : "application/json";
  return { status: 200, contentType, stream };
}

function parseVersion(version: string): number {
  if (version === "") return 0;
  if (/^\d+$/.test(version)) return Number(version);
  throw new StatusError(
    500,
    undefined,
    `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`,
  );
}

interface WatchStreamOptions {
  readonly selection: Selection;
  /** Undefined: begin with the state as ADDED events. */
  readonly since: number | undefined;
  readonly bookmarks: boolean;
  readonly markInitialEnd: boolean;
  readonly timeoutMs: number;
}

class WatchStream {
  readonly #context: ServerContext;
  readonly #request: ResourceRequest;
  readonly #options: WatchStreamOptions;
  #sink: StreamSink | undefined;
  #stop: (() => void)[] = [];
  #sentColumns = false;
  /** Sends one event at each step, until the client has all that is there; undefined from then on. */
  #backlog: Iterator<void> | undefined;
  #stopWaiting: () => void = () => undefined;

  constructor(context: ServerContext, request: ResourceRequest, options: WatchStreamOptions) {
    this.#context = context;
    this.#request = request;
    this.#options = options;
  }

  run(sink: StreamSink, signal: AbortSignal): void {
    this.#sink = sink;
    const { store, clock } = this.#context;
    const { bookmarks, timeoutMs } = this.#options;
    const { resource } = this.#request;
    this.#stop.push(
      store.subscribe(resource.storage, (change) => {
        // What happens during the backlog becomes the end of it.
        if (!this.#backlog) this.#send(change);
      }),
    );
    // Whoever lists anew sees the other state whole, what is gone from it too.
    this.#stop.push(store.onReplaced((before) => this.#expire(before)));
    this.#stop.push(clock.schedule(timeoutMs, () => this.#end()));
    this.#stop.push(this.#context.registry.onChange(() => this.#endIfUnserved()));
    if (bookmarks) this.#scheduleBookmark();
    const onAbort = () => this.#end();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#stop.push(() => signal.removeEventListener("abort", onAbort));
    this.#backlog = this.#sendBacklog();
    if (signal.aborted) this.#end();
    else this.#sendPortion();
  }

  #sendPortion(): void {
    const backlog = this.#backlog;
    while (backlog && this.#sink && this.#sink.pendingBytes <= PORTION_BYTES) {
      if (!backlog.next().done) continue;
      this.#backlog = undefined;
      return;
    }
    if (this.#sink) this.#waitForClient(this.#sink);
  }

  #waitForClient(sink: StreamSink): void {
    const cancelStall = this.#context.clock.schedule(MAX_STALL_MS, () => this.#cut());
    const cancelDrain = sink.onDrain(() => {
      cancelStall();
      this.#sendPortion();
    });
    this.#stopWaiting = () => {
      cancelStall();
      cancelDrain();
    };
  }

  *#sendBacklog(): Generator<void> {
    const { store } = this.#context;
    const { resource } = this.#request;
    const { since } = this.#options;
    let sent = since ?? store.revision;
    if (since === undefined) yield* this.#sendState(sent);
    for (;;) {
      const isForgotten = since !== undefined && since < resource.since;
      const changes = isForgotten ? undefined : store.changesSince(resource.storage, sent);
      if (!changes) return this.#expire(sent);
      if (changes.length === 0) return;
      for (const change of changes) {
        this.#send(change);
        sent = change.revision;
        yield;
      }
    }
  }

  *#sendState(revision: number): Generator<void> {
    const { selection, markInitialEnd } = this.#options;
    for (const stored of this.#context.store.list(this.#request.resource.storage, selection.namespace)) {
      if (!selection.matches(stored)) continue;
      this.#write("ADDED", stored, stored.revision);
      yield;
    }
    if (markInitialEnd) this.#bookmark(revision, { "k8s.io/initial-events-end": "true" });
  }

  /** What happened after `version` is no longer known. */
  #expire(version: number): void {
    const oldest = Math.max(this.#context.store.compactedRevision, this.#request.resource.since) + 1;
    this.#line("ERROR", JSON.stringify(expired(`too old resource version: ${version} (${oldest})`).status));
    this.#end();
  }

  #send(change: Change): void {
    const { since, selection } = this.#options;
    // A version from the future: nothing until the store gets there.
    if (since !== undefined && change.revision <= since) return;
    if (selection.namespace !== undefined && !change.key.startsWith(`${selection.namespace}/`)) return;
    const event = eventsFor(change, selection);
    if (event) this.#write(event.type, event.stored, change.revision);
  }

  #write(type: WatchEventType, stored: StoredObject, revision: number): void {
    const { resource } = this.#request;
    this.#line(type, this.#present(eventJson(resource, stored, revision)));
  }

  #present(json: string): string {
    const { resource, accepted, query } = this.#request;
    if (accepted.as === undefined) return json;
    const transformed = transformObject(resource, accepted, JSON.parse(json), includeObjectOf(query));
    if (accepted.as !== "Table") return JSON.stringify(transformed);
    // Only the first table of a watch describes its columns.
    const shown = this.#sentColumns ? { ...transformed, columnDefinitions: null } : transformed;
    this.#sentColumns = true;
    return JSON.stringify(shown);
  }

  #line(type: string, json: string): void {
    const sink = this.#sink;
    if (!sink) return;
    if (sink.pendingBytes > MAX_PENDING_BYTES) {
      this.#cut();
      return;
    }
    const line = `{"type":"${type}","object":${json}}\n`;
    sink.write(this.#request.accepted.format === "yaml" ? `---\n${toYaml(JSON.parse(line))}` : line);
  }

  #scheduleBookmark(): void {
    const again = () => {
      // A bookmark says that nothing before it is still to come.
      if (!this.#backlog) this.#bookmark(this.#context.store.revision);
      cancel = this.#context.clock.schedule(BOOKMARK_INTERVAL_MS, again);
    };
    let cancel = this.#context.clock.schedule(BOOKMARK_INTERVAL_MS, again);
    this.#stop.push(() => cancel());
  }

  #bookmark(revision: number, annotations?: Record<string, string>): void {
    const { resource } = this.#request;
    const metadata = { resourceVersion: String(revision), ...(annotations ? { annotations } : {}) };
    const { kind } = resource.definition;
    const object = { kind, apiVersion: resource.apiVersion, metadata } as unknown as ApiObject;
    this.#line("BOOKMARK", JSON.stringify(object));
  }

  #endIfUnserved(): void {
    const { group, version, plural } = this.#request.resource.definition;
    if (!this.#context.registry.find(group, version, plural)) this.#end();
  }

  #end(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#release();
    sink?.end();
  }

  #cut(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#release();
    sink?.destroy();
  }

  #release(): void {
    this.#backlog = undefined;
    this.#stopWaiting();
    for (const stop of this.#stop.splice(0)) stop();
  }
}

/** The object of an event. A deletion shows the last state under the version of the deletion. */
function eventJson(resource: ServedResource, stored: StoredObject, revision: number): string {
  if (stored.revision === revision) return resource.render(stored);
  const known = deletionJson.get(stored)?.get(resource);
  if (known !== undefined) return known;
  const object = resource.parse(stored);
  object.metadata.resourceVersion = String(revision);
  const json = JSON.stringify(object);
  const byResource = deletionJson.get(stored) ?? new WeakMap<ServedResource, string>();
  deletionJson.set(stored, byResource.set(resource, json));
  return json;
}

/** An object leaves a selection once only, so its JSON under the later version is made once for all watchers. */
const deletionJson = new WeakMap<StoredObject, WeakMap<ServedResource, string>>();
