import { beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { type ImageEntry, loadImage } from "../../scripts/engine/load-image.ts";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import type { Mount, WorkloadSpec } from "../../src/backends/backend.ts";
import { type Confinement, NEVER_WITH_RESTRICTED_NETWORK } from "../../src/guardrails/confinement.ts";
import { DEFAULT_CAPABILITIES } from "../../src/guardrails/held-capabilities.ts";
import { ANY, UNCONFINED, UNRESTRICTED } from "../contract/backend.ts";
import {
  type DockerDeployment,
  dockerDeployment,
  dockerUnderTest,
  script,
  within,
} from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { requireTool } from "../support/tool.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();

/** Bits of capability sets, from linux/capability.h. */
const BITS = { CHOWN: 0, KILL: 5, SETGID: 6, SETUID: 7, NET_BIND_SERVICE: 10, NET_RAW: 13 } as const;
const bits = (...names: (keyof typeof BITS)[]): bigint =>
  names.reduce((sum, name) => sum | (1n << BigInt(BITS[name])), 0n);

const busybox: ImageEntry[] = [
  { path: "/bin/busybox", file: requireTool("busybox", "busybox-static"), mode: 0o755 },
  { path: "/data", directory: true, mode: 0o755 },
];

/** An image like that of the other tests, with another user. */
async function imageOf(tag: string, User: string, more: ImageEntry[] = []): Promise<string> {
  const config = { Entrypoint: ["/bin/busybox"], Cmd: ["sleep", "1000"], Env: ["PATH=/bin"], User };
  await loadImage(engine, { tag: `slipway.test/${tag}:1`, entries: [...busybox, ...more], config });
  return `slipway.test/${tag}:1`;
}

async function deploymentOf(reference: string, spec: Partial<WorkloadSpec>): Promise<DockerDeployment> {
  const backend = dockerUnderTest();
  const image = await backend.resolveImage({ reference, pullPolicy: "Never", dockerConfig: undefined }, within());
  return await dockerDeployment("confined", { backend, spec: { image, ...spec } });
}

/** What a script printed by the time that it ended. */
async function outputOf(use: DockerDeployment, text: string): Promise<string> {
  const { id } = await use.launch({ ...script(`exec 2>&1; ${text}; true`), restartPolicy: "Never" });
  return await endOf(use, id);
}

async function endOf(use: DockerDeployment, id: string): Promise<string> {
  await eventually("the script ended", async () => (await use.observe()).state.kind === "exited");
  const stream = await engine.getContainer(id).logs({ stdout: true, stderr: true });
  return stream
    .toString("utf8")
    .split("\n")
    .map((line) => line.slice(8))
    .join("\n");
}

const confined = (given: Partial<Confinement>): Confinement => ({
  ...UNCONFINED,
  seccomp: { kind: "default" },
  appArmor: { kind: "default" },
  ...given,
});
const closed = { egress: { kind: "closed" }, ingressPorts: [8080] } as const;

let root: string;
beforeAll(async () => {
  root = await imageOf("root", "0");
  await ensureSandboxImage(() => undefined);
});

describe("what a process inside sees of its confinement", () => {
  const status = "/bin/busybox grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status";
  const read = (output: string): Record<string, string> =>
    Object.fromEntries([...output.matchAll(/^(\w+):\s*(\S+)$/gm)].map(([, name, value]) => [name, value]));

  const rows: { because: string; confinement: Confinement; want: (status: Record<string, string>) => void }[] = [
    {
      because: "nothing is asked for",
      confinement: confined({}),
      want: ({ CapEff, NoNewPrivs, Seccomp }) => {
        expect(BigInt(`0x${CapEff}`) & bits("NET_RAW", "SETUID")).toBe(bits("NET_RAW", "SETUID"));
        expect({ NoNewPrivs, Seccomp }).toEqual({ NoNewPrivs: "1", Seccomp: "2" });
      },
    },
    {
      because: "nothing is held back but new privileges",
      confinement: UNCONFINED,
      want: ({ NoNewPrivs, Seccomp }) => expect({ NoNewPrivs, Seccomp }).toEqual({ NoNewPrivs: "1", Seccomp: "0" }),
    },
    {
      because: "all capabilities are dropped",
      confinement: confined({ capabilities: { dropAll: true, add: [] } }),
      want: ({ CapEff, CapBnd }) => expect([CapEff, CapBnd].map((set) => BigInt(`0x${set}`))).toEqual([0n, 0n]),
    },
    {
      because: "all are dropped and two added",
      confinement: confined({ capabilities: { dropAll: true, add: ["NET_BIND_SERVICE", "KILL"] } }),
      want: ({ CapEff }) => expect(BigInt(`0x${CapEff}`)).toBe(bits("NET_BIND_SERVICE", "KILL")),
    },
    {
      because: "a restricted network takes what leads past it, and leaves the rest",
      confinement: confined({ network: closed }),
      want: ({ CapEff, CapBnd }) => {
        const lost = bits("NET_RAW", "SETUID", "SETGID");
        for (const set of [CapEff, CapBnd]) {
          expect(BigInt(`0x${set}`) & lost).toBe(0n);
          expect(BigInt(`0x${set}`) & bits("CHOWN", "KILL")).toBe(bits("CHOWN", "KILL"));
        }
        const held = DEFAULT_CAPABILITIES.filter((name) => !NEVER_WITH_RESTRICTED_NETWORK.includes(name as never));
        expect(BigInt(`0x${CapEff}`).toString(2).replaceAll("0", "")).toHaveLength(held.length);
      },
    },
  ];
  it.each(rows)("$because", async ({ confinement, want }) => {
    await using use = await deploymentOf(root, { confinement });
    want(read(await outputOf(use, status)));
  });

  it("has the limits that it is given in its control groups", async () => {
    const limits = { cpuMillis: 250, memoryBytes: 32 * 1024 * 1024, pids: 17 };
    await using use = await deploymentOf(root, { limits, confinement: confined({ network: closed }) });
    const output = await outputOf(
      use,
      "cd /sys/fs/cgroup; /bin/busybox cat memory.max memory.swap.max pids.max cpu.max 2>/dev/null || /bin/busybox cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us",
    );
    const [memory, swap, pids, ...cpu] = output.trim().split(/\s+/).map(Number);
    expect({ memory, pids }).toEqual({ memory: limits.memoryBytes, pids: limits.pids });
    expect([0, limits.memoryBytes]).toContain(swap);
    expect((cpu[0] ?? 0) / (cpu[1] ?? 0)).toBeCloseTo(0.25);
  });

  it("keeps what it was made under for later", async () => {
    const guardrails = { ...UNRESTRICTED, profile: "payments", runAsNonRoot: true };
    await using use = await deploymentOf(root, { guardrails });
    await use.launch();
    expect((await use.observe()).guardrails).toEqual(guardrails);
  });
});

describe("a read-only root", () => {
  const tmp = (path: string): Mount => ({ name: "tmp", path, readOnly: false, kind: "tmpfs", sizeBytes: 1024 * 1024 });
  const text = "/bin/busybox touch /x; /bin/busybox touch /bin/x; /bin/busybox touch /data/x && echo data";

  it("cannot be written, and could without", async () => {
    await using open = await deploymentOf(root, {});
    expect(await outputOf(open, text)).toBe("data\n");
    await using use = await deploymentOf(root, { confinement: confined({ readOnlyRoot: true }) });
    expect(await outputOf(use, text)).toMatch(/^(.*Read-only file system\n){3}$/);
  });

  it.each([
    { because: "a number", user: "65532:65532", more: [] },
    { because: "a name", user: "app", more: [{ path: "/etc/passwd", content: "app:x:1001:1001::/:/bin/sh\n" }] },
  ])("has memory that the image's user can write, also after a restart: $because", async ({ user, more }) => {
    const image = await imageOf(`user-${user.replaceAll(":", "-")}`, user, more);
    const confinement = confined({ readOnlyRoot: true, capabilities: { dropAll: true, add: [] } });
    // One directory that the image has, and one that it has not.
    const mounts = [tmp("/data"), { ...tmp("/cache"), name: "cache" }];
    await using use = await deploymentOf(image, { confinement, mounts });
    const written = "/bin/busybox touch /data/x /cache/x && echo written";
    expect(await outputOf(use, written)).toBe("written\n");
    const { id } = await use.observe();
    await use.backend.start(id, within());
    expect(await endOf(use, id)).toBe("written\nwritten\n");
  });
});

describe("a filter of system calls", () => {
  const profile = (action: string) =>
    JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action }] });

  it("is loaded from its text", async () => {
    const seccomp = { kind: "profile", json: profile("SCMP_ACT_ERRNO") } as const;
    await using use = await deploymentOf(root, { confinement: confined({ seccomp }) });
    expect(await outputOf(use, "/bin/busybox mkdir /x && echo made")).toMatch(/Operation not permitted/);
    await using open = await deploymentOf(root, { confinement: confined({}) });
    expect(await outputOf(open, "/bin/busybox mkdir /x && echo made")).toBe("made\n");
  });

  it("is refused before anything is made when it is none", async () => {
    const seccomp = { kind: "profile", json: profile("DENY") } as const;
    await using use = await deploymentOf(root, { confinement: confined({ seccomp }) });
    const refused = { name: "TerminalError", reason: "InvalidSpec" };
    const { confinement, mounts } = use.spec;
    expect(() => use.backend.admit({ ...ANY, imageReference: root, mounts, confinement })).toThrow(
      expect.objectContaining(refused),
    );
    await expect(use.launch()).rejects.toMatchObject(refused);
    await expect(use.observe()).rejects.toThrow("nothing is left");
  });
});

