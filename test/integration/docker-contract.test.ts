import { beforeAll, jest } from "@jest/globals";
import { type BackendWorld, backendContract } from "../contract/backend.ts";
import { answersHttp, dockerUnderTest } from "../support/docker-under-test.ts";
import { BUSYBOX_IMAGE, ensureBusyboxImage } from "../support/images.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

beforeAll(async () => {
  await ensureBusyboxImage();
});

backendContract("the Docker backend", async (): Promise<BackendWorld> => {
  const backend = dockerUnderTest();
  return {
    backend,
    image: BUSYBOX_IMAGE,
    port: 8080,
    missingImage: "127.0.0.1:1/slipway/missing:1",
    answers: answersHttp,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
});
