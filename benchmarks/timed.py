"""python timed.py FILE COMMAND …: run it, and write its seconds and its most memory into FILE; ends as it ended.

In a small process of its own, for Linux counts the memory of who started a command as the command's.
"""

import json
import os
import subprocess
import sys
import time

start = time.monotonic()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({"seconds": time.monotonic() - start, "memory": memory}, file)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
