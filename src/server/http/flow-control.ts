import type { Clock } from "../../machinery/clock.ts";
import { Fifo } from "../../machinery/fifo.ts";
import { tooManyRequests } from "./status-error.ts";

export interface FlowLimits {
  /** Requests that are worked on at a time. */
  readonly seats: number;
  /** Of these, as many as one user may have. */
  readonly seatsOfOne: number;
  /** Requests that wait for a seat. */
  readonly waiting: number;
  /** Of these, as many as one user may have. */
  readonly waitingOfOne: number;
  /** Who has waited so long is told to come back. Kubernetes gives a quarter of a request's time. */
  readonly waitMs: number;
}

/** More at a time would not be faster: the work is one thread's, and writes go to disk in groups of at most this many. */
export const DEFAULT_FLOW: FlowLimits = {
  seats: 128,
  seatsOfOne: 96,
  waiting: 4_000,
  waitingOfOne: 1_000,
  waitMs: 15_000,
};

const RETRY_AFTER_SECONDS = 1;

interface Waiting {
  /** Whether it was told to come back already. */
  isOver: boolean;
  /** Whether anybody still waits for the answer. */
  readonly isWanted: () => boolean;
  readonly seat: () => void;
  readonly refuse: () => void;
}

interface User {
  seated: number;
  readonly waiting: Fifo<Waiting>;
}

/**
 * Bounds the requests that are worked on at a time and lets users take turns for the next free place, so that the flood of
 * one delays the others by little. What cannot even wait is told to come back: 429 with Retry-After.
 */
export class FlowControl {
  readonly #limits: FlowLimits;
  readonly #clock: Clock;
  /** Everybody who is worked for or waits. Who was served goes to the end, so that the first is next. */
  readonly #users = new Map<string, User>();
  #seated = 0;
  #waiting = 0;
  #refused = 0;

  constructor(clock: Clock, limits: FlowLimits = DEFAULT_FLOW) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** For metrics; `refused` counts from the start. */
  get numbers(): { readonly seated: number; readonly waiting: number; readonly refused: number } {
    return { seated: this.#seated, waiting: this.#waiting, refused: this.#refused };
  }

  /** Whether all seats are taken and somebody waits for one. */
  get isCrowded(): boolean {
    return this.#waiting > 0 && this.#seated >= this.#limits.seats;
  }

  /** @throws {StatusError} 429 */
  async run<T>(name: string, isWanted: () => boolean, work: () => T | Promise<T>): Promise<T> {
    const user = this.#user(name);
    if (this.#isFree(user) && user.waiting.size === 0) this.#seat(user);
    else await this.#wait(name, user, isWanted);
    try {
      return await work();
    } finally {
      this.#leave(name, user);
    }
  }

  #user(name: string): User {
    const known = this.#users.get(name);
    if (known) return known;
    const user = { seated: 0, waiting: new Fifo<Waiting>() };
    this.#users.set(name, user);
    return user;
  }

  #isFree({ seated }: User): boolean {
    return this.#seated < this.#limits.seats && seated < this.#limits.seatsOfOne;
  }

  #seat(user: User): void {
    user.seated += 1;
    this.#seated += 1;
  }

  #wait(name: string, user: User, isWanted: () => boolean): Promise<void> {
    const { waiting, waitingOfOne, waitMs } = this.#limits;
    if (this.#waiting >= waiting || user.waiting.size >= waitingOfOne) {
      this.#forget(name, user);
      return Promise.reject(this.#refusal());
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.#clock.schedule(waitMs, () => request.refuse());
    const end = () => {
      request.isOver = true;
      cancel();
    };
    const request: Waiting = {
      isOver: false,
      isWanted,
      seat: () => {
        end();
        this.#seat(user);
        resolve();
      },
      refuse: () => {
        end();
        reject(this.#refusal());
      },
    };
    user.waiting.push(request);
    this.#waiting += 1;
    return promise;
  }

  #refusal(): Error {
    this.#refused += 1;
    return tooManyRequests("too many requests, please try again later", RETRY_AFTER_SECONDS);
  }

  #leave(name: string, user: User): void {
    user.seated -= 1;
    this.#seated -= 1;
    this.#forget(name, user);
    while (this.#seated < this.#limits.seats && this.#seatNext());
  }

  #forget(name: string, user: User): void {
    if (user.seated === 0 && user.waiting.size === 0) this.#users.delete(name);
  }

  /** Seats the first request of the user whose turn it is. False when nobody can be. */
  #seatNext(): boolean {
    for (const [name, user] of this.#users) {
      if (user.seated >= this.#limits.seatsOfOne) continue;
      for (let next = user.waiting.shift(); next; next = user.waiting.shift()) {
        this.#waiting -= 1;
        if (next.isOver) continue;
        if (!next.isWanted()) {
          next.refuse();
          continue;
        }
        this.#users.delete(name);
        this.#users.set(name, user);
        next.seat();
        return true;
      }
      this.#forget(name, user);
    }
    return false;
  }
}
