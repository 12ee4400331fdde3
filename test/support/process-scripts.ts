/** The command of Node that runs `script`. */
export const node = (script: string, ...args: string[]): readonly string[] => [process.execPath, "-e", script, ...args];

/** Runs until it is ended. */
export const IDLE = "setInterval(() => {}, 1e6);";

/** Answers each line with itself, until stdin ends. */
export const ECHO =
  "process.stdin.on('data', (data) => process.stdout.write(data)); process.stdin.on('end', () => process.exit());";

/** Does not end on SIGTERM. */
export const DEAF = "process.on('SIGTERM', () => {});";

/** Starts `script` in a session of its own, and leaves it alone. */
export function forked(script: string): string {
  return `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(script)}], {detached: true, stdio: 'ignore'}).unref();`;
}
