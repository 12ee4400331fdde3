import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type Docker from "dockerode";
import { engineAddress } from "../../scripts/engine/engine-address.ts";

const INSPECTION = /\/containers\/[^/]+\/json(\?|$)/;

/** The machine's Engine, but for one container of which it says that its removal is under way: otherwise that is seen for milliseconds. */
export class RemovingEngine implements AsyncDisposable {
  readonly host: string;
  /** ID of the container that is on its way out. */
  leaving: string | undefined;
  readonly #folder: string;
  readonly #server: Server;

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "slipway-engine-"));
    const socket = join(this.#folder, "docker.sock");
    this.host = `unix://${socket}`;
    const socketPath = engineAddress().slice("unix://".length);
    this.#server = createServer((asked, answered) => {
      const { url: path = "", method, headers } = asked;
      const onward = request({ socketPath, path, method, headers }, async (answer) => {
        const { statusCode = 500, headers } = answer;
        if (statusCode !== 200 || !INSPECTION.test(path)) {
          answered.writeHead(statusCode, headers).flushHeaders();
          answer.pipe(answered);
          return;
        }
        const container = (await json(answer)) as Docker.ContainerInspectInfo;
        if (container.Id === this.leaving) container.State.Status = "removing";
        answered.writeHead(statusCode, { "content-type": "application/json" }).end(JSON.stringify(container));
      });
      onward.on("error", () => answered.destroy());
      answered.on("close", () => onward.destroy());
      asked.pipe(onward);
    });
    this.#server.listen(socket);
  }

  static async start(): Promise<RemovingEngine> {
    const engine = new RemovingEngine();
    await new Promise((resolve) => engine.#server.once("listening", resolve));
    return engine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }
}
