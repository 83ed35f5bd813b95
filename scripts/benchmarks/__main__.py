"""Benchmarks: each part is a contest between the program and what people use instead of it."""

import argparse
import os
import shlex
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import keys
import rivals
import snapshots
from contest import Bench, Contender, table
from install import DATABASE, REPOSITORY, Size, template

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
DELETE_ALL = ("delete-all-user-data", "--force")


def rows(bench, options):
    """Rows only, everybody's."""
    size = Size(options.users, options.images)
    contenders = [
        rivals.program(options.program, *DELETE_ALL, "--no-files"),
        rivals.per_user(range(1, size.users + 1)),
        rivals.one_transaction(),
        rivals.original("rows"),
        *rivals.sqlite_utils(size.users, options.templates),
    ]
    title = f"Rows of {size.users} users, {size.users * size.images} images"
    bench.contest(title, template(size, options.templates), chosen(contenders, options), rivals.remaining)


def files(bench, options):
    """Rows and files together, and each alone."""
    size = Size(options.users, options.images, files=True)
    without_rows = template(replace(size, rows=False), options.templates)
    together = rivals.program(options.program, *DELETE_ALL)
    parts = [
        rivals.program(options.program, *DELETE_ALL, "--no-files", name="rows alone"),
        rivals.program(options.program, *DELETE_ALL, name="files alone").on(without_rows),
    ]
    contenders = [together, *parts, rivals.original("files"), rivals.remove_files()]
    title = f"Rows and files of {size.users} users, {size.users * size.images} images"
    bench.contest(title, template(size, options.templates), chosen(contenders, options))
    alone = [part.median("seconds") for part in parts if part.took]
    if alone:
        print(f"\nTogether / the larger part: {together.median('seconds') / max(alone):.2f}")


