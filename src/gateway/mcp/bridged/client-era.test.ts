import { describe, expect, it } from "@jest/globals";
import type { Message } from "../../bridge/message.ts";
import { acceptedForms } from "./accepted-forms.ts";
import { type EraHeaders, eraOf } from "./client-era.ts";

const VERSION = "2026-07-28";
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": VERSION,
  "io.modelcontextprotocol/clientCapabilities": {},
};

function request(method: string, params: Record<string, unknown> = {}, meta: object | null = ENVELOPE): Message {
  return { jsonrpc: "2.0", id: 1, method, params: { ...params, ...(meta && { _meta: meta }) } } as Message;
}

const headers = (more: Partial<EraHeaders> = {}): EraHeaders => ({
  ...{ protocolVersion: VERSION, method: "tools/call", name: "echo" },
  ...more,
});
const NONE: EraHeaders = { protocolVersion: undefined, method: undefined, name: undefined };
const CALL = request("tools/call", { name: "echo" });

describe("the era of a client", () => {
  it.each<{ because: string; message: Message; said: EraHeaders; want: "sessions" | "stateless" }>([
    { because: "all is said twice", message: CALL, said: headers(), want: "stateless" },
    {
      because: "the method has no name",
      message: request("tools/list"),
      said: headers({ method: "tools/list", name: undefined }),
      want: "stateless",
    },
    {
      because: "the name is not ASCII",
      message: request("tools/call", { name: "échø" }),
      said: headers({ name: `=?base64?${Buffer.from("échø").toString("base64")}?=` }),
      want: "stateless",
    },
    {
      because: "it names a later revision",
      message: request("tools/list", {}, { ...ENVELOPE, "io.modelcontextprotocol/protocolVersion": "2027-01-01" }),
      said: headers({ protocolVersion: "2027-01-01", method: "tools/list" }),
      want: "stateless",
    },
    {
      because: "it only tells",
      message: { jsonrpc: "2.0", method: "notifications/cancelled" },
      said: headers(),
      want: "stateless",
    },
    {
      because: "it says nothing of itself",
      message: request("tools/list", {}, null),
      said: NONE,
      want: "sessions",
    },
    {
      because: "it names an earlier revision",
      message: request("tools/list", {}, null),
      said: { ...NONE, protocolVersion: "2025-11-25" },
      want: "sessions",
    },
    { because: "it answers", message: { jsonrpc: "2.0", id: 1, result: {} }, said: NONE, want: "sessions" },
    {
      because: "the revision is none",
      message: request("ping", {}, null),
      said: headers({ protocolVersion: "z" }),
      want: "sessions",
    },
  ])("is $want when $because", ({ message, said, want }) => {
    expect(eraOf(message, said)).toBe(want);
  });

  it.each<{ because: string; message: Message; said: EraHeaders; code: number }>([
    {
      because: "the revision is not in the headers",
      message: CALL,
      said: headers({ protocolVersion: undefined }),
      code: -32020,
    },
    { because: "the method is not in the headers", message: CALL, said: headers({ method: undefined }), code: -32020 },
    {
      because: "the headers name another method",
      message: CALL,
      said: headers({ method: "tools/list" }),
      code: -32020,
    },
    { because: "the headers name another tool", message: CALL, said: headers({ name: "other" }), code: -32020 },
    { because: "the headers name no tool", message: CALL, said: headers({ name: undefined }), code: -32020 },
    { because: "the name is no Base64", message: CALL, said: headers({ name: "=?base64?!?=" }), code: -32020 },
    { because: "the name is no UTF-8", message: CALL, said: headers({ name: "=?base64?/w==?=" }), code: -32020 },
    {
      because: "the headers name another revision",
      message: CALL,
      said: headers({ protocolVersion: "2025-11-25" }),
      code: -32020,
    },
    { because: "it begins a session", message: request("initialize", {}, null), said: headers(), code: -32020 },
    { because: "it has no envelope", message: request("tools/list", {}, null), said: headers(), code: -32602 },
    {
      because: "the envelope lacks the capabilities",
      message: request("tools/list", {}, { "io.modelcontextprotocol/protocolVersion": VERSION }),
      said: headers({ method: "tools/list" }),
      code: -32602,
    },
    {
      because: "it answers, and nobody asked",
      message: { jsonrpc: "2.0", id: 1, result: {} },
      said: headers(),
      code: -32600,
    },
  ])("is refused when $because", ({ message, said, code }) => {
    expect(eraOf(message, said)).toMatchObject({ code });
  });
});

it.each([
  { accept: undefined, want: { json: true, events: true } },
  { accept: "application/json, text/event-stream", want: { json: true, events: true } },
  { accept: "text/event-stream;q=0.9", want: { json: false, events: true } },
  { accept: "Application/JSON", want: { json: true, events: false } },
  { accept: "*/*", want: { json: true, events: true } },
  { accept: "text/html", want: { json: false, events: false } },
])("takes Accept: $accept for $want", ({ accept, want }) => {
  expect(acceptedForms(accept)).toEqual(want);
});
