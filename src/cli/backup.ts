import { systemClock } from "../machinery/clock.ts";
import { restoreRunning } from "../server/restore/restore-client.ts";
import { backUp } from "../server/storage/backup.ts";
import { DirectoryInUse } from "../server/storage/data-directory.ts";
import { type RestoreSummary, restore } from "../server/storage/restore.ts";
import { StoreRefused } from "../server/storage/store.ts";

/** Where the commands say what they have done. */
interface Output {
  readonly stdout: { write(text: string): unknown };
}

interface BackupCommand {
  readonly file: string;
  readonly dataDir: string;
  readonly force: boolean;
}

/**
 * `slipway backup FILE [--data-dir DIR] [--force]`: one file with everything that `slipway restore` needs.
 * @throws {StoreRefused} saying why there is no backup; then FILE is as it was.
 */
export async function backup({ file, dataDir, force }: BackupCommand, { stdout }: Output = process): Promise<number> {
  const { objects, revision, bytes } = backUp({ file, dataDir, overwrite: force, clock: systemClock });
  const size = `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  stdout.write(`${file}: ${objects} objects up to resourceVersion ${revision}, keys and users, ${size}\n`);
  stdout.write("Who can read this file is administrator of what it holds: keep it as you keep the data directory.\n");
  return 0;
}

/**
 * `slipway restore FILE --data-dir DIR [--force]`: the state of the backup, under new resourceVersions. A server that runs
 * there does it itself, and keeps its keys and users.
 * @throws {StoreRefused} saying why not; then the directory is as it was.
 */
export async function restoreBackup(
  { file, dataDir, force }: BackupCommand,
  { stdout }: Output = process,
): Promise<number> {
  const { summary, isRunning } = await restored({ file, dataDir, force });
  const { objects, at, revision, setAside } = summary;
  stdout.write(
    `${dataDir}: ${objects} objects of the backup of ${at.toISOString()}, on from resourceVersion ${revision}\n`,
  );
  if (setAside !== undefined)
    stdout.write(`What was there before is in ${setAside}; remove it when nobody misses it.\n`);
  if (isRunning) stdout.write("The server runs on, with its own keys and users; watches begin anew by themselves.\n");
  return 0;
}

async function restored({
  file,
  dataDir,
  force,
}: BackupCommand): Promise<{ summary: RestoreSummary; isRunning: boolean }> {
  try {
    return { summary: restore({ file, dataDir, overwrite: force, clock: systemClock }), isRunning: false };
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    if (!force) {
      throw new StoreRefused(
        `--data-dir: ${dataDir} has a store, and a server runs on it; replace its objects with --force, which keeps them aside`,
      );
    }
    return { summary: await restoreRunning({ file, dataDir, inUse: error }), isRunning: true };
  }
}
