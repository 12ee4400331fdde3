import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Container } from "dockerode";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { eventually } from "../support/eventually.ts";

const TAG = `slipway.test/slipway:${process.pid}`;
const MINUTES = 60_000;
const SECOND_NS = 1_000_000_000;
const engine = engineClient();

/** A container as confined as the chart's pods, started. */
async function started(command: readonly string[], entrypoint?: string): Promise<Container> {
  const container = await engine.createContainer({
    Image: TAG,
    Cmd: [...command],
    ...(entrypoint !== undefined && { Entrypoint: [entrypoint] }),
    Labels: { "slipway.test": "image" },
    // So that the log is one stream.
    Tty: true,
    // The image's own command, asked more often.
    Healthcheck: { Interval: SECOND_NS },
    HostConfig: {
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "", "/var/lib/slipway": "mode=1777" },
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
    },
  });
  await container.start();
  return container;
}

async function logOf(container: Container): Promise<string> {
  return (await container.logs({ stdout: true, stderr: true })).toString("utf8");
}

describe("the image", () => {
  const build = (...args: readonly string[]) =>
    execFileSync(process.execPath, ["scripts/image.ts", ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 5 * MINUTES,
    });
  beforeAll(() => {
    build(TAG);
  }, 6 * MINUTES);
  afterAll(async () => {
    await engine.getImage(TAG).remove({ force: true });
  });

  it("runs Slipway by its name, as nobody in particular", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    const container = await started(["version"]);
    try {
      await container.wait();
      expect(await logOf(container)).toContain(`slipway ${version} (node 24.`);
    } finally {
      await container.remove({ force: true });
    }
    expect((await engine.getImage(TAG).inspect()).Config.User).toBe("65532:65532");
  });

  it("starts Node as bin/slipway does", async () => {
    const { Entrypoint, Env } = (await engine.getImage(TAG).inspect()).Config;
    const script = readFileSync("bin/slipway", "utf8");
    const flags = [Entrypoint ?? []].flat().filter((part) => part.startsWith("--"));
    expect(flags).toEqual([...script.matchAll(/--(?:max|heap|disable)[-\w=]+/gi)].map(([flag]) => flag));
    const settings = [...script.matchAll(/(MALLOC_\w+)="\$\{\w+:-(\d+)\}"/g)];
    expect(settings).toHaveLength(3);
    for (const [, name, value] of settings) expect(Env).toContain(`${name}=${value}`);
  });

  it(
    "is the same to the byte when it is built again, but for the date that the Engine writes beside it",
    async () => {
      const again = `${TAG}-again`;
      build("--no-cache", again);
      try {
        const layers = async (tag: string) => (await engine.getImage(tag).inspect()).RootFS.Layers;
        expect(await layers(again)).toEqual(await layers(TAG));
      } finally {
        await engine.getImage(again).remove({ force: true });
      }
    },
    6 * MINUTES,
  );

  it("is what controllers run, with the gateway in them", async () => {
    const container = await started(["controller", "--help"]);
    try {
      expect(await container.wait()).toEqual(expect.objectContaining({ StatusCode: 0 }));
      expect(await logOf(container)).toContain("--gateway-listen");
    } finally {
      await container.remove({ force: true });
    }
  });

  it("has no shell", async () => {
    await expect(started(["-c", "true"], "/bin/sh")).rejects.toThrow(/no such file/);
    const made = await engine.listContainers({ all: true, filters: { ancestor: [TAG] } });
    for (const { Id } of made) await engine.getContainer(Id).remove({ force: true });
  });

  it(
    "serves with a read-only root, tells its health, and ends in order",
    async () => {
      const container = await started(["up"]);
      try {
        await eventually("it is ready", async () => (await logOf(container)).includes("slipway is ready"));
        await eventually("it is healthy", async () => (await container.inspect()).State.Health?.Status === "healthy");
        await container.stop({ t: 20 });
        expect((await container.inspect()).State.ExitCode).toBe(0);
      } finally {
        await container.remove({ force: true });
      }
    },
    2 * MINUTES,
  );
});
