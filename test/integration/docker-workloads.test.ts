import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import type { Mount, WorkloadSpec } from "../../src/backends/backend.ts";
import { ANY } from "../contract/backend.ts";
import {
  answersHttp,
  type DockerDeployment,
  dockerDeployment,
  dockerUnderTest,
  script,
  within,
} from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();

/** What a script printed by the time that it ended. */
async function outputOf(use: DockerDeployment, text: string, changes: Partial<WorkloadSpec> = {}): Promise<string> {
  await use.launch({ ...script(text), restartPolicy: "Never", ...changes });
  await eventually("the script ended", async () => (await use.observe()).state.kind === "exited");
  const options = { tail: undefined, follow: false, timestamps: false };
  return (await Array.fromAsync(use.backend.logs(use.owner, options, within()))).join("\n");
}

const files = (content: Record<string, string>): Mount => ({
  name: "conf",
  path: "/etc/app",
  readOnly: true,
  kind: "files",
  files: Object.fromEntries(Object.entries(content).map(([name, text]) => [name, Buffer.from(text)])),
  secret: true,
});
const data = (retain: boolean): Mount => ({ name: "data", path: "/data", readOnly: false, kind: "volume", retain });

async function volumesOf({ owner }: DockerDeployment): Promise<string[]> {
  const { Volumes } = await engine.listVolumes({ filters: { label: [`slipway.dev/uid=${owner.uid}`] } });
  return (Volumes ?? []).map(({ Name }) => Name).sort();
}

