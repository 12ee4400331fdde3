import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { GuardedFetch } from "./guarded-fetch.ts";

let disposables = new AsyncDisposableStack();
afterEach(async () => {
  await disposables.disposeAsync();
  disposables = new AsyncDisposableStack();
});

/** A server of the loopback; answers its origin and what it was asked. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  disposables.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const redirect = (location: string) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(307, { location });
  response.end();
};

function guardOf(first: string): GuardedFetch {
  return disposables.use(new GuardedFetch(first));
}

describe("what a registry leads to", () => {
  it("is asked where it is as far inside as the registry", async () => {
    const { origin, asked } = await serve((_, response) => response.end("here"));
    const answer = await guardOf(origin).fetch(`${origin}/v2/`, { headers: { Authorization: "Basic eA==" } });
    expect(await answer.text()).toBe("here");
    expect(asked[0]?.headers.authorization).toBe("Basic eA==");
  });

  it("is followed on its own origin with the credentials, a few times", async () => {
    const { origin, asked } = await serve((request, response) =>
      request.url === "/end" ? response.end("end") : redirect("/end")(request, response),
    );
    const answer = await guardOf(origin).fetch(`${origin}/`, { headers: { Authorization: "Basic eA==" } });
    expect(await answer.text()).toBe("end");
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(["Basic eA==", "Basic eA=="]);
    const loop = await serve(redirect("/again"));
    await expect(guardOf(loop.origin).fetch(loop.origin, {})).rejects.toThrow("again and again");
    expect(loop.asked).toHaveLength(4);
  });

  it("is not asked in the clear on another origin", async () => {
    const other = await serve((_, response) => response.end("secret"));
    const { origin } = await serve(redirect(other.origin));
    await expect(guardOf(origin).fetch(origin, {})).rejects.toThrow("plain http");
    expect(other.asked).toEqual([]);
  });

  it.each([
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/",
    "http://0.0.0.0:1/",
    "http://[fd00:ec2::254]/",
  ])("is never %s", async (first) => {
    await expect(guardOf(first).fetch(first, {})).rejects.toThrow("no address");
  });

  it.each([
    "https://127.0.0.1:4999/",
    "https://[::1]:1/",
    "https://10.0.0.1:1/",
    "https://localhost:4999/",
    "https://[::ffff:127.0.0.1]:1/",
  ])("from a public registry is not %s", async (inside) => {
    const guard = guardOf("https://1.1.1.1");
    const error: unknown = await guard
      .fetch(inside, { signal: AbortSignal.timeout(5_000) })
      .catch((cause: unknown) => cause);
    const { message, cause } = error as Error;
    expect(`${message} ${cause}`).toContain("no address that may be dialled");
  });

  it("ends when nobody waits any more", async () => {
    const { origin } = await serve(() => undefined);
    await expect(guardOf(origin).fetch(origin, { signal: AbortSignal.timeout(100) })).rejects.toThrow();
  });
});
