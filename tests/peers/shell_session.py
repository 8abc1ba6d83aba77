"""Sits at a terminal before `evenkeel sql`, types, and reads the screen.

    shell_session.py BINARY URL TOKEN DIRECTORY

Prints what it saw as JSON.
"""

import json
import os
import sys

import pexpect

binary, url, token, directory = sys.argv[1:5]
seen = {}
environment = {
    **os.environ,
    "EVENKEEL_URL": url,
    "EVENKEEL_TOKEN": token,
    "EVENKEEL_HISTORY": os.path.join(directory, "state", "history"),
    "PAGER": "sed s/^/paged:/",
    "TERM": "xterm",
}
PROMPT, OPEN = "evenkeel=> ", "evenkeel-> "


def start():
    shell = pexpect.spawn(binary, ["sql"], env=environment, encoding="utf-8", timeout=60, dimensions=(40, 120))
    shell.expect_exact(PROMPT)
    return shell


def enter(shell, line, prompt=PROMPT):
    """What comes between the line and the next prompt."""
    shell.sendline(line)
    shell.expect_exact(prompt)
    return shell.before


shell = start()
enter(shell, "SELECT 41 +", OPEN)
seen["statement"] = "42" in enter(shell, "1 AS answer;")
seen["described"] = "timestamptz" in enter(shell, r"\d metrics") or "Timestamp" in shell.before
seen["unknown"] = "no table" in enter(shell, r"\d nosuch")
seen["error"] = "nosuch" in enter(shell, "SELECT nosuch FROM metrics;")
enter(shell, r"\x on")
seen["expanded"] = "a │ 1" in enter(shell, "SELECT 1 AS a, 2 AS b;")
enter(shell, r"\x off")
enter(shell, r"\timing on")
seen["timing"] = " ms" in enter(shell, "SELECT 1;")
enter(shell, r"\timing off")
seen["paged"] = "paged:" in enter(shell, "SELECT value FROM generate_series(1, 100);")

chart = enter(shell, "SELECT ts, value FROM metrics ORDER BY ts;") and enter(shell, r"\chart")
seen["chart"] = any("\u2801" <= letter <= "\u28ff" for letter in chart) and "UTC" in chart
seen["promql"] = "shell_numbers" in enter(shell, r"\promql shell_numbers")

out = os.path.join(directory, "out.csv")
enter(shell, r"\format csv")
enter(shell, rf"\o {out}")
enter(shell, "SELECT 1 AS one, 'x,y' AS two;")
enter(shell, r"\o")
enter(shell, r"\format table")
with open(out, encoding="utf-8") as file:
    seen["file"] = file.read()

# Ctrl-C ends what runs, and not the shell. One that comes too early is for the line, not the query.
shell.sendline("SELECT count(*) FROM generate_series(1, 1000000000000) WHERE random() > 1;")
seen["interrupted"] = False
for _ in range(30):
    shell.sendintr()
    if shell.expect_exact(["cancelled", pexpect.TIMEOUT], timeout=1) == 0:
        seen["interrupted"] = True
        break
shell.expect_exact(PROMPT)
seen["after"] = "42" in enter(shell, "SELECT 6 * 7 AS seven;")

# Tab completes.
shell.send("SELECT count(*) FROM alert_hi\t")
shell.expect_exact("alert_history")
shell.send(";\r")
shell.expect_exact("(1 row)")
shell.expect_exact(PROMPT)
seen["completed"] = True

shell.sendline(r"\q")
shell.expect(pexpect.EOF)
shell.close()
seen["exit"] = shell.exitstatus

# The history has whole statements, also in the next shell.
shell = start()
shell.send("\x1b[A" * 2)
shell.expect_exact("FROM alert_history")
seen["history"] = True
shell.sendeof()
shell.close()
print(json.dumps(seen))
