import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { API_VERSION, type RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { ownSandboxImage } from "../../src/backends/docker/sandbox/sandbox-settings.ts";
import { ECHO_PORT, forbidden, place, RESOLVER } from "../support/escape/addresses.ts";
import { copyImage } from "../support/escape/copy-image.ts";
import { ESCAPE, ensureEscapeImage } from "../support/escape/image.ts";
import { Outside } from "../support/escape/outside.ts";
import { ownProfiles, profileName } from "../support/escape/profiles.ts";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";
import { OwnEngine } from "../support/own-engine.ts";

jest.setTimeout(process.env.SLIPWAY_SOAK ? 1_800_000 : 300_000);

const RESTARTS = process.env.SLIPWAY_SOAK ? 50 : 3;
/** Ends in a row are answered with ever longer pauses, up to a minute; a new deployment begins without. */
const RENEWED_AFTER = 5;
/** How long a fault that nobody repairs is looked at: thirty samples. */
const WATCH_MS = 3_000;
const REPAIR = { timeoutMs: 120_000 };

/**
 * A deployment whose own program sends to addresses outside, ten times a second and from its first instruction on: to one
 * that is closed to it, and to one that is not, by which it is seen to be alive.
 */
interface Sampled {
  readonly name: string;
  readonly profile: string;
  readonly number: number;
}

const LISTED: Sampled = { name: "listed", profile: "listed", number: 1 };
const CONFINED: readonly Sampled[] = [LISTED, { name: "restricted", profile: "restricted", number: 2 }];
const OPEN: Sampled = { name: "open", profile: "unrestricted", number: 3 };
const ALL: readonly Sampled[] = [...CONFINED, OPEN];

/** In the range that the profile `listed` allows. */
function allowed({ number }: Sampled): string {
  return place(64 + number).v4;
}

describe("a network that stays closed", () => {
  let engine: OwnEngine;
  let outside: Outside;
  let slipway: Installation;
  let image: string;

  beforeAll(async () => {
    engine = await new OwnEngine().start();
    image = await ensureEscapeImage({ engine: engine.client });
    await copyImage(ownSandboxImage(), engineClient(), engine.client);
    outside = await Outside.start({ engine: engine.client, openForwarding: true });
    slipway = await Installation.start({ engine: engine.client });
    await slipway.kubectl.apply(backend(engine, outside), ...ownProfiles());
    await slipway.kubectl.run(["wait", "--for=condition=Available", "runtimebackend/own", "--timeout=60s"]);
    await deployAll();
    await repaired();
  });
  afterAll(async () => {
    // What was made on it can only be removed while it runs.
    await engine?.start();
    await slipway?.[Symbol.asyncDispose]();
    await outside?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  async function deployAll(): Promise<void> {
    for (const sampled of ALL) await slipway.deploy(sampled.name, sampledSpec(sampled, image));
  }

  /** All serve again, and those that may send do. */
  async function repaired(): Promise<void> {
    await Promise.all(ALL.map(({ name }) => slipway.until(name, serves, REPAIR)));
    await Promise.all([sends(allowed(LISTED)), sends(allowed(OPEN)), sends(forbidden(OPEN.number).v4)]);
  }

  /** Ten samples more arrive there, so that the sampler and the way to it are known to work. */
  async function sends(address: string): Promise<void> {
    const before = await outside.arrivals(address);
    await eventually(`${address} is reached`, async () => (await outside.arrivals(address)) >= before + 10);
  }

  /** What arrived at the addresses that are closed, since the very beginning. */
  async function leaked(): Promise<Record<string, number>> {
    const counts = CONFINED.map(async ({ name, number }) => {
      const { v4, v6 } = forbidden(number);
      return [name, (await outside.arrivals(v4)) + (await outside.arrivals(v6))] as const;
    });
    return Object.fromEntries((await Promise.all(counts)).filter(([, count]) => count > 0));
  }

  async function sandboxes(): Promise<Docker.Container[]> {
    return await Promise.all(CONFINED.map(({ name }) => slipway.container(name, "sandbox")));
  }

  it("is closed from the first instruction on", async () => {
    expect(await leaked()).toEqual({});
  });

  it.each<{ what: string; harm: (sandbox: Docker.Container) => Promise<unknown> }>([
    { what: "killed", harm: (sandbox) => sandbox.kill() },
    { what: "killed by the kernel", harm: killFirst },
    { what: "stopped", harm: (sandbox) => sandbox.stop({ t: 0 }) },
    { what: "restarted", harm: (sandbox) => sandbox.restart({ t: 0 }) },
    { what: "removed", harm: (sandbox) => sandbox.remove({ force: true }) },
  ])("stays closed while its sandbox is $what, and is repaired", async ({ harm }) => {
    const starts = await startsOf(slipway);
    await Promise.all((await sandboxes()).map(harm));
    await eventually("the workloads are started again", async () => restartedSince(starts, await startsOf(slipway)));
    await repaired();
    expect(await leaked()).toEqual({});
  });

  it("stays closed while the processes of its sandbox do not run", async () => {
    const stopped = await sandboxes();
    await Promise.all(stopped.map((sandbox) => signal(sandbox, "SIGSTOP")));
    await sleep(WATCH_MS);
    expect(await leaked()).toEqual({});
    await Promise.all(stopped.map((sandbox) => signal(sandbox, "SIGCONT")));
    await repaired();
    expect(await leaked()).toEqual({});
  });

  it("stays closed while its sandbox is paused, and is repaired", async () => {
    const paused = await sandboxes();
    await Promise.all(paused.map((sandbox) => sandbox.pause()));
    await sleep(WATCH_MS);
    expect(await leaked()).toEqual({});
    await eventually("the sandboxes go on or are others", async () => {
      const states = await Promise.all((await sandboxes()).map((sandbox) => sandbox.inspect()));
      return states.every(({ State }) => State.Running && !State.Paused);
    });
    await repaired();
    expect(await leaked()).toEqual({});
  });

  it.each<{ what: string; harm: (sandbox: Docker.Container) => Promise<unknown> }>([
    { what: "killed", harm: (sandbox) => sandbox.kill() },
    { what: "restarted", harm: (sandbox) => sandbox.restart({ t: 0 }) },
    { what: "removed", harm: (sandbox) => sandbox.remove({ force: true }) },
  ])("stays closed while the controller is down and its sandbox is $what", async ({ harm }) => {
    const harmed = await sandboxes();
    await slipway.process.kill9();
    await Promise.all(harmed.map(harm));
    await sleep(WATCH_MS);
    expect(await leaked()).toEqual({});
    await slipway.process.start();
    await repaired();
    expect(await leaked()).toEqual({});
  });

  it("does not come up with the Engine while the controller is down", async () => {
    await slipway.process.kill9();
    await engine.stop();
    await engine.start();
    await sends(allowed(OPEN));
    const before = await outside.arrivals(allowed(LISTED));
    await sleep(WATCH_MS);
    // Nobody is there to start the sandbox first, so nothing runs.
    expect(await outside.arrivals(allowed(LISTED))).toBe(before);
    expect(await leaked()).toEqual({});
    await slipway.process.start();
    await repaired();
    expect(await leaked()).toEqual({});
  });

  it(`stays closed through ${RESTARTS} restarts of the Engine`, async () => {
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      // Every other time as power loss would end it.
      await (restart % 2 === 0 ? engine.stop() : engine.kill9());
      await engine.start();
      await repaired();
      expect({ restart, leaked: await leaked() }).toEqual({ restart, leaked: {} });
      if (restart % RENEWED_AFTER < RENEWED_AFTER - 1) continue;
      await Promise.all(ALL.map(({ name }) => slipway.remove(name)));
      await deployAll();
      await repaired();
    }
  });
});

function backend({ host }: OwnEngine, { network }: Outside): object {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeBackend",
    metadata: { name: "own" },
    spec: { type: "docker", docker: { host, network, sandbox: { dns: [RESOLVER.v4] } } },
  };
}

function sampledSpec(sampled: Sampled, image: string): Record<string, unknown> {
  const { v4, v6 } = forbidden(sampled.number);
  return {
    source: { image: { reference: image, pullPolicy: "Never" } },
    backend: "own",
    guardrails: { profile: profileName(sampled.profile) },
    command: [ESCAPE, "sample", String(ECHO_PORT), v4, v6, allowed(sampled), "--", "/usr/bin/node", "/app/mcp.mjs"],
    resources: {},
  };
}

function serves({ metadata, status }: RuntimeDeployment): boolean {
  return status?.observedGeneration === metadata.generation && status?.phase === "Connected";
}

/** When the processes of the confined deployments started. */
async function startsOf(slipway: Installation): Promise<readonly (string | undefined)[]> {
  return await Promise.all(CONFINED.map(async ({ name }) => (await slipway.get(name)).status?.workload?.startedAt));
}

function restartedSince(before: readonly unknown[], now: readonly unknown[]): boolean {
  return now.every((start, at) => start !== undefined && start !== before[at]);
}

/** Ends the first process of a container, and with it all others, past the Engine. */
async function killFirst(container: Docker.Container): Promise<void> {
  process.kill((await container.inspect()).State.Pid, "SIGKILL");
}

/** Sends a signal to all processes of a container, past the Engine. */
async function signal(container: Docker.Container, name: NodeJS.Signals): Promise<void> {
  const { Processes } = (await container.top({ ps_args: "-eo pid" })) as { Processes: string[][] };
  for (const [pid] of Processes) process.kill(Number(pid), name);
}
