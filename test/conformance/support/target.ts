import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { Agent } from "undici";
import { Client } from "./client.ts";

/** Whether KUBECONFIG names the server to judge; otherwise each file starts ours. */
export const isExternal = process.env.CONFORMANCE === "external";

export interface Connected {
  /** With the rights of the kubeconfig's current context. */
  readonly client: Client;
  /** Nobody: without token and without client certificate, which would count before any token. */
  readonly nobody: Client;
  close(): Promise<unknown>;
}

/** Connects to the server of a kubeconfig; `close` ends the connections. */
export async function connect(file: string | undefined): Promise<Connected> {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error("the kubeconfig has no current cluster");
  const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, rejectUnauthorized, servername, headers } = options;
  const [client, nobody] = [
    agent({ ca, cert, key, rejectUnauthorized, servername }),
    agent({ ca, rejectUnauthorized, servername }),
  ];
  const url = cluster.server.replace(/\/$/, "");
  const common = { "user-agent": "conformance" };
  const credentials = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    client: new Client({ url, dispatcher: client, headers: { ...common, ...Object.fromEntries(credentials) } }),
    nobody: new Client({ url, dispatcher: nobody, headers: common }),
    close: () => Promise.all([client.destroy(), nobody.destroy()]),
  };
}

function agent(tls: Readonly<Record<string, unknown>>): Agent {
  return new Agent({
    connect: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    // A watch is silent for as long as nothing happens.
    bodyTimeout: 0,
    connections: 64,
  });
}
