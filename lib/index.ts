// The public surface, by layer.
import { adoptSpawner } from './kernel/scope.ts';
import { localSpawner } from './spawn/local.ts';

adoptSpawner(localSpawner);

export * from './kernel/index.ts';

export { deserialize, serialize } from './store/serialize.ts';
export { registerClass, type ClassForm } from './store/classes.ts';

export {
  file,
  program,
  type CommandLine,
  type FilePlace,
  type OutputPlace,
  type ProgramOptions,
  type ProgramResult,
} from './runners/program.ts';
export { sh } from './runners/sh.ts';
export { execaSpawner, localSpawner, posixSpawner } from './spawn/local.ts';
export { pipe, type PipeResult } from './runners/pipe.ts';
export { quote, type ShellValue } from './runners/quote.ts';
export { sleep } from './runners/sleep.ts';
export {
  stream,
  streams,
  type OnLine,
  type StreamEntry,
  type StreamOptions,
  type StreamSource,
  type StreamsOptions,
} from './runners/stream.ts';
export { socket, type SocketAddress, type SocketOptions, type SocketResult } from './runners/socket.ts';
export { type Input } from './runners/input.ts';
export { type Split } from './runners/split.ts';
export { promise } from './runners/promise.ts';
import './runners/seed.ts';

export { all, type AllOptions } from './compose/all.ts';
export { race, type Winner } from './compose/race.ts';
export { spawn, join } from './compose/spawn.ts';
export { within, type Change } from './compose/within.ts';
export { shield } from './compose/shield.ts';
export { note, emit } from './compose/note.ts';
export { until, type UntilOptions } from './compose/until.ts';
export { task } from './compose/task.ts';

export { deadline } from './advice/deadline.ts';
export { fallback, type FallbackOptions } from './advice/fallback.ts';
export { log, type Logger, type LogEntry, type LogFields, type LogLevel, type LogOptions } from './advice/log.ts';
export { metrics, type Metrics, type MetricsData, type MetricsGroup, type MetricsOptions } from './advice/metrics.ts';
export { once, type OnceOptions } from './advice/once.ts';
export { rate } from './advice/rate.ts';
export { idle, timeout } from './advice/timeout.ts';
export { retry, type RetryOptions } from './advice/retry.ts';
export { retryBudget, type RetryBudget, type RetryBudgetOptions } from './advice/retryBudget.ts';
export { slots, type Slots } from './advice/slots.ts';
export { transcript, type TranscriptOptions } from './advice/transcript.ts';
export { around } from './advice/around.ts';
export { beforeAfter, type BeforeAfter } from './advice/beforeAfter.ts';
export { chain } from './advice/chain.ts';
export { type BeforeAfterSession } from './advice/phase.ts';
export { type Session } from './advice/session.ts';
export { amend, dir, glob, memo, type Amendment, type GlobOptions, type MemoOptions } from './advice/memo.ts';
export { unchecked } from './advice/unchecked.ts';

export { host, type Host, type HostParts, type HostPath } from './ssh/host.ts';
export type { SshSettings } from './ssh/settings.ts';
export { hosts, type HostsLike, type HostsOptions } from './fleet/hosts.ts';
export { HostSet, type Vars } from './fleet/hostSet.ts';
export { inventory, type Inventory, type InventoryFormat, type InventorySource } from './fleet/inventory.ts';
export { each, type EachOptions, type Share } from './fleet/each.ts';
export type { FleetResult, HostGroup } from './fleet/result.ts';
export { rsync, type RsyncOptions } from './fleet/rsync.ts';
export { scp, type CopyEnd, type CopyProgress, type CopyResult, type ScpOptions } from './fleet/scp.ts';
export { ensureDir, type EnsureDirOptions } from './fleet/steps/ensureDir.ts';
export { ensureFile, type EnsureFileOptions, type FileState } from './fleet/steps/ensureFile.ts';
export { ensureLine, type EnsureLineOptions } from './fleet/steps/ensureLine.ts';
export { ensurePackage, type EnsurePackageOptions } from './fleet/steps/ensurePackage.ts';
export { ensureService, type EnsureServiceOptions, type ServiceState } from './fleet/steps/ensureService.ts';
export type { PathState } from './fleet/steps/attributes.ts';
export type { StepOptions, StepResult } from './fleet/steps/step.ts';
export { get, type GetOptions } from './fleet/get.ts';
export { put, type PutOptions } from './fleet/put.ts';
export { ready, type ReadyOptions } from './fleet/ready.ts';
export { reboot, type RebootOptions } from './fleet/reboot.ts';
export { ssh, type SshOptions, type SshResult } from './fleet/ssh.ts';
export { tunnel, type Listening, type TunnelEnd, type TunnelOptions } from './fleet/tunnel.ts';
export { via } from './fleet/via.ts';
export type { DockerOptions, KubectlOptions } from './ssh/container.ts';
export type { SudoOptions } from './ssh/sudo.ts';

export * from './report/index.ts';
