import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY } from "../../../test/support/deployment-world.ts";
import { GIT, letBuild } from "../../../test/support/git-source.ts";
import { REBUILD_ANNOTATION } from "../../api/v1alpha1/index.ts";

type World = DeploymentWorld;

const NEWER = "registry.test/files:2";

interface Life {
  readonly because: string;
  /** Brings the world to where the story begins. */
  readonly begin: (world: World) => Promise<void>;
  readonly act: (world: World) => void;
  readonly ended: (world: World) => boolean;
  readonly restarts: number | undefined;
  /** Runs of builds in all; default: none. */
  readonly builds?: number;
}

const standard = { guardrails: { profile: "standard" } };
const connected = async (world: World) => {
  world.apply();
  await world.until(() => world.connected() && world.settled());
};

const lives: Life[] = [
  {
    because: "created",
    begin: async () => undefined,
    act: (world) => world.apply(),
    ended: (world) => world.connected() && world.settled(),
    restarts: 0,
  },
  {
    because: "pulled and created",
    begin: async (world) => {
      world.engine.pullMs = 500;
    },
    act: (world) => world.apply(),
    ended: (world) => world.connected() && world.settled(),
    restarts: 0,
  },
  {
    because: "updated",
    begin: async (world) => {
      await connected(world);
      world.engine.publish(NEWER);
    },
    act: (world) => world.apply({ source: { image: { reference: NEWER } } }),
    ended: (world) => world.connected() && world.settled() && world.status.workload?.generation === 2,
    restarts: 0,
  },
  {
    because: "rolled back from an update that fails",
    begin: async (world) => {
      await connected(world);
      world.engine.publish(NEWER, { answers: "silent" });
      world.apply({ source: { image: { reference: NEWER } } });
      await world.until(() => world.containers().length === 2);
    },
    act: (world) => world.apply(),
    ended: (world) => world.connected() && world.settled() && world.containers().length === 1,
    restarts: 0,
  },
  {
    because: "stopped",
    begin: connected,
    act: (world) => world.apply({ desiredState: "Stopped" }),
    ended: (world) => world.status.phase === "Stopped" && world.current().state.kind === "exited",
    restarts: 0,
  },
  {
    because: "started",
    begin: async (world) => {
      await connected(world);
      world.apply({ desiredState: "Stopped" });
      await world.until(() => world.status.phase === "Stopped");
    },
    act: (world) => world.apply(),
    ended: (world) => world.connected() && world.settled(),
    restarts: 0,
  },
  {
    because: "repaired",
    begin: connected,
    act: (world) => world.engine.remove(world.current()),
    ended: (world) =>
      world.containers().length === 1 &&
      world.connected() &&
      world.settled() &&
      (world.status.workload?.restartCount ?? 0) > 0,
    restarts: 1,
  },
  {
    because: "given another sandbox",
    begin: async (world) => {
      world.apply(standard);
      await world.until(() => world.connected() && world.settled());
    },
    act: (world) => world.engine.loseSandbox(world.current()),
    ended: (world) =>
      world.containers().length === 1 &&
      world.current().state.kind === "running" &&
      world.connected() &&
      world.settled() &&
      (world.status.workload?.restartCount ?? 0) > 0,
    restarts: 1,
  },
  {
    because: "started again in its sandbox",
    begin: async (world) => {
      world.apply(standard);
      await world.until(() => world.connected() && world.settled());
    },
    act: (world) => world.engine.end(world.current(), 1),
    ended: (world) => world.connected() && world.settled() && (world.status.workload?.restartCount ?? 0) > 0,
    restarts: 1,
  },
  {
    because: "made anew since its profile changed",
    begin: async (world) => {
      world.putProfile("own", {});
      world.apply({ guardrails: { profile: "own" } });
      await world.until(() => world.connected() && world.settled());
    },
    act: (world) => world.putProfile("own", { runAsNonRoot: true }),
    ended: (world) =>
      world.connected() &&
      world.settled() &&
      world.containers().length === 1 &&
      world.current().spec.confinement.runAsNonRoot,
    restarts: 0,
  },
  {
    because: "taken away since it is wider than its bound",
    begin: connected,
    act: (world) => world.bound("standard"),
    ended: (world) => world.containers().length === 0 && world.condition("Stalled") === "True GuardrailsTooWide",
    restarts: 0,
  },
  {
    because: "built and created",
    begin: async (world) => letBuild(world),
    act: (world) => world.apply({ source: { git: GIT } }),
    ended: (world) => world.connected() && world.settled(),
    restarts: 0,
    builds: 1,
  },
  {
    because: "built anew while it serves",
    begin: async (world) => {
      letBuild(world);
      world.apply({ source: { git: GIT } });
      await world.until(() => world.connected() && world.settled());
    },
    act: (world) => world.annotate({ [REBUILD_ANNOTATION]: "1" }),
    ended: (world) =>
      world.connected() &&
      world.settled() &&
      world.containers().length === 1 &&
      world.engine.builds.begun.length === 2 &&
      world.current().spec.image.pinned === world.status.build?.image,
    restarts: 0,
    builds: 2,
  },
  {
    because: "built at the second attempt",
    begin: async (world) => {
      letBuild(world);
      const failed = { kind: "failed", reason: "BackendError", message: "evicted", retryable: true } as const;
      world.engine.builds.becomes = (_, attempt) => (attempt === 1 ? failed : { kind: "built" });
    },
    act: (world) => world.apply({ source: { git: GIT } }),
    ended: (world) => world.connected() && world.settled(),
    restarts: 0,
    builds: 2,
  },
  {
    because: "given an image while it is built",
    begin: async (world) => {
      letBuild(world);
      world.engine.builds.buildMs = 600_000;
      world.apply({ source: { git: GIT } });
      await world.until(() => world.status.phase === "Building");
    },
    act: (world) => world.apply(),
    ended: (world) =>
      world.connected() && world.settled() && !world.status.build && world.engine.builds.runs.size === 0,
    restarts: 0,
    builds: 1,
  },
  {
    because: "deleted while it is built",
    begin: async (world) => {
      letBuild(world);
      world.engine.builds.buildMs = 600_000;
      world.apply({ source: { git: GIT } });
      await world.until(() => world.status.phase === "Building");
    },
    act: (world) => world.delete(),
    ended: (world) => !world.server.has("team-a/files") && world.engine.builds.runs.size === 0,
    restarts: undefined,
    builds: 1,
  },
  {
    because: "deleted",
    begin: connected,
    act: (world) => world.delete(),
    ended: (world) => !world.server.has("team-a/files"),
    restarts: undefined,
  },
  {
    because: "deleted while it is being updated",
    begin: async (world) => {
      await connected(world);
      world.engine.publish(NEWER, { answers: "silent" });
      world.apply({ source: { image: { reference: NEWER } } });
      await world.until(() => world.containers().length === 2);
    },
    act: (world) => world.delete(),
    ended: (world) => !world.server.has("team-a/files"),
    restarts: undefined,
  },
];

