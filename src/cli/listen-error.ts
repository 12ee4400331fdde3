import type { ListenAddress } from "./listen-address.ts";

/** Runs what listens, and says which flag to change where the address cannot be had. */
export async function listening<T>(flag: string, { host, port }: ListenAddress, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === undefined ? undefined : PROBLEMS[code];
    if (problem === undefined) throw error;
    throw new Error(`${flag}: ${host}:${port} ${problem}`, { cause: error });
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use; stop what listens there, or choose another port (0: any free one)",
  EADDRNOTAVAIL: "is not an address of this machine; choose one of its own, such as 127.0.0.1",
  EACCES: "may not be used without more rights; choose a port above 1023",
  ENOTFOUND: "is not a name that resolves; write an IP address",
};
