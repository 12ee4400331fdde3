import { randomInt } from "node:crypto";
import { type Answer, type Fields, fieldsOf, metaOf, type Request, type RequestId } from "../message.ts";

/** A request on its way, as the server knows it and as the one who asked does. */
export interface Call<Owner> {
  /** What the server calls it: request id and progress token in one. */
  readonly serverId: number;
  readonly owner: Owner;
  /** What the owner calls it. */
  readonly id: RequestId;
  readonly method: string;
  readonly progressToken: RequestId | undefined;
  readonly onAnswer: (answer: Answer, bytes: number) => void;
}

/** Below what the narrowest of servers takes for an id: 31 bits. */
const FIRST_IDS = 2 ** 30;

/**
 * Requests under way to one process, each under an id that no other has. Ids are never used again. They begin anywhere: a process
 * may live on when who asked it is gone, and its late answers to that one must not be those to another.
 */
export class Calls<Owner> {
  readonly #byServerId = new Map<number, Call<Owner>>();
  readonly #byOwner = new Map<Owner, Map<RequestId, Call<Owner>>>();
  #lastId = randomInt(FIRST_IDS);

  get size(): number {
    return this.#byServerId.size;
  }

  ofOwner(owner: Owner): ReadonlyMap<RequestId, Call<Owner>> {
    return this.#byOwner.get(owner) ?? new Map();
  }

  get(serverId: unknown): Call<Owner> | undefined {
    return typeof serverId === "number" ? this.#byServerId.get(serverId) : undefined;
  }

  /** The request as the server is to see it. The owner must have no other of the same id. */
  add(owner: Owner, request: Request, onAnswer: Call<Owner>["onAnswer"]): Request {
    this.#lastId += 1;
    const serverId = this.#lastId;
    const progressToken = tokenOf(metaOf(request));
    const call = { serverId, owner, id: request.id, method: request.method, progressToken, onAnswer };
    this.#byServerId.set(serverId, call);
    const own = this.#byOwner.get(owner) ?? new Map<RequestId, Call<Owner>>();
    own.set(request.id, call);
    this.#byOwner.set(owner, own);
    return { ...request, id: serverId, ...(progressToken !== undefined && { params: withToken(request, serverId) }) };
  }

  remove(call: Call<Owner>): void {
    this.#byServerId.delete(call.serverId);
    const own = this.#byOwner.get(call.owner);
    own?.delete(call.id);
    if (own?.size === 0) this.#byOwner.delete(call.owner);
  }

  /** All that there are, which are then forgotten. */
  takeAll(): readonly Call<Owner>[] {
    const calls = [...this.#byServerId.values()];
    this.#byServerId.clear();
    this.#byOwner.clear();
    return calls;
  }
}

function tokenOf({ progressToken }: Fields): RequestId | undefined {
  return typeof progressToken === "string" || typeof progressToken === "number" ? progressToken : undefined;
}

function withToken({ params }: Request, progressToken: number): Fields {
  return { ...params, _meta: { ...fieldsOf(params, "_meta"), progressToken } };
}
