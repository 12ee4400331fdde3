import type Docker from "dockerode";
import { pack } from "tar-stream";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { Mount, Workload, WorkloadSpec } from "../../backend.ts";
import { createContainer } from "../engine/create-container.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { claimName } from "./claim-name.ts";
import { filesVolume } from "./mounts.ts";
import { type Maker, ownerLabels } from "./object-labels.ts";
import { helperName } from "./object-names.ts";

type FilesMount = Mount & { kind: "files" };

/**
 * Everybody inside the container may read, since the server's user is unknown here; nobody may write. On the Engine's
 * machine the directory above all volumes is closed to everybody but root.
 */
const FILE_MODE = 0o444;

/** Keys of Secrets and ConfigMaps, as Kubernetes has them. Nothing else keeps them inside of their volume. */
const FILE_NAME = /^(?!\.\.?$)[-._a-zA-Z0-9]+$/;

/** The helper never runs; the Engine wants to know what it would. */
const NEVER_RUN = ["never-run"];

/**
 * Writes the files of a workload into volumes, before its container exists: a container that does is complete. They go
 * through the Engine's API into a container that is never started, so nothing of this machine's file system is used
 * and no image but the workload's own is needed.
 */
export async function writeFiles(
  engine: EngineClient,
  { spec, role, image, maker }: { spec: WorkloadSpec; role: Workload["role"]; image: string; maker: Maker },
  options: CallOptions,
): Promise<void> {
  const mounts = spec.mounts.filter((mount) => mount.kind === "files");
  if (mounts.length === 0) return;
  const name = helperName(spec.owner, role);
  const targets = mounts.map((mount, index) => ({ mount, target: `/slipway/${index}` }));
  const wanted = {
    name,
    Image: image,
    Entrypoint: NEVER_RUN,
    Labels: { ...ownerLabels(maker, spec.owner, "helper"), [Label.SpecHash]: spec.hash },
    HostConfig: {
      NetworkMode: "none",
      Mounts: targets.map(({ mount, target }) =>
        filesVolume({ owner: spec.owner, hash: spec.hash, mount, target, readOnly: false }, maker),
      ),
    },
  };
  const create = async (): Promise<void> => {
    const make = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
    await engine.call("create a helper container", make, options);
  };
  const remove = () => removeContainer(engine, name, options);
  // One that an interrupted attempt left has volumes of who knows which revision.
  await claimName(create, remove, options.signal);
  try {
    for (const { mount, target } of targets) {
      const archive = await tarOf(mount);
      const put = (path: string) =>
        engine.call("write files", (docker) => docker.getContainer(name).putArchive(archive, { path }), options);
      await put(target);
    }
  } finally {
    await remove();
  }
}

async function removeContainer(
  engine: EngineClient,
  name: string,
  options: CallOptions,
): Promise<"removed" | "unseen"> {
  const remove = (docker: Docker) => docker.getContainer(name).remove({ force: true });
  try {
    await engine.call("remove a helper container", remove, options);
    return "removed";
  } catch (error) {
    if (!hasStatus(error, 404, 409)) throw error;
    return "unseen";
  }
}

async function tarOf({ name: mount, files }: FilesMount): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) {
    if (!FILE_NAME.test(name)) throw new TerminalError(Reason.InvalidSpec, notAFileName(mount, name));
    archive.entry({ name, mode: FILE_MODE }, Buffer.from(content));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function notAFileName(mount: string, name: string): string {
  const remedy = "rename that key: letters, digits, dots, dashes and underscores, not . or ..";
  return `spec.volumes[${mount}]: ${JSON.stringify(name)} cannot be the name of a file; ${remedy}`;
}
