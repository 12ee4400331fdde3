import type { GatewayUser } from "../access.ts";
import type { UseAccess, UseScope } from "../mcp/use-access.ts";
import type { Answer, Question } from "./messages.ts";

/** Access that is asked of another thread. Whoever asks bounds how many questions there are. */
export class AskedAccess implements UseAccess {
  readonly #send: (id: number, question: Question) => void;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  constructor(send: (id: number, question: Question) => void) {
    this.#send = send;
  }

  async authenticate(token: string, signal: AbortSignal): Promise<GatewayUser | undefined> {
    const answer = await this.#ask({ about: "token", token }, signal);
    return "user" in answer ? answer.user : failed(answer);
  }

  async mayUse(user: GatewayUser, scope: UseScope, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#ask({ about: "use", user, scope }, signal);
    return "allowed" in answer ? answer.allowed : failed(answer);
  }

  answered(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
  }

  async #ask(question: Question, signal: AbortSignal): Promise<Answer> {
    this.#last += 1;
    const id = this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const stop = () => reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    this.#waiting.set(id, resolve);
    this.#send(id, question);
    try {
      return await promise;
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener("abort", stop);
    }
  }
}

function failed(answer: Answer): never {
  throw new Error("error" in answer ? answer.error : "another question was answered");
}
