import { tooManyRequests } from "./status-error.ts";

/** kube-apiserver's defaults (`--max-requests-inflight`, `--max-mutating-requests-inflight`). Watches do not count. */
const MAX_READS = 400;
const MAX_WRITES = 200;
const RETRY_AFTER_SECONDS = 1;

/** Bounds the requests that are worked on at a time. Beyond, clients are told to come back. */
export class ConcurrencyLimit {
  #reads = 0;
  #writes = 0;

  async run<T>(method: string, work: () => T | Promise<T>): Promise<T> {
    const isRead = method === "GET" || method === "HEAD";
    if (isRead ? this.#reads >= MAX_READS : this.#writes >= MAX_WRITES) {
      throw tooManyRequests("too many requests, please try again later", RETRY_AFTER_SECONDS);
    }
    if (isRead) this.#reads++;
    else this.#writes++;
    try {
      return await work();
    } finally {
      if (isRead) this.#reads--;
      else this.#writes--;
    }
  }
}
