import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { type Replica, WebhookWorld } from "../../test/support/webhook-world.ts";
import type { Secret } from "../api/core.ts";
import { createAuthority, createServerCertificate } from "../machinery/certificate-authority.ts";
import { patchOf } from "./ca-bundles.ts";

const DAY_MS = 86_400_000;
const HOST = "slipway-webhook.slipway-system.svc";

let world: WebhookWorld;
let running: Replica[];
beforeEach(() => {
  world = new WebhookWorld();
  running = [];
});
afterEach(async () => {
  await stopAll();
  expect(world.untrusted).toEqual([]);
});

function start(...leading: readonly boolean[]): Replica[] {
  running.push(...leading.map((leads) => world.start({ leads })));
  return running;
}

async function stopAll(): Promise<void> {
  await Promise.all(running.map((replica) => replica.stop()));
  running = [];
}

/** Nobody runs for so long. */
async function sleep(days: number): Promise<void> {
  await stopAll();
  await world.clock.advance(days * DAY_MS);
}

/** Lets time pass by small steps until it is so, as making keys takes no time of the clock. */
async function untilSo(what: string, isSo: () => boolean): Promise<void> {
  const look = async () => {
    await world.clock.advance(2_000);
    return isSo();
  };
  await eventually(what, look, { everyMs: 10 });
}

const authority = () => world.pem("slipway-webhook-ca", "tls.crt").trim();
const leaf = () => world.pem("slipway-webhook-tls", "tls.crt").trim();
const trusted = () => world.bundle()?.map((pem) => pem.trim());
const isSigned = (pem: string, by: string) => new X509Certificate(pem).verify(new X509Certificate(by).publicKey);
const allServe = () => running.every((replica) => replica.served()?.trim() === leaf());
const isSettled = () => allServe() && isSigned(leaf(), authority()) && trusted()?.includes(authority()) === true;
const untilSettled = () => untilSo("all serve what the newest authority signed", isSettled);

describe("the first replicas", () => {
  it("make one authority and one certificate, which all serve and both configurations trust", async () => {
    start(true, false, false);
    await untilSettled();
    expect(world.writes.toSorted()).toEqual([
      "create slipway-webhook-ca",
      "create slipway-webhook-tls",
      "patch MutatingWebhookConfiguration",
      "patch ValidatingWebhookConfiguration",
    ]);
    expect(trusted()).toEqual([authority()]);
    for (const name of ["slipway-webhook-ca", "slipway-webhook-tls"] as const)
      expect(world.secret(name)).toMatchObject({ type: "kubernetes.io/tls" });
    const served = new X509Certificate(leaf());
    expect([served.checkHost(HOST), served.checkHost(`${HOST}.cluster.local`)]).toEqual([
      HOST,
      `${HOST}.cluster.local`,
    ]);
    expect(served.checkHost("localhost")).toBeUndefined();
    expect((Date.parse(served.validTo) - world.clock.now().getTime()) / DAY_MS).toBeCloseTo(90, 1);
  });

  it("need no leader to serve", async () => {
    start(false, false);
    await untilSo("both serve", () => leaf() !== "" && allServe());
    expect(world.bundle()).toBeUndefined();
  });

  it("are followed by others that write nothing", async () => {
    start(true);
    await untilSettled();
    await sleep(1);
    world.writes.length = 0;
    start(true, false);
    await untilSettled();
    await world.clock.advance(120_000);
    expect(world.writes).toEqual([]);
  });
});

describe("a certificate", () => {
  it.each([
    { days: 59, renewed: false },
    { days: 61, renewed: true },
  ])("after $days days is renewed by the leader: $renewed", async ({ days, renewed }) => {
    start(true);
    await untilSettled();
    const [before, ca] = [leaf(), authority()];
    await sleep(days);
    start(true, false);
    await untilSettled();
    await world.clock.advance(70_000);
    await untilSo("it is, or not", () => (leaf() !== before) === renewed);
    await untilSettled();
    expect([authority(), trusted()]).toEqual([ca, [ca]]);
  });

  it("near its end is left to the leader", async () => {
    start(true);
    await untilSettled();
    const before = leaf();
    await sleep(80);
    start(false);
    await untilSo("it is served", allServe);
    await world.clock.advance(700_000);
    expect(leaf()).toBe(before);
  });

  it("that ended while nobody ran is made anew by whoever comes first", async () => {
    start(true);
    await untilSettled();
    const [before, ca] = [leaf(), authority()];
    await sleep(100);
    start(false);
    await untilSo("another is served", () => leaf() !== before && allServe());
    expect([authority(), trusted()]).toEqual([ca, [ca]]);
    expect(world.log.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { message: expect.stringMatching(/^certificates are made anew: Secret slipway-webhook-tls: it ended at 2026-/) },
    ]);
  });
});