describe("an AppArmor profile", () => {
  it("that is not loaded leaves the Engine's own", async () => {
    const appArmor = { kind: "profile", name: "slipway-not-loaded" } as const;
    await using use = await deploymentOf(root, { confinement: confined({ appArmor }) });
    const { id } = await use.launch();
    const { HostConfig } = await engine.getContainer(id).inspect();
    expect(HostConfig.SecurityOpt).toEqual(["no-new-privileges"]);
  });
});

describe("an image that must not run as root", () => {
  const passwd = (content: string): ImageEntry[] => [{ path: "/etc/passwd", content }];
  const confinement = confined({ runAsNonRoot: true });

  it.each([
    { because: "a number", tag: "nr-number", user: "65532", more: [] },
    { because: "a name", tag: "nr-name", user: "app", more: passwd("root:x:0:0::/:\napp:x:1001:1001::/:/bin/sh\n") },
  ])("runs by $because", async ({ tag, user, more }) => {
    await using use = await deploymentOf(await imageOf(tag, user, more), { confinement });
    expect(await outputOf(use, "/bin/busybox id -u")).not.toBe("0\n");
  });

  it.each([
    { because: "it names nobody", tag: "nr-empty", user: "", more: [], says: "names no user" },
    { because: "it says 0", tag: "nr-zero", user: "0:65532", more: [], says: '"0:65532"' },
    {
      because: "root has another name",
      tag: "nr-alias",
      user: "admin",
      more: passwd("root:x:0:0::/:\nadmin:x:0:0::/:\n"),
      says: '"admin"',
    },
    {
      because: "nobody knows the name",
      tag: "nr-stranger",
      user: "app",
      more: passwd("root:x:0:0::/:\n"),
      says: "/etc/passwd",
    },
    { because: "there is no /etc/passwd", tag: "nr-none", user: "app", more: [], says: "/etc/passwd" },
  ])("is refused before anything is made: $because", async ({ tag, user, more, says }) => {
    const image = await imageOf(tag, user, more);
    // What is mounted there does not count: the Engine asks the image.
    const mounts: Mount[] = [
      {
        ...{ name: "etc", path: "/etc", readOnly: true, kind: "files", secret: false },
        files: { passwd: Buffer.from("app:x:1001:1001::/:\nadmin:x:1001:1001::/:\n") },
      } as Mount,
    ];
    await using use = await deploymentOf(image, { confinement, mounts });
    await expect(use.launch()).rejects.toMatchObject({
      name: "TerminalError",
      reason: "RunsAsRoot",
      message: expect.stringContaining(says),
    });
    await expect(use.observe()).rejects.toThrow("nothing is left");
    const label = ["slipway.dev/role=helper", `slipway.dev/installation=test-${process.pid}`];
    expect(await engine.listContainers({ all: true, filters: { label } })).toEqual([]);
  });
});
