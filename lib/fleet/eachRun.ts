// The run of `each`. Hosts are begun in order, in waves: the canaries, then the batches, or all the others.
import type { Outcome, Runner, Running, Sink } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import type { Host } from '../ssh/host.ts';
import { neverSent, watched } from './eachHost.ts';
import { FleetResult, type HostEnd } from './result.ts';
import { keyOf } from './typed.ts';

/** What is to be done. */
export interface Plan<T, V> {
  readonly hosts: readonly Host<V>[];
  work(host: Host<V>): Runner<T>;
  readonly slots: number;
  readonly failFast: boolean;
  /** More that fail than this are too many. */
  readonly maxFail: number;
  readonly canary: number;
  readonly batch: number;
}

export class EachRun<T, V> implements Running {
  readonly #plan: Plan<T, V>;
  readonly #sink: Sink<FleetResult<T, V>>;
  readonly #run: RunRecord;
  readonly #ends: (HostEnd<T> | undefined)[];
  /** Hosts before this one may be begun. */
  #wave: number;
  #waveBegan = 0;
  #waveFailed = 0;
  #begun = 0;
  #ended = 0;
  #failed = 0;
  /** No more are begun. */
  #stopped = false;
  #over = false;
  #filling = false;

  constructor(plan: Plan<T, V>, sink: Sink<FleetResult<T, V>>, run: RunRecord) {
    this.#plan = plan;
    this.#sink = sink;
    this.#run = run;
    this.#ends = plan.hosts.map(() => undefined);
    this.#wave = plan.canary > 0 ? plan.canary : plan.batch;
    this.#fill();
  }

  /** Begins as many as may be. Hosts that end at once come back here, so it does not call itself. */
  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    const { hosts, slots } = this.#plan;
    while (!this.#stopped && this.#begun < hosts.length && this.#begun - this.#ended < slots && this.#inWave())
      this.#begin(this.#begun++);
    this.#filling = false;
    if (this.#over || this.#ended < this.#begun || !(this.#stopped || this.#begun === hosts.length)) return;
    this.#over = true;
    const ends = hosts.map((host, index) => [host, this.#ends[index]] as const);
    this.#sink.settle({ type: 'finished', value: new FleetResult(ends) });
  }

  /** Whether the next host may be begun, as a wave is over or there is room in it. */
  #inWave(): boolean {
    if (this.#begun < this.#wave) return true;
    if (this.#ended < this.#begun) return false;
    this.#waveBegan = this.#begun;
    this.#waveFailed = 0;
    this.#wave += this.#plan.batch;
    return true;
  }

  #begin(index: number): void {
    const { hosts, work } = this.#plan;
    const host = hosts[index]!;
    let ran = false;
    let child: Running | undefined = undefined; // it may settle inside its start
    const settle = (outcome: Outcome<T>): void => this.#end(index, outcome, ran, child);
    child = this.#run.start(
      work(host),
      { settle },
      { key: keyOf(host), within: { advice: [...this.#run.ambient.advice, watched(() => (ran = true))] } },
    );
  }

  #end(index: number, outcome: Outcome<T>, ran: boolean, child: Running | undefined): void {
    this.#ended++;
    if (outcome.type === 'finished') this.#ends[index] = { outcome };
    else {
      const error = ((child as RunRecord | undefined) ?? this.#run).errorOf(outcome);
      this.#ends[index] = { outcome, error, reached: ran || !neverSent(error) };
      this.#fails();
    }
    this.#fill();
  }

  #fails(): void {
    const { canary, failFast, maxFail } = this.#plan;
    this.#failed++;
    this.#waveFailed++;
    if (this.#stopped) return;
    const canaries = this.#wave === canary;
    if (failFast) {
      this.#stop('a host failed');
      this.#run.killChildren('failFast');
    } else if (this.#failed > maxFail) this.#stop(`more than ${Math.floor(maxFail)} have failed`);
    else if (canaries) this.#stop('a canary failed');
    else if (this.#waveFailed === this.#wave - this.#waveBegan) this.#stop('all of a batch failed');
  }

  #stop(why: string): void {
    this.#stopped = true;
    const left = this.#plan.hosts.length - this.#begun;
    if (left > 0) this.#sink.note(`${why}; ${left} ${left === 1 ? 'is' : 'are'} not begun`);
  }

  kill(by: string): void {
    this.#stopped = this.#over = true;
    this.#sink.settle({ type: 'killed', by });
  }
  pause(): void {}
  play(): void {}
  describe(): string {
    return `${this.#ended} of ${this.#plan.hosts.length} hosts have ended, ${this.#begun - this.#ended} at work`;
  }
}