describe("an authority in its last year", () => {
  it("is replaced, and what the new one signs is served only after both are trusted for a while", async () => {
    start(true);
    await untilSettled();
    const old = authority();
    await sleep(4 * 365 + 10);
    // The certificate has ended meanwhile, and is made by the authority that is known.
    start(false);
    await untilSo("another is served", () => allServe() && isSigned(leaf(), old));
    const former = leaf();

    start(true);
    await untilSo("both are trusted", () => trusted()?.length === 2);
    expect(authority()).not.toBe(old);
    expect(trusted()).toEqual([authority(), old]);
    await world.clock.advance(40_000);
    expect([leaf(), running.map((each) => each.served()?.trim())]).toEqual([former, [former, former]]);
    await untilSettled();
    expect(isSigned(leaf(), old)).toBe(false);
    // Whoever has not heard of it yet serves the former.
    expect(trusted()).toEqual([authority(), old]);

    await sleep(65);
    start(true);
    await untilSo("the former is forgotten", () => trusted()?.length === 1);
    await untilSettled();
  });

  it("goes on where its leader is gone in between", async () => {
    start(true);
    await untilSettled();
    const old = authority();
    await sleep(4 * 365 + 10);
    start(true);
    await untilSo("both are trusted", () => trusted()?.length === 2 && allServe());
    await stopAll();
    expect(isSigned(leaf(), old)).toBe(true);
    start(true, false);
    await untilSettled();
    expect(isSigned(leaf(), old)).toBe(false);
  });

  it("that ended with everything else is made anew, and trusted alone", async () => {
    start(true);
    await untilSettled();
    const old = authority();
    await sleep(6 * 365);
    // Nobody can be asked until the leader has told of it.
    world.untrusted.length = 0;
    start(true);
    await untilSo("the new one is trusted", () => trusted()?.length === 1 && trusted()?.[0] !== old && allServe());
    world.untrusted.length = 0;
    await untilSettled();
  });
});

describe("a Secret", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const changed = (secret: Secret | undefined, data: Record<string, string>) => ({
    ...(secret as Secret),
    data: { ...secret?.data, ...data },
  });

  it.each<{
    because: string;
    name: "slipway-webhook-ca" | "slipway-webhook-tls";
    data: () => Promise<Record<string, string>>;
  }>([
    { because: "no PEM", name: "slipway-webhook-tls", data: async () => ({ "tls.crt": base64("garbage") }) },
    { because: "no key that can be read", name: "slipway-webhook-tls", data: async () => ({ "tls.key": base64("x") }) },
    {
      because: "the key is not the certificate's",
      name: "slipway-webhook-tls",
      data: async () => ({ "tls.key": base64((await stranger()).keyPem) }),
    },
    {
      because: "none of its ca.crt has signed it",
      name: "slipway-webhook-tls",
      data: async () => {
        const { certificatePem, keyPem } = await leafOf(await stranger());
        return { "tls.crt": base64(certificatePem), "tls.key": base64(keyPem) };
      },
    },
    {
      because: "it is no certificate of an authority",
      name: "slipway-webhook-ca",
      data: async () => {
        const { certificatePem, keyPem } = await leafOf(await stranger());
        return { "tls.crt": base64(certificatePem), "tls.key": base64(keyPem) };
      },
    },
  ])("that is broken is made anew, and told once: $because", async ({ because, name, data }) => {
    start(true, false);
    await untilSettled();
    const before = world.pem(name, "tls.crt");
    world.put(changed(world.secret(name), await data()));
    await untilSo("it is another", () => world.pem(name, "tls.crt") !== before && isSettled());
    const warnings = world.log.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warnings.length).toBeGreaterThan(0);
    // By the leader and by whom it serves with, at most.
    expect(warnings.length).toBeLessThanOrEqual(3);
    const said = because.startsWith("no ") ? "that can be read" : because;
    for (const warning of warnings) expect(warning).toMatch(new RegExp(`${name}: .*${said}`));
    expect(warnings.join()).not.toContain("BEGIN");
  });

  it("of the authority may be deleted, while what it has signed stays trusted until the next is served", async () => {
    start(true, false);
    await untilSettled();
    const old = authority();
    world.remove("slipway-system/slipway-webhook-ca");
    await untilSo("both are trusted", () => trusted()?.length === 2);
    await untilSettled();
    expect(isSigned(leaf(), old)).toBe(false);
  });
});

describe("a configuration", () => {
  it("that is missing is told, and filled in when it comes", async () => {
    const missing = world.objects.get("ValidatingWebhookConfiguration");
    world.remove("ValidatingWebhookConfiguration");
    start(true);
    await untilSo("it is told", () =>
      world.log.lines.some(({ message }) =>
        /ValidatingWebhookConfiguration slipway-guardrails is missing/.test(message),
      ),
    );
    await untilSo("it serves all the same", allServe);
    if (missing) world.put(missing);
    await untilSettled();
  });

  it("that lost its authorities gets them again", async () => {
    const bare = world.objects.get("MutatingWebhookConfiguration");
    start(true);
    await untilSettled();
    if (bare) world.put(bare);
    expect(world.bundle()).toBeUndefined();
    await untilSettled();
  });

  it("is patched where the webhook of that name stands, and in nothing else", () => {
    const webhooks = [
      { name: "a", clientConfig: { caBundle: "new" } },
      { name: "b", clientConfig: { caBundle: "old" } },
      { name: "c", clientConfig: {} },
    ];
    expect(patchOf({ webhooks }, "new")).toEqual([
      { op: "test", path: "/webhooks/1/name", value: "b" },
      { op: "add", path: "/webhooks/1/clientConfig/caBundle", value: "new" },
      { op: "test", path: "/webhooks/2/name", value: "c" },
      { op: "add", path: "/webhooks/2/clientConfig/caBundle", value: "new" },
    ]);
  });
});

it("is tried again while nobody answers", async () => {
  world.isDown = true;
  start(true, false);
  await untilSo("it is told", () => world.log.lines.some(({ message }) => message.includes("nobody answers")));
  world.isDown = false;
  await untilSettled();
});

async function stranger() {
  const now = world.clock.now();
  return createAuthority({ name: "stranger", now, notAfter: new Date(now.getTime() + DAY_MS) });
}

async function leafOf(signer: Awaited<ReturnType<typeof stranger>>) {
  const now = world.clock.now();
  return createServerCertificate({
    ...{ authority: signer, name: "leaf", hosts: [HOST], now },
    notAfter: new Date(now.getTime() + DAY_MS),
  });
}
