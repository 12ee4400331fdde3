import { describe, expect, it } from "@jest/globals";
import { normalizedUrl, slugOf } from "./identity.ts";

describe("URLs of ContextForge", () => {
  it.each([
    { because: "it rewrites 127.0.0.1", a: "http://127.0.0.1:7080/x", b: "http://localhost:7080/x", same: true },
    { because: "capitals of a host say nothing", a: "http://Host.test/x", b: "http://host.test/x", same: true },
    { because: "a default port says nothing", a: "https://host.test:443/x", b: "https://host.test/x", same: true },
    { because: "a slash at the end says nothing", a: "http://h.test/x/", b: "http://h.test/x", same: true },
    { because: "a path has capitals", a: "http://h.test/X", b: "http://h.test/x", same: false },
    { because: "a port is another server", a: "http://h.test:1/x", b: "http://h.test:2/x", same: false },
    { because: "a query is another endpoint", a: "http://h.test/x?a=1", b: "http://h.test/x", same: false },
    {
      because: "a host that begins so is another",
      a: "http://127.0.0.1.test/",
      b: "http://localhost.test/",
      same: false,
    },
    { because: "what is none is compared as it is", a: "none", b: "none", same: true },
  ])("$a and $b: $same, since $because", ({ a, b, same }) => {
    expect(normalizedUrl(a) === normalizedUrl(b)).toBe(same);
  });
});

describe("names of ContextForge", () => {
  it("meet by their slugs", () => {
    expect(slugOf("Team.Files_ 2 ")).toBe("team-files-2");
  });
});
