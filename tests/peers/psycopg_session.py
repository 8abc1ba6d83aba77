"""Uses a session on the PostgreSQL port as people and drivers do: settings, transactions, cancelling.

    psycopg_session.py HOST PORT USER PASSWORD SSLMODE

Prints what it got as JSON.
"""

import json
import sys
import threading
import time

import psycopg

host, port, user, password, sslmode = sys.argv[1:6]
answers = {}
ROWS = "SELECT * FROM generate_series(1, 1000000000)"
LONG = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE 1 > random()"


def connect():
    where = f"host={host} port={port} dbname=evenkeel user={user} password={password} sslmode={sslmode}"
    return psycopg.connect(where, autocommit=True, connect_timeout=30)


with connect() as connection:
    answers["encrypted"] = connection.pgconn.ssl_in_use
    for statement in ("SET application_name = 'session'", "SET statement_timeout = '60s'", "SET TIME ZONE 'UTC'"):
        connection.execute(statement)
    connection.execute("BEGIN")
    answers["within"] = connection.execute("SELECT 1").fetchone()[0]
    connection.execute("COMMIT")
    with connection.transaction():
        answers["block"] = connection.execute("SELECT 2").fetchone()[0]

    # While rows come in.
    taken = 0
    began = time.monotonic()
    try:
        for _ in connection.cursor().stream(ROWS):
            taken += 1
            if taken == 1000:
                connection.cancel_safe()
        answers["rows"] = "all came"
    except psycopg.Error as error:
        answers["rows"] = error.sqlstate
    answers["came_before"] = taken >= 1000
    # While nothing comes yet.
    threading.Timer(1.0, connection.cancel_safe).start()
    try:
        connection.execute(LONG)
        answers["long"] = "it ended"
    except psycopg.Error as error:
        answers["long"] = error.sqlstate
    answers["in_time"] = time.monotonic() - began < 30
    answers["after"] = connection.execute("SELECT 3").fetchone()[0]

print(json.dumps(answers))
