import type { PullProgress } from "../../backend.ts";

/** Layers of one image; the largest known have some hundred. */
const MAX_LAYERS = 1_000;

interface Layer {
  done: boolean;
  bytesDone: number;
  bytesTotal: number;
}

/** Adds up what the Engine tells about the layers of one pull. */
export class PullProgressTracker {
  readonly #layers = new Map<string, Layer>();

  /**
   * Takes one message of the stream.
   * @returns what the Engine said went wrong, if this message is its last word.
   */
  take(message: unknown): string | undefined {
    if (typeof message !== "object" || message === null) return undefined;
    const { id, status, error, errorDetail, progressDetail } = message as Record<string, unknown>;
    if (typeof error === "string") return textOf(errorDetail) ?? error;
    if (typeof id !== "string" || typeof status !== "string" || status.startsWith("Pulling from")) return undefined;
    const layer = this.#layers.get(id) ?? { done: false, bytesDone: 0, bytesTotal: 0 };
    if (this.#layers.size < MAX_LAYERS) this.#layers.set(id, layer);
    advance(layer, status, progressDetail);
    return undefined;
  }

  get progress(): PullProgress {
    const layers = [...this.#layers.values()];
    const sum = (of: (layer: Layer) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
    return {
      layersDone: sum(({ done }) => (done ? 1 : 0)),
      layersTotal: layers.length,
      bytesDone: sum(({ bytesDone }) => bytesDone),
      bytesTotal: sum(({ bytesTotal }) => bytesTotal),
    };
  }
}

function advance(layer: Layer, status: string, detail: unknown): void {
  const { current, total } = (detail ?? {}) as { current?: unknown; total?: unknown };
  // The bytes of "Extracting" are those of "Downloading" a second time.
  if (status === "Downloading" && typeof current === "number") {
    layer.bytesDone = current;
    if (typeof total === "number" && total > 0) layer.bytesTotal = total;
  }
  if (status === "Download complete" || status === "Pull complete") layer.bytesDone = layer.bytesTotal;
  if (status === "Pull complete" || status === "Already exists") layer.done = true;
}

function textOf(detail: unknown): string | undefined {
  if (typeof detail !== "object" || detail === null || !("message" in detail)) return undefined;
  return typeof detail.message === "string" ? detail.message : undefined;
}