describe("a container", () => {
  it("has the limits that it is given and no way to more rights", async () => {
    await using use = await dockerDeployment("limits");
    const { id } = await use.launch();
    const { HostConfig } = await engine.getContainer(id).inspect();
    expect(HostConfig).toMatchObject({
      NanoCpus: 500_000_000,
      Memory: 64 * 1024 * 1024,
      MemorySwap: 64 * 1024 * 1024,
      PidsLimit: 50,
      Privileged: false,
      PidMode: "",
      UTSMode: "",
      IpcMode: "private",
      NetworkMode: "slipway",
      PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1" }] },
    });
    expect(HostConfig.CapAdd ?? []).toEqual([]);
    expect(HostConfig.Devices ?? []).toEqual([]);
  });

  it("cannot gain privileges, and sees its environment", async () => {
    await using use = await dockerDeployment("inside");
    const text = "/bin/busybox grep NoNewPrivs /proc/self/status; echo $GREETING; /bin/busybox id -u";
    expect(await outputOf(use, text, { env: { GREETING: "a b=c" } })).toBe("NoNewPrivs:\t1\na b=c\n65532");
  });

  it("reads its files, cannot change them, and leaves none behind", async () => {
    await using use = await dockerDeployment("files");
    const mounts = [files({ token: "hunter2", "app.conf": "x=1\n" }), data(false)];
    const text =
      "exec 2>&1; cd /etc/app && /bin/busybox cat token && echo && /bin/busybox cat app.conf; echo y > token; echo z > new; true";
    const output = await outputOf(use, text, { mounts });
    expect(output).toMatch(/^hunter2\nx=1\n.*Read-only file system\n.*Read-only file system$/s);
    const { id } = await use.observe();
    expect(JSON.stringify(await engine.getContainer(id).inspect())).not.toContain("hunter2");
    expect(await volumesOf(use)).toHaveLength(2);
    await use.backend.delete(id, within());
    expect(await volumesOf(use)).toEqual([expect.stringMatching(/-data$/)]);
  });

  it.each(["../escape", "..", "a/b", ""])("gets no file by the name “%s”", async (name) => {
    await using use = await dockerDeployment("file-names");
    await expect(use.launch({ mounts: [files({ [name]: "x" })] })).rejects.toMatchObject({
      name: "TerminalError",
      reason: "InvalidSpec",
    });
    const label = [`slipway.dev/uid=${use.owner.uid}`];
    expect(await engine.listContainers({ all: true, filters: { label } })).toEqual([]);
  });

  it("gets the files of its own revision, while another revision runs", async () => {
    await using use = await dockerDeployment("revisions");
    await use.launch({ mounts: [files({ version: "1" })] });
    const { id } = await use.launch({ mounts: [files({ version: "2" })], hash: "second" }, { role: "candidate" });
    expect(await volumesOf(use)).toHaveLength(2);
    await use.backend.delete(id, within());
    expect(await volumesOf(use)).toHaveLength(1);
  });

  it.each([
    { retain: false, left: 0 },
    { retain: true, left: 1 },
  ])("keeps its data when it is replaced, and when it is purged only on request (retain $retain)", async (row) => {
    await using use = await dockerDeployment("data", { spec: { mounts: [data(row.retain)] } });
    const asRoot = { ...script("exec /bin/busybox httpd -f -p 8080 -h /data") };
    const first = await use.launch(asRoot);
    const [volume = ""] = await volumesOf(use);
    await use.backend.delete(first.id, within());
    await use.launch({ ...asRoot, hash: "second" });
    expect(await volumesOf(use)).toEqual([volume]);
    await eventually("nothing is left", () => use.backend.purge(use.owner, within()));
    expect(await volumesOf(use)).toHaveLength(row.left);
    if (row.retain) await engine.getVolume(volume).remove();
  });

  it("has a tmpfs of the size that it asked for, from which nothing runs", async () => {
    await using use = await dockerDeployment("tmpfs");
    const mounts: Mount[] = [{ name: "t", path: "/scratch", readOnly: false, kind: "tmpfs", sizeBytes: 1024 * 1024 }];
    const text =
      "/bin/busybox cp /bin/busybox /scratch/b 2>/dev/null || echo full; /bin/busybox grep /scratch /proc/mounts";
    expect(await outputOf(use, text, { mounts })).toMatch(/^full\n.*nosuid,nodev,noexec.*size=1024k/);
  });

  it("sees a host path that the backend allows, read-only where it says so", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-host-path-"));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "hello"), "hello from the host");
    try {
      const backend = dockerUnderTest({ allowedHostPaths: [folder] });
      await using use = await dockerDeployment("host-path", { backend });
      const mounts: Mount[] = [{ name: "src", path: "/src", readOnly: true, kind: "hostPath", hostPath: folder }];
      expect(() =>
        backend.admit({ ...ANY, imageReference: "x", mounts, confinement: use.spec.confinement }),
      ).not.toThrow();
      const text = "exec 2>&1; cd /src && /bin/busybox chmod 777 . ; /bin/busybox cat hello";
      expect(await outputOf(use, text, { mounts })).toMatch(/Read-only file system\nhello from the host/);
      const missing = mounts.map((mount) => ({ ...mount, hostPath: `${folder}/missing` }));
      await expect(use.launch({ mounts: missing, hash: "second" })).rejects.toMatchObject({
        name: "TransientError",
        message: expect.stringContaining("create the directory"),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("cannot reach its neighbours", async () => {
    await using server = await dockerDeployment("server");
    await using client = await dockerDeployment("client");
    const { id } = await server.launch();
    const { NetworkSettings } = await engine.getContainer(id).inspect();
    const address = NetworkSettings.Networks.slipway?.IPAddress;
    const text = `/bin/busybox timeout 3 /bin/busybox wget -q -O - http://${address}:8080/ || echo unreachable`;
    expect(await outputOf(client, text)).toContain("unreachable");
  });

  it("ends at SIGTERM though its program is no init", async () => {
    await using use = await dockerDeployment("sigterm");
    const { id } = await use.launch(script("/bin/busybox sleep 1000"));
    const before = performance.now();
    await use.backend.stop(id, 60, within());
    expect(performance.now() - before).toBeLessThan(30_000);
    expect((await use.observe()).state).toMatchObject({ kind: "exited", exitCode: 143 });
  });
});

describe("what happens to a container", () => {
  it.each([
    { what: "killed", act: (id: string) => engine.getContainer(id).kill(), kind: "exited" },
    { what: "stopped", act: (id: string) => engine.getContainer(id).stop({ t: 1 }), kind: "exited" },
    { what: "paused", act: (id: string) => engine.getContainer(id).pause(), kind: "paused" },
  ])("$what: start brings it back", async ({ act, kind }) => {
    await using use = await dockerDeployment("brought-back");
    const { id, address } = await use.launch();
    await act(id);
    expect((await use.observe()).state.kind).toBe(kind);
    const again = await use.backend.start(id, within());
    expect(again).toMatchObject({ id, state: { kind: "running" }, address });
    await eventually("it answers", () => answersHttp(again.address ?? ""));
  });

  it.each([
    {
      what: "renamed",
      act: (id: string) => engine.getContainer(id).rename({ name: `other-${id.slice(0, 8)}` }),
      kind: "name",
    },
    {
      what: "cut off",
      act: (id: string) => engine.getNetwork("slipway").disconnect({ Container: id }),
      kind: "network",
    },
  ])("$what: it is drift, and repaired without a restart", async ({ act, kind }) => {
    await using use = await dockerDeployment("drifted");
    const before = await use.launch();
    await act(before.id);
    const drifted = await use.observe();
    expect(drifted.drift.map((drift) => drift.kind)).toEqual([kind]);
    await use.backend.repair(drifted, within());
    const after = await use.observe();
    expect(after).toEqual(before);
    await eventually("it answers", () => answersHttp(after.address ?? ""));
  });

  it("its network was removed while it was stopped: start makes it anew", async () => {
    const backend = dockerUnderTest({ network: "slipway-test-network" });
    await engine.createNetwork({ Name: "slipway-test-network" });
    try {
      await using use = await dockerDeployment("network-gone", { backend });
      const { id } = await use.launch();
      await use.backend.stop(id, 1, within());
      await engine.getNetwork("slipway-test-network").remove();
      await expect(use.backend.start(id, within())).rejects.toMatchObject({
        message: expect.stringContaining("docker network create slipway-test-network"),
      });
      await engine.createNetwork({ Name: "slipway-test-network" });
      const again = await use.backend.start(id, within());
      expect(again).toMatchObject({ id, state: { kind: "running" }, drift: [] });
    } finally {
      await engine.getNetwork("slipway-test-network").remove();
    }
  });

  it("it crashes: the exit code and the Engine's own restarts show", async () => {
    await using use = await dockerDeployment("crashes");
    await use.launch(script("exit 3"));
    const seen = await eventually("the Engine waits before it starts it again", async () => {
      const workload = await use.observe();
      return workload.state.kind === "restarting" && workload.platformRestarts > 1 && workload;
    });
    expect(seen.state).toEqual({ kind: "restarting", exitCode: 3, outOfMemory: false, error: "" });
  });

  it("it takes more memory than it may", async () => {
    await using use = await dockerDeployment("hungry");
    const limits = { ...use.spec.limits, memoryBytes: 16 * 1024 * 1024 };
    await use.launch({ ...script("/bin/busybox tail /dev/zero"), limits, restartPolicy: "Never" });
    // The Engine may hear of the reason a moment after the end.
    const ended = await eventually("it ended for want of memory", async () => {
      const { state } = await use.observe();
      return state.kind === "exited" && state.outOfMemory && state;
    });
    expect(ended).toMatchObject({ exitCode: 137 });
  });

  it("its program does not exist", async () => {
    await using use = await dockerDeployment("no-program");
    await use.launch({ command: ["/nope"], restartPolicy: "Never" });
    const ended = await eventually("it ended", async () => {
      const { state } = await use.observe();
      return state.kind === "exited" && state;
    });
    expect(ended).toMatchObject({ exitCode: 127, error: expect.stringContaining("spec.command") });
  });

  it("a stop takes the Engine's restarts away, a start gives them back", async () => {
    await using use = await dockerDeployment("on-failure", { spec: { restartPolicy: "OnFailure" } });
    const policy = async (id: string) => (await engine.getContainer(id).inspect()).HostConfig.RestartPolicy?.Name;
    const { id } = await use.launch();
    expect(await policy(id)).toBe("on-failure");
    await use.backend.stop(id, 1, within());
    expect(await policy(id)).toBe("no");
    await use.backend.start(id, within());
    expect(await policy(id)).toBe("on-failure");
  });
});

describe("creation", () => {
  it("replaces a container of an older revision", async () => {
    await using use = await dockerDeployment("replaced");
    const first = await use.launch();
    const second = await use.launch({ hash: "second", generation: 2 }, { hostPort: first.hostPort });
    expect(second.id).not.toBe(first.id);
    expect(await use.backend.observe(use.owner, within())).toEqual([second]);
  });

  it("makes one container though replies are lost", async () => {
    await using use = await dockerDeployment("lost-replies", { spec: { mounts: [files({ a: "1" })] } });
    const options = { role: "current", hostPort: undefined } as const;
    for (const afterMs of [0, 2, 5, 10, 20, 40, 80]) {
      const attempt = use.backend.create(use.spec, options, AbortSignal.timeout(afterMs));
      await attempt.catch((error: unknown) =>
        expect(error).toHaveProperty("name", expect.stringMatching(/Timeout|Abort/)),
      );
    }
    const { id } = await use.backend.create(use.spec, options, within());
    expect((await use.backend.start(id, within())).state.kind).toBe("running");
    const label = [`slipway.dev/uid=${use.owner.uid}`];
    // What nobody waits for any more the Engine still works on; it would appear after the end of this test.
    await sleep(2_000);
    const workloads = [...label, "slipway.dev/role=workload"];
    expect(await engine.listContainers({ all: true, filters: { label: workloads } })).toHaveLength(1);
  });

  it("leaves alone a container that is not ours, whatever its name", async () => {
    await using use = await dockerDeployment("foreign");
    const { id } = await use.launch();
    const name = (await engine.getContainer(id).inspect()).Name.slice(1);
    await use.backend.delete(id, within());
    const foreign = await engine.createContainer({ name, Image: use.spec.image.pinned });
    try {
      await expect(use.launch()).rejects.toMatchObject({
        reason: "BackendError",
        message: expect.stringContaining(name),
      });
    } finally {
      await foreign.remove();
    }
    expect((await use.launch()).state.kind).toBe("running");
  });

  it("moves to another port when the chosen one is lost before the first start", async () => {
    await using use = await dockerDeployment("port-lost");
    const created = await use.backend.create(use.spec, { role: "current", hostPort: undefined }, within());
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(created.hostPort, "127.0.0.1", resolve));
    try {
      const started = await use.backend.start(created.id, within());
      expect(started.hostPort).not.toBe(created.hostPort);
      expect(started).toMatchObject({ hash: use.spec.hash, state: { kind: "running" }, drift: [] });
      await eventually("it answers", () => answersHttp(started.address ?? ""));
      expect(await use.backend.observe(use.owner, within())).toEqual([started]);
    } finally {
      thief.close();
    }
  });

  it("waits for a port that clients know, and takes it when it is free again", async () => {
    await using use = await dockerDeployment("port-kept");
    const { id, hostPort } = await use.launch();
    await use.backend.stop(id, 1, within());
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(hostPort, "127.0.0.1", resolve));
    await expect(use.backend.start(id, within())).rejects.toMatchObject({ reason: "PortConflict" });
    await new Promise((resolve) => thief.close(resolve));
    expect(await use.backend.start(id, within())).toMatchObject({ id, hostPort, state: { kind: "running" } });
  });

  it("refuses limits that the Engine cannot hold", async () => {
    await using use = await dockerDeployment("too-small");
    await expect(use.launch({ limits: { ...use.spec.limits, memoryBytes: 1024 } })).rejects.toMatchObject({
      name: "TerminalError",
      reason: "InvalidSpec",
    });
  });
});
