import { describe, expect, it } from "@jest/globals";
import { type Machine, nextStep, type Step } from "../../scripts/engine/plan.ts";
import { engineIfPossible, ensureEngine } from "../../scripts/ensure-engine.ts";

const DEBIAN: Machine = {
  ping: { kind: "silent", message: "connect ENOENT" },
  address: "unix:///var/run/docker.sock",
  local: true,
  platform: "linux",
  root: true,
  debian: true,
  systemd: false,
  dockerd: true,
  iptables: true,
};

describe("where the Engine comes from", () => {
  it.each<{ because: string; machine: Partial<Machine>; step: Step["type"]; more?: object }>([
    { because: "one answers", machine: { ping: { kind: "answers", version: "29" } }, step: "use" },
    {
      because: "one answers elsewhere",
      machine: { ping: { kind: "answers", version: "29" }, local: false, dockerd: false },
      step: "use",
    },
    { because: "one is installed", machine: {}, step: "start", more: { how: "dockerd" } },
    { because: "systemd would start it", machine: { systemd: true }, step: "start", more: { how: "systemd" } },
    {
      because: "none is installed",
      machine: { dockerd: false, iptables: false },
      step: "install",
      more: { packages: ["docker.io", "iptables"] },
    },
    { because: "it lacks iptables", machine: { iptables: false }, step: "install", more: { packages: ["iptables"] } },
  ])("is found when $because", ({ machine, step, more = {} }) => {
    expect(nextStep({ ...DEBIAN, ...machine })).toMatchObject({ type: step, ...more });
  });

  it.each<{ because: string; machine: Partial<Machine>; says: string }>([
    {
      because: "this user may not open the socket",
      machine: { ping: { kind: "forbidden" }, root: false },
      says: "sudo usermod -aG docker $USER",
    },
    {
      because: "DOCKER_HOST names one that is silent",
      machine: { local: false, address: "tcp://builder:2376" },
      says: "DOCKER_HOST=tcp://builder:2376",
    },
    {
      because: "only root could start it",
      machine: { root: false, systemd: true },
      says: "sudo systemctl start docker",
    },
    { because: "only root could start it by hand", machine: { root: false }, says: "sudo dockerd" },
    {
      because: "only root could install it",
      machine: { root: false, dockerd: false },
      says: "apt-get install -y docker.io",
    },
    { because: "this is another Linux", machine: { debian: false, dockerd: false }, says: "docs.docker.com" },
    { because: "this is no Linux", machine: { platform: "darwin" }, says: "Docker Desktop" },
    { because: "another Linux lacks iptables", machine: { debian: false, iptables: false }, says: "iptables" },
  ])("is asked of a person when $because", ({ machine, says }) => {
    const step = nextStep({ ...DEBIAN, ...machine });
    expect(step).toEqual({ type: "stop", message: expect.stringContaining(says) });
  });

  it("is said when it runs already", async () => {
    const said: string[] = [];
    await ensureEngine((line) => said.push(line));
    expect(said).toEqual([expect.stringMatching(/^Docker Engine \S+ runs at /)]);
  });
});

describe("the quickstart's Engine", () => {
  const asked = async (wish: string | undefined) => {
    const said: string[] = [];
    return { possible: await engineIfPossible(wish, (line) => said.push(line)), said: said.join("\n") };
  };

  it("is not looked for where nobody wants one", async () => {
    expect(await asked("none")).toEqual({
      possible: false,
      said: "Going without a Docker Engine, as ENGINE=none says.",
    });
  });

  it("is used where it runs", async () => {
    expect(await asked(undefined)).toEqual({
      possible: true,
      said: expect.stringMatching(/^Docker Engine \S+ runs at /),
    });
  });

  it("is gone without where there can be none, after saying what it would take", async () => {
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = "tcp://127.0.0.1:1";
    try {
      const { possible, said } = await asked("");
      expect(possible).toBe(false);
      expect(said).toMatch(/^No Docker Engine: the Docker Engine at DOCKER_HOST=tcp:\/\/127.0.0.1:1 does not answer/);
      expect(said).toMatch(/unset DOCKER_HOST[^\n]*\nGoing on without it: servers run as processes of this machine\.$/);
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
    }
  });

  it("is not guessed", async () => {
    await expect(asked("podman")).rejects.toThrow('ENGINE: "podman" is not known; write none, or leave it out');
  });
});
