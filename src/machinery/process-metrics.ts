import { readdir } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import type { Metrics, Sample } from "./metrics.ts";

/** Registers what every Prometheus client tells of its process, by their common names, and Node's own. */
export function registerProcessMetrics(metrics: Metrics): void {
  const started = (Date.now() - performance.now()) / 1000;
  const one = (value: number): Sample[] => [{ value }];
  metrics.counterOf("process_cpu_seconds_total", "User and system CPU time, in seconds.", () => {
    const { user, system } = process.cpuUsage();
    return one((user + system) / 1e6);
  });
  metrics.gauge("process_start_time_seconds", "Start of the process since the epoch, in seconds.", () => one(started));
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () => one(process.memoryUsage.rss()));
  metrics.gauge("process_open_fds", "Open file descriptors.", openFileDescriptors);
  metrics.gauge("nodejs_heap_size_used_bytes", "Used heap.", () => one(process.memoryUsage().heapUsed));
  metrics.gauge("nodejs_external_memory_bytes", "Memory outside the heap.", () => one(process.memoryUsage().external));
  let before = performance.eventLoopUtilization();
  metrics.gauge("nodejs_eventloop_utilization", "Busy part of the event loop since the last scrape, 0 to 1.", () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return one(utilization);
  });
}

/** Told only where the system has them as files. */
async function openFileDescriptors(): Promise<Sample[]> {
  const files = await readdir("/proc/self/fd").catch(() => undefined);
  return files === undefined ? [] : [{ value: files.length }];
}
