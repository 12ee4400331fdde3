import type { GuardrailField } from "../../../src/guardrails/guardrail-field.ts";
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

/** Fields that are proven by what a process reads of itself under each profile, beside the attempts. */
export const PROVEN_BY_LOOKING: readonly GuardrailField[] = ["capabilities.add", "appArmor"];

/** The number of the controls, after those of the profiles. */
export const CONTROL_NUMBER = PROFILES.length;
const CONTROL = "control";
/** Most wait for a packet that never comes; a container under `restricted` has fifty processes. */
const AT_ONCE_IN_ONE_CONTAINER = 3;

type Task = () => Promise<void>;

/** All attempts under all profiles, and all controls: made at once where they do not disturb each other. */
export class Trials {
  readonly #answers = new Map<string, Promise<Answer>>();
  readonly #done: Promise<unknown>;

  constructor(stage: Stage) {
    const calm: Promise<void>[] = [];
    const disturbing: Task[] = [];
    const schedule = (attempts: readonly Attempt[], where: string, run: (attempt: Attempt) => Promise<Answer>) => {
      const task = (attempt: Attempt) => this.#task(`${where}: ${attempt.name}`, () => run(attempt));
      calm.push(work(attempts.filter(({ disturbs }) => !disturbs).map(task), AT_ONCE_IN_ONE_CONTAINER));
      disturbing.push(...attempts.filter(({ disturbs }) => disturbs).map(task));
    };
    for (const [number, profile] of PROFILES.entries()) {
      const tried = ATTEMPTS.filter(({ profiles = PROFILES }) => profiles.includes(profile));
      const spot = stage.spot(profile, number);
      schedule(tried, profile, async (attempt) => attempt.run(await spot, stage));
    }
    const controlled = ATTEMPTS.filter(({ control }) => control !== undefined);
    schedule(controlled, CONTROL, (attempt) => tryControl(attempt, stage));
    this.#done = Promise.all(calm).then(() => work(disturbing, 1));
  }

  async answer(attempt: Attempt, profile: Profile): Promise<Answer> {
    return await this.#get(`${profile}: ${attempt.name}`);
  }

  async control(attempt: Attempt): Promise<Answer> {
    return await this.#get(`${CONTROL}: ${attempt.name}`);
  }

  /** Once all of them have been made. */
  async done(): Promise<void> {
    await this.#done;
  }

  async #get(key: string): Promise<Answer> {
    const answer = this.#answers.get(key);
    if (!answer) throw new Error(`nobody tried ${key}`);
    return await answer;
  }

  #task(key: string, run: () => Promise<Answer>): Task {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    // Whoever asks for the answer is told of the error; that nobody has asked yet is none.
    promise.catch(() => undefined);
    this.#answers.set(key, promise);
    return async () => await run().then(resolve, reject);
  }
}

async function tryControl({ control, run }: Attempt, stage: Stage): Promise<Answer> {
  if (typeof control === "function") return await control(stage);
  if (control === undefined) throw new Error("there is no control");
  return await run(await stage.control(control, CONTROL_NUMBER), stage);
}

async function work(tasks: readonly Task[], atOnce: number): Promise<void> {
  const queue = [...tasks];
  const worker = async () => {
    for (let task = queue.shift(); task; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
