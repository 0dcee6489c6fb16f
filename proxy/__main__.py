"""python -m proxy is larder."""

import gc

gc.set_threshold(
    100_000, 50, 50
)  # nearly all that modules make stays: to look for garbage in it would delay each start

from proxy.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
