import type { FetchLike } from "@modelcontextprotocol/client";
import { Agent, fetch as undiciFetch } from "undici";
import { McpFailure } from "./mcp-failure.ts";

/** Bytes of one answer. Servers send images and files of some MiB; nobody reads more in a terminal. */
const ANSWER_LIMIT = 64 * 1024 * 1024;
/** Of a refusal, which is one message. */
const REFUSAL_LIMIT = 64 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * What the SDK's transports get in place of fetch. It bounds answers, follows no redirect, which would carry the token
 * elsewhere, waits for answers as long as the caller does, and remembers how an exchange failed in the words of whoever
 * refused it, which the SDK does not hand on.
 */
export class Wire {
  readonly #agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // The caller's own timeout ends what takes too long.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  readonly #notices = new Set<Promise<unknown>>();
  #failure: McpFailure | undefined;

  /** How the last exchange failed. Undefined where it did not. */
  get failure(): McpFailure | undefined {
    return this.#failure;
  }

  /** For streamable HTTP. The stream of what a server says unasked is declined: nobody here listens to it. */
  readonly streamable: FetchLike = async (url, init) => {
    const isUnasked = init?.method === "GET" && !new Headers(init.headers).has("last-event-id");
    return isUnasked ? new Response(null, { status: 405 }) : await this.#exchange(url, init);
  };

  /** For legacy SSE, whose one stream carries all answers. */
  readonly sse: FetchLike = (url, init) => this.#exchange(url, init);

  /** Waits until what needs no answer has been sent: that a call was cancelled, for example. */
  async noticesSent(): Promise<void> {
    await Promise.allSettled(this.#notices);
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #exchange(url: string | URL, init: RequestInit | undefined): Promise<Response> {
    const answer = this.#send(url, init);
    if (!isNotice(init)) return await answer;
    this.#notices.add(answer);
    return await answer.finally(() => this.#notices.delete(answer));
  }

  async #send(url: string | URL, init: RequestInit | undefined): Promise<Response> {
    this.#failure = undefined;
    const options = { ...init, redirect: "manual", dispatcher: this.#agent } as Parameters<typeof undiciFetch>[1];
    const answer = (await undiciFetch(url, options).catch((error: unknown) => {
      throw this.#failed(networkFailure(error));
    })) as unknown as Response;
    const { status, headers } = answer;
    if (status >= 300 && status < 400) {
      await answer.body?.cancel();
      throw this.#failed(
        new McpFailure("refused", `answered with a redirect (HTTP ${status}), which is not followed`, { status }),
      );
    }
    const body = answer.body && bounded(answer.body, status < 400 ? ANSWER_LIMIT : REFUSAL_LIMIT);
    if (status < 400) return new Response(body, { status, headers });
    const text = await new Response(body).text().catch(() => "");
    this.#failed(refusal(status, text));
    // The SDK reads the era of a server out of its refusals.
    return new Response(text, { status, headers: { "content-type": headers.get("content-type") ?? "text/plain" } });
  }

  #failed(failure: McpFailure): McpFailure {
    this.#failure = failure;
    return failure;
  }
}

/** Whether it carries a JSON-RPC notification, which nobody waits for. */
function isNotice(init: RequestInit | undefined): boolean {
  return init?.method === "POST" && typeof init.body === "string" && /"method":"notifications\//.test(init.body);
}

function bounded(body: ReadableStream<Uint8Array>, limit: number): ReadableStream<Uint8Array> {
  let bytes = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > limit) throw new McpFailure("invalid", `answered with more than ${limit} bytes`);
      controller.enqueue(chunk);
    },
  });
  return body.pipeThrough(count);
}

function networkFailure(error: unknown): McpFailure {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return new McpFailure("unreachable", message || code || "no connection", { cause: error });
}

/** The gateway refuses in JSON-RPC, with a reason for programs; others answer whatever they like. */
function refusal(status: number, text: string): McpFailure {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; data?: { reason?: unknown } } };
    if (typeof error?.message === "string") {
      const reason = error.data?.reason;
      return new McpFailure("refused", error.message, { status, ...(typeof reason === "string" && { reason }) });
    }
  } catch {
    // No JSON: the status says what there is to say.
  }
  return new McpFailure("refused", `answered with HTTP ${status}`, { status });
}
