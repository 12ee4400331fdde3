import { describe, expect, it } from "@jest/globals";
import type { CallToolResult } from "../mcp-client/server-connection.ts";
import { resultText } from "./call-result.ts";

describe("what a tool answered", () => {
  it.each<{ because: string; result: CallToolResult; expected: string }>([
    { because: "nothing", result: { content: [] }, expected: "" },
    {
      because: "texts",
      result: {
        content: [
          { type: "text", text: "one" },
          { type: "text", text: "two\n" },
        ],
      },
      expected: "one\ntwo\n",
    },
    {
      because: "an image",
      result: { content: [{ type: "image", mimeType: "image/png", data: Buffer.alloc(5_000).toString("base64") }] },
      expected: "[image image/png, 5 KiB; -o json has it]\n",
    },
    {
      because: "a sound of a nasty type",
      result: { content: [{ type: "audio", mimeType: "audio/\u001bx", data: "AAAA" }] },
      expected: "[audio audio/\\u001bx, 3 bytes; -o json has it]\n",
    },
    {
      because: "a link",
      result: { content: [{ type: "resource_link", uri: "file:///a", name: "a" }] },
      expected: "[resource file:///a a]\n",
    },
    {
      because: "a resource of text",
      result: {
        content: [{ type: "resource", resource: { uri: "file:///a", mimeType: "text/plain", text: "hello" } }],
      },
      expected: "[resource file:///a text/plain]\nhello\n",
    },
    {
      because: "a resource of bytes",
      result: { content: [{ type: "resource", resource: { uri: "file:///a", blob: "AAAA" } }] },
      expected: "[resource file:///a, 3 bytes; -o json has it]\n",
    },
    {
      because: "what this program does not know",
      result: { content: [{ type: "hologram" }] } as unknown as CallToolResult,
      expected: "[hologram; -o json has it]\n",
    },
    {
      because: "structure alone",
      result: { content: [], structuredContent: { sum: 3 } },
      expected: '{\n  "sum": 3\n}\n',
    },
  ])("is shown: $because", ({ result, expected }) => {
    expect(resultText(result)).toBe(expected);
  });
});
