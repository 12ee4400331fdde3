import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type Fields, isFields, type Request } from "../../message.ts";

/** What a state says once it is believed. */
export interface RequestState {
  /** Names the held call, once: each time that a call is held it has another name. */
  readonly id: string;
  /** On the monotonic clock of this process. */
  readonly expiresMs: number;
}

/** Ours are a third of it. */
const LONGEST_STATE = 512;

/**
 * Makes the `requestState` that clients carry, and tells which of those that come back are true. The state is no secret; its
 * authentication is over the owner too, who is not in it. Keys die with the process, as what they name does.
 */
export class RequestStates {
  readonly #key = randomBytes(32);
  /** Tells states of an earlier process from forged ones. */
  readonly #epoch = randomBytes(9).toString("base64url");

  seal(owner: string, { id, expiresMs }: RequestState): string {
    const said = `${this.#epoch}.${id}.${Math.ceil(expiresMs)}`;
    return `${said}.${this.#mac(owner, said).toString("base64url")}`;
  }

  /** The state, or why it is worth nothing. */
  open(owner: string, text: string, nowMs: number): RequestState | { readonly refusal: string } {
    const parts = text.length > LONGEST_STATE ? [] : text.split(".");
    const [epoch = "", id = "", expires = "", mac = ""] = parts;
    if (parts.length !== 4) return { refusal: "the requestState is none of this gateway's" };
    if (epoch !== this.#epoch) {
      return { refusal: "the requestState is of another gateway, or this one was started again since" };
    }
    const expected = this.#mac(owner, `${epoch}.${id}.${expires}`);
    const given = Buffer.from(mac, "base64url");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return { refusal: "the requestState was changed, or handed to somebody else" };
    }
    if (Number(expires) <= nowMs) return { refusal: "the requestState has expired" };
    return { id, expiresMs: Number(expires) };
  }

  #mac(owner: string, said: string): Buffer {
    // What is said holds no NUL, so that nothing of it can pass for the owner's.
    return createHmac("sha256", this.#key).update(`${said}\0${owner}`).digest();
  }
}

/** Tells one request from another, whatever goes along with it in `_meta` and however its members are ordered. */
export function digestOf({ method, params }: Request): string {
  const { _meta, inputResponses: _, requestState: _state, ...rest } = params ?? {};
  return createHash("sha256")
    .update(JSON.stringify([method, rest], inOrder))
    .digest("base64url");
}

function inOrder(_name: string, value: unknown): unknown {
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value as Fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
