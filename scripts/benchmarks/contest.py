"""One contest: the program and its rivals in turn, each on a fresh copy."""

import json
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

METER = Path(__file__).with_name("meter.py")


@dataclass
class Contender:
    """`command` answers the arguments for a copy; `script` its standard input; `template` is copied
    for it instead of the contest's."""

    name: str
    command: Callable[[Path], list]
    script: Optional[Callable[[Path], str]] = None
    template: Optional[Path] = None
    codes: tuple = (0,)
    took: list = field(default_factory=list)

    def on(self, template):
        self.template = template
        return self

    def median(self, what):
        values = [took[what] for took in self.took]
        return None if not values or None in values else statistics.median(values)


class Bench:
    """Where copies are made and how often each contender runs."""

    def __init__(self, place, runs, under):
        self.place = place
        self.runs = runs
        self.under = under

    def contest(self, title, template, contenders, verify=None):
        """Runs all of them in turn. `verify` is given each copy afterwards, and answers what must be alike."""
        print(f"\n## {title}\n", flush=True)
        ends = {}
        for turn in range(self.runs):
            for contender in contenders:
                copy = self.fresh(contender.template or template)
                contender.took.append(self.measure(contender, copy))
                if verify and turn == 0:
                    ends[contender.name] = verify(copy)
                shutil.rmtree(copy)
        table(contenders)
        for name, end in ends.items():
            if end != ends[contenders[0].name]:
                sys.exit(f"{name} does not end as {contenders[0].name}: {end}\n{ends[contenders[0].name]}")
        return contenders

    def fresh(self, template):
        copy = self.place / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", template, copy], check=True)
        return copy

    def measure(self, contender, copy):
        result, script = self.place / "result.json", self.place / "input"
        script.write_text(contender.script(copy) if contender.script else "")
        meter = [sys.executable, "-I", "-S", METER, result, copy, script]
        subprocess.run([*self.under, *meter, *contender.command(copy)], check=True)
        took = json.loads(result.read_text())
        if took["code"] not in contender.codes:
            output = (copy / "meter.out").read_text(errors="replace")
            sys.exit(f"{contender.name} ended with {took['code']}:\n{output}")
        return took


def table(contenders):
    """Medians, and each contender's time as a multiple of the first's."""
    first = contenders[0].median("seconds")
    print(f"| | seconds | of `{contenders[0].name}` | {contenders[0].name} / it | written | peak memory |")
    print("|---|---:|---:|---:|---:|---:|")
    for one in contenders:
        seconds = one.median("seconds")
        print(
            f"| {one.name} | {seconds:.3f} | {seconds / first:.2f} | {first / seconds:.3f} "
            f"| {size(one.median('written'))} | {size(one.median('memory'))} |",
            flush=True,
        )


def size(count):
    if count is None:
        return "?"
    for unit in ["B", "kB", "MB"]:
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
