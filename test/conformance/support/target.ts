import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { Agent } from "undici";
import { Client } from "./client.ts";

/** Whether KUBECONFIG names the server to judge; otherwise each file starts ours. */
export const isExternal = process.env.CONFORMANCE === "external";

/** A client with the rights of a kubeconfig's current context; `close` ends its connections. */
export async function connect(file: string | undefined): Promise<{ client: Client; close: () => Promise<void> }> {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error("the kubeconfig has no current cluster");
  const options: RequestOptions & { headers: Record<string, string> } = { headers: { "user-agent": "conformance" } };
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, rejectUnauthorized, servername, headers } = options;
  const given = Object.entries({ ca, cert, key, rejectUnauthorized, servername });
  const dispatcher = new Agent({
    connect: Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    // A watch is silent for as long as nothing happens.
    bodyTimeout: 0,
    connections: 64,
  });
  const client = new Client({ url: cluster.server.replace(/\/$/, ""), dispatcher, headers });
  return { client, close: () => dispatcher.destroy() };
}
