import { ConditionType } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { Aspect } from "../../backend.ts";
import type { RequestCount } from "../../usage.ts";
import { type CodeEngineError, isFailure } from "../client/errors.ts";
import type { Monitoring } from "../client/monitoring.ts";
import type { Series } from "../client/resources/samples.ts";
import { OptionalService } from "../optional-service.ts";
import { countRequests } from "./count-requests.ts";

const REQUESTS = "ibm_codeengine_application_requests_total";
const PRESENCE = "ibm_codeengine_application_revision_count";
/** Back from now: the span that is counted, half an hour that may be missing, and what was before. */
const LOOK_BACK_MS = 3_600_000;
/** Who asks for a server's use waits no longer for its requests. */
const PATIENCE_MS = 3_000;
const NOT_CONFIGURED =
  "requests are not counted; name an instance of IBM Cloud Monitoring in spec.codeEngine.monitoringInstanceId to know them";

export interface MeasuredApp {
  readonly name: string;
  /** The project's, which no other project has. */
  readonly namespace: string;
  /** RFC 3339. */
  readonly createdAt: string | undefined;
}

export interface RequestMetricsParts {
  /** Undefined: no instance of IBM Cloud Monitoring is named. */
  readonly monitoring: Pick<Monitoring, "samples"> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What apps were asked, from IBM Cloud Monitoring. Their use is known without it. */
export class RequestMetrics {
  readonly #parts: RequestMetricsParts;
  readonly #service: OptionalService;
  /** Whether it ever had a sample: where there are none now, nothing may be running. */
  #fed = false;

  constructor(parts: RequestMetricsParts) {
    this.#parts = parts;
    const { monitoring, clock, logger } = parts;
    const type = ConditionType.MetricsAvailable;
    const without = "use is told without requests";
    this.#service = new OptionalService({
      ...{ type, without, remedyOf, clock, logger },
      notConfigured: monitoring ? undefined : NOT_CONFIGURED,
    });
  }

  /** Undefined before the first query. */
  get aspect(): Aspect | undefined {
    return this.#service.aspect;
  }

  /** Undefined where nothing is known just now, which the log and the condition explain. @throws only the reason of `signal`. */
  async of({ name, namespace, createdAt }: MeasuredApp, signal: AbortSignal): Promise<RequestCount | undefined> {
    const labels = { ibm_codeengine_namespace: namespace, ibm_codeengine_application_name: name };
    const [requests, presence] = await this.#query([REQUESTS, PRESENCE], labels, signal);
    if (!requests || !presence) return undefined;
    const madeAt = createdAt === undefined ? Number.NaN : Date.parse(createdAt);
    const now = this.#parts.clock.now().getTime();
    return countRequests({ requests, presence, madeAt: Number.isNaN(madeAt) ? undefined : madeAt, now });
  }

  /** Finds out whether it answers, by one small query, unless that is known. @throws only the reason of `signal`. */
  async check(projectName: string, signal: AbortSignal): Promise<void> {
    if (this.#service.aspect) return;
    await this.#query([PRESENCE], { ibm_codeengine_project_name: projectName }, signal);
  }

  /** Series of each metric; none at all where it fails. */
  async #query(
    metrics: readonly string[],
    labels: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly (readonly Series[])[]> {
    const { monitoring } = this.#parts;
    if (!monitoring || this.#service.isDoubted) return [];
    const together = new AbortController();
    const options = { signal: AbortSignal.any([signal, together.signal]), timeoutMs: PATIENCE_MS };
    const ranges = metrics.map((metric) => ({ metric, labels, spanMs: LOOK_BACK_MS }));
    try {
      const answers = await Promise.all(ranges.map((range) => monitoring.samples(range, options)));
      this.#worked(answers.some((series) => series.length > 0));
      return answers;
    } catch (error) {
      this.#service.failed(error, signal);
      return [];
    } finally {
      // Where one has failed nobody waits for the other.
      together.abort();
    }
  }

  #worked(found: boolean): void {
    this.#fed ||= found;
    this.#service.worked(
      this.#fed
        ? "IBM Cloud Monitoring answered the last query"
        : "IBM Cloud Monitoring answers, and has no metrics of the project; enable the platform metrics of its region on that instance",
    );
  }
}

function remedyOf(error: CodeEngineError): string {
  if (isFailure(error, "throttled", "transient")) return "only requests are missing, and who asks next tries it again";
  return "only requests are missing; check spec.codeEngine.monitoringInstanceId and endpoints.monitoring, and that the API key's owner has the role Reader there";
}
