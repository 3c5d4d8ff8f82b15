"""Which share of small faults the tests notice: ``python tests/mutation/run.py --seed 0 --count 300``.

The tests run once, a few at a time, and tell which statements each of them reaches: probes stand before these, in the
code that is loaded. Then each fault of a sample is put into the code of a fork, and the tests that reach it run there,
quick ones first, until one fails. What is left are faults that no test notices.

A test of more than a few seconds is left out, and so is one that fails without a fault: either can only lower the
share. All limits count seconds of CPU, which a busy machine does not stretch; a fault that waits and does not compute
ends after five minutes without work.
"""

import argparse
import ast
import builtins
import gc
import importlib
import os
import pickle
import random
import resource
import signal
import sys
import time
import types
from collections import defaultdict
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
PLACES = ("io", "transport", "cli", "tallies.py", "measures.py", "mixture")
PATIENCE = 20.0  # CPU seconds of tests for a fault
CLOCKED = ROOT / "tests" / "robustness" / "test_interrupts.py"  # what is late on a busy machine is no fault
LONGEST = 3.0  # CPU seconds of one test
IDLE = 300  # seconds of the clock without work, after which a fault waits in vain; what a test started may be slow


class TooLong(BaseException):
    """A test that would cost more than it tells."""


class Mutation:
    """A plugin that takes the place of the run: lines of each test first, then the faults."""

    def __init__(self, chosen: list[Mutant], jobs: int, out: Path) -> None:
        self.chosen, self.jobs, self.out = chosen, jobs, out
        self.paths = {mutant.path for mutant in chosen}
        self.reached: dict[tuple[str, int], set[int]] = defaultdict(set)
        self.cost: dict[int, float] = {}
        self.failed: set[int] = set()
        self.sound: set[int] = set()

    def pytest_configure(self, config: pytest.Config) -> None:
        import hypothesis  # by now its own plugin has prepared it

        quick = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # a fault found is not made smaller
        hypothesis.settings.register_profile("mutation", hypothesis.settings.get_profile("mixot"), phases=quick)
        hypothesis.settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        start = time.time()
        for path in self.paths:  # commands load their modules when they run, too late for a fault
            importlib.import_module(".".join(Path(path).relative_to(ROOT / "src").with_suffix("").parts))
        self.functions = {}
        for thing in gc.get_objects():  # not isinstance, which proxies of modules answer with warnings
            if type(thing) is types.FunctionType and thing.__code__.co_filename in self.paths:
                key = (thing.__code__.co_filename, thing.__code__.co_qualname, thing.__code__.co_firstlineno)
                self.functions.setdefault(key, []).append(thing)
        self.caches = [thing for thing in gc.get_objects() if type(thing) is _lru_cache_wrapper]
        self.caches = [thing for thing in self.caches if (thing.__module__ or "").startswith("mixot")]
        self.probes = [found for path in self.paths for found in self.probes_of(path)]
        gc.freeze()
        self.trace_all(session)
        failed = [session.items[at].nodeid for at in sorted(self.failed)]
        took = f"{sum(self.cost.values()):.0f} s of CPU, {time.time() - start:.0f} s"
        print(f"\n{len(session.items)} tests, {took}; too long, or failing without a fault: {failed}", flush=True)
        self.judge(session)
        return True

    def probes_of(self, path: str) -> Iterator[tuple[types.FunctionType, types.CodeType]]:
        """Functions that are loaded, each with its code that tells what is reached."""
        for part in parts(compile(probed(path), path, "exec", dont_inherit=True)):
            for line in range(part.co_firstlineno - 1, part.co_firstlineno + 2):  # a decorator may be counted or not
                for function in self.functions.get((path, part.co_qualname, line), ()):
                    if part.co_freevars == function.__code__.co_freevars:
                        yield function, part

    def trace_all(self, session: pytest.Session) -> None:
        """Run all tests in forks, in pieces that one fork after the other takes, and keep what they reach."""
        size = 40  # tests of a fork: a crash loses no more than these
        waiting = [range(at, min(at + size, len(session.items))) for at in range(0, len(session.items), size)][::-1]
        running = {}
        while waiting or running:
            while waiting and len(running) < self.jobs:
                piece, file = waiting.pop(), self.out.with_suffix(f".{len(waiting)}")
                pid = os.fork()
                if not pid:
                    self.trace_some(session, piece, file)
                running[pid] = piece, file
            piece, file = running.pop(os.wait()[0])
            told = pickle.loads(file.read_bytes()) if file.exists() else {}
            file.unlink(missing_ok=True)
            for at in piece:
                good, self.cost[at], seen = told.get(at, (False, 0.0, ()))
                if not good:
                    self.failed.add(at)
                for place in seen:
                    self.reached[place].add(at)

    def trace_some(self, session: pytest.Session, piece: range, file: Path) -> None:
        """Run some tests with probes, and write down what each reaches; does not return."""
        mute()
        seen: set[tuple[str, int]] = set()
        builtins.reached_by_a_test = lambda *place: seen.add(place)
        for function, part in self.probes:
            function.__code__ = part
        signal.signal(signal.SIGPROF, give_up)
        told = {}
        for at in piece:
            seen.clear()
            begin = spent()
            signal.setitimer(signal.ITIMER_PROF, LONGEST)
            try:
                good = not any(r.failed for r in runtestprotocol(session.items[at], log=False, nextitem=None))
            except BaseException:
                good = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            told[at] = good, spent() - begin, tuple(seen)
        file.write_bytes(pickle.dumps(told))
        os._exit(0)

    def judge(self, session: pytest.Session) -> None:
        """Fork for each fault, a few at a time, and write down how each ended."""
        running: dict[int, tuple[Mutant, int, list[int]]] = {}
        waiting, results = list(reversed(self.chosen)), []
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests = self.tests_of(mutant)
                if not tests:
                    results.append((mutant, "no test reaches it", 0))
                    continue
                answer, to = os.pipe()
                pid = os.fork()
                if not pid:
                    self.child(session, mutant, tests, to)
                os.close(to)
                running[pid] = (mutant, answer, tests)
            pid, code = os.wait()
            mutant, answer, tests = running.pop(pid)
            with os.fdopen(answer) as pipe:
                noticed_by = pipe.read()
            if noticed_by and not self.is_sound(session, int(noticed_by)):
                waiting.append(mutant)
                continue
            end = {0: "survived", 3: "unfit"}.get(os.waitstatus_to_exitcode(code), "killed")
            results.append((mutant, end, len(tests)))
            self.write(results)
        report(results)

    def is_sound(self, session: pytest.Session, at: int) -> bool:
        """Whether a test passes in a fork without a fault; else it is left out from now on."""
        if at not in self.sound:
            pid = os.fork()
            if not pid:
                self.child(session, None, [at], None)
            _, code = os.waitpid(pid, 0)
            (self.failed if code else self.sound).add(at)
        return at in self.sound

    def write(self, results: list) -> None:
        self.out.write_text("".join(f"{end}\t{count}\t{mutant}\n" for mutant, end, count in results), encoding="utf-8")

    def tests_of(self, mutant: Mutant) -> list[int]:
        """The tests that reach a fault, quick ones first; of a default or a constant, those that reach its module."""
        places = {mutant.statement, *range(mutant.line, mutant.end_line + 1)}
        if mutant.default or mutant.function == "module":
            found = {at for (path, _), tests in self.reached.items() if path == mutant.path for at in tests}
        else:
            found = set().union(*(self.reached.get((mutant.path, line), set()) for line in places))
        chosen, total = [], 0.0
        for at in sorted(found - self.failed, key=self.cost.__getitem__):
            total += self.cost[at]
            if total > PATIENCE:
                break
            chosen.append(at)
        return chosen

    def child(self, session: pytest.Session, mutant: Mutant | None, tests: list[int], to: int | None) -> None:
        """Run tests with a fault until one fails, whose number is written into a pipe; does not return."""
        resource.setrlimit(resource.RLIMIT_CPU, (int(3 * sum(self.cost[at] for at in tests)) + 15,) * 2)
        end_when_idle()
        mute()
        code = 0
        try:
            code = 0 if mutant is None or self.put(mutant) else 3
            for at in tests if not code else ():
                if any(report.failed for report in runtestprotocol(session.items[at], log=False, nextitem=None)):
                    code = 1
                    if to is not None:
                        os.write(to, str(at).encode())
                    break
        except BaseException:  # a fault that ends the run is noticed, too
            code = 1
        os._exit(code)

    def put(self, mutant: Mutant) -> bool:
        """Put the fault into the functions that are loaded; False where it has no place there."""
        module = next(m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == mutant.path)
        source = mutant.apply(Path(mutant.path).read_text(encoding="utf-8"))
        code = module.__spec__.loader.source_to_code(source.encode(), mutant.path)
        for cache in self.caches:
            cache.cache_clear()
        if mutant.function == "module":
            return self.put_constant(mutant, source, module)
        changed = False
        for part in parts(code):
            for function in self.functions.get((mutant.path, part.co_qualname, part.co_firstlineno), ()):
                if mutant.default:
                    changed |= put_default(function, mutant)
                elif len(part.co_freevars) == len(function.__code__.co_freevars):
                    changed |= part != function.__code__
                    function.__code__ = part
        return changed

    def put_constant(self, mutant: Mutant, source: str, module: types.ModuleType) -> bool:
        name, value = source.splitlines()[mutant.line - 1].split("=", 1)
        name = name.strip()
        try:
            value = eval(value, dict(vars(module)))
        except SyntaxError:
            return False
        for other in list(sys.modules.values()):
            if (getattr(other, "__name__", None) or "").startswith("mixot") and name in vars(other):
                setattr(other, name, value)
        return True


