import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend, Owner } from "../../../src/backends/backend.ts";
import { systemClock } from "../../../src/machinery/clock.ts";
import { MemoryBackend } from "../memory-backend.ts";
import { MemoryEngine } from "../memory-engine.ts";
import { type Call, type Change, encodeError, readLines, writeLine } from "./wire.ts";

/** An image that every simulated place has; its program answers MCP. */
export const SIMULATED_IMAGE = "example.com/simulated/server:1";

/**
 * What the simulated backends of all controller processes speak to, by a Unix socket: it outlives them, as a real place
 * does. `engine` is all that runs there; a `Simulated` makes it slow and unreliable.
 */
export class SimulatedPlace implements AsyncDisposable {
  readonly engine = new MemoryEngine(systemClock);
  readonly socketPath: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** One for each RuntimeBackend, by its name. */
  readonly #backends = new Map<string, MemoryBackend>();

  private constructor(socketPath: string) {
    this.socketPath = socketPath;
    this.engine.publish(SIMULATED_IMAGE);
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<SimulatedPlace> {
    const directory = await mkdtemp(join(tmpdir(), "slipway-place-"));
    const place = new SimulatedPlace(join(directory, "socket"));
    place.#server.listen(place.socketPath);
    await once(place.#server, "listening");
    return place;
  }

  /** How many workloads were ever created here. */
  get created(): number {
    return this.engine.log.filter((entry) => entry.startsWith("create ")).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await Promise.all([...this.#backends.values()].map((backend) => backend[Symbol.asyncDispose]()));
    for (const container of this.engine.containers.values()) container.cancel();
    await rm(join(this.socketPath, ".."), { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const end = new AbortController();
    const watched = new Set<string>();
    readLines(socket, (value) => {
      const call = value as Call;
      if (!watched.has(call.backend)) {
        watched.add(call.backend);
        const tell = (owner: Owner) => writeLine(socket, this.#change(call.backend, owner));
        this.#backend(call.backend).watch(tell, end.signal);
      }
      if (call.method !== "watch") void this.#answer(socket, call, end.signal);
    })
      // A controller that is killed cuts its connection.
      .catch(() => undefined)
      .finally(() => {
        end.abort(new Error("the controller is gone"));
        this.#sockets.delete(socket);
      });
  }

  async #answer(socket: Socket, { call, backend: name, method, args }: Call, signal: AbortSignal): Promise<void> {
    try {
      const result = await this.#perform(this.#backend(name), method, args, signal);
      writeLine(socket, { call, result });
    } catch (error) {
      writeLine(socket, { call, error: encodeError(error) });
    }
  }

  /** What is on the wire was written by our own client, with the arguments that the method has. */
  #perform(backend: MemoryBackend, method: string, args: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    // Who is alive is known at the other end only: it is told all owners, and names the dead.
    if (method === "owners") return ownersOf(backend, signal);
    if (method === "collectOrphans") {
      const dead = new Set(args[0] as string[]);
      return backend.collectOrphans(({ uid }) => !dead.has(uid), signal);
    }
    const called = backend[method as keyof MemoryBackend] as (...all: unknown[]) => Promise<unknown>;
    return called.call(backend, ...args, signal);
  }

  #backend(name: string): MemoryBackend {
    const known = this.#backends.get(name);
    if (known) return known;
    const made = new MemoryBackend(this.engine, { place: name });
    this.#backends.set(name, made);
    return made;
  }

  #change(backend: string, owner: Owner): Change {
    const answers = this.engine.of(owner).flatMap((container) => {
      const { hostPort, state, disconnected, sandboxLost } = container;
      const answering = state.kind === "running" && !disconnected && !sandboxLost;
      return answering ? [[hostPort, this.engine.program(container).answers] as const] : [];
    });
    return { backend, owner, answers };
  }
}

async function ownersOf(backend: Backend, signal: AbortSignal): Promise<readonly Owner[]> {
  const owners: Owner[] = [];
  await backend.collectOrphans((owner) => owners.push(owner) > 0, signal);
  return owners;
}
