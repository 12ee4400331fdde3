import { beforeAll, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { loadImage } from "../../scripts/engine/load-image.ts";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import { type BackendWorld, backendContract } from "../contract/backend.ts";
import { type StdioWorld, stdioHostContract } from "../contract/stdio-host.ts";
import { answersHttp, dockerUnderTest, within } from "../support/docker-under-test.ts";
import { BUSYBOX_IMAGE, ensureBusyboxImage } from "../support/images.ts";
import { requireTool } from "../support/tool.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();
const ROOT_IMAGE = "slipway.test/root:1";

beforeAll(async () => {
  await ensureBusyboxImage();
  await ensureSandboxImage(() => undefined);
  const busybox = { path: "/bin/busybox", file: requireTool("busybox", "busybox-static"), mode: 0o755 };
  await loadImage(engine, { tag: ROOT_IMAGE, entries: [busybox], config: { Entrypoint: ["/bin/busybox", "httpd"] } });
});

backendContract("the Docker backend", async (): Promise<BackendWorld> => {
  const backend = dockerUnderTest();
  return {
    backend,
    image: BUSYBOX_IMAGE,
    rootImage: ROOT_IMAGE,
    port: 8080,
    endSandbox: async ({ id }) => {
      const { HostConfig } = await engine.getContainer(id).inspect();
      await engine.getContainer((HostConfig.NetworkMode ?? "").slice("container:".length)).remove({ force: true });
    },
    missingImage: "127.0.0.1:1/slipway/missing:1",
    answers: answersHttp,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
});

async function startStdio(): Promise<StdioWorld> {
  const backend = dockerUnderTest();
  const request = { reference: BUSYBOX_IMAGE, pullPolicy: "Never", dockerConfig: undefined } as const;
  const image = await backend.resolveImage(request, within());
  return {
    backend,
    echo: { image, command: ["/bin/busybox", "cat"] },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

stdioHostContract("the Docker backend", startStdio, { sandboxes: true, ownProcesses: true });
