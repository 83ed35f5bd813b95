"""Deletes all user data as the original did: user by user and row by row, each image's file before its row, and one
commit at the end. `original.py DATABASE ROOT files|rows`."""

import os
import shutil
import sqlite3
import sys

OWNED = [
    ("processing_runs", "user_id"),
    ("caption_generation_user_settings", "user_id"),
    ("gdpr_audit_log", "user_id"),
    ("storage_event_log", "user_id"),
    ("storage_overrides", "admin_user_id"),
    ("notifications", "user_id"),
    ("user_audit_log", "user_id"),
    ("user_sessions", "user_id"),
    ("job_audit_log", "user_id"),
    ("caption_generation_tasks", "user_id"),
    ("platform_connections", "user_id"),
]


def main(database, root, extent):
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript(
        "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA synchronous=FULL; BEGIN IMMEDIATE"
    )
    for (user,) in connection.execute("SELECT id FROM users").fetchall():
        delete_posts(connection, root, user, extent)
        for table, column in OWNED:
            delete_rows(connection, table, f"{column} = ?", user)
        if extent == "files":
            for name in ["images", "temp", "backups"]:
                shutil.rmtree(os.path.join(root, "storage", name, f"user_{user}"), ignore_errors=True)
    connection.execute("COMMIT")


def delete_posts(connection, root, user, extent):
    for (post,) in connection.execute("SELECT id FROM posts WHERE user_id = ?", (user,)).fetchall():
        images = connection.execute("SELECT id, local_path FROM images WHERE post_id = ?", (post,)).fetchall()
        for image, path in images:
            if extent == "files" and os.path.exists(os.path.join(root, path)):
                os.remove(os.path.join(root, path))
            connection.execute("DELETE FROM images WHERE id = ?", (image,))
        connection.execute("DELETE FROM posts WHERE id = ?", (post,))


def delete_rows(connection, table, condition, user):
    for (key,) in connection.execute(f"SELECT id FROM {table} WHERE {condition}", (user,)).fetchall():
        connection.execute(f"DELETE FROM {table} WHERE id = ?", (key,))


main(*sys.argv[1:])