def give_up(*_: object) -> None:
    raise TooLong


def spent() -> float:
    """Seconds of CPU of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def end_when_idle() -> None:
    """End this process as if a test had failed where it waits for something that does not come."""
    last = spent()

    def look(*_: object) -> None:
        nonlocal last
        before, last = last, spent()
        if last - before < 0.5:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, IDLE, IDLE)


def mute() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


class _Prober(ast.NodeTransformer):
    """A call that tells path and line, before each statement of a function."""

    def __init__(self, path: str) -> None:
        self.path = path

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and not isinstance(node, ast.Module | ast.ClassDef):
                setattr(node, field, [each for statement in block for each in (self.probe(statement), statement)])
        return node

    def probe(self, statement: ast.stmt) -> ast.stmt:
        call = ast.Expr(
            ast.Call(
                ast.Name("reached_by_a_test", ast.Load()), [ast.Constant(self.path), ast.Constant(statement.lineno)], []
            )
        )
        return ast.fix_missing_locations(ast.copy_location(call, statement))


def probed(path: str) -> ast.Module:
    """The syntax tree of a file, with probes in its functions."""
    return _Prober(path).visit(ast.parse(Path(path).read_text(encoding="utf-8")))


def put_default(function: types.FunctionType, mutant: Mutant) -> bool:
    """Change the default whose text the fault names, where exactly one has this value."""
    old, new = (eval(text, dict(function.__globals__)) for text in (mutant.old, mutant.new))
    if not function.__qualname__.endswith(mutant.function.split(".")[-1]):
        return False
    named = function.__kwdefaults__ or {}
    same = [key for key, value in named.items() if type(value) is type(old) and value == old]
    plain = [at for at, value in enumerate(function.__defaults__ or ()) if type(value) is type(old) and value == old]
    if len(same) + len(plain) != 1:
        return False
    if same:
        named[same[0]] = new
    else:
        values = list(function.__defaults__)
        values[plain[0]] = new
        function.__defaults__ = tuple(values)
    return True


def parts(code: types.CodeType):
    """All code objects inside one."""
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield part
            yield from parts(part)


def report(results: list) -> None:
    """Print how many faults were noticed, by place, and those that were not."""
    for place in (*PLACES, ""):
        ends = [end for mutant, end, _ in results if f"/mixot/{place}" in mutant.path and end != "unfit"]
        if ends:
            killed = ends.count("killed")
            print(f"{place or 'all':12} {killed:4} of {len(ends):4} noticed, {100 * killed / len(ends):5.1f} %")
    for mutant, end, count in results:
        if end not in ("killed", "unfit"):
            print(f"{end} ({count} tests): {os.path.relpath(mutant.path, ROOT)}{str(mutant)[len(mutant.path) :]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--places", nargs="+", default=PLACES, help="files and folders of src/mixot")
    parser.add_argument("--only", default="", help="only faults whose text holds this")
    parser.add_argument("--part", nargs="+", default=[""], help="of the sample only what lies in these")
    parser.add_argument("--out", type=Path, default=Path("build/mutation.tsv"))
    parser.add_argument("tests", nargs="*", default=["tests"])
    asked = parser.parse_args()
    roots = [ROOT / "src" / "mixot" / place for place in asked.places]
    files = sorted(p for root in roots for p in ([root] if root.is_file() else root.rglob("*.py")))
    everything = [mutant for path in files for mutant in mutants(str(path)) if asked.only in str(mutant)]
    chosen = random.Random(asked.seed).sample(everything, min(asked.count, len(everything)))
    chosen = [mutant for mutant in chosen if any(f"/mixot/{part}" in mutant.path for part in asked.part)]
    print(f"{len(chosen)} of {len(everything)} faults in {len(files)} files", flush=True)
    plugin = Mutation(chosen, asked.jobs, asked.out)
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow", f"--rootdir={ROOT}", f"--ignore={CLOCKED}"]
    sys.exit(pytest.main([*options, *asked.tests], plugins=[plugin]))


if __name__ == "__main__":
    main()
