import { Readable } from "node:stream";
import { expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { Metrics } from "../../machinery/metrics.ts";
import type { Discovery } from "../discovery/discovery.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { type HttpRequest, text } from "./answer.ts";
import { ApiHandler } from "./api-handler.ts";
import type { RequestDetails } from "./listener.ts";

it("answers probes while everything else has to wait", async () => {
  const never = new Promise(() => undefined);
  const registry = { isServed: () => false };
  const handler = new ApiHandler({
    context: { clock: new FakeClock(), registry } as unknown as ServerContext,
    authenticator: { authenticate: async () => ({ username: "ann", groups: [] }) },
    authorizer: { authorize: () => ({ allowed: true, reason: "" }) },
    discovery: {
      answer: ({ path }: HttpRequest) => (path === "/openapi/v2" ? never : text(200, "ok")),
    } as unknown as Discovery,
    metrics: new Metrics(),
    restore: { refusesWrites: false, restore: () => Promise.reject(new Error("not asked for")) },
  });
  const details = { message: { socket: { destroyed: false } } } as unknown as RequestDetails;
  const get = (path: string) =>
    handler.handle(
      { method: "GET", path, query: new URLSearchParams(), headers: {}, body: Readable.from([]) },
      { ...details, warnings: new Set(), annotations: new Map(), auditId: "" },
    );
  for (let count = 0; count < 200; count++) void get("/openapi/v2");
  for (const path of ["/healthz", "/livez", "/readyz", "/readyz/ping"]) expect((await get(path)).status).toBe(200);
});
