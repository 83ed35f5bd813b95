"""The program, and what people use instead of it, as contenders."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from contest import Contender
from install import DATABASE

ORIGINAL = Path(__file__).with_name("original.py")
PRAGMAS = "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA synchronous=FULL;\n"

# What a person writes who knows the application: children first, in an order that no foreign key forbids.
OF_A_USER = {
    "images": "post_id IN (SELECT id FROM posts WHERE user_id = {user}) OR platform_connection_id IN "
    "(SELECT id FROM platform_connections WHERE user_id = {user})",
    "posts": "user_id = {user}",
    "processing_runs": "user_id = {user}",
    "job_audit_log": "user_id = {user} OR task_id IN (SELECT id FROM caption_generation_tasks WHERE user_id = {user})",
    "caption_generation_tasks": "user_id = {user}",
    "caption_generation_user_settings": "user_id = {user}",
    "user_sessions": "user_id = {user}",
    "gdpr_audit_log": "user_id = {user}",
    "storage_event_log": "user_id = {user}",
    "storage_overrides": "admin_user_id = {user}",
    "notifications": "user_id = {user}",
    "user_audit_log": "user_id = {user}",
    "platform_connections": "user_id = {user}",
}


def program(path, *arguments, name="reset-app"):
    """The program itself; `--no-redis`, so that it reaches nobody's."""
    return Contender(
        name, lambda copy: [path, "--root", copy, *arguments, "--no-progress", "--quiet", "--no-redis"]
    )


def shell(name, script):
    return Contender(name, lambda copy: ["sqlite3", "-bail", copy / DATABASE], script)


def per_user(users):
    """One transaction a user."""
    def script(_):
        deletions = [f"DELETE FROM {table} WHERE {rows};\n" for table, rows in OF_A_USER.items()]
        transaction = "BEGIN IMMEDIATE;\n" + "".join(deletions) + "COMMIT;\n"
        return PRAGMAS + "".join(transaction.format(user=user) for user in users)

    return shell("script per user", script)


def sqlite_utils(users, place):
    """One transaction a user, by the library of that name; none, and it is said, where it cannot be installed."""
    python = place / "venv" / "bin" / "python"
    if not python.exists():
        venv = [sys.executable, "-m", "venv", place / "venv"]
        install = [python, "-m", "pip", "install", "--quiet", "sqlite-utils==3.38"]
        for command in [venv, install]:
            if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                shutil.rmtree(place / "venv", ignore_errors=True)
                print("SKIPPED: sqlite-utils, which could not be installed from PyPI")
                return []
    script = Path(__file__).with_name("with_sqlite_utils.py")
    return [Contender("sqlite-utils", lambda copy: [python, script, copy / DATABASE, str(users)])]


def one_transaction():
    """All rows of the same tables, without WHERE."""
    def script(_):
        deletions = [f"DELETE FROM {table};\n" for table in OF_A_USER]
        return PRAGMAS + "BEGIN IMMEDIATE;\n" + "".join(deletions) + "COMMIT;\n"

    return shell("one transaction, no WHERE", script)


def without_foreign_keys():
    """Every table emptied, which SQLite does page by page where nothing looks at the rows."""
    def script(copy):
        tables = sqlite3.connect(copy / DATABASE).execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        deletions = "".join(f"DELETE FROM {name};\n" for (name,) in tables.fetchall())
        return "PRAGMA foreign_keys=OFF; PRAGMA synchronous=FULL;\nBEGIN IMMEDIATE;\n" + deletions + "COMMIT;\n"

    return shell("DELETE without WHERE, no foreign keys", script)


def original(files):
    """As the program works that this one replaces."""
    return Contender("original's way", lambda copy: [sys.executable, ORIGINAL, copy / DATABASE, copy, files])


def remove_files():
    return Contender("rm -rf", lambda copy: ["rm", "-rf", "storage/images", "storage/temp", "storage/backups"])


def remaining(copy):
    """Rows by table: two ways that are to do the same must end alike."""
    connection = sqlite3.connect(copy / DATABASE)
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in names}
    connection.close()
    return rows
