import { Command, CommanderError, Option } from "commander";
import { processContext } from "./command-context.ts";
import { electionFlags } from "./election-flags.ts";
import { gatewayFlags } from "./gateway-options.ts";
import { parseListenAddress } from "./listen-address.ts";
import { loadFlags } from "./load-flags.ts";
import type { RuntimeParts } from "./runtime-parts.ts";
import { stopSignal } from "./stop-signal.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

const CONNECT_HELP = `
Files:
  vscode          .vscode/mcp.json of this folder
  cursor          ~/.cursor/mcp.json
  claude-desktop  claude_desktop_config.json of the user. It knows local programs only, so the entry runs the npm
                  package mcp-remote, which needs Node.js
  json            none: name one with --file`;

/** Exit codes of every command. */
export const ExitCode = { Ok: 0, Failure: 1, Usage: 2 } as const;

/**
 * Runs the command line and answers the exit code. Commands are loaded when they are asked for, so that none pays
 * for the libraries of another. Errors go to stderr. `parts` are what a controller has beside its own.
 */
export async function run(argv: readonly string[], parts: RuntimeParts = {}): Promise<number> {
  try {
    return await parse(argv, parts);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
    process.stderr.write(`slipway: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? ExitCode.Usage : ExitCode.Failure;
  }
}

async function parse(argv: readonly string[], parts: RuntimeParts): Promise<number> {
  let code: number = ExitCode.Ok;
  /** Wraps a command's function, so that what it answers becomes the exit code. */
  const action =
    <Args extends unknown[]>(body: (...args: Args) => Promise<number>) =>
    async (...args: Args) => {
      code = await body(...args);
    };

  const versions = `slipway ${version()} (node ${process.versions.node})`;
  const program = new Command("slipway")
    .description("Launches MCP servers and keeps them running.")
    .version(versions, "--version", "print the version")
    .exitOverride()
    .showHelpAfterError("(see slipway --help)")
    .helpCommand(false);

  withGatewayFlags(program.command("up"))
    .description("serve a Kubernetes API from this process and run the controllers against it")
    .addOption(dataDir())
    .addOption(listenOption("--listen <host:port>", "address of the Kubernetes API", "127.0.0.1:6443"))
    .option("-f, --filename <path>", "manifest, or folder of manifests, to apply at the start")
    .addOption(
      new Option("--admission <mode>", "how Slipway's own rules are asked: a call, or a webhook as in a cluster")
        .choices(["inprocess", "webhook"])
        .default("inprocess"),
    )
    .addOption(gatewayListen())
    .addOption(metricsListen())
    .addOption(logFormat())
    .addOption(logLevel())
    .action(action(async (options) => (await import("./up.ts")).up(options)));

  withElectionFlags(withLoadFlags(withGatewayFlags(program.command("controller"))))
    .description("run the controllers against any Kubernetes API")
    .addOption(kubeconfig())
    .option("--audit-log <file>", "a file of this replica's own for the log of approvals, beside standard output")
    .option(
      "-f, --filename <path>",
      "RuntimeBackends, GuardrailProfiles and ApprovalPolicies to apply, and when they change",
    )
    .addOption(webhookListen())
    .option("--webhook-certificates <dir>", "tls.crt and tls.key of the webhook; else a CA of its own, kept in Secrets")
    .addOption(gatewayListen())
    .addOption(metricsListen())
    .addOption(logFormat())
    .addOption(logLevel())
    .action(action(async (options) => (await import("./controller.ts")).controller(options, parts)));

  program
    .command("logs <name>")
    .description("print what a deployment's workload prints")
    .option("-n, --namespace <namespace>", "else the kubeconfig's, else default")
    .option("-f, --follow", "go on until it ends")
    .option("--tail <lines>", "lines from the end, or all", "100")
    .option("--timestamps", "put the time before each line")
    .option("--build", "what the newest build of its image printed instead")
    .addOption(kubeconfig())
    .option("--gateway <url>", "else SLIPWAY_GATEWAY, else what stands beside the kubeconfig")
    .action(
      action(async (name, options) =>
        (await import("./logs.ts")).logs({ name, ...options }, processContext(stopSignal())),
      ),
    );

  program
    .command("status [name]")
    .description("show deployments and backends, or one deployment in full")
    .option("-n, --namespace <namespace>", "else the kubeconfig's, else default")
    .option("-A, --all-namespaces", "of all namespaces")
    .option("-o, --output <format>", "table, json or yaml", "table")
    .addOption(kubeconfig())
    .option("--gateway <url>", "tells what one deployment uses; else as for logs, but for the default")
    .action(
      action(async (name, options) =>
        (await import("./status.ts")).status({ name, ...options }, processContext(stopSignal())),
      ),
    );

  program
    .command("tools <name>")
    .description("list the tools of a server, asked through the gateway")
    .addOption(namespace())
    .addOption(outputFormat())
    .addOption(kubeconfig())
    .addOption(gatewayOption())
    .action(
      action(async (name, options) =>
        (await import("./tools.ts")).tools({ name, ...options }, processContext(stopSignal())),
      ),
    );
  program
    .command("call <name> <tool>")
    .description("call a tool of a server through the gateway, and print what it answers")
    .option("--args <json>", "a JSON object, @file, or - for standard input; else no arguments")
    .option("--timeout <seconds>", "how long it may take", "60")
    .option("-o, --output <format>", "text, json or yaml; the last two have the whole result", "text")
    .addOption(namespace())
    .addOption(kubeconfig())
    .addOption(gatewayOption())
    .action(
      action(async (name, tool, options) =>
        (await import("./call.ts")).call(
          { name, tool, ...options },
          {
            ...processContext(stopSignal()),
            stdin: process.stdin,
          },
        ),
      ),
    );
  program
    .command("connect <name>")
    .description("print, or write, what an MCP client's configuration has to say so that it uses a server")
    .requiredOption("--client <client>", "claude-desktop, vscode, cursor, or json for the usual form")
    .option("--as <name>", "what the client calls it; else the deployment's name")
    .option(
      "--token <token>",
      "put it there: a token, @file, or -; else a place for one, where the gateway asks for it",
    )
    .option("--write", "edit the client's file, after a copy of it")
    .option("--file <path>", "edit this one instead")
    .option("--force", "replace an entry of that name which is there")
    .addOption(namespace())
    .addOption(kubeconfig())
    .addHelpText("after", CONNECT_HELP)
    .action(
      action(async (name, options) =>
        (await import("./connect/connect.ts")).connect(
          { name, ...options },
          {
            ...processContext(stopSignal()),
            stdin: process.stdin,
            platform: process.platform,
            cwd: process.cwd(),
            now: () => new Date(),
          },
        ),
      ),
    );

  program
    .command("approvals")
    .description("list what awaits approval, and what was decided")
    .addOption(namespace())
    .option("-A, --all-namespaces", "of all namespaces")
    .option("--pending", "only what awaits a decision")
    .addOption(outputFormat())
    .addOption(kubeconfig())
    .action(
      action(async (options) => (await import("./approvals.ts")).listApprovals(options, processContext(stopSignal()))),
    );
  for (const [name, verdict, says] of [
    ["approve", "Approved", "let run what an Approval is about, after showing it"],
    ["reject", "Rejected", "refuse what an Approval is about, after showing it"],
  ] as const) {
    program
      .command(`${name} <name>`)
      .description(`${says}; <name> is the Approval's, or the deployment's where one is pending`)
      .requiredOption("--reason <text>", "why, for the requesters and for the record")
      .option("--digest <digest>", "decide only if it is about this, and do not ask whether to")
      .addOption(namespace())
      .addOption(kubeconfig())
      .action(
        action(async (name, options) => {
          const [{ decide }, { terminalConfirm }] = [await import("./approve.ts"), await import("./confirm.ts")];
          const context = processContext(stopSignal());
          return decide(verdict, { name, ...options }, { ...context, ...terminalConfirm(context.signal) });
        }),
      );
  }
  program
    .command("describe <name>")
    .description("show an Approval, or a deployment with its Approvals, in full")
    .addOption(namespace())
    .addOption(kubeconfig())
    .action(
      action(async (name, options) =>
        (await import("./describe.ts")).describe({ name, ...options }, processContext(stopSignal())),
      ),
    );
  program
    .command("request <name>")
    .description("ask again for the approval of a deployment whose request has expired")
    .addOption(namespace())
    .addOption(kubeconfig())
    .action(
      action(async (name, options) =>
        (await import("./request.ts")).request({ name, ...options }, processContext(stopSignal())),
      ),
    );

  const guardrails = program.command("guardrails").description("what deployments may do, and how far that is enforced");
  guardrails
    .command("check")
    .description("say what would become of the deployments of a file, without deploying them")
    .requiredOption("-f, --filename <path>", "manifest, folder of manifests, or - for standard input")
    .option("--backend <name>", "else the deployment's, else the default")
    .option("-n, --namespace <namespace>", "else the deployment's, else the kubeconfig's, else default")
    .option("-o, --output <format>", "table, json or yaml", "table")
    .addOption(kubeconfig())
    .action(
      action(async (options) =>
        (await import("./guardrails-check.ts")).checkGuardrails(options, {
          ...processContext(stopSignal()),
          stdin: process.stdin,
        }),
      ),
    );

  program
    .command("convert")
    .description("print the manifests of the servers in a catalog.yaml")
    .requiredOption("-f, --filename <path>", "the catalog, or - for standard input")
    .option("-n, --namespace <namespace>", "that the manifests name; else none")
    .option("-o, --output <format>", "yaml or json", "yaml")
    .action(
      action(async (options) =>
        (await import("./convert.ts")).convert(options, { ...processContext(stopSignal()), stdin: process.stdin }),
      ),
    );

  const audit = program.command("audit").description("the log of approvals");
  audit
    .command("verify")
    .description("say whether a log of approvals is what was written, and which line is not")
    .option("--data-dir <dir>", "of `slipway up`, whether it runs or not")
    .option("--file <file>", "of `slipway controller --audit-log`; its Secrets are read from the API")
    .option("--captured", "FILE is what a controller printed, among other lines")
    .addOption(kubeconfig())
    .action(
      action(async (options) => (await import("./audit-verify.ts")).verifyAudit(options, processContext(stopSignal()))),
    );

  const user = program.command("user").description("people who may use the API that `slipway up` serves");
  user
    .command("add <name>")
    .description("print the kubeconfig of a new user, the only copy of its token")
    .option("--group <group>", "a group of the user's; may be repeated", collect, [])
    .addOption(dataDir())
    .action(
      action(async (name, { group, dataDir }) => {
        await (await import("./user.ts")).addUser({ name, groups: group, dataDir });
        return ExitCode.Ok;
      }),
    );
  user
    .command("list")
    .description("print the users, their groups and when they were added")
    .addOption(dataDir())
    .action(
      action(async ({ dataDir }) => {
        await (await import("./user.ts")).listUsers({ dataDir });
        return ExitCode.Ok;
      }),
    );
  user
    .command("revoke <name>")
    .description("end a user's access at once")
    .addOption(dataDir())
    .action(
      action(async (name, { dataDir }) => {
        await (await import("./user.ts")).revokeUser({ name, dataDir });
        return ExitCode.Ok;
      }),
    );

  program
    .command("backup <file>")
    .description("write objects, keys and users of `slipway up` into one file, also while it runs")
    .addOption(dataDir())
    .option("--force", "replace a file of that name")
    .action(
      action(async (file, { dataDir, force }) =>
        (await import("./backup.ts")).backup({ file, dataDir, force: force === true }),
      ),
    );
  program
    .command("restore <file>")
    .description("give a data directory the state of a backup, also while `slipway up` runs on it")
    .requiredOption("--data-dir <dir>", "where the state is kept")
    .option("--force", "also where there is a store, which is kept aside")
    .action(
      action(async (file, { dataDir, force }) =>
        (await import("./backup.ts")).restoreBackup({ file, dataDir, force: force === true }),
      ),
    );

  program
    .command("uninstall")
    .description("fail while deployments are left, or delete them: what the Helm chart asks before it goes")
    .option("--drain", "delete all of every namespace, and wait until nothing of them is left outside")
    .option("--gateways", "the same for McpGateways, for when their kind is to go, too")
    .option("--timeout <seconds>", "how long that may take", "240")
    .addOption(kubeconfig())
    .action(
      action(async (options) => (await import("./uninstall.ts")).uninstall(options, processContext(stopSignal()))),
    );

  program
    .command("migrate")
    .description(
      "have all objects stored in the version that is stored now, and the others forgotten, after an upgrade",
    )
    .option("--dry-run", "say what would be written")
    .addOption(kubeconfig())
    .action(action(async (options) => (await import("./migrate.ts")).migrate(options, processContext(stopSignal()))));

  program
    .command("health")
    .description("exit with 0 if the Slipway of this machine lives, for health checks of containers")
    .option("--url <url>", "what to ask: /healthz or /readyz of --metrics-listen", "http://127.0.0.1:7090/healthz")
    .action(action(async ({ url }) => (await import("./health.ts")).health(url)));

  program
    .command("version")
    .description("print the version")
    .action(() => {
      process.stdout.write(`${versions}\n`);
    });

  await program.parseAsync(argv, { from: "user" });
  return code;
}

function withElectionFlags(command: Command): Command {
  for (const option of electionFlags()) command.addOption(option);
  return command;
}

function withGatewayFlags(command: Command): Command {
  for (const option of gatewayFlags()) command.addOption(option);
  return command;
}

function withLoadFlags(command: Command): Command {
  for (const option of loadFlags()) command.addOption(option);
  return command;
}

function listenOption(flags: string, description: string, fallback: string): Option {
  const option = new Option(flags, `${description}; port 0 means any free one`);
  const parse = (text: string) => parseListenAddress(option.long ?? flags, text);
  return option.argParser(parse).default(parse(fallback), fallback);
}

const dataDir = () => new Option("--data-dir <dir>", "where the state is kept").default(defaultDataDir());
const kubeconfig = () => new Option("--kubeconfig <file>", "else KUBECONFIG, else the pod's service account");
const namespace = () => new Option("-n, --namespace <namespace>", "else the kubeconfig's, else default");
const gatewayOption = () =>
  new Option("--gateway <url>", "else SLIPWAY_GATEWAY, else what stands beside the kubeconfig");
const outputFormat = () => new Option("-o, --output <format>", "table, json or yaml").default("table");
const gatewayListen = () => listenOption("--gateway-listen <host:port>", "address of the gateway", "127.0.0.1:7080");
const metricsListen = () =>
  listenOption("--metrics-listen <host:port>", "address of /metrics, /healthz, /readyz", "127.0.0.1:7090");
const webhookListen = () =>
  new Option("--webhook-listen <host:port>", "serve admission there, over TLS; else it is not served").argParser(
    (text) => parseListenAddress("--webhook-listen", text),
  );
const logFormat = () => new Option("--log-format <format>", "of stderr").choices(["text", "json"]).default("text");
const logLevel = () =>
  new Option("--log-level <level>", "least that is logged").choices(["debug", "info", "warn", "error"]).default("info");

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/** The XDG base directory for state that a user keeps. */
function defaultDataDir(): string {
  const base = process.env.XDG_DATA_HOME ?? `${process.env.HOME ?? "."}/.local/share`;
  return `${base}/slipway`;
}
