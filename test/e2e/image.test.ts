import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";

const TAG = `slipway.test/slipway:${process.pid}`;
const MINUTES = 60_000;
/** As the chart runs it. */
const CONFINED = [
  "--read-only",
  "--tmpfs=/tmp",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--label=slipway.test=image",
];

function docker(...args: readonly string[]): string {
  return execFileSync("docker", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 2 * MINUTES });
}

const image = (format: string): unknown => JSON.parse(docker("image", "inspect", TAG, `--format={{json ${format}}}`));

describe("the image", () => {
  beforeAll(() => {
    execFileSync(process.execPath, ["scripts/image.ts", TAG], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 5 * MINUTES,
    });
  }, 6 * MINUTES);
  afterAll(() => {
    docker("image", "rm", TAG);
  });

  it("runs Slipway by its name, as nobody in particular", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(docker("run", "--rm", ...CONFINED, TAG, "version")).toContain(`slipway ${version} (node 24.`);
    expect(image(".Config.User")).toBe("65532:65532");
  });

  it("starts Node as bin/slipway does", () => {
    const script = readFileSync("bin/slipway", "utf8");
    const [, ...flags] = (image(".Config.Entrypoint") as readonly string[]).filter((part) => !part.endsWith(".js"));
    expect(flags.length).toBeGreaterThan(0);
    for (const flag of flags) expect(script).toContain(flag);
    for (const [, name, value] of script.matchAll(/(MALLOC_\w+)="\$\{\w+:-(\d+)\}"/g)) {
      expect(image(".Config.Env")).toContain(`${name}=${value}`);
    }
  });

  it("has no shell", () => {
    expect(() => docker("run", "--rm", ...CONFINED, "--entrypoint=/bin/sh", TAG, "-c", "true")).toThrow();
  });

  it(
    "serves with a read-only root, tells its health, and ends in order",
    async () => {
      const state = "--tmpfs=/var/lib/slipway:mode=1777";
      const id = docker("run", "--detach", ...CONFINED, state, TAG, "up").trim();
      try {
        await eventually("the server is ready", () => docker("logs", id).includes("slipway is ready"));
        docker("exec", id, "node", "/opt/slipway/dist/main.js", "health");
        docker("stop", "--time=20", id);
        expect(docker("inspect", id, "--format={{.State.ExitCode}}").trim()).toBe("0");
      } finally {
        docker("rm", "--force", id);
      }
    },
    2 * MINUTES,
  );
});
