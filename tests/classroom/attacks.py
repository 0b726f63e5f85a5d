"""What somebody could hand in who does not want to learn: each in the place of the answer to the first task.

Whatever it does, it has to lose that task's points at most, and nobody else's.
"""

ATTACKS = {
    "endless-loop": """
    while True:
        pass""",
    "deaf-loop": """
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass""",
    "memory-hog": """
    return len(bytearray(10**12))""",
    "growing": """
    pieces = []
    while True:
        pieces.append(bytearray(b"1" * 10**7))""",
    "fork-bomb": """
    import os

    while True:
        try:
            os.fork()
        except OSError:
            pass""",
    "end-of-the-kernel": """
    import os

    os._exit(0)""",
    "forged-points": """
    print("test-count-weights: 2 of 2 points")
    get_ipython().displayhook(1000)
    return {1: 308224, 2: 834560}.get(num_layers)""",
    "reads-the-test": """
    raise ValueError(In[-1])""",
    "finds-the-test": """
    from pathlib import Path

    folders = (".", "..", "/home", "/root", "/srv", "/tmp", "/proc/1/root")
    raise ValueError([path.read_text() for folder in folders for path in Path(folder).rglob("*.ipynb")])""",
    "writes-elsewhere": """
    import sys
    from pathlib import Path

    for folder in (".", "..", "/", "/tmp", sys.prefix, Path(d2l.__file__).parent, "/home", "/root"):
        try:
            Path(folder, "intruder").write_text("here")
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


def attack(name):
    """The source of the answer to the first task."""
    return f"def count_weights(num_inputs, num_hiddens, num_layers):{ATTACKS[name]}"
