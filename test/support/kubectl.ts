import { execFile } from "node:child_process";
import { requireTool } from "./tool.ts";

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  /** Standard input, for `-f -`. */
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The real kubectl, as a newcomer's shell would run it with this kubeconfig. */
export class Kubectl {
  readonly kubeconfig: string;

  constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
  }

  /** Runs it and answers whatever came out. Never throws because of an exit code. */
  async try(args: readonly string[], { input, timeoutMs = 60_000, env }: KubectlOptions = {}): Promise<KubectlResult> {
    return await new Promise((resolve, reject) => {
      const child = execFile(
        requireTool("kubectl", "kubernetes-client"),
        args,
        {
          env: { ...process.env, ...env, KUBECONFIG: this.kubeconfig },
          timeout: timeoutMs,
          maxBuffer: 32 * 1024 * 1024,
        },
        (error, stdout, stderr) => {
          if (error && typeof error.code !== "number") {
            reject(new Error(`kubectl ${args.join(" ")} did not end by itself: ${error.message}\n${stderr}`));
          } else resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
        },
      );
      // It may end without reading what it did not ask for; its exit code says how it went.
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(input ?? "");
    });
  }

  /** Runs it and answers its standard output. @throws {Error} with its standard error for any exit code but 0. */
  async run(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
    return stdout;
  }

  /** `kubectl apply` of objects, client-side. */
  async apply(...objects: readonly object[]): Promise<string> {
    const input = objects.map((object) => JSON.stringify(object)).join("\n");
    return await this.run(["apply", "-f", "-"], { input });
  }

  /** `kubectl get … -o json`. */
  async get<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run(["get", ...args, "-o", "json"])) as T;
  }
}
