import { describe, expect, it } from "@jest/globals";
import { newOwner } from "../../../../test/contract/backend.ts";
import type { Owner } from "../../backend.ts";
import { PackageInstalls } from "./package-installs.ts";

const PINNED = { name: "server", version: "1.0.0", integrity: "sha512-AAAA", lock: "sha256-AAAA" };

/** Installs that end when the test says so. */
function installing() {
  const begun: PromiseWithResolvers<readonly string[]>[] = [];
  const told: Owner[] = [];
  const packages = {
    ensure() {
      const install = Promise.withResolvers<readonly string[]>();
      begun.push(install);
      return install.promise;
    },
  };
  const installs = new PackageInstalls((owner) => told.push(owner));
  const ask = (owner: Owner) => installs.ensure(owner, PINNED, packages).kind;
  return { begun, told, ask };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("installs in the background", () => {
  it("are one for all that ask, and tell each of them", async () => {
    const { begun, told, ask } = installing();
    const [one, two] = [newOwner(), newOwner()];
    expect([ask(one), ask(two), ask(one)]).toEqual(["pulling", "pulling", "pulling"]);
    expect(begun).toHaveLength(1);
    begun[0]?.resolve([]);
    await settled();
    expect(told).toEqual([one, two]);
    expect([ask(one), ask(two)]).toEqual(["present", "present"]);
  });

  it("throw once to each why one failed, and begin another for the next call", async () => {
    const { begun, ask } = installing();
    const [one, two] = [newOwner(), newOwner()];
    ask(one);
    ask(two);
    begun[0]?.reject(new Error("no network"));
    await settled();
    expect(() => ask(one)).toThrow("no network");
    expect(() => ask(two)).toThrow("no network");
    expect(ask(one)).toBe("pulling");
    expect(begun).toHaveLength(2);
  });

  it("are looked at again for who asks later: files may have gone since", async () => {
    const { begun, ask } = installing();
    const one = newOwner();
    ask(one);
    begun[0]?.resolve([]);
    await settled();
    expect(ask(one)).toBe("present");
    expect(ask(newOwner())).toBe("pulling");
    expect(begun).toHaveLength(2);
  });
});
