#!/usr/bin/env python3
"""Hold a listening unix socket, as systemd does, and run a program on it again each time it ends.

activate.py SOCKET PROGRAM: prints the pid of each run; SIGTERM ends the program and this."""
import os
import signal
import socket
import sys

path, program = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o660)
listener.listen(4096)
stopping = False
child = 0


def stop(_signal, _frame):
    global stopping
    stopping = True
    if child:
        os.kill(child, signal.SIGTERM)


signal.signal(signal.SIGTERM, stop)
while not stopping:
    child = os.fork()
    if child == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)  # dup2 leaves it as it was when it is 3 already
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execv(program, [program])
    print(f"run {child}", flush=True)
    _, status = os.waitpid(child, 0)
    print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(1)
