import { expect, it, jest } from "@jest/globals";
import { newOwner } from "../contract/backend.ts";
import {
  type DockerDeployment,
  dockerDeployment,
  dockerUnderTest,
  script,
  within,
} from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const MiB = 1024 * 1024;

/** `usage`, as docker's backend alone has it for certain. */
async function used({ owner }: DockerDeployment) {
  await using backend = dockerUnderTest();
  return await backend.usage(owner, within());
}

it("tells the CPU that a container burns, within its limit", async () => {
  await using use = await dockerDeployment("burner");
  const limits = { cpuMillis: 250, memoryBytes: 64 * MiB, pids: 20 };
  await use.launch({ ...script("while :; do :; done"), limits });
  // What a busy machine leaves for it is not known.
  const found = await eventually("it burns CPU", async () => {
    const usage = await used(use);
    return (usage?.cpuMillis ?? 0) > 30 ? usage : undefined;
  });
  expect(found?.instances).toBe(1);
  expect(found?.cpuMillis).toBeLessThan(500);
});

it("tells the memory that a container holds, and not the files that it has read", async () => {
  await using use = await dockerDeployment("holder");
  const limits = { cpuMillis: 1_000, memoryBytes: 256 * MiB, pids: 20 };
  // In tmpfs, which counts as held; the copy of a file does not, once it was written.
  const text = "/bin/busybox dd if=/dev/zero of=/dev/shm/held bs=1M count=40; exec /bin/busybox sleep 1000";
  await use.launch({ ...script(text), limits });
  const found = await eventually("it holds memory", async () => {
    const usage = await used(use);
    return (usage?.memoryBytes ?? 0) > 38 * MiB ? usage : undefined;
  });
  expect(found?.memoryBytes).toBeLessThan(80 * MiB);
  expect(found?.cpuMillis).toBeLessThan(100);
});

it("is nothing of what does not run, and not known of what is not there", async () => {
  await using use = await dockerDeployment("stopped");
  const { id } = await use.launch(script("exec /bin/busybox sleep 1000"));
  await use.backend.stop(id, 0, within());
  expect(await used(use)).toEqual({ instances: 0, cpuMillis: 0, memoryBytes: 0 });
  await using backend = dockerUnderTest();
  expect(await backend.usage(newOwner("other"), within())).toBeUndefined();
});
