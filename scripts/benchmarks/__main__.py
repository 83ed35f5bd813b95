"""Benchmarks: each part is a contest between the program and what people use instead of it."""

import argparse
import os
import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import rivals
from contest import Bench
from install import REPOSITORY, Size, template

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
    ]
    title = f"Rows of {size.users} users, {size.users * size.images} images"
    bench.contest(title, template(size, options.templates), chosen(contenders, options), rivals.remaining)


def files(bench, options):
    """Rows and files together, and each alone."""
    size = Size(options.users, options.images, files=True)
    alone = template(replace(size, rows=False), options.templates)
    together = rivals.program(options.program, *DELETE_ALL)
    parts = [
        rivals.program(options.program, *DELETE_ALL, "--no-files", name="rows alone"),
        rivals.program(options.program, *DELETE_ALL, name="files alone").on(alone),
    ]
    contenders = [together, *parts, rivals.original("files"), rivals.remove_files()]
    title = f"Rows and files of {size.users} users, {size.users * size.images} images"
    bench.contest(title, template(size, options.templates), chosen(contenders, options))
    larger = max(part.median("seconds") for part in parts if part.took)
    print(f"\nTogether / the larger part: {together.median('seconds') / larger:.2f}")


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
    print("\n| | x1 | x4 | x16 | x16 / x1 |\n|---|---:|---:|---:|---:|")
    for name, first in times[0].items():
        rest = [time[name] for time in times]
        print(f"| {name} | " + " | ".join(f"{time:.2f} s" for time in rest) + f" | {rest[-1] / first:.1f} |")


PARTS = {"rows": rows, "files": files, "growth": growth}
IN_MEMORY = {"growth"}


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
    parser.add_argument("--runs", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--rivals", nargs="*", metavar="WORD", help="only rivals whose name holds a word")
    parser.add_argument("--place", type=Path, help="where copies are made; else target/bench, or memory for growth")
    parser.add_argument("--program", type=Path, default=TARGET / "release" / "reset-app", help="the binary to measure")
    parser.add_argument("--under", type=shlex.split, default=[], help="a command under which each run is put")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
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
