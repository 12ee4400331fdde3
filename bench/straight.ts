import type { Network } from "dockerode";
import { BENCH_LABEL, engine, inParallel, removeContainers, settle } from "./engine.ts";

/** A bridge like Slipway's: without traffic between containers. */
const NETWORK = `slipway-bench-${process.pid}`;
const LABEL = `${BENCH_LABEL}=straight`;
/** Below the ports that the kernel hands out by itself, and not those of Slipway. */
const FIRST_PORT = 18_000;

/** Creates and starts `count` containers by bare Engine calls, `atOnce` at a time. Answers milliseconds. */
export async function timeStraight(image: string, count: number, atOnce: number): Promise<number> {
  const network = await engine.createNetwork({
    Name: NETWORK,
    Options: { "com.docker.network.bridge.enable_icc": "false" },
  });
  try {
    const began = performance.now();
    await inParallel(Array(count).keys(), atOnce, async (index) => {
      const container = await engine.createContainer(containerOptions(image, index));
      await container.start();
    });
    return performance.now() - began;
  } finally {
    await removeContainers(LABEL);
    await removeWhenUnused(network);
  }
}

/** A container that was just removed may hold on to its network a little longer. */
async function removeWhenUnused(network: Network): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await network.remove();
      return;
    } catch (error) {
      if (attempt === 10) throw error;
      await settle();
    }
  }
}

/** The same limits, port and hardening that Slipway gives to a container. */
function containerOptions(image: string, index: number) {
  const memory = 512 * 1024 * 1024;
  return {
    name: `slipway-bench-straight-${index}`,
    Image: image,
    Labels: { [BENCH_LABEL]: "straight" },
    ExposedPorts: { "8080/tcp": {} },
    HostConfig: {
      NanoCpus: 500_000_000,
      Memory: memory,
      MemorySwap: memory,
      PidsLimit: 100,
      Init: true,
      NetworkMode: NETWORK,
      SecurityOpt: ["no-new-privileges"],
      RestartPolicy: { Name: "always" },
      PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: String(FIRST_PORT + index) }] },
    },
  };
}
