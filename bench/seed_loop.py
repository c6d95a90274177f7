"""The seed's loop in Python 3, written from the description of "My Weaksauce Event Loop" (2009): generators yield callables
that give (onComplete, [(stream, function), ...]); one select over all streams; a line at a time.

    python3 seed_loop.py lines 4 FILE      lines a second: 4 x `cat FILE`, a function called with each line
    python3 seed_loop.py spawn 1000 8      programs a second: 1,000 x `true` in 8 generators
"""

import select
import subprocess
import sys
import time


def run_command_gens(generators):
    """Runs generators side by side; the steps within one are serial."""
    streams = {}

    def advance(generator):
        try:
            start = next(generator)
        except StopIteration:
            return
        on_complete, pairs = start()
        work = {"open": len(pairs), "on_complete": on_complete, "generator": generator}
        for stream, function in pairs:
            streams[stream] = (function, work)

    for generator in generators:
        advance(iter(generator))
    while streams:
        ready, _, _ = select.select(list(streams), [], [])
        for stream in ready:
            function, work = streams[stream]
            line = stream.readline()
            if line:
                if function is not None:
                    function(line)
                continue
            del streams[stream]
            work["open"] -= 1
            if work["open"] == 0:
                work["on_complete"]()
                advance(work["generator"])


class ProgramRunner:
    """A shell command with a function for each line of stdout and of stderr; the exit code is set on completion."""

    def __init__(self, cmd, stdoutf=None, stderrf=None, env=None, log=False):
        self.cmd = cmd
        self.stdoutf = stdoutf
        self.stderrf = stderrf
        self.env = env
        self.log = log
        self.exitCode = None

    def __call__(self):
        if self.log:
            print(self.cmd)
        self.pipe = subprocess.Popen(
            self.cmd, shell=True, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self.on_complete, [(self.pipe.stdout, self.stdoutf), (self.pipe.stderr, self.stderrf)]

    def on_complete(self):
        self.pipe.stdout.close()
        self.pipe.stderr.close()
        self.exitCode = self.pipe.wait()


def lines(programs, path):
    count = [0, 0]

    def on_line(line):
        count[0] += 1
        count[1] += len(line)

    def one():
        yield ProgramRunner("cat '%s'" % path, on_line)

    began = time.perf_counter()
    run_command_gens([one() for _ in range(programs)])
    return count[0] / (time.perf_counter() - began)


def spawn(programs, width):
    codes = []

    def lane(count):
        for _ in range(count):
            runner = ProgramRunner("true", codes.append)
            yield runner
            codes.append(runner.exitCode)

    began = time.perf_counter()
    run_command_gens([lane(len(range(first, programs, width))) for first in range(width)])
    if codes != [0] * programs:
        raise SystemExit("%d of %d finished" % (codes.count(0), programs))
    return programs / (time.perf_counter() - began)


if __name__ == "__main__":
    what, *args = sys.argv[1:]
    print(lines(int(args[0]), args[1]) if what == "lines" else spawn(int(args[0]), int(args[1])))
