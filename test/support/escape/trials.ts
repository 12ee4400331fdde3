import type { Attempt } from "./attempts/attempt.ts";
import { COMING_IN } from "./attempts/coming-in.ts";
import { FILES } from "./attempts/files.ts";
import { LIMITS } from "./attempts/limits.ts";
import { NAMES } from "./attempts/names.ts";
import { PRIVILEGES } from "./attempts/privileges.ts";
import { REACHING_OUT } from "./attempts/reaching-out.ts";
import type { Answer } from "./inside.ts";
import { PROFILES, type Profile } from "./profiles.ts";
import type { Stage } from "./stage.ts";

/** The whole table. */
export const ATTEMPTS: readonly Attempt[] = [
  ...[...REACHING_OUT, ...NAMES, ...COMING_IN],
  ...[...FILES, ...PRIVILEGES, ...LIMITS],
];

/** The number of the controls, after those of the profiles. */
export const CONTROL_NUMBER = PROFILES.length;
/** Most wait for a packet that never comes; a container under `restricted` has fifty processes. */
const AT_ONCE_IN_ONE_CONTAINER = 3;

type Task = () => Promise<void>;

/** All attempts under all profiles, and all controls: made at once where they do not disturb each other. */
export class Trials {
  readonly #answers = new Map<string, Promise<Answer>>();
  readonly #running: Promise<unknown>[] = [];

  constructor(stage: Stage) {
    for (const [number, profile] of PROFILES.entries()) {
      const tried = ATTEMPTS.filter(({ profiles = PROFILES }) => profiles.includes(profile));
      const spot = stage.spot(profile, number);
      this.#schedule(
        tried,
        ({ name }) => `${profile}: ${name}`,
        async (attempt) => attempt.run(await spot, stage),
      );
    }
    const controlled = ATTEMPTS.filter(({ control }) => control !== undefined);
    this.#schedule(
      controlled,
      ({ name }) => controlKey(name),
      (attempt) => tryControl(attempt, stage),
    );
  }

  async answer(attempt: Attempt, profile: Profile): Promise<Answer> {
    return await this.#get(`${profile}: ${attempt.name}`);
  }

  async control(attempt: Attempt): Promise<Answer> {
    return await this.#get(controlKey(attempt.name));
  }

  /** Once all of them have been made. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #get(key: string): Promise<Answer> {
    const answer = this.#answers.get(key);
    if (!answer) throw new Error(`nobody tried ${key}`);
    return await answer;
  }

  #schedule(
    attempts: readonly Attempt[],
    keyOf: (attempt: Attempt) => string,
    run: (attempt: Attempt) => Promise<Answer>,
  ): void {
    const [calm, disturbing] = [[] as Task[], [] as Task[]];
    for (const attempt of attempts) {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      // Whoever asks for the answer is told; nobody may ask before the test of its row.
      promise.catch(() => undefined);
      this.#answers.set(keyOf(attempt), promise);
      (attempt.disturbs ? disturbing : calm).push(async () => await run(attempt).then(resolve, reject));
    }
    this.#running.push(work(calm, AT_ONCE_IN_ONE_CONTAINER).then(() => work(disturbing, 1)));
  }
}

async function tryControl({ control, run }: Attempt, stage: Stage): Promise<Answer> {
  if (typeof control === "function") return await control(stage);
  if (control === undefined) throw new Error("there is no control");
  return await run(await stage.control(control, CONTROL_NUMBER), stage);
}

function controlKey(name: string): string {
  return `control: ${name}`;
}

async function work(tasks: readonly Task[], atOnce: number): Promise<void> {
  const queue = [...tasks];
  const worker = async () => {
    for (let task = queue.shift(); task; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
