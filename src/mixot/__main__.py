"""``python -m mixot`` is ``mixot``."""

from mixot.cli import main

if __name__ == "__main__":
    main()
