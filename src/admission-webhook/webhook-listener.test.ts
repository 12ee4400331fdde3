import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { knownOf } from "../../test/support/known.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { Admission } from "../admission/admission.ts";
import { temporaryCertificates } from "../server/http/certificates.ts";
import { listenForReviews, type WebhookListener } from "./webhook-listener.ts";

const admission = new Admission({
  ...knownOf(),
  profile() {
    throw new Error("a secret of the process");
  },
});

const log = recordingLogger();
let listener: WebhookListener;
let agent: Agent;

beforeAll(async () => {
  const certificate = await temporaryCertificates(["127.0.0.1"], new Date());
  listener = await listenForReviews({
    ...{ host: "127.0.0.1", port: 0, path: "/review", certificate, admission, logger: log.logger },
  });
  agent = new Agent({ connect: { ca: certificate.caPem } });
});
afterAll(async () => {
  await agent.destroy();
  await listener[Symbol.asyncDispose]();
});

const pod = {
  ...{ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" },
  request: {
    ...{ uid: "u", operation: "CREATE", name: "a", object: { metadata: { name: "a" } }, oldObject: null },
    resource: { group: "", version: "v1", resource: "pods" },
    kind: { group: "", version: "v1", kind: "Pod" },
    userInfo: { username: "alice", groups: [] },
  },
};
const labelled = { metadata: { name: "a", labels: { "slipway.dev/guardrails-bound": "x" } } };
const namespace = {
  ...pod,
  request: { ...pod.request, object: labelled, resource: { group: "", version: "v1", resource: "namespaces" } },
};

it.each<{ because: string; method?: "GET"; path?: string; body?: string; status: number; want: string }>([
  { because: "a review", body: JSON.stringify(pod), status: 200, want: '"allowed":true' },
  { because: "a review with a timeout", path: "?timeout=5s", body: JSON.stringify(pod), status: 200, want: "true" },
  { because: "another path", path: "/other", body: "{}", status: 404, want: "not found" },
  { because: "another method", method: "GET", status: 405, want: "only POST" },
  { because: "no JSON", body: "{", status: 400, want: "the body is no JSON" },
  { because: "no review", body: "{}", status: 400, want: "no AdmissionReview" },
  { because: "too much", body: JSON.stringify("x".repeat(9 * 1024 * 1024)), status: 413, want: "larger than" },
  { because: "what breaks", body: JSON.stringify(namespace), status: 500, want: "the review was not answered" },
])("answers $because with $status", async ({ method = "POST", path = "", body, status, want }) => {
  const answer = await request(listener.urls.rules + path, {
    ...{ method, dispatcher: agent },
    ...(body === undefined ? {} : { body }),
  });
  expect(answer.statusCode).toBe(status);
  const text = await answer.body.text();
  expect(text).toContain(want);
  expect(text).not.toContain("secret");
});

it("logs what broke", () => {
  expect(log.lines).toMatchObject([{ level: "error", message: "review not answered" }]);
});

it("takes another certificate", async () => {
  const renewed = await temporaryCertificates(["127.0.0.1"], new Date());
  listener.renew(renewed);
  const other = new Agent({ connect: { ca: renewed.caPem } });
  const { statusCode } = await request(listener.urls.stamps, {
    method: "POST",
    dispatcher: other,
    body: JSON.stringify(pod),
  });
  expect(statusCode).toBe(200);
  await other.destroy();
});

it("answers nobody as long as it cannot, begins by itself, and lets go of who asks in the end", async () => {
  let missing: string | undefined = "the profiles have not been read yet";
  const certificate = await temporaryCertificates(["127.0.0.1"], new Date());
  const closed = await listenForReviews({
    ...{ host: "127.0.0.1", port: 0, path: "/review", admission, logger: log.logger, closedFor: () => missing },
  });
  const client = new Agent({ connect: { ca: certificate.caPem } });
  const post = () => request(closed.urls.rules, { method: "POST", dispatcher: client, body: JSON.stringify(pod) });
  const ask = async () => {
    const { statusCode, body } = await post();
    return { status: statusCode, text: await body.text() };
  };
  try {
    await expect(ask()).rejects.toThrow(/handshake failure/);
    closed.renew(certificate);
    expect(await ask()).toEqual({ status: 503, text: "not ready: the profiles have not been read yet\n" });
    missing = undefined;
    expect(await ask()).toMatchObject({ status: 200, text: expect.stringContaining('"allowed":true') });
    closed.leave();
    const { statusCode, headers, body } = await post();
    await body.dump();
    expect([statusCode, headers.connection]).toEqual([200, "close"]);
  } finally {
    await client.destroy();
    await closed[Symbol.asyncDispose]();
  }
});
