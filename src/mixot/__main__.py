"""The program ``mixot``, which is also ``python -m mixot``."""

import os


def main() -> None:
    """Run the command line; from its first moment on, Ctrl-C ends it with one line and exit code 130."""
    try:
        from mixot._interrupts import INTERRUPTED, end_at_once, end_interrupted, stop_listening

        end_at_once()
        from mixot.cli import main as run  # only now: loading it takes a good part of a second
    except KeyboardInterrupt:  # while the first line was run
        os.write(2, b"error: interrupted\n")
        os._exit(130)
    try:
        run()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            end_interrupted()
        raise
    finally:
        stop_listening()


if __name__ == "__main__":
    main()
