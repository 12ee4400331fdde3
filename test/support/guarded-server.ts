import type { AdmissionObserver } from "../../src/admission/observer.ts";
import { type AdmissionMode, admissionOf } from "../../src/cli/admission-mode.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { startTestApiServer, type TestApiServer } from "./api-server.ts";
import { recordingLogger } from "./recording-logger.ts";

/** A server that asks for the rules of admission in this way. */
export async function startGuarded(
  mode: AdmissionMode,
  { dataDir, observer }: { readonly dataDir?: string; readonly observer?: AdmissionObserver } = {},
): Promise<TestApiServer> {
  const admission = admissionOf(mode, { clock: systemClock, logger: recordingLogger().logger, observer });
  const server = await startTestApiServer({ ...admission.options, ...(dataDir === undefined ? {} : { dataDir }) });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await admission[Symbol.asyncDispose]();
    },
  };
}
