import { createHmac } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { failureOf, NOTIFY, noticeOf, SecretTable } from "../../test/support/approval-notices.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { witnessed } from "../../test/support/secrets/witnessed.ts";
import { startWebhookReceiver, type WebhookFault } from "../../test/support/webhook-receiver.ts";
import { WebhookSender } from "./webhook-sender.ts";

const PATH = "/services/T0SECRETPATH/b1ack-magic?token=0123456789abcdef";
const SIGNING_KEY = "a signing key of some length";
const never = new AbortController().signal;

function senderTo(url: string, { timeoutMs = 5_000, more = {} }: { timeoutMs?: number; more?: object } = {}) {
  const secrets = new SecretTable()
    .set("chat", { url, ...more }, ["url"])
    .set("chat-signing", { key: SIGNING_KEY }, ["key"]);
  const sender = witnessed(new WebhookSender({ secrets, clock: new FakeClock(), timeoutMs }), { name: "sender" });
  return { secrets, sender };
}

describe("WebhookSender", () => {
  it("posts what happened, signed", async () => {
    await using receiver = await startWebhookReceiver();
    const { sender } = senderTo(`${receiver.origin}${PATH}`);
    const decisions = [{ verdict: "Rejected" as const, by: "sec1", at: "2026-01-01T01:00:00Z", reason: "too wide" }];
    await sender.send(noticeOf({ event: "Rejected", decisions }), never);

    const [request] = receiver.received;
    if (!request) throw new Error("nothing came");
    expect(request).toMatchObject({ method: "POST", path: PATH });
    expect(JSON.parse(request.body)).toMatchObject({
      event: "Rejected",
      approval: "files-1f2e3d4c",
      namespace: "team-a",
      deployment: "files",
      digest: `v1:sha256:${"ab".repeat(32)}`,
      policy: "production",
      requesters: ["dev@example.org"],
      triggers: [{ policy: "production", rule: "foreign" }],
      decisions,
      text: expect.stringContaining("`team-a/files`"),
    });
    const timestamp = String(Date.UTC(2026, 0, 1) / 1000);
    const mac = createHmac("sha256", SIGNING_KEY).update(`${timestamp}.${request.body}`).digest("hex");
    expect(request.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-slipway-event": "Rejected",
      "x-slipway-delivery": "u-1/Rejected/production/webhook",
      "x-slipway-timestamp": timestamp,
      "x-slipway-signature": `sha256=${mac}`,
    });
  });

  it("signs nothing where the policy names no key", async () => {
    await using receiver = await startWebhookReceiver();
    const { sender } = senderTo(`${receiver.origin}${PATH}`);
    const { signingSecretRef: _, ...webhook } = NOTIFY.webhook ?? {
      urlSecretRef: { namespace: "", name: "", key: "" },
    };
    await sender.send(noticeOf({ notify: { webhook } }), never);
    expect(receiver.received[0]?.headers).not.toHaveProperty("x-slipway-signature");
  });

  it("sends credentials of the URL as a header", async () => {
    await using receiver = await startWebhookReceiver();
    const { sender } = senderTo(receiver.origin.replace("://", "://robot:p%40ssword-of-it@"));
    await sender.send(noticeOf(), never);
    const expected = `Basic ${Buffer.from("robot:p@ssword-of-it").toString("base64")}`;
    expect(receiver.received[0]?.headers.authorization).toBe(expected);
  });

  it("trusts the authority of the Secret, and no other", async () => {
    await using receiver = await startWebhookReceiver({ tls: true });
    const url = `${receiver.origin}${PATH}`;
    const failure = await failureOf(senderTo(url).sender.send(noticeOf(), never));
    expect(failure.message).toMatch(/certificate is not trusted/);
    await senderTo(url, { more: { "ca.crt": receiver.caPem } }).sender.send(noticeOf(), never);
    expect(receiver.received).toHaveLength(1);
  });

  it.each<{ because: string; fault: WebhookFault; message: RegExp; isFinal: boolean; retryAfterMs?: number }>([
    { because: "it is broken", fault: { status: 500 }, message: /answered 500/, isFinal: false },
    { because: "it is not there", fault: { status: 404 }, message: /answered 404/, isFinal: true },
    {
      because: "a redirect leads elsewhere",
      fault: { status: 307, headers: { location: "http://127.0.0.1:1/" } },
      message: /redirects are not followed/,
      isFinal: true,
    },
    {
      because: "it is asked too often",
      fault: { status: 429, headers: { "retry-after": "30" } },
      message: /answered 429/,
      isFinal: false,
      retryAfterMs: 30_000,
    },
    {
      because: "nobody waits for a week",
      fault: { status: 503, headers: { "retry-after": "604800" } },
      message: /answered 503/,
      isFinal: false,
      retryAfterMs: 900_000,
    },
    { because: "it hangs up", fault: "reset", message: /closed the connection/, isFinal: false },
    { because: "it says nothing", fault: "silence", message: /in time/, isFinal: false },
    { because: "its headers never end", fault: "endless headers", message: /answer is too large/, isFinal: false },
  ])("fails when $because", async ({ fault, message, isFinal, retryAfterMs }) => {
    await using receiver = await startWebhookReceiver();
    receiver.fault = fault;
    const { sender } = senderTo(`${receiver.origin}${PATH}`, { timeoutMs: fault === "silence" ? 300 : 5_000 });
    const failure = await failureOf(sender.send(noticeOf(), never));
    expect(failure.message).toMatch(message);
    expect(failure).toMatchObject({ isFinal, retryAfterMs });
    expect(receiver.received).toHaveLength(1);
  });

  it("reads nothing of an answer but its status", async () => {
    await using receiver = await startWebhookReceiver();
    receiver.fault = "endless answer";
    await senderTo(`${receiver.origin}${PATH}`).sender.send(noticeOf(), never);
    // What fits into the buffers of two sockets.
    expect(receiver.answered).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    { because: "nobody listens", url: "http://127.0.0.1:1/hidden-path", message: /refused the connection/ },
    { because: "the name is none", url: "http://nobody.invalid/hidden-path", message: /name/ },
    { because: "it is where clouds keep credentials", url: "http://169.254.169.254/hidden", message: /link-local/ },
    { because: "so it is in IPv6's notation", url: "http://[::ffff:169.254.169.254]/hidden", message: /link-local/ },
    { because: "so it is as a number", url: "http://2852039166/hidden-path", message: /link-local/ },
    { because: "it is no URL", url: "hooks.example.org/hidden-path", message: /is no http or https URL/ },
    { because: "it is a file", url: "file:///etc/hidden-path", message: /is no http or https URL/ },
  ])("fails when $because", async ({ url, message }) => {
    const failure = await failureOf(senderTo(url).sender.send(noticeOf(), never));
    expect(failure.message).toMatch(message);
    expect(failure.isFinal).toBe(false);
  });

  it("takes up Secrets as they are at the attempt", async () => {
    await using receiver = await startWebhookReceiver();
    const { sender, secrets } = senderTo(`${receiver.origin}/old-and-secret`);
    secrets.delete("chat");
    expect((await failureOf(sender.send(noticeOf(), never))).message).toBe("Secret ops/chat is not there");
    secrets.set("chat", { url: `${receiver.origin}/new-and-secret\n` }, ["url"]);
    await sender.send(noticeOf(), never);
    expect(receiver.received.map(({ path }) => path)).toEqual(["/new-and-secret"]);
  });

  it("ends with its signal", async () => {
    await using receiver = await startWebhookReceiver();
    receiver.fault = "silence";
    const stop = new AbortController();
    const sending = senderTo(`${receiver.origin}${PATH}`).sender.send(noticeOf(), stop.signal);
    stop.abort(new Error("the process stops"));
    await expect(sending).rejects.toThrow("the process stops");
  });
});
