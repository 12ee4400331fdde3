import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Approval, ApprovalPolicy } from "../../src/api/v1alpha1/index.ts";
import {
  addPerson,
  decisionPatch,
  type Person,
  policy,
  untilApprovalIs,
  untilAsked,
} from "../support/approval-people.ts";
import { auditLines } from "../support/audit-lines.ts";
import { eventually } from "../support/eventually.ts";
import { deployment, Installation } from "../support/installation.ts";
import { secretWatch } from "../support/secrets/secret-watch.ts";
import { type SmtpReceiver, startSmtpReceiver } from "../support/smtp-receiver.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../support/webhook-receiver.ts";

jest.setTimeout(180_000);

const LOGIN = { user: "slipway@example.org", pass: randomBytes(16).toString("hex") };
const HIDDEN = `/services/${randomBytes(16).toString("hex")}`;

/** What people are told, and what is written down, while receivers are down and the process is killed. */
describe("notices and the audit log of approvals", () => {
  let slipway: Installation;
  let developer: Person;
  let approver: Person;
  let webhook: WebhookReceiver;
  let mail: SmtpReceiver;
  const ports = { webhook: 0, mail: 0 };

  beforeAll(async () => {
    slipway = await Installation.start();
    developer = await addPerson(slipway, "dana@example.org", { roles: ["slipway-developer"] });
    approver = await addPerson(slipway, "sam", { roles: ["slipway-approver"], groups: ["security"] });
    // Nobody listens on these until later.
    webhook = await startWebhookReceiver();
    mail = await startSmtpReceiver({ login: LOGIN });
    ports.webhook = webhook.port;
    ports.mail = mail.port;
    await webhook[Symbol.asyncDispose]();
    await mail[Symbol.asyncDispose]();
    const url = `http://127.0.0.1:${ports.webhook}${HIDDEN}`;
    secretWatch.learn("path of the webhook", HIDDEN);
    secretWatch.learn("password of the mail server", LOGIN.pass);
    await slipway.kubectl.apply(
      secret("chat", { url, key: randomBytes(16).toString("hex") }),
      policy("production", {
        notify: {
          webhook: {
            urlSecretRef: { namespace: "default", name: "chat", key: "url" },
            signingSecretRef: { namespace: "default", name: "chat", key: "key" },
          },
          email: { to: ["security@example.org"], smtpSecretRef: { namespace: "default", name: "mail" } },
        },
      }),
    );
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/production", "--timeout=60s"]);
  });
  afterAll(async () => {
    // Its host is no secret, and is found everywhere.
    await slipway?.kubectl.try(["delete", "secret", "mail"]);
    await using stack = new AsyncDisposableStack();
    for (const each of [webhook, mail, slipway]) stack.use(each);
  });

  const notificationsOf = ({ status }: Approval) =>
    (status?.notifications ?? []).map(({ event, channel, state }) => `${event} ${channel} ${state}`).sort();
  const verify = () => slipway.process.command("audit", "verify", "--data-dir", slipway.process.dataDir);

  it("delay nothing while receivers are down, and show it", async () => {
    await developer.kubectl.apply(deployment("files"));
    const { metadata } = await untilAsked(slipway, "files");
    await eventually("both notices failed", async () => {
      const found = await slipway.kubectl.get<ApprovalPolicy>("approvalpolicy", "production");
      const condition = found.status?.conditions?.find(({ type }) => type === "NotificationsDelivered");
      const said = condition?.message ?? "";
      return (
        condition?.status === "False" && /webhook: it refused/.test(said) && /email: Secret .* not there/.test(said)
      );
    });
    const approval = await slipway.kubectl.get<Approval>("approval", metadata.name);
    expect(notificationsOf(approval)).toEqual(["Requested email Pending", "Requested webhook Pending"]);
  });

  it("arrive after the process was killed, once the receivers are up and their Secrets are there", async () => {
    const { metadata } = await untilAsked(slipway, "files");
    await slipway.process.kill9();
    webhook = await startWebhookReceiver({ port: ports.webhook });
    mail = await startSmtpReceiver({ port: ports.mail, login: LOGIN });
    await slipway.process.start();
    for (const person of [developer, approver]) person.reconnect();
    await slipway.kubectl.apply(
      secret("mail", {
        ...{ host: "localhost", port: String(ports.mail), from: LOGIN.user },
        ...{ username: LOGIN.user, password: LOGIN.pass, "ca.crt": mail.caPem },
      }),
    );
    await eventually("both notices are delivered", async () => {
      const found = await slipway.kubectl.get<Approval>("approval", metadata.name);
      return notificationsOf(found).every((each) => each.endsWith("Delivered"));
    });
    expect(webhook.received.map(({ path }) => path)).toContain(HIDDEN);
    expect(JSON.parse(webhook.received[0]?.body ?? "{}")).toMatchObject({
      ...{ event: "Requested", approval: metadata.name, deployment: "files", requesters: ["dana@example.org"] },
    });
    expect(mail.mails[0]).toMatchObject({ to: ["security@example.org"], isEncrypted: true });
  });

  it("tell the requester of the decision", async () => {
    const { metadata } = await untilAsked(slipway, "files");
    const own = await developer.kubectl.try([
      "patch",
      "approval",
      metadata.name,
      "--type=json",
      "-p",
      decisionPatch("Approved", "mine"),
    ]);
    expect(own.code).toBe(1);
    const outsider = await addPerson(slipway, "lee", { roles: ["slipway-approver"] });
    const said = ["patch", "approval", metadata.name, "--type=json", "-p", decisionPatch("Approved", "yes")];
    expect(await outsider.kubectl.try(said)).toMatchObject({ code: 1, stderr: expect.stringContaining("no approver") });
    await approver.kubectl.run([
      "patch",
      "approval",
      metadata.name,
      "--type=json",
      "-p",
      decisionPatch("Rejected", "<!channel> no"),
    ]);
    await untilApprovalIs(slipway, metadata.name, "Rejected");
    await eventually("the mail", () => mail.mails.some(({ source }) => /^Subject: .*Rejected/m.test(source)));
    const told = mail.mails.find(({ source }) => /^Subject: .*Rejected/m.test(source));
    expect(told?.to).toEqual(["security@example.org", "dana@example.org"]);
    await eventually("the webhook", () =>
      webhook.received.some(({ headers }) => headers["x-slipway-event"] === "Rejected"),
    );
    const { body = "{}" } = webhook.received.find(({ headers }) => headers["x-slipway-event"] === "Rejected") ?? {};
    expect(JSON.parse(body)).toMatchObject({
      decisions: [{ verdict: "Rejected", by: "sam", reason: "<!channel> no" }],
      text: expect.stringContaining("`&lt;!channel&gt; no`"),
    });
  });

  it("are in the audit log, refusals too, over the kill", async () => {
    await eventually("the decision's line", () => auditLines(slipway).some(({ type }) => type === "Decided"));
    const told = auditLines(slipway).map(({ type, part, who }) => `${type} ${part} ${who.join()}`);
    expect(told).toEqual(
      expect.arrayContaining([
        "Requested admission dana@example.org",
        "Requested controller dana@example.org",
        "Refused access dana@example.org",
        "Refused admission lee",
        "Decided admission sam",
        "Rejected controller sam",
      ]),
    );
    const events = await slipway.kubectl.run([
      "get",
      "events",
      "-o",
      "custom-columns=:reason,:regarding.kind,:message",
    ]);
    expect(events).toContain("WriteRefused");
    expect(await verify()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^audit\.log, chain \w+: \d+ lines, whole$/m),
    });
  });

  it("show in the log what somebody edits, whether the server runs or not", async () => {
    const file = join(slipway.process.dataDir, "audit.log");
    const original = readFileSync(file, "utf8");
    await slipway.process.terminate();
    expect((await verify()).code).toBe(0);
    const lines = original.trimEnd().split("\n");
    const refused = lines.findIndex((line) => line.includes('"type":"Refused"'));
    writeFileSync(file, original.replace('"type":"Refused"', '"type":"Decided"'));
    expect(await verify()).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(new RegExp(`NOT WHOLE\n {2}line ${refused + 1} was not written like this`)),
    });
    writeFileSync(file, `${lines.slice(0, -2).join("\n")}\n`);
    const cut = await verify();
    expect(cut).toMatchObject({ code: 1, stdout: expect.stringMatching(/missing at the end: \d+ were counted/) });
    writeFileSync(file, original);
    appendFileSync(file, '{"chain":"');
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringContaining("the last line is not whole") });
    await slipway.process.start();
    await eventually("the line is put right", () => auditLines(slipway).some(({ type }) => type === "Healed"));
    expect((await verify()).code).toBe(0);
  });
});

function secret(name: string, stringData: Readonly<Record<string, string>>): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, stringData };
}
