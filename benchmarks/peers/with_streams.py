"""python with_streams.py INPUT OUTPUT ARGUMENT …: this Python with those arguments, and the files as its streams."""

import os
import sys

os.dup2(os.open(sys.argv[1], os.O_RDONLY), 0)
os.dup2(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
