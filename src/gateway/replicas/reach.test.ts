import { expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { startServer } from "../../../test/support/mcp-gateway.ts";
import { Reach, type Target } from "./reach.ts";

it("knows of a server once a connection was made, and looks again from time to time, without waiting", async () => {
  const clock = new FakeClock();
  const asked: Target[] = [];
  let isThere = true;
  const dial = async (target: Target) => {
    asked.push(target);
    return isThere;
  };
  const reach = new Reach({ clock, dial });
  expect(reach.has("http://10.0.0.1:8080/mcp")).toBe(false);
  await clock.advance(0);
  expect([reach.has("http://10.0.0.1:8080/mcp"), reach.has("http://10.0.0.1:8080/other")]).toEqual([true, true]);
  expect(asked).toEqual([{ host: "10.0.0.1", port: 8080 }]);
  isThere = false;
  await clock.advance(30_000);
  // What was found last counts until the next look is over.
  expect(reach.has("http://10.0.0.1:8080/mcp")).toBe(true);
  await clock.advance(0);
  expect(reach.has("http://10.0.0.1:8080/mcp")).toBe(false);
  expect(asked).toHaveLength(2);
});

it.each([
  { url: "http://files.team-a.svc/mcp", target: { host: "files.team-a.svc", port: 80 } },
  { url: "https://files.example.com/mcp", target: { host: "files.example.com", port: 443 } },
  { url: "http://[fd00::7]:8080/mcp", target: { host: "fd00::7", port: 8080 } },
])("looks for the server of $url", ({ url, target }) => {
  const asked: Target[] = [];
  const dial = async (each: Target) => asked.push(each) > 0;
  new Reach({ clock: new FakeClock(), dial }).has(url);
  expect(asked).toEqual([target]);
});

it("makes a connection, and finds what takes none", async () => {
  let url: string;
  {
    await using server = await startServer(() => undefined);
    url = server.url;
    const reach = new Reach({ clock: new FakeClock() });
    await eventually("it is reached", () => reach.has(server.url), { everyMs: 5 });
  }
  const reach = new Reach({ clock: new FakeClock() });
  expect(reach.has(url)).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(reach.has(url)).toBe(false);
});
