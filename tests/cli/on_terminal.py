"""Runs a program on a terminal of its own: on_terminal.py COLUMNS TYPED PROGRAM ARGUMENT…

Prints what the terminal received, and ends as the program did. TYPED is typed at once, or with
$TYPE_AFTER when the terminal has received that.
"""

import fcntl
import os
import pty
import signal
import struct
import sys
import termios

columns, typed = int(sys.argv[1]), sys.argv[2]
child, terminal = pty.fork()
if child == 0:
    # Where the tests themselves run in the background, Ctrl-C is ignored, and inherited so.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execv(sys.argv[3], sys.argv[3:])
after, seen = os.environ.get("TYPE_AFTER", "").encode(), b""
try:
    while True:
        if typed and after in seen:
            os.write(terminal, typed.encode())
            typed = ""
        if not (chunk := os.read(terminal, 65536)):
            break
        seen += chunk
        sys.stdout.buffer.write(chunk)
except OSError:  # The last holder of the other side is gone.
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
