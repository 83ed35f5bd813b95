"""What restores a clean state: a snapshot, and what people use instead. One row and one file in a hundred is changed before
each run, on a copy that stays, as in tests."""

import os
import shutil
import sqlite3
import subprocess
import sys

from contest import Contender, table
from install import DATABASE

CHANGES = [
    "UPDATE images SET reviewed_caption = 'changed ' || id WHERE id % 100 = 7",
    "UPDATE posts SET post_content = 'changed ' || id WHERE id % 100 = 7",
    "DELETE FROM user_audit_log WHERE id % 100 = 7",
]
SAVED = "saved"


def contests(bench, program, big, small):
    """All of them, on an install of each size."""
    restore = Contender("reset-app", lambda copy: [program, "--root", copy, *RESTORE])
    rows = Contender("reset-app", lambda copy: [program, "--root", copy, *RESTORE, "--no-files"])
    place = Place(bench, program, big)
    place.contest("The database, 1 % of its rows changed", [rows, *databases()], change_rows)
    place.contest("The tree, 1 % of its files changed", [again(restore), rsync()], change_files)
    place.contest("Nothing changed", [again(restore), rsync()], lambda copy: None)
    place.contest("Saving", saves(program), lambda copy: forget_saves(program, copy))
    # Rows that are inserted anew stand on other pages: each way has a copy of its own.
    for contender in [again(restore), seed()]:
        place = Place(bench, program, small)
        place.contest(f"A small install, 1 % of both changed: {contender.name}", [contender], change_both)
        shutil.rmtree(place.copy)


ALONE = ("--no-redis", "--audit-log", "none")
RESTORE = ("snapshot", "restore", "clean", "--force", *ALONE)


class Place:
    """An install with a snapshot, and beside it what other ways need."""

    def __init__(self, bench, program, template):
        self.bench = bench
        self.copy = bench.fresh(template).rename(bench.place / template.name)
        saved = self.copy / SAVED
        saved.mkdir()
        shutil.copy(self.copy / DATABASE, saved / "database")
        subprocess.run(["cp", "-a", self.copy / "storage" / "images", saved / "images"], check=True)
        dump = subprocess.run(["sqlite3", self.copy / DATABASE, ".dump --data-only"], check=True, capture_output=True)
        (saved / "seed.sql").write_bytes(dump.stdout)
        save = [program, "--root", self.copy, "snapshot", "save", "clean", *ALONE]
        subprocess.run(save, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([program, "--root", self.copy, *RESTORE], check=True, stdout=subprocess.DEVNULL)

    def contest(self, title, contenders, change):
        print(f"\n## {title}\n", flush=True)
        for _ in range(self.bench.runs):
            for contender in contenders:
                change(self.copy)
                os.sync()
                contender.took.append(self.bench.measure(contender, self.copy))
                self.require_restored(contender)
        table(contenders)

    def require_restored(self, contender):
        """Sampled: each way ends with the same."""
        ends = []
        for path in [self.copy / DATABASE, self.copy / SAVED / "database"]:
            connection = sqlite3.connect(path)
            ends.append(connection.execute("SELECT sum(length(reviewed_caption)), count(*) FROM images").fetchall())
            ends[-1] += connection.execute("SELECT count(*) FROM user_audit_log").fetchall()
            connection.close()
        for file in changed(self.copy):
            if not file.exists() or file.read_bytes().startswith(b"changed"):
                ends.append(file)
        if len(ends) != 2 or ends[0] != ends[1]:
            sys.exit(f"{contender.name} does not restore: {ends}")


def again(contender):
    return Contender(contender.name, contender.command)


def changed(copy):
    files = [file for file in sorted((copy / "storage" / "images").rglob("*")) if file.is_file()]
    return files[::100]


def change_rows(copy):
    connection = sqlite3.connect(copy / DATABASE)
    with connection:
        for change in CHANGES:
            connection.execute(change)
    connection.close()


def change_files(copy):
    for file in changed(copy):
        file.write_bytes(b"changed".ljust(2000))


def change_both(copy):
    change_rows(copy)
    change_files(copy)


def databases():
    restore = "sqlite3 .restore"
    return [
        Contender(restore, lambda copy: ["sqlite3", copy / DATABASE, f".restore {copy / SAVED / 'database'}"]),
        # Whoever has the database open sees a mixture.
        Contender("cp", lambda copy: ["cp", copy / SAVED / "database", copy / DATABASE]),
    ]


OTHER = "saved/other"


def saves(program):
    """Both end with everything on the disk; only a snapshot has been read back."""
    copying = f"sqlite3 {DATABASE} '.backup {OTHER}/database' && cp -a storage/images {OTHER} && sync -f {OTHER}"
    return [
        Contender("reset-app", lambda copy: [program, "--root", copy, "snapshot", "save", "other", *ALONE]),
        Contender("sqlite3 .backup, cp -a and sync", lambda copy: ["sh", "-c", copying]),
    ]


def forget_saves(program, copy):
    if (copy / ".reset-app" / "snapshots" / "other").exists():
        subprocess.run([program, "--root", copy, "snapshot", "drop", "other", *ALONE], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(copy / OTHER, ignore_errors=True)
    (copy / OTHER).mkdir()


def in_process():
    """What the small install takes where no process has to start."""
    print("\n## Inside a process: 5 MB of rows and 100 files, 1 % of both changed\n", flush=True)
    subprocess.run(["cargo", "bench", "--locked", "--quiet", "--bench", "steps", "--", "restore"], check=True)


def rsync():
    return Contender(
        "rsync -a --delete",
        lambda copy: ["rsync", "-a", "--delete", f"{copy / SAVED / 'images'}/", f"{copy / 'storage' / 'images'}/"],
    )


def seed():
    """Deletes all rows table by table, inserts the seed and copies the files."""
    def script(copy):
        connection = sqlite3.connect(copy / DATABASE)
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        deletions = "".join(f'DELETE FROM "{name}";\n' for (name,) in names)
        connection.close()
        inserts = (copy / SAVED / "seed.sql").read_text()
        files = f".shell rsync -a --delete {copy / SAVED / 'images'}/ {copy / 'storage' / 'images'}/\n"
        return f"PRAGMA foreign_keys=OFF;\nBEGIN;\n{deletions}{inserts}COMMIT;\n{files}"

    return Contender("deleting all rows, and a seed", lambda copy: ["sqlite3", "-bail", copy / DATABASE], script)
