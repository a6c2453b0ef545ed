"""Runs a program on a terminal of its own: on_terminal.py COLUMNS TYPED PROGRAM ARGUMENT…

Prints what the terminal received, and ends as the program did. TYPED is typed at once, or with
$TYPE_AFTER when the terminal has received that. With $TYPE_KEYS it is typed only once the program
takes keys instead of lines: a shell prints its prompt a moment before, and what is typed in between
may be read as lines are.
"""

import fcntl
import os
import pty
import select
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
keys_only = "TYPE_KEYS" in os.environ


def takes_keys() -> bool:
    return not termios.tcgetattr(terminal)[3] & termios.ICANON


try:
    while True:
        if typed and after in seen and (not keys_only or takes_keys()):
            os.write(terminal, typed.encode())
            typed = ""
        # While there is something left to type, it is looked again before more is received.
        if not select.select([terminal], [], [], 0.01 if typed else None)[0]:
            continue
        if not (chunk := os.read(terminal, 65536)):
            break
        seen += chunk
        sys.stdout.buffer.write(chunk)
except OSError:  # The last holder of the other side is gone.
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
