import { BENCH_LABEL, benchPort, engine, inParallel } from "./engine.ts";

/** Creates and starts `count` containers by bare Engine calls, `atOnce` at a time. Answers milliseconds. */
export async function startStraight(image: string, count: number, atOnce: number): Promise<number> {
  const began = performance.now();
  await inParallel([...Array(count).keys()], atOnce, async (index) => {
    const container = await engine.createContainer({
      name: `slipway-bench-straight-${index}`,
      Image: image,
      Labels: { [BENCH_LABEL]: "straight" },
      ExposedPorts: { "8080/tcp": {} },
      HostConfig: {
        NanoCpus: 500_000_000,
        Memory: 512 * 1024 * 1024,
        MemorySwap: 512 * 1024 * 1024,
        PidsLimit: 100,
        SecurityOpt: ["no-new-privileges"],
        RestartPolicy: { Name: "always" },
        PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: String(benchPort(index)) }] },
      },
    });
    await container.start();
  });
  return performance.now() - began;
}
