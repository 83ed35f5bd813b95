"""Runs one command and writes what it took: `meter.py RESULT DIRECTORY INPUT COMMAND...`.

A process of its own, small, because the peak memory of a child begins as its parent's."""

import json
import os
import sys
import time


def main(result, directory, script, *command):
    os.sync()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        become(directory, script, command)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - start
    written = bytes_written(child)
    _, status, usage = os.wait4(child, 0)
    took = {"seconds": seconds, "written": written, "memory": usage.ru_maxrss * 1024,
            "code": os.waitstatus_to_exitcode(status)}
    with open(result, "w") as file:
        json.dump(took, file)


def become(directory, script, command):
    os.chdir(directory)
    os.dup2(os.open(script, os.O_RDONLY), 0)
    output = os.open("meter.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.execvp(command[0], command)


def bytes_written(process):
    """By system calls, to files of any kind; none where the system does not count."""
    try:
        with open(f"/proc/{process}/io") as file:
            fields = dict(line.split(": ") for line in file)
        return int(fields["wchar"])
    except OSError:
        return None


main(*sys.argv[1:])
