import type { CallToolResult } from "../mcp-client/server-connection.ts";
import { visible } from "./visible-text.ts";

type Content = CallToolResult["content"][number];

/**
 * What a tool answered, for people: text as it is, the rest described. Its structured content stands for it where it has no
 * other. Ends with a line break, unless there is nothing.
 */
export function resultText({ content, structuredContent }: CallToolResult): string {
  if (content.length === 0 && structuredContent !== undefined) {
    return `${JSON.stringify(structuredContent, null, 2)}\n`;
  }
  return content.map(contentText).map(ended).join("");
}

function contentText(part: Content): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "image":
    case "audio":
      return `[${part.type} ${visible(part.mimeType)}, ${bytesOf(part.data)}; -o json has it]`;
    case "resource_link":
      return `[resource ${visible(part.uri)} ${visible(part.name)}]`;
    case "resource": {
      const { resource } = part;
      const about = `resource ${visible(resource.uri)}${resource.mimeType === undefined ? "" : ` ${visible(resource.mimeType)}`}`;
      return "text" in resource
        ? `[${about}]\n${resource.text}`
        : `[${about}, ${bytesOf(resource.blob)}; -o json has it]`;
    }
    default:
      // A server of a later revision.
      return `[${visible(String((part as { type: unknown }).type))}; -o json has it]`;
  }
}

function bytesOf(base64: string): string {
  const bytes = Buffer.byteLength(base64, "base64");
  return bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024)} KiB`;
}

function ended(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
