import type { BridgedClient } from "../../bridged-server.ts";
import {
  type Answer,
  errorOf,
  type Fields,
  fieldsOf,
  isFields,
  isRequest,
  type Message,
  type Request,
  type RequestId,
  RpcCode,
} from "../../message.ts";
import { MetaKey } from "../../meta-keys.ts";
import { NoServer } from "../../no-server.ts";
import type { PortEvents, ServerPort } from "../../server-port.ts";
import { canBeAsked } from "../input-rounds.ts";
import { type CallListener, HeldCall } from "./held-call.ts";
import type { HeldCalls } from "./held-calls.ts";
import type { ClientProfile } from "./personal-server.ts";
import type { Lease, PersonalServers } from "./personal-servers.ts";
import { digestOf } from "./request-state.ts";

export interface PersonalCallsOptions {
  readonly client: BridgedClient;
  readonly servers: PersonalServers;
  readonly held: HeldCalls<HeldCall>;
  /** Whether also those who cannot be asked have a server for themselves. */
  readonly always: boolean;
}

/** The requests whose results may ask for input (revision 2026-07-28, multi round-trip requests). */
const ASKABLE: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** What earlier revisions call what the client offers; that roots change is not told any more. */
const OFFERED: readonly string[] = ["sampling", "elicitation", "roots"];

/** A request that somebody waits for. */
export interface OngoingCall {
  /** Nobody waits any more. Idempotent, and without effect on what has been answered. */
  cancel(reason: string): void;
}

/** The requests of one client that go to a server of its own, since that server may turn to it. */
export class PersonalCalls {
  readonly #options: PersonalCallsOptions;

  constructor(options: PersonalCallsOptions) {
    this.#options = options;
  }

  /** `meta`: what the request's `_meta` says of the client. */
  takes({ params }: Request, meta: Fields): boolean {
    const { always } = this.#options;
    return always || params?.requestState !== undefined || canBeAsked(fieldsOf(meta, MetaKey.clientCapabilities));
  }

  /** `request`: without what its `_meta` says of the client, which `meta` has. */
  begin(request: Request, meta: Fields, listener: CallListener): OngoingCall {
    if (request.params?.requestState !== undefined) return this.#resume(request, listener);
    const { inputResponses: _, ...params } = request.params ?? {};
    const profile = profileOf(meta);
    const { capabilities: offered } = profile;
    const ongoing = { isGone: false, call: undefined as OngoingCall | undefined };
    const isAsking = ASKABLE.has(request.method) && canBeAsked(offered);
    this.#options.servers.lease(this.#options.client, profile, isAsking).then(
      (lease) => {
        if (ongoing.isGone) lease.release(true);
        else if (isAsking) ongoing.call = this.#hold({ ...request, params }, { offered, lease, listener });
        else ongoing.call = plainCall({ ...request, params }, lease, listener);
      },
      (error: unknown) => {
        if (!ongoing.isGone) listener.onAnswer(failed(request.id, error), 0);
      },
    );
    return {
      cancel(reason) {
        ongoing.isGone = true;
        ongoing.call?.cancel(reason);
      },
    };
  }

  /** A client of the same server as the calls, which only listens: what one of these changes is seen there. */
  listen(meta: Fields, events: PortEvents): ServerPort {
    const early: Message[] = [];
    let lease: Lease | undefined;
    let port: ServerPort | undefined;
    let isClosed = false;
    this.#options.servers.lease(this.#options.client, profileOf(meta), false).then(
      (leased) => {
        if (isClosed) {
          leased.release(true);
          return;
        }
        lease = leased;
        port = leased.server.listen(events);
        for (const message of early) port.send(message);
      },
      (error: unknown) => {
        if (isClosed) return;
        for (const message of early) if (isRequest(message)) events.onMessage(failed(message.id, error), 0);
        events.onClose("no server could be had");
      },
    );
    return {
      send(message) {
        if (port) port.send(message);
        else early.push(message);
      },
      close() {
        if (isClosed) return;
        isClosed = true;
        port?.close();
        lease?.release(true);
      },
    };
  }

  #hold(
    request: Request,
    { offered, lease, listener }: { offered: Fields; lease: Lease; listener: CallListener },
  ): OngoingCall {
    const { client, held } = this.#options;
    const digest = digestOf(request);
    return whileWaiting(
      listener,
      (watched) => new HeldCall({ owner: client.owner, digest, request, capabilities: offered, lease, held }, watched),
    );
  }

  #resume(request: Request, listener: CallListener): OngoingCall {
    const { held, client } = this.#options;
    const { requestState, inputResponses = {} } = request.params ?? {};
    const refuse = (message: string): OngoingCall => {
      const error = { code: RpcCode.InvalidParams, reason: "InvalidRequestState", message };
      listener.onAnswer(errorOf(request.id, error), 0);
      return { cancel: () => undefined };
    };
    if (typeof requestState !== "string") return refuse("the requestState is no text");
    if (!isFields(inputResponses) || !Object.values(inputResponses).every(isFields)) {
      return refuse("inputResponses holds what is no result");
    }
    const call = held.take(client.owner, requestState, digestOf(request));
    if ("refusal" in call) return refuse(`${call.refusal}; call again without it`);
    return whileWaiting(listener, (watched) => {
      call.resume(inputResponses, watched);
      return call;
    });
  }
}

/** The call can be cancelled until the listener has had an answer, or a round of input: then it is another request's. */
function whileWaiting(listener: CallListener, begin: (watched: CallListener) => HeldCall): OngoingCall {
  let isWaiting = true;
  const call = begin({
    onProgress: (params, bytes) => listener.onProgress(params, bytes),
    onAnswer(answer, bytes) {
      isWaiting = false;
      listener.onAnswer(answer, bytes);
    },
    onInput(requests, state, bytes) {
      isWaiting = false;
      listener.onInput(requests, state, bytes);
    },
  });
  return {
    cancel(reason) {
      if (isWaiting) call.cancel(reason);
      isWaiting = false;
    },
  };
}

/** A request in which the client cannot be asked. */
function plainCall(request: Request, { server, release }: Lease, listener: CallListener): OngoingCall {
  let isWaiting = true;
  const id = server.request(request, {
    onProgress: (params, bytes) => listener.onProgress(params, bytes),
    onAnswer(answer, bytes) {
      isWaiting = false;
      release(true);
      listener.onAnswer(answer, bytes);
    },
  });
  return {
    cancel(reason) {
      if (!isWaiting) return;
      isWaiting = false;
      server.cancel(id, reason);
      release(true);
    },
  };
}

function failed(id: RequestId, error: unknown): Answer {
  const reason = error instanceof NoServer ? error.reason : "UpstreamUnreachable";
  const message = error instanceof NoServer ? error.message : "no server could be had";
  return errorOf(id, { code: RpcCode.Unavailable, reason, message });
}

function profileOf(meta: Fields): ClientProfile {
  const capabilities = fieldsOf(meta, MetaKey.clientCapabilities);
  const offered = OFFERED.filter((name) => capabilities[name] !== undefined);
  const clientInfo = meta[MetaKey.clientInfo];
  return {
    capabilities: Object.fromEntries(
      offered.map((name) => [name, name === "roots" ? {} : fieldsOf(capabilities, name)]),
    ),
    ...(isFields(clientInfo) && { clientInfo }),
  };
}
