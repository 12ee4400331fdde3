import { randomUUID } from "node:crypto";
import { describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { dockerDeployment, dockerUnderTest, within } from "../support/docker-under-test.ts";
import { BUSYBOX_IMAGE } from "../support/images.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();

async function exists(id: string): Promise<boolean> {
  const listed = await engine.listContainers({ all: true, filters: { id: [id] } });
  return listed.length > 0;
}

const nobody = (): boolean => false;

describe("the collection of orphans", () => {
  it("leaves alone what this backend of this installation did not make", async () => {
    const installation = randomUUID();
    await using ours = await dockerDeployment("ours", { backend: dockerUnderTest({}, { installation }) });
    await using other = await dockerDeployment("other", {
      backend: dockerUnderTest({}, { installation: randomUUID() }),
    });
    await using sibling = await dockerDeployment("sibling", {
      backend: dockerUnderTest({}, { installation, name: "second" }),
    });
    const foreign = await engine.createContainer({ Image: BUSYBOX_IMAGE });
    try {
      const lost = await ours.launch();
      const kept = [await other.launch(), await sibling.launch(), foreign];
      expect(await ours.backend.collectOrphans(nobody, within())).toEqual([ours.owner]);
      expect(await exists(lost.id)).toBe(false);
      for (const { id } of kept) expect(await exists(id)).toBe(true);
      expect(await ours.backend.collectOrphans(nobody, within())).toEqual([]);
    } finally {
      await foreign.remove();
    }
  });

  it("finds volumes without a container, but not those that are retained", async () => {
    const backend = dockerUnderTest({}, { installation: randomUUID() });
    const volume = (name: string, retain: boolean) =>
      ({ name, path: `/${name}`, readOnly: false, kind: "volume", retain }) as const;
    const mounts = [volume("gone", false), volume("kept", true)];
    await using use = await dockerDeployment("volumes", { backend, spec: { mounts } });
    const { id } = await use.launch();
    await backend.delete(id, within());
    expect(await backend.collectOrphans(() => true, within())).toEqual([]);
    expect(await backend.collectOrphans(nobody, within())).toEqual([use.owner]);
    const { Volumes } = await engine.listVolumes({ filters: { label: [`slipway.dev/uid=${use.owner.uid}`] } });
    expect(Volumes.map(({ Name }) => Name)).toEqual([expect.stringMatching(/-kept$/)]);
    for (const { Name } of Volumes) await engine.getVolume(Name).remove();
  });
});

describe("a volume that was made to be removed", () => {
  it("is not mounted as one that is retained", async () => {
    const mount = (retain: boolean) =>
      ({ name: "data", path: "/data", readOnly: false, kind: "volume", retain }) as const;
    await using use = await dockerDeployment("retain", { spec: { mounts: [mount(false)] } });
    const { id } = await use.launch();
    await use.backend.delete(id, within());
    const kept = { ...use.spec, mounts: [mount(true)] };
    await expect(use.backend.create(kept, { role: "current", hostPort: undefined }, within())).rejects.toMatchObject({
      name: "TerminalError",
      reason: "VolumeNotAllowed",
      message: expect.stringContaining("spec.volumes[data].volume.retain"),
    });
  });
});

describe("purge", () => {
  it("also removes what an interrupted creation left", async () => {
    await using use = await dockerDeployment("interrupted");
    const { id } = await use.launch();
    const { Config } = await engine.getContainer(id).inspect();
    const helper = await engine.createContainer({
      Image: BUSYBOX_IMAGE,
      Labels: { ...Config.Labels, "slipway.dev/role": "helper" },
    });
    expect(await use.backend.observe(use.owner, within())).toHaveLength(1);
    expect(await use.backend.purge(use.owner, within())).toBe(true);
    expect(await exists(helper.id)).toBe(false);
  });
});
