"""Asks over the PostgreSQL port with psycopg.

    psycopg_client.py HOST PORT USER PASSWORD

Prints what it got as JSON.
"""

import datetime
import json
import sys

import psycopg

host, port, user, password = sys.argv[1:5]
where = f"host={host} port={port} dbname=evenkeel user={user} password={password} connect_timeout=10"
answers = {}

with psycopg.connect(where, autocommit=True) as connection:
    # psycopg 3 sends values apart from the text: these are parameters of the server.
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        cursor.execute(
            "SELECT metric, value, ts FROM metrics WHERE metric = %s AND value >= %s ORDER BY ts LIMIT 2",
            ("readers_numbers", 2.0),
        )
        rows = cursor.fetchall()
        assert all(isinstance(ts, datetime.datetime) and ts.tzinfo for _, _, ts in rows), rows
        answers["binary" if binary else "text"] = [[metric, value, ts.timestamp()] for metric, value, ts in rows]

    # The second run of a prepared statement sends the parameters alone.
    prepared = []
    for wanted in (1.0, 3.0):
        cursor = connection.execute(
            "SELECT count(*) FROM metrics WHERE metric = 'readers_numbers' AND value = %s", (wanted,), prepare=True
        )
        prepared.append(cursor.fetchone()[0])
    answers["prepared"] = prepared

    # A value that would be SQL if it were pasted.
    cursor = connection.execute("SELECT count(*) FROM metrics WHERE metric = %s", ("x' OR '1'='1",))
    answers["injected"] = cursor.fetchone()[0]

    try:
        connection.execute("CREATE TABLE mine (a int)")
        answers["create"] = "done"
    except psycopg.Error as error:
        answers["create"] = error.sqlstate

    # After an error the connection goes on.
    answers["after"] = connection.execute("SELECT 1").fetchone()[0]

with psycopg.connect(where) as connection:
    answers["in_transaction"] = connection.execute("SELECT count(*) FROM incidents").fetchone()[0]

try:
    psycopg.connect(where.replace(password, "wrong"))
    answers["wrong_password"] = "let in"
except psycopg.OperationalError as error:
    answers["wrong_password"] = "refused"

print(json.dumps(answers))
