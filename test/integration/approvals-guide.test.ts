import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { webhookRequest } from "../../src/notifications/webhook-request.ts";
import { codeBlocks } from "../support/markdown.ts";

const GUIDE = resolve(import.meta.dirname, "../../docs/guides/approvals.md");

type Verify = (headers: Readonly<Record<string, string>>, body: string | Buffer, key: string, now?: number) => boolean;

/** What readers are told to copy does what it is said to do, with what is really sent. */
describe("the guide's verification of a webhook's signature", () => {
  let folder: string;
  let isFromSlipway: Verify;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "slipway-guide-"));
    const [block] = codeBlocks(GUIDE).filter(({ language }) => language === "js");
    const file = join(folder, "verify.mjs");
    writeFileSync(file, block?.text ?? "");
    ({ isFromSlipway } = (await import(file)) as { isFromSlipway: Verify });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const KEY = "a key of the receiver's";
  const NOW = new Date("2026-11-21T18:00:00Z");
  const facts = {
    ...({
      event: "Requested",
      policy: "production",
      namespace: "shop",
      approval: "größer-1",
      deployment: "größer",
    } as const),
    ...{
      digest: "v1:sha256:0",
      requesters: ["dana"],
      triggers: [],
      decisions: [],
      requestedAt: "",
      expiresAt: undefined,
    },
  };
  const sent = (signingKey?: string) =>
    webhookRequest(facts, { id: "1", now: NOW, ...(signingKey !== undefined && { signingKey }) });
  const later = (seconds: number) => NOW.getTime() + seconds * 1_000;

  it("takes what was sent, as text and as bytes", () => {
    const { headers, body } = sent(KEY);
    expect(isFromSlipway(headers, body, KEY, later(10))).toBe(true);
    expect(isFromSlipway(headers, Buffer.from(body), KEY, later(-10))).toBe(true);
  });

  it.each<{ because: string; change: (request: ReturnType<typeof sent>) => Parameters<Verify> }>([
    { because: "the body is another", change: ({ headers, body }) => [headers, `${body} `, KEY, later(0)] },
    { because: "the key is another", change: ({ headers, body }) => [headers, body, "other", later(0)] },
    { because: "it is old", change: ({ headers, body }) => [headers, body, KEY, later(301)] },
    { because: "it is of the future", change: ({ headers, body }) => [headers, body, KEY, later(-301)] },
    {
      because: "the time was moved",
      change: ({ headers, body }) => [
        { ...headers, "x-slipway-timestamp": String(later(600) / 1_000) },
        body,
        KEY,
        later(600),
      ],
    },
    { because: "it is not signed", change: ({ body }) => [sent().headers, body, KEY, later(0)] },
    { because: "nothing is known of it", change: ({ body }) => [{}, body, KEY, later(0)] },
  ])("refuses it where $because", ({ change }) => {
    expect(isFromSlipway(...change(sent(KEY)))).toBe(false);
  });
});
