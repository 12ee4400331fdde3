import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { heldWorld, type Round } from "../../../../../test/support/mcp/held-world.ts";
import { notification, request } from "../../../../../test/support/mcp/server-channel.ts";

/** What may happen next; numbers choose among what there is. */
type Step =
  | { readonly kind: "call"; readonly owner: string }
  | { readonly kind: "resume"; readonly which: number; readonly owner: string }
  | { readonly kind: "ask" | "retract" | "answer" | "die"; readonly which: number }
  | { readonly kind: "leave"; readonly which: number }
  | { readonly kind: "wait" };

const owner = fc.constantFrom("ann", "bob");
const which = fc.nat({ max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("call" as const), owner }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("resume" as const), which, owner }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("ask" as const), which }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("retract" as const, "answer" as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("die" as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), which }) },
  { weight: 1, arbitrary: fc.constant({ kind: "wait" as const }) },
);

type Call = Awaited<ReturnType<ReturnType<typeof heldWorld>["call"]>> & { readonly owner: string };
type Of<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>;

interface State {
  readonly state: string;
  readonly owner: string;
  isUsed: boolean;
}

/** Two owners and their servers. Arguments of calls, questions and answers say whose they are. */
class Story {
  readonly world = heldWorld({ ownProcesses: 4, held: { perOwner: 2, inAll: 3 } });
  readonly #calls: Call[] = [];
  readonly #states: State[] = [];
  #questions = 0;

  async happen(step: Step): Promise<void> {
    switch (step.kind) {
      case "call":
        await this.#call(step.owner, { arguments: { owner: step.owner } });
        break;
      case "resume":
        await this.#resume(step);
        break;
      case "leave":
        chosen(this.#calls, step.which)?.port.close();
        break;
      case "wait":
        await this.world.clock.advance(61_000);
        break;
      default:
        this.#serverDoes(step);
    }
    await this.world.settled();
    for (const call of this.#calls) this.#look(call);
    expect(this.world.held.size).toBeLessThanOrEqual(3);
    expect(this.world.servers.ownProcesses).toBeLessThanOrEqual(4);
  }

  async end(): Promise<void> {
    const { held, servers, clock } = this.world;
    for (const { port } of this.#calls) port.close();
    await clock.advance(400_000);
    await clock.advance(400_000);
    expect([held.size, held.bytes, servers.ownProcesses, clock.pending]).toEqual([0, 0, 0, 0]);
  }

  /** What servers were told came from those whose calls they work on. */
  lookAtServers(): void {
    for (const server of this.world.own) {
      const by = ownerOf(server.sentOf("tools/call")[0]);
      for (const message of server.sent) {
        if ("result" in message && "by" in message.result) expect(message.result.by).toBe(by);
      }
    }
  }

  async #call(owner: string, params: Record<string, unknown>): Promise<void> {
    this.#calls.push(Object.assign(await this.world.call(owner, params), { owner }));
  }

  async #resume({ which, owner }: Of<"resume">): Promise<void> {
    const held = chosen(this.#states, which);
    if (held === undefined) return;
    const keys = ["input-1", "input-2", "input-3"];
    const inputResponses = Object.fromEntries(keys.map((key) => [key, { by: owner }]));
    await this.#call(owner, { arguments: { owner: held.owner }, requestState: held.state, inputResponses });
    const told = this.#calls.at(-1)?.client.received[0];
    if (owner !== held.owner || held.isUsed) expect(told).toMatchObject({ error: { code: -32602 } });
    if (owner === held.owner) held.isUsed = true;
  }

  #serverDoes({ kind, which }: Of<"ask" | "retract" | "answer" | "die">): void {
    const server = chosen(this.world.own, which);
    const owner = ownerOf(server?.sentOf("tools/call").at(-1));
    if (server === undefined || owner === undefined) return;
    if (kind === "ask") {
      this.#questions += 1;
      server.says(request(`q${this.#questions}`, "sampling/createMessage", { owner }));
    } else if (kind === "retract") {
      server.says(notification("notifications/cancelled", { requestId: `q${this.#questions}` }));
    } else if (kind === "answer") {
      server.answers("tools/call", { owner });
    } else {
      server.dies();
    }
  }

  /** A client is answered once, and told only of what is its own. */
  #look({ client, owner }: Call): void {
    const answers = client.received.filter((message) => !("method" in message));
    expect(answers.length).toBeLessThanOrEqual(1);
    const { result } = (answers[0] ?? {}) as { result?: Partial<Round> & { owner?: string; resultType?: string } };
    if (result?.resultType === "complete") expect(result.owner).toBe(owner);
    if (result?.requestState === undefined) return;
    for (const { params } of Object.values(result.inputRequests ?? {})) expect(params).toMatchObject({ owner });
    if (this.#states.some(({ state }) => state === result.requestState)) return;
    this.#states.push({ state: result.requestState, owner, isUsed: false });
  }
}

function chosen<T>(among: readonly T[], which: number): T | undefined {
  return among[which % Math.max(among.length, 1)];
}

function ownerOf(call: { params?: Record<string, unknown> } | undefined): string | undefined {
  return (call?.params?.arguments as { owner?: string } | undefined)?.owner;
}

it("keeps held calls with their owners and frees everything, whatever happens in whatever order", async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const story = new Story();
    for (const each of steps) await story.happen(each);
    story.lookAtServers();
    await story.end();
  });
  await fc.assert(property, { numRuns: process.env.SLIPWAY_SOAK === "1" ? 5_000 : 150 });
}, 600_000);
