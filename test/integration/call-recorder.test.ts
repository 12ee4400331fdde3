import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { CallRecorder } from "../support/call-recorder.ts";
import { listen } from "../support/listen.ts";

function portOf(address: string): number {
  return Number(address.split(":")[1]);
}

/** Above those that the kernel gives out by itself. */
const LOCAL_PORTS = Array.from({ length: 20 }, (_, index) => 62_000 + index);

/** One request, over a connection that is closed by the one that asked: its end stays with the kernel for a minute. */
async function ask(port: number, localPort: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", localAddress: "127.0.0.1", port, localPort });
  await once(socket, "connect");
  socket.end("GET /asked HTTP/1.1\r\n\r\n").resume();
  await once(socket, "close");
}

describe("CallRecorder", () => {
  it("knows whose a connection is though others have had the same port on their side", async () => {
    await using stack = new AsyncDisposableStack();
    const place = async () => {
      const server = createServer({ allowHalfOpen: true }, (socket) => socket.on("end", () => socket.end()).resume());
      stack.defer(() => void server.close());
      return portOf(await listen(server));
    };
    const asked = await place();
    await using recorder = await CallRecorder.start({ host: "127.0.0.1", port: asked }, () => [process.pid]);
    for (const localPort of LOCAL_PORTS) {
      await ask(await place(), localPort);
      await ask(portOf(recorder.address), localPort);
    }
    expect(recorder.of(process.pid)).toEqual(LOCAL_PORTS.map(() => "GET /asked"));
  });
});
