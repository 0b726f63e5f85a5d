"""Malicious answers to the first task.

An attack may lose the points of its own task, but must not affect other tasks, other submissions, or the machine.
"""

ATTACKS = {
    "endless-loop": """
    while True:
        pass""",
    "uninterruptible-loop": """
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass""",
    "huge-allocation": """
    return len(bytearray(10**12))""",
    "memory-growth": """
    chunks = []
    while True:
        chunks.append(bytearray(b"1" * 10**7))""",
    "fork-bomb": """
    import os

    while True:
        try:
            os.fork()
        except OSError:
            pass""",
    "kernel-exit": """
    import os

    os._exit(0)""",
    "forged-points": """
    print("test-count-weights: 2 of 2 points")
    get_ipython().displayhook(1000)
    return {1: 308224, 2: 834560}.get(num_layers)""",
    "read-test-cell": """
    raise ValueError(In[-1])""",
    "read-notebooks": """
    from pathlib import Path

    directories = (".", "..", "/home", "/root", "/srv", "/tmp", "/proc/1/root")
    raise ValueError([path.read_text() for directory in directories for path in Path(directory).rglob("*.ipynb")])""",
    "write-outside": """
    import sys
    from pathlib import Path

    for directory in (".", "..", "/", "/tmp", sys.prefix, Path(d2l.__file__).parent, "/home", "/root"):
        try:
            Path(directory, "intruder").write_text("x")
        except OSError:
            pass
    return 0""",
    "full-disk": """
    with open("large", "wb") as file:
        while True:
            file.write(bytes(10**7))""",
    "network": """
    import socket

    return socket.create_connection(("127.0.0.1", 22), 5)""",
}


def attack_source(name):
    """Return the source of an attack as an answer to the first task."""
    return f"def count_weights(num_inputs, num_hiddens, num_layers):{ATTACKS[name]}"
