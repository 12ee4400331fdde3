import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestOptions, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import type { HttpEndpoint } from "../../src/backends/workload-endpoint.ts";
import type { Endpoint, EndpointState } from "../../src/gateway/directory.ts";
import { type DataPath, type DataPathOptions, startDataPath } from "../../src/gateway/mcp/data-path.ts";
import { ReceivedDirectory } from "../../src/gateway/thread/received-directory.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { noServers } from "./no-servers.ts";
import { type LogLine, recordingLogger } from "./recording-logger.ts";

/** A data path in this thread, and the deployments it knows. */
export interface GatewayUnderTest extends AsyncDisposable {
  readonly url: string;
  readonly directory: ReceivedDirectory;
  readonly dataPath: DataPath;
  readonly lines: readonly LogLine[];
}

export async function startGatewayUnderTest(
  endpoints: readonly Endpoint[] = [],
  options: Partial<DataPathOptions> = {},
): Promise<GatewayUnderTest> {
  const directory = new ReceivedDirectory();
  directory.receive(endpoints, []);
  directory.synced();
  const { logger, lines } = recordingLogger();
  const dataPath = await startDataPath({
    listen: { host: "127.0.0.1", port: 0 },
    names: [],
    origins: [],
    publicUrl: undefined,
    requireToken: false,
    adminSocket: undefined,
    streamsSocket: undefined,
    probeSocket: undefined,
    directory,
    access: noServers.useAccess,
    clock: systemClock,
    logger,
    ...options,
  });
  return { url: dataPath.url, directory, dataPath, lines, [Symbol.asyncDispose]: () => dataPath.close() };
}

export interface EndpointOptions extends Partial<HttpEndpoint> {
  readonly name?: string;
  readonly namespace?: string;
  readonly state?: EndpointState;
  /** What a probe has agreed on with the server. */
  readonly protocolVersion?: string;
}

/** A deployment `team-a/NAME` that is ready at that URL. */
export function endpointAt(
  url: string,
  {
    name = "files",
    namespace = "team-a",
    state = { ready: true },
    protocolVersion = "2025-11-25",
    ...upstream
  }: EndpointOptions = {},
): Endpoint {
  return {
    namespace,
    name,
    uid: `uid-of-${name}`,
    state,
    upstream: { kind: "http", transport: "streamable-http", url, instance: "1", ...upstream },
    protocolVersion,
    tools: 3,
  };
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server that does as it is told, on loopback unless told otherwise. */
export async function startServer(
  answer: Answer,
  host = "127.0.0.1",
): Promise<{ url: string; origin: string } & AsyncDisposable> {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, host);
  await once(server, "listening");
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: `${origin}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Of this machine, as other machines see it: what listens at loopback is of one pod alone. */
export function outerAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined) throw new Error("this test needs a network interface beside loopback");
  return found.address;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly trailers: IncomingMessage["trailers"];
  readonly body: string;
}

/** One request on a connection of its own, and its whole answer. */
export async function ask(url: string, options: RequestOptions & { body?: string } = {}): Promise<Answered> {
  const { body, ...rest } = options;
  const outgoing = request(url, { agent: false, method: body === undefined ? "GET" : "POST", ...rest });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: await bodyOf(response),
    trailers: response.trailers,
  };
}

export async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** The reason in the JSON-RPC error that a body holds. */
export function reasonIn({ body }: Answered): string {
  return (JSON.parse(body) as { error: { data: { reason: string } } }).error.data.reason;
}
