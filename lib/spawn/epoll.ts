// Linux's epoll: one wait for all pipes that are read.
import { c, errnoError, koffi, O_CLOEXEC } from './libc.ts';

const EPOLLIN = 1;
const EPOLLET = -0x80000000;
const EPOLL_CTL_ADD = 1;

/** Tells of pipes that something was written to them, or that nobody does any more. */
export interface Epoll {
  /** Tells of this one from now on, by a number, until it is closed. Throws where the system has no room for it. */
  add(fd: number, number: number): void;
  /** Those of which something changed since the last call; not all, if there are many. */
  changes(changed: (number: number) => void): void;
  /** Whether it keeps Node from ending; at first it does. */
  ref(): void;
  unref(): void;
}

/** How many changes are told at once. */
const CHANGES = 64;

/** `changed` is called while there are changes; see `poll` of koffi. */
export function newEpoll(changed: () => void): Epoll {
  const epoll = c.createEpoll(O_CLOEXEC);
  if (epoll === -1) throw errnoError('epoll_create1');
  const handle = koffi.node.poll(epoll, changed);
  // Of x64 alone the structure has no gap between the events and the number.
  const [words, at] = process.arch === 'x64' ? [3, 1] : [4, 2];
  const event = new Int32Array(4);
  const events = new Int32Array(CHANGES * words);
  return {
    add(fd, number) {
      event[0] = EPOLLIN | EPOLLET;
      event[at] = number;
      if (c.changeEpoll(epoll, EPOLL_CTL_ADD, fd, event) !== 0) throw errnoError('epoll_ctl');
    },
    changes(tell) {
      const count = c.waitEpoll(epoll, events, CHANGES, 0);
      for (let i = 0; i < count; i++) tell(events[i * words + at]!);
    },
    ref: () => handle.ref(),
    unref: () => handle.unref(),
  };
}
