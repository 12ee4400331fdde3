import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { listen } from "../../test/support/listen.ts";
import { AddressRefused, judgedLookup } from "./judged-lookup.ts";

function lookedUp(mayDial: (address: string) => boolean, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    judgedLookup(mayDial)("localhost", { all }, (error, found, family) =>
      error ? reject(error) : resolve(all ? found : { address: found, family }),
    );
  });
}

describe("a judged lookup", () => {
  it("answers what may be dialled, as it is asked", async () => {
    const isFour = (address: string) => address === "127.0.0.1";
    expect(await lookedUp(isFour, true)).toEqual([{ address: "127.0.0.1", family: 4 }]);
    expect(await lookedUp(isFour, false)).toEqual({ address: "127.0.0.1", family: 4 });
  });

  it("names the host, and no address, where nothing may be", async () => {
    const refused = await lookedUp(() => false, true).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AddressRefused);
    expect(String(refused)).toBe("AddressRefused: localhost has no address that may be dialled from here");
  });

  it("fails as the resolver does", async () => {
    const lookup = judgedLookup(() => true);
    const error = await new Promise((resolve) => lookup("no-such-host.invalid", {}, resolve));
    expect(error).toMatchObject({ code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) });
  });

  it("is asked anew for each connection, and what it judged is connected to", async () => {
    const server = createServer((socket) => socket.end());
    const port = Number((await listen(server)).split(":")[1]);
    const judged: string[] = [];
    const dial = async (verdict: boolean) => {
      const lookup = judgedLookup((address) => {
        judged.push(address);
        return verdict;
      });
      const socket = connect({ host: "localhost", port, lookup });
      await once(socket, "connect");
      const { remoteAddress } = socket;
      socket.destroy();
      return remoteAddress;
    };
    try {
      const dialled = await dial(true);
      expect(judged).toContain(dialled);
      await expect(dial(false)).rejects.toThrow(AddressRefused);
    } finally {
      server.close();
    }
  });
});
