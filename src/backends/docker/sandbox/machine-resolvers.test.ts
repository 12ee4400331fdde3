import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { machineResolvers, nameserversOf } from "./machine-resolvers.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-resolvers-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("machineResolvers", () => {
  it("leaves out what only this machine can reach, and then looks behind it", async () => {
    const stub = file("stub", "nameserver 127.0.0.53\noptions edns0\n");
    const behind = file("behind", "nameserver 10.0.0.2\nnameserver 2001:db8::53\n");
    expect(await machineResolvers([stub, behind])).toEqual(["10.0.0.2", "2001:db8::53"]);
    expect(await machineResolvers([stub, join(folder, "missing")])).toEqual([]);
  });

  it("asks no more than a C library would", async () => {
    const many = file("many", Array.from({ length: 5 }, (_, at) => `nameserver 10.0.0.${at + 1}`).join("\n"));
    expect(await machineResolvers([many])).toHaveLength(3);
  });
});

describe("nameserversOf", () => {
  it("takes only addresses", () => {
    const text =
      "# nameserver 10.0.0.9\nsearch a.b\nnameserver fe80::1%eth0\nnameserver dns.example\n nameserver\t10.0.0.1 # x\n";
    expect(nameserversOf(text)).toEqual(["10.0.0.1"]);
  });
});
