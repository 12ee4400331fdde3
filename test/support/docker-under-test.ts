import { engineAddress } from "../../scripts/engine/engine-address.ts";
import type { Backend, LogSource } from "../../src/backends/backend.ts";
import { dockerBackend } from "../../src/backends/docker/docker-backend.ts";
import type { DockerConfig } from "../../src/backends/docker/docker-config.ts";
import { recordingLogger } from "./recording-logger.ts";

/** No other Slipway, and no other test file, judges what is made in its name. */
export const TEST_INSTALLATION = `test-${process.pid}`;

/** A backend on the machine's Engine, with the defaults of the schema. */
export function dockerUnderTest(
  spec: Partial<DockerConfig["spec"]> = {},
  config: Partial<Omit<DockerConfig, "spec">> = {},
): Backend & LogSource {
  const { logger } = recordingLogger();
  return dockerBackend(
    {
      name: "docker",
      installation: TEST_INSTALLATION,
      ...config,
      spec: {
        host: engineAddress(),
        publish: { bindAddress: "127.0.0.1" },
        defaultLimits: { cpu: "500m", memory: "512Mi", pids: 100 },
        orphanCollection: { enabled: true, intervalHours: 24 },
        ...spec,
      },
    },
    logger,
  );
}

/** Whether a web server answers at `host:port`. */
export async function answersHttp(address: string): Promise<boolean> {
  const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(5_000) });
  await response.body?.cancel();
  return response.ok;
}
