"""The same rows by sqlite-utils: `with_sqlite_utils.py DATABASE USERS`, one transaction a user."""

import sys

import sqlite_utils

from rivals import OF_A_USER


def main(path, users):
    database = sqlite_utils.Database(path)
    for pragma in ["foreign_keys=ON", "secure_delete=ON", "synchronous=FULL"]:
        database.execute(f"PRAGMA {pragma}")
    for user in range(1, int(users) + 1):
        with database.conn:
            for table, rows in OF_A_USER.items():
                database[table].delete_where(rows.format(user=user))
    database.close()


main(*sys.argv[1:])
