import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import type Docker from "dockerode";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { ensureMcpImage } from "./images.ts";

const PROGRAM = readFileSync(join(import.meta.dirname, "sandbox-probe.mjs"), "utf8");

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What came of an attempt: `open`, or the code of the error, `TIMEOUT` where nothing came. */
export type Outcome = string;

/** A workload that tries what it is told: a container in the network of a sandbox, or in one of the Engine's. */
export class SandboxProbe implements AsyncDisposable {
  readonly #container: Docker.Container;
  readonly #stream: NodeJS.ReadWriteStream;
  readonly #pending = new Map<number, (answer: unknown) => void>();
  #orders = 0;

  private constructor(container: Docker.Container, stream: NodeJS.ReadWriteStream) {
    this.#container = container;
    this.#stream = stream;
    const output = new PassThrough();
    container.modem.demuxStream(stream, output, process.stderr);
    createInterface({ input: output }).on("line", (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer: unknown };
      this.#pending.get(id)?.(answer);
      this.#pending.delete(id);
    });
  }

  /** `network`: `container:ID` of a sandbox, or the name of a network. */
  static async start(network: string, user = "65532:65532"): Promise<SandboxProbe> {
    const engine = engineClient();
    const container = await engine.createContainer({
      Image: await ensureMcpImage(),
      Entrypoint: ["/usr/bin/node", "--input-type=module", "--eval", PROGRAM],
      Cmd: [],
      User: user,
      OpenStdin: true,
      Labels: { "slipway.test/probe": String(process.pid) },
      HostConfig: { NetworkMode: network, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"] },
    });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    await container.start();
    return new SandboxProbe(container, stream);
  }

  get id(): string {
    return this.#container.id;
  }

  async tcp(endpoint: Endpoint): Promise<Outcome> {
    return (await this.#order("tcp", endpoint)) as Outcome;
  }

  async udp(endpoint: Endpoint): Promise<Outcome> {
    return (await this.#order("udp", endpoint)) as Outcome;
  }

  /** Addresses, or the code of the error. */
  async resolve(name: string, type: "A" | "AAAA" = "A", server?: string): Promise<readonly string[] | string> {
    const answer = await this.#order("resolve", { name, type, server });
    return typeof answer === "string" ? answer : (answer as { address: string }[]).map(({ address }) => address);
  }

  /** TTLs of the addresses, in seconds. */
  async ttls(name: string): Promise<readonly number[]> {
    return ((await this.#order("resolve", { name, type: "A" })) as { ttl: number }[]).map(({ ttl }) => ttl);
  }

  /** The length of a text that fits into no datagram, so that it takes TCP; or the code of the error. */
  async textLength(name: string): Promise<number | string> {
    const answer = await this.#order("resolve", { name, type: "TXT" });
    return typeof answer === "string" ? answer : (answer as string[]).join("").length;
  }

  async hold(endpoint: Endpoint): Promise<Outcome> {
    return (await this.#order("hold", endpoint)) as Outcome;
  }

  async talk(): Promise<Outcome> {
    return (await this.#order("talk", {})) as Outcome;
  }

  async listen(port: number): Promise<void> {
    await this.#order("listen", { port });
  }

  /** Outcomes of `count` lookups that begin `everyMs` apart, each followed by a connection `waitMs` later. */
  async lag(options: {
    readonly name: string;
    readonly port: number;
    readonly waitMs: number;
    readonly count: number;
    readonly everyMs: number;
  }): Promise<readonly Outcome[]> {
    return (await this.#order("lag", options)) as Outcome[];
  }

  /** How long the address of a name stays open after it was asked for, in milliseconds; null: longer than `limitMs`. */
  async closes(name: string, endpoint: Endpoint, limitMs: number): Promise<number | null> {
    return (await this.#order("closes", { name, ...endpoint, limitMs })) as number | null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.end();
    await this.#container.remove({ force: true });
  }

  async #order(order: string, args: object): Promise<unknown> {
    const id = this.#orders++;
    const answer = new Promise((resolve) => this.#pending.set(id, resolve));
    this.#stream.write(`${JSON.stringify({ id, order, args })}\n`);
    return await answer;
  }
}
