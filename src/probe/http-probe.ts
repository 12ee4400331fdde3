import { Connection } from "./connection.ts";
import type { Probe } from "./probe.ts";
import { invalidAnswer } from "./probe-error.ts";

/** An answer below 400, as kubelet has it. Redirects are not followed: they are an answer. Bodies are not read. */
export class HttpProbe implements Probe {
  readonly #url: URL;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async run({ signal }: { signal: AbortSignal }): Promise<undefined> {
    const connection = new Connection({ limitBytes: 0, signal });
    try {
      const message = await connection.send({
        method: "GET",
        url: this.#url,
        headers: { accept: "*/*", "user-agent": "slipway-probe" },
      });
      message.destroy();
      const status = message.statusCode ?? 0;
      if (status >= 400) {
        throw invalidAnswer(`answered GET with HTTP ${status}; check health.path, or look at the server's logs`);
      }
    } finally {
      connection.close();
    }
  }

  async end(): Promise<void> {
    // Nothing is kept between runs.
  }
}