def growth(bench, options):
    """The same rows, one, four and sixteen times; in memory unless --place says otherwise."""
    times = []
    for factor in [1, 4, 16]:
        size = Size(max(1, options.users * factor * 5 // 8), options.images)
        contenders = [
            rivals.program(options.program, *DELETE_ALL, "--no-files"),
            rivals.per_user(range(1, size.users + 1)),
            rivals.one_transaction(),
        ]
        title = f"Growth, x{factor}: rows of {size.users} users"
        done = bench.contest(title, template(size, options.templates), chosen(contenders, options), rivals.remaining)
        times.append({one.name: one.median("seconds") for one in done})
    growth_table(times)


def growth_table(times):
    print("\n| | x1 | x4 | x16 | x16 / x1 |\n|---|---:|---:|---:|---:|")
    for name, first in times[0].items():
        rest = [time[name] for time in times]
        print(f"| {name} | " + " | ".join(f"{time:.2f} s" for time in rest) + f" | {rest[-1] / first:.1f} |")


def one_user(bench, options):
    """One user's rows: in a database 1, 4 and 16 times as large, with and without an index for each reference; and one
    who owns 1, 4 and 16 times as much."""
    base = max(1, options.users * 5 // 8)
    sizes = [Size(base * factor, options.images) for factor in [1, 4, 16]]
    indexed = [replace(size, indexed=True) for size in sizes]
    heavy = [Size(base, options.images, heavy=factor) for factor in [1, 4, 16]]
    for title, series in [("larger database", sizes), ("the same, indexed", indexed), ("larger user", heavy)]:
        times = []
        for factor, size in zip([1, 4, 16], series):
            command = ("delete-user", "1", "--force", "--no-files")
            contenders = [rivals.program(options.program, *command), rivals.per_user([1])]
            full = f"One user, {title}, x{factor}"
            done = bench.contest(full, template(size, options.templates), chosen(contenders, options), rivals.remaining)
            times.append({one.name: one.median("seconds") for one in done})
        growth_table(times)


def preview(bench, options):
    """The preview of the rows of everybody, beside the deed."""
    size = Size(options.users, options.images)
    command = (*DELETE_ALL, "--no-files")
    deed = rivals.program(options.program, *command, name="deed")
    contenders = [deed, rivals.program(options.program, *command, "--dry-run", name="preview")]
    bench.contest(f"Preview of {size.users} users", template(size, options.templates), contenders)


def reset(bench, options):
    """reset-complete without files, against DELETE without WHERE."""
    size = Size(options.users, options.images)
    command = ("reset-complete", "--force", "--keep-storage", "--keep-logs", "--keep-env")
    contenders = [rivals.program(options.program, *command), rivals.without_foreign_keys()]
    left = {}

    def verify(copy):
        beside = (copy / DATABASE).parent.glob(DATABASE.name + "*")
        left[len(left)] = sum(file.read_bytes().count(b"bollard") for file in beside)

    bench.contest(f"Reset of {size.users} users", template(size, options.templates), contenders, verify)
    print("\n" + "; ".join(f"{one.name}: {left[at]} copies of a deleted word left" for at, one in enumerate(contenders)))


def redis(bench, options):
    """The application's keys, all and one user's; and the longest PING beside it."""
    if not keys.Server.is_there():
        print("SKIPPED: redis-server is not installed")
        return
    server = keys.Server(bench.place)
    try:
        install = template(Size(1000, 1), options.templates)
        url = f"unix://{server.path}"
        everyone = ["clear-redis", "--force", "--redis", url]
        one = ["delete-user", "1", "--sessions-only", "--force", "--no-files", "--redis", url]
        contenders = [
            Contender("reset-app", lambda copy: [options.program, "--root", copy, *everyone]),
            Contender("KEYS and DEL", lambda copy: [sys.executable, Path(keys.__file__), server.path]),
            Contender("reset-app, one user", lambda copy: [options.program, "--root", copy, *one]),
        ]
        print(f"\n## {options.keys} keys in Redis\n")
        waits, reads = {one.name: [] for one in contenders}, {}
        for _ in range(bench.runs):
            for contender in contenders:
                copy = bench.fresh(install)
                server.fill(options.keys)
                with keys.Pinger(server) as pinger:
                    contender.took.append(bench.measure(contender, copy))
                waits[contender.name].append(pinger.longest)
                reads[contender.name] = server.reads()
        table(contenders)
        for name, longest in waits.items():
            print(f"\n{name}: longest PING {statistics.median(longest) * 1000:.1f} ms; values read: {reads[name]}")
    finally:
        server.stop()


def startup(bench, options):
    """How long --help and status of a small install take, and the size of the binary."""
    small = REPOSITORY / "fixtures" / "example" / "root"
    contenders = [
        Contender("--help", lambda copy: [options.program, "--help"]),
        Contender("status", lambda copy: [options.program, "--root", copy, "status", "--no-redis"]),
    ]
    bench.contest("Start", small, contenders)
    print(f"\nThe binary: {options.program.stat().st_size / 1e6:.2f} MB")


def snapshot(bench, options):
    """Restoring a snapshot, against SQLite's shell, cp, rsync and a seed."""
    big = template(Size(options.users, options.images, files=True), options.templates)
    small = template(Size(8, 200), options.templates)
    for number in range(100):
        (small / "storage" / "images" / f"{number}.jpg").write_bytes(b"x" * 2000)
    snapshots.contests(bench, options.program, big, small)
    if not options.small:
        snapshots.in_process()


PARTS = {
    "rows": rows, "files": files, "growth": growth, "one-user": one_user, "preview": preview, "reset": reset,
    "redis": redis, "startup": startup, "snapshot": snapshot,
}
IN_MEMORY = {"growth", "one-user"}


def chosen(contenders, options):
    """All, or the program and those that --rivals names."""
    wanted = options.rivals
    rest = [one for one in contenders[1:] if wanted is None or any(word in one.name for word in wanted)]
    return contenders[:1] + rest


def arguments():
    parser = argparse.ArgumentParser("scripts/bench", description=__doc__)
    described = "; ".join(f"{name}: {part.__doc__.split('.')[0]}" for name, part in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{described}. Without one: all")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--images", type=int, default=200, help="images of each user; all else follows")
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys in Redis")
    parser.add_argument("--runs", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--small", action="store_true", help="a size that takes seconds, one run each")
    parser.add_argument("--rivals", nargs="*", metavar="WORD", help="only rivals whose name holds a word")
    parser.add_argument("--place", type=Path, help="where copies are made; else target/bench, or memory for growth")
    parser.add_argument("--program", type=Path, default=TARGET / "release" / "reset-app", help="the binary to measure")
    parser.add_argument("--under", type=shlex.split, default=[], help="a command under which each run is put")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if options.small:
        options.users, options.images, options.keys, options.runs = 10, 40, 10_000, 1
    options.program = options.program.resolve()
    options.templates = TARGET.resolve() / "bench"
    options.templates.mkdir(parents=True, exist_ok=True)
    return options


def place(part, options):
    memory = Path("/dev/shm")
    if options.place:
        return options.place
    return memory if part in IN_MEMORY and memory.is_dir() else options.templates


def main():
    options = arguments()
    for part in options.parts or PARTS:
        work = Path(tempfile.mkdtemp(prefix="run-", dir=place(part, options)))
        try:
            PARTS[part](Bench(work, options.runs, options.under), options)
        finally:
            shutil.rmtree(work, ignore_errors=True)


main()
