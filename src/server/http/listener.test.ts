import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { loadCertificates, type ServerCertificates } from "./certificates.ts";
import { listen } from "./listener.ts";

let folder: string;
let certificates: ServerCertificates;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-listener-"));
  certificates = await loadCertificates(folder, ["127.0.0.1"], new Date());
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function request(port: number): Promise<TLSSocket> {
  const client = connect({ port, host: "127.0.0.1", ca: certificates.caPem });
  await new Promise((resolve) => client.once("secureConnect", resolve));
  client.write("GET /watched HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  return client;
}

it("tells a stream that its client left before it began", async () => {
  const asked = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<boolean>();
  const listener = await listen({
    ...{ host: "127.0.0.1", port: 0, certificates, logger: recordingLogger().logger },
    handler: async (_, { message }) => {
      asked.resolve();
      await new Promise((resolve) => message.socket.once("close", resolve));
      return { status: 200, stream: { run: (_sink, signal) => begun.resolve(signal.aborted) } };
    },
  });
  try {
    const client = await request(listener.port);
    await asked.promise;
    client.destroy();
    expect(await begun.promise).toBe(true);
  } finally {
    await listener.close();
  }
});
