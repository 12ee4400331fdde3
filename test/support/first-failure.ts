import type { ServerResponse } from "node:http";
import { expect } from "@jest/globals";
import { systemClock } from "../../src/machinery/clock.ts";
import { createProber } from "../../src/probe/create-prober.ts";
import type { ProbeFailure, ProbeTarget } from "../../src/probe/prober.ts";
import { recordingLogger } from "./recording-logger.ts";

/** What misbehaving servers put into every answer, and no message may repeat. */
export const SECRET = "s3cret";

/** The first failure of a target, and what the prober left behind: nothing. */
export async function firstFailure(probe: ProbeTarget["probe"], timeoutMs: number): Promise<ProbeFailure> {
  const { logger, lines } = recordingLogger();
  const prober = createProber({ clock: systemClock, logger });
  try {
    const changed = new Promise<void>((resolve) => prober.onChange(() => resolve()));
    prober.watch("a", { instance: "1", probe, timeoutMs, periodMs: 60_000, failureThreshold: 3 });
    await changed;
    const verdict = prober.verdict("a");
    expect(verdict).toMatchObject({ kind: "pending", failure: {} });
    expect(lines).toEqual([]);
    return (verdict as { failure: ProbeFailure }).failure;
  } finally {
    await prober[Symbol.asyncDispose]();
  }
}

/** Waits until nobody is connected to a server: jest's own timeout ends a wait in vain. */
export async function noneLeft(server: { connections(): Promise<number> }): Promise<void> {
  while ((await server.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Sends as fast as it is read, without end. */
export function flood(response: ServerResponse, chunk: string): void {
  const write = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", write);
  write();
}