/** Lives through the story, with the controller killed at its `crashAt`th step. Answers how many steps there were. */
async function live(story: Life, crashAt: number): Promise<{ world: World; steps: number }> {
  const world = new DeploymentWorld();
  await story.begin(world);
  world.steps = 0;
  world.crashAt = crashAt;
  const most = { current: 0, candidate: 0 };
  const step = world.engine.fault;
  world.engine.fault = (method, moment) => {
    for (const role of ["current", "candidate"] as const)
      most[role] = Math.max(most[role], world.containers().filter((container) => container.role === role).length);
    return step(method, moment);
  };
  story.act(world);
  await world.until(() => story.ended(world));
  const { steps } = world;
  expect(most.current).toBeLessThanOrEqual(1);
  expect(most.candidate).toBeLessThanOrEqual(1);
  world.revive();
  await world.pass(5_000);
  return { world, steps };
}

describe("a controller that is killed at any step while a deployment is", () => {
  it.each(lives)("$because ends where it would have", async (story) => {
    const { steps } = await live(story, Number.POSITIVE_INFINITY);
    expect(steps).toBeGreaterThan(2);
    for (let step = 1; step <= steps; step++) {
      const { world } = await live(story, step);
      expect(world.boots).toBe(2);
      expect(story.ended(world)).toBe(true);
      expect({ step, builds: world.engine.builds.begun.length }).toEqual({ step, builds: story.builds ?? 0 });
      const alive = world.server.has("team-a/files");
      expect(world.containers()).toHaveLength(
        alive && story.because !== "taken away since it is wider than its bound" ? 1 : 0,
      );
      if (alive)
        expect({ step, restarts: world.status.workload?.restartCount }).toEqual({ step, restarts: story.restarts });
    }
  });

  it("keeps the port, wherever an update is interrupted", async () => {
    const [, , update] = lives;
    if (!update) throw new Error("no such story");
    for (let step = 1; step <= 40; step++) {
      const world = new DeploymentWorld();
      await update.begin(world);
      const { hostPort } = world.current();
      world.steps = 0;
      world.crashAt = step;
      update.act(world);
      await world.until(() => update.ended(world));
      expect({ step, hostPort: world.current().hostPort }).toEqual({ step, hostPort });
    }
  });
});

describe("an Engine whose answers get lost", () => {
  it("runs one container, whichever answer it is", async () => {
    for (let lost = 1; lost <= 12; lost++) {
      const world = new DeploymentWorld();
      let calls = 0;
      world.engine.fault = (_, moment) => {
        if (moment === "after" && ++calls === lost) throw new Error("socket hang up");
      };
      world.apply();
      await world.until(() => world.connected() && world.settled());
      world.apply({ args: ["--verbose"] });
      await world.until(() => world.connected() && world.settled() && world.status.workload?.generation === 2);
      expect(world.containers()).toHaveLength(1);
      world.delete();
      await world.until(() => world.deployments.get(KEY) === undefined);
      expect(world.containers()).toEqual([]);
    }
  });

  it("needs no events", async () => {
    const world = new DeploymentWorld();
    world.engine.deaf = true;
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.engine.publish(NEWER);
    world.apply({ source: { image: { reference: NEWER } } });
    await world.until(() => world.connected() && world.settled() && world.status.workload?.generation === 2);
    expect(world.containers()).toHaveLength(1);
  });
});
