import type { Clock } from "../../../../src/machinery/clock.ts";
import { delay } from "../../../../src/machinery/clock-delay.ts";
import type { CallLog } from "./call-log.ts";
import type { FaultEffect, Faults, Surface } from "./faults.ts";

export type Handler = (request: Request) => Promise<Response>;

/** Thrown instead of an answer: the connection is to break, or has broken. A listener resets it. */
export class ConnectionReset extends Error {
  override readonly name = "ConnectionReset";

  constructor() {
    super("the connection broke");
  }
}

export interface SurfaceOptions {
  readonly surface: Surface;
  readonly handler: Handler;
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly clock: Clock;
  /** An error as this service words it. */
  readonly errorAnswer: (status: number, headers: Record<string, string>) => Response;
}

/** A service's handler with the record of calls and the faults around it. */
export function surfaceHandler(options: SurfaceOptions): Handler {
  const { surface, faults, calls, clock } = options;
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const call = calls.add({
      surface,
      method: request.method,
      path: pathname,
      query: search,
      at: clock.now(),
      userAgent: request.headers.get("user-agent") ?? "",
    });
    const effect = faults.strike(surface, request.method, pathname);
    const response = await answerWith(effect, request, options);
    call.status = response.status;
    return response;
  };
}

async function answerWith(
  effect: FaultEffect | undefined,
  request: Request,
  { handler, clock, errorAnswer }: SurfaceOptions,
): Promise<Response> {
  switch (effect?.type) {
    case undefined:
      return await handler(request);
    case "status": {
      if (effect.when === "after") await handler(request);
      const { retryAfterSeconds: seconds } = effect;
      return errorAnswer(effect.status, seconds === undefined ? {} : { "retry-after": String(seconds) });
    }
    case "reset":
      if (effect.when === "after") await handler(request);
      throw new ConnectionReset();
    case "latency":
      await delay(clock, effect.ms, request.signal);
      return await handler(request);
    case "slow-body":
      return slowed(await handler(request), effect, { clock, signal: request.signal });
    default:
      return effect satisfies never;
  }
}

async function slowed(
  response: Response,
  { chunkBytes, everyMs }: { chunkBytes: number; everyMs: number },
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Response> {
  const body = new Uint8Array(await response.arrayBuffer());
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at > 0) await delay(clock, everyMs, signal);
      if (at >= body.length || signal.aborted) return controller.close();
      controller.enqueue(body.subarray(at, at + chunkBytes));
      at += chunkBytes;
    },
  });
  return new Response(stream, response);
}
