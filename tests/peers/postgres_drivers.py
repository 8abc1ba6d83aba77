"""Uses the PostgreSQL port as drivers and tools do: asyncpg, psycopg with cursors and COPY, SQLAlchemy.

    postgres_drivers.py HOST PORT USER PASSWORD

There are 100 samples of `drivers_numbers`, with the values 0 to 99. Prints what it got as JSON.
"""

import asyncio
import datetime
import json
import sys

import asyncpg
import psycopg
import sqlalchemy

host, port, user, password = sys.argv[1:5]
answers = {}
METRIC = "drivers_numbers"


async def with_asyncpg():
    """Always prepared, always binary; a pool resets what it gets back."""
    connect = {"host": host, "port": int(port), "user": user, "password": password, "database": "evenkeel"}
    got = {}
    async with asyncpg.create_pool(**connect, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT value, ts, labels FROM metrics WHERE metric = $1 AND ts > $2 ORDER BY value LIMIT $3",
                METRIC,
                datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
                2,
            )
            assert all(row["ts"].tzinfo for row in rows), rows
            got["values"] = [row["value"] for row in rows]
            got["labels"] = json.loads(rows[0]["labels"])
            got["any"] = await connection.fetchval("SELECT count(*) FROM metrics WHERE metric = ANY($1)", [METRIC, "x"])
            got["array"] = await connection.fetchval("SELECT array['a', 'b']")
            query = "SELECT array[1, 2], array[0.5::float8], array_agg(value ORDER BY value), 2 = ANY($1::bigint[]) FROM metrics WHERE metric = $2 AND value < 2"
            got["numbers"] = list(await connection.fetchrow(query, [1, 2], METRIC))
            got["row"] = list(await connection.fetchval("SELECT named_struct('a', 1, 'b', 'x')"))
            statement = await connection.prepare("SELECT count(*), max(value) FROM metrics WHERE value > $1")
            got["parameters"] = [parameter.name for parameter in statement.get_parameters()]
            got["columns"] = [attribute.name for attribute in statement.get_attributes()]
            async with connection.transaction(readonly=True):
                cursor = connection.cursor("SELECT value FROM metrics WHERE metric = $1", METRIC, prefetch=7)
                got["cursor"] = len([row async for row in cursor])
            try:
                await connection.fetch("SELECT nosuch FROM metrics")
            except asyncpg.UndefinedColumnError as error:
                got["unknown"] = error.position
        async with pool.acquire() as connection:
            got["reset"] = await connection.fetchval("SELECT 1")
    return got


def with_psycopg():
    where = f"host={host} port={port} dbname=evenkeel user={user} password={password}"
    got = {}
    with psycopg.connect(where, options="-c statement_timeout=45s") as connection:
        got["timeout"] = connection.execute("SHOW statement_timeout").fetchone()[0]
        got["version"] = connection.execute("SELECT current_setting('server_version_num')::int / 100").fetchone()[0]
        with connection.cursor("numbers") as cursor:
            cursor.itersize = 30
            cursor.execute("SELECT value FROM metrics WHERE metric = %s ORDER BY value", (METRIC,))
            got["named"] = [row[0] for row in cursor][-1]
        hours = datetime.timedelta(hours=3)
        query = "SELECT count(*) FROM metrics WHERE metric = %s AND ts > now() - %s"
        got["interval"] = connection.execute(query, (METRIC, hours)).fetchone()[0]
        query = f"COPY (SELECT metric, value FROM metrics WHERE metric = '{METRIC}' ORDER BY value LIMIT 2) TO STDOUT"
        with connection.cursor().copy(query) as copy:
            got["copy"] = list(copy.rows())
        with connection.cursor().copy(query + " WITH (FORMAT csv, HEADER)") as copy:
            got["csv"] = b"".join(bytes(part) for part in copy).decode()
    states = {}
    with psycopg.connect(where, autocommit=True) as connection:
        for name, query in {
            "table": "SELECT * FROM nosuch",
            "column": "SELECT nosuch FROM metrics",
            "function": "SELECT nosuch(1)",
            "syntax": "SELECT 1 +",
            "zero": "SELECT 1 / 0",
            "cast": "SELECT CAST('a' AS int)",
            "write": "CREATE TABLE mine (a int)",
            "file": "COPY metrics TO '/tmp/evenkeel-metrics.csv'",
            "setting": "SET nosuch = 1",
        }.items():
            try:
                connection.execute(query)
                states[name] = "done"
            except psycopg.Error as error:
                states[name] = error.sqlstate
    got["states"] = states
    return got


def with_sqlalchemy():
    where = sqlalchemy.URL.create("postgresql+psycopg", user, password, host, int(port), "evenkeel")
    engine = sqlalchemy.create_engine(where)
    inspector = sqlalchemy.inspect(engine)
    got = {
        "schema": inspector.default_schema_name,
        "tables": {"events", "logs"} <= set(inspector.get_table_names()),
        "views": {"incidents", "metrics"} <= set(inspector.get_view_names()),
        "has_table": [inspector.has_table("metrics"), inspector.has_table("nosuch")],
        "schemas": {"lake", "public"} <= set(inspector.get_schema_names()),
    }
    got["columns"] = {column["name"]: str(column["type"]) for column in inspector.get_columns("metrics")}
    got["comments"] = [inspector.get_table_comment("metrics")["text"], inspector.get_columns("events")[0]["comment"]]
    got["keys"] = [
        inspector.get_pk_constraint("events")["constrained_columns"],
        inspector.get_foreign_keys("events"),
        inspector.get_unique_constraints("events"),
        inspector.get_check_constraints("events"),
        inspector.get_indexes("events"),
    ]
    got["definition"] = "metric_samples" in inspector.get_view_definition("metrics")
    reflected = sqlalchemy.MetaData()
    reflected.reflect(engine, views=True)
    got["reflected"] = len(reflected.tables["incidents"].columns) > 10 and len(reflected.tables) > 15
    metrics = sqlalchemy.Table("metrics", sqlalchemy.MetaData(), autoload_with=engine)
    query = sqlalchemy.select(sqlalchemy.func.max(metrics.c.value)).where(metrics.c.metric == METRIC)
    with engine.connect() as connection:
        got["max"] = connection.execute(query).scalar_one()
    return got


answers["asyncpg"] = asyncio.run(with_asyncpg())
answers["psycopg"] = with_psycopg()
answers["sqlalchemy"] = with_sqlalchemy()
print(json.dumps(answers))
