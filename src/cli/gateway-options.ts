import { Option } from "commander";
import type { GatewayOptions } from "../gateway/gateway.ts";
import { UsageError } from "./usage-error.ts";

/** How the gateway is reached and by whom, as the command line says it. */
export interface GatewayFlags {
  gatewayUrl?: string;
  gatewayHost: string[];
  gatewayOrigin: string[];
  gatewayAccess: "auto" | "token" | "none";
}

const URL_FLAG = "--gateway-url";
const ORIGIN_FLAG = "--gateway-origin";

/** The flags of both commands that listen. */
export function gatewayFlags(): Option[] {
  return [
    new Option(
      `${URL_FLAG} <url>`,
      "what clients reach the gateway by, where something stands in front of it",
    ).argParser(parseGatewayUrl),
    new Option("--gateway-host <name>", "a further name in the Host header of clients; may be repeated")
      .argParser(append)
      .default([]),
    new Option(`${ORIGIN_FLAG} <origin>`, "a site whose pages may use the MCP servers; may be repeated")
      .argParser((text: string, before: string[]) => append(parseOrigin(text), before))
      .default([]),
    new Option(
      "--gateway-access <mode>",
      "who may use MCP servers: who shows a token, or anybody; auto: anybody on loopback only",
    )
      .choices(["auto", "token", "none"])
      .default("auto"),
  ];
}

/** The same for the gateway. */
export function gatewaySettings({
  gatewayUrl,
  gatewayHost,
  gatewayOrigin,
  gatewayAccess,
}: GatewayFlags): Pick<GatewayOptions, "publicUrl" | "names" | "origins" | "requireToken"> {
  return {
    ...(gatewayUrl !== undefined && { publicUrl: gatewayUrl }),
    names: gatewayHost,
    origins: gatewayOrigin,
    ...(gatewayAccess !== "auto" && { requireToken: gatewayAccess === "token" }),
  };
}

/** Without a slash at its end. @throws {UsageError} */
export function parseGatewayUrl(text: string): string {
  const url = URL.parse(text);
  const isPlain = url !== null && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
  if (!isPlain || !["http:", "https:"].includes(url.protocol)) {
    throw new UsageError(
      `${URL_FLAG}: ${JSON.stringify(text)} is not the URL of a gateway; write for example https://mcp.example.com`,
    );
  }
  return url.href.replace(/\/$/, "");
}

/** As a browser writes it. @throws {UsageError} */
export function parseOrigin(text: string): string {
  const url = URL.parse(text);
  if (url === null || url.origin === "null" || url.origin !== text.toLowerCase().replace(/\/$/, "")) {
    throw new UsageError(
      `${ORIGIN_FLAG}: ${JSON.stringify(text)} is not an origin; write for example http://localhost:6274`,
    );
  }
  return url.origin;
}

function append(value: string, before: string[]): string[] {
  return [...before, value];
}
